#!/usr/bin/env bash
# Does what Containerfile and the Home Assistant add-on say, step by step, in a root of debootstrap: there need be no
# container engine. Then runs the hub as the image would: with a broker beside it, and as the add-on, whose supervisor is a
# small program here. Needs root, debootstrap, mosquitto, python3, and the package (deploy/debian/build.sh).
#
#   deploy/container/test.sh [FOLDER FOR THE ROOT]
set -euo pipefail
cd "$(dirname "$0")/../.."
root=${1:-$(mktemp -d)/image}
work=$(mktemp -d)
in_root() { chroot "$root" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive LC_ALL=C "$@"; }
fail() { echo "FAILED: $*" >&2; cat "$work"/*.err 2>/dev/null | tail -20 >&2; exit 1; }
passed=0; ok() { passed=$((passed + 1)); echo "ok: $*"; }
[ -x "$root/usr/bin/dpkg" ] || debootstrap --variant=minbase bookworm "$root" >/dev/null
mountpoint -q "$root/proc" || mount -t proc proc "$root/proc"
trap 'kill $(jobs -p) 2>/dev/null || true; pkill -P $$ 2>/dev/null || true; umount "$root/proc" 2>/dev/null || true; rm -rf "$work"' EXIT
deb=$(ls -t target/debian/sotto-hub_*_"$(dpkg --print-architecture)".deb | head -1)

# RUN: what stands between "RUN" and the next instruction, as a shell reads it.
steps() { sed -n '/^RUN /,/[^\\]$/p' "$1" | sed '1s/^RUN //; s/\\$//' | tr '\n' ' '; }
instruction() { sed -n "s/^$1 //p" "$2" | tail -1; }
as_words() { python3 -c 'import json, shlex, sys; print(shlex.join(json.loads(sys.argv[1])))' "$1"; }

build() { # file of instructions
    in_root apt-get purge -y -qq sotto-hub >/dev/null 2>&1 || true; cp "$deb" "$root/tmp/"
    in_root sh -c "$(steps "$1")" >"$work/build.err" 2>&1 || fail "$1 does not build"
    ok "the steps of $1"
}
until_says() { # file, words
    for _ in $(seq 300); do grep -q "$2" "$1" 2>/dev/null && return; sleep 0.2; done
    return 1
}
stop_hub() { for p in /proc/[0-9]*; do [ "$(readlink $p/exe 2>/dev/null)" = "$(realpath "$root")/usr/bin/sotto-hub" ] && kill -TERM "${p#/proc/}" 2>/dev/null; done; until_says "$1" '"stopped"' || fail "the hub does not stop"; }

printf 'listener 18831 127.0.0.1\nallow_anonymous false\npassword_file %s\n' "$work/passwords" >"$work/mosquitto.conf"
mosquitto_passwd -b -c "$work/passwords" addons secret; chmod 644 "$work/passwords"; chmod 755 "$work"
printf 'user root\n' >>"$work/mosquitto.conf"
mosquitto -c "$work/mosquitto.conf" >"$work/mosquitto.err" 2>&1 &
ports='SOTTO_SATELLITES_LISTEN=127.0.0.1:17416 SOTTO_WEB_LISTEN=127.0.0.1:18445 SOTTO_SATELLITES_DISCOVERY=false'

build deploy/container/Containerfile
file=deploy/container/Containerfile
command="$(as_words "$(instruction ENTRYPOINT $file)") $(as_words "$(instruction CMD $file)") --json"
user=$(instruction USER $file)
in_root env $ports SOTTO_MQTT_PRIVATE_PORT=0 su -s /bin/sh -m "$user" -c "exec $command" >"$work/hub.out" 2>"$work/hub.err" &
until_says "$work/hub.out" '"ready"' || fail "the hub in the image is not ready"
ok "the image's entry point, as user $user: ready"
stop_hub "$work/hub.out"; ok "and stops at its stop signal"

# The supervisor takes no image without its registry.
! grep -E '^ +[a-z0-9]+: [^/]+$' deploy/home-assistant/addon/build.yaml || fail "build.yaml names an image without its registry"
ok "the add-on's images are named as the supervisor wants them"
build deploy/home-assistant/addon/Dockerfile
cp deploy/home-assistant/addon/run.sh "$root/run.sh"; chmod 755 "$root/run.sh"
mkdir -p "$root/data"; echo '{"language": "en", "name": "Flat", "mqtt_words": false}' >"$root/data/options.json"
cat >"$work/supervisor.py" <<'SUPERVISOR'
import http.server, json
class Supervisor(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        known = self.path == "/services/mqtt" and self.headers["Authorization"] == "Bearer token"
        self.send_response(200 if known else 403); self.end_headers()
        service = {"host": "127.0.0.1", "port": 18831, "username": "addons", "password": "secret", "ssl": False}
        self.wfile.write(json.dumps({"result": "ok", "data": service}).encode() if known else b"")
    def log_message(self, *_): pass
http.server.HTTPServer(("127.0.0.1", 18832), Supervisor).serve_forever()
SUPERVISOR
python3 "$work/supervisor.py" &
for _ in $(seq 100); do curl -s -o /dev/null http://127.0.0.1:18832/ && break; sleep 0.2; done
in_root env $ports SUPERVISOR=http://127.0.0.1:18832 SUPERVISOR_TOKEN=token PASSWORD_FILE=/tmp/password /run.sh --json run >"$work/addon.out" 2>"$work/addon.err" &
until_says "$work/addon.out" '"ready"' || fail "the add-on is not ready"
grep '"ready"' "$work/addon.out" | grep -q '127.0.0.1:18831' || fail "the add-on does not use the supervisor's broker"
ok "the add-on is ready, with the broker that the supervisor names"
timeout 20 mosquitto_sub -p 18831 -u addons -P secret -t sotto/status -C 1 | grep -q online || fail "the add-on's hub is not on the broker"
ok "and is online there, with the supervisor's user and password"
[ "$(stat -c %a "$root/tmp/password")" = 600 ] || fail "the broker's password can be read by others"
! grep -q secret "$work"/addon.* || fail "the broker's password is in the log"
ok "whose password is in no log"
stop_hub "$work/addon.out"
echo "$passed passed, 0 failed"
