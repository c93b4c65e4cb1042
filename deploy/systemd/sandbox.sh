#!/usr/bin/env bash
# Runs the packaged hub and satellite under what their units allow them (sandbox.py), in the root that
# deploy/debian/test.sh made: pairs, says a sentence with espeak-ng, and expects the hub to hear and understand it. That
# takes the speech engine's own confined process, the broker, the journal and the page through the cage.
#
#   deploy/systemd/sandbox.sh ROOT
set -euo pipefail
cd "$(dirname "$0")/../.."
root=$(realpath "${1:?the folder of deploy/debian/test.sh}")
in_root() { chroot "$root" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive LC_ALL=C "$@"; }
fail() { echo "FAILED: $*" >&2; tail -n 20 "$root"/tmp/caged-*.err >&2; exit 1; }
mount --bind "$root" "$root"
mount -t proc proc "$root/proc"; mount --bind /dev "$root/dev"
trap 'kill $(jobs -p) ${hub:-} 2>/dev/null || true; sleep 2; umount "$root/dev" "$root/proc" "$root"' EXIT

mkdir -p "$root/debs"; cp "$(ls -t target/debian/sotto-hub_*_"$(dpkg --print-architecture)".deb | head -1)" "$(ls -t target/debian/sotto-satellite_*_"$(dpkg --print-architecture)".deb | head -1)" "$root/debs/"
in_root sh -c 'rm -f /debs/later-*; apt-get install -y -qq --no-install-recommends python3-seccomp /debs/sotto-*.deb' >/dev/null 2>&1
cp deploy/systemd/sandbox.py "$root/usr/local/bin/sotto-sandbox"
units=/usr/lib/systemd/system
sed -i 's/^listen = "\[::\]:7414"/listen = "127.0.0.1:17415"/; s/^listen = "\[::\]:8443"/listen = "127.0.0.1:18444"/' "$root/etc/sotto/hub.toml"

in_root python3 /usr/local/bin/sotto-sandbox $units/sotto-hub.service \
    /usr/bin/sotto-hub run --json --config /etc/sotto/hub.toml --data /var/lib/sotto >"$root/tmp/caged-hub.out" 2>"$root/tmp/caged-hub.err" &
for _ in $(seq 300); do grep -q '"ready"' "$root/tmp/caged-hub.out" && break; sleep 0.2; done
grep -q '"ready"' "$root/tmp/caged-hub.out" || fail "the caged hub is not ready"
hub=$(pgrep -f "sotto-hub run --json --config /etc/sotto/hub.toml --data /var/lib/sotto" | head -1)
echo "ok: the caged hub is ready: $(grep -h -o 'Seccomp:.*\|NoNewPrivs:.*\|CapBnd:.*' "/proc/$hub/status" | tr '\n\t' '  ')"
code=$(in_root su -s /bin/sh sotto -c 'sotto-hub --json --data /var/lib/sotto pair' | sed -n 's/.*"code":"\([^"]*\)".*/\1/p' | head -1)
in_root su -s /bin/sh sotto-satellite -c "SOTTO_HUB_ADDRESS=127.0.0.1:17415 sotto-satellite --data /var/lib/sotto-satellite pair '$code' --name kitchen --area Kitchen" >/dev/null
echo "ok: a satellite is paired"
in_root sh -c 'espeak-ng -s 150 -w /tmp/said.wav "turn on the lights"; chmod 644 /tmp/said.wav'
in_root env SOTTO_HUB_ADDRESS=127.0.0.1:17415 python3 /usr/local/bin/sotto-sandbox $units/sotto-satellite.service \
    /usr/bin/sotto-satellite --json --data /var/lib/sotto-satellite run --trigger speech --microphone file:/tmp/said.wav \
    --speaker none --once >"$root/tmp/caged-satellite.out" 2>"$root/tmp/caged-satellite.err" || true
grep -q '"event":"opened"' "$root/tmp/caged-satellite.out" || fail "the caged satellite sends nothing"
echo "ok: the caged satellite hears and sends"
grep -q '"event":"session"' "$root/tmp/caged-hub.out" || fail "the caged hub ends no session"
session=$(grep '"event":"session"' "$root/tmp/caged-hub.out" | tail -1)
case "$session" in
*HassTurnOn*) echo "ok: the caged hub understood: $session" ;;
*) fail "the caged hub did not understand: $session" ;;
esac
! grep -q 'Operation not permitted' "$root"/tmp/caged-*.err || fail "something was refused that is needed"
echo "4 passed, 0 failed"
