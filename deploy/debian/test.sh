#!/usr/bin/env bash
# Tries the packages on a fresh Debian: installs them, starts hub and satellite under their units' own command, lets the
# satellite pair and hear a recording, upgrades, removes, purges. Needs root, debootstrap and the packages (build.sh, arm.sh).
#
#   deploy/debian/test.sh [FOLDER FOR THE ROOT]
#   ARCH=arm64 deploy/debian/test.sh        on a Debian for arm64, in an emulator: as on a Raspberry Pi, and twenty times slower
#   SUITE=trixie deploy/debian/test.sh      on another release
#
# The new root is a folder without systemd running in it: what the units do is tried by ../systemd/test.sh.
set -euo pipefail
cd "$(dirname "$0")/../.."
root=${1:-$(mktemp -d)/debian}
suite=${SUITE:-bookworm}
arch=${ARCH:-$(dpkg --print-architecture)}
debs=$(ls -t target/debian/sotto-hub_*_"$arch".deb | head -1)\ $(ls -t target/debian/sotto-satellite_*_"$arch".deb | head -1)
. deploy/debian/emulator.sh
[ "$arch" = "$(dpkg --print-architecture)" ] || emulate "$arch" target/arm/tools
in_root() { chroot "$root" /usr/bin/env -i ${QEMU_CPU:+QEMU_CPU=$QEMU_CPU} PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive LC_ALL=C "$@"; }
step() { echo "== $*"; }
fail() { echo "FAILED: $*" >&2; exit 1; }
passed=0
expect() { # what it is, command…
    local what=$1; shift
    "$@" || fail "$what"
    passed=$((passed + 1)); echo "   ok: $what"
}

if [ ! -x "$root/usr/bin/dpkg" ]; then
    step "a fresh Debian $suite for $arch in $root"
    debootstrap --arch="$arch" --variant=minbase "$suite" "$root" >/dev/null
fi
mountpoint -q "$root/proc" || mount -t proc proc "$root/proc"
trap 'kill $(jobs -p) 2>/dev/null || true; umount "$root/proc" 2>/dev/null || true; no_longer' EXIT
# Nothing is started by installing: there is no init here.
printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"; chmod 755 "$root/usr/sbin/policy-rc.d"

step "install"
mkdir -p "$root/debs"; rm -f "$root"/debs/* "$root"/tmp/*.pid; cp $debs "$root/debs/"
in_root apt-get update -qq
in_root sh -c 'apt-get install -y -qq --no-install-recommends /debs/*.deb' >/dev/null
expect "both programs start" in_root sh -c 'sotto-hub --version && sotto-satellite --version'
expect "a user of their own each" in_root sh -c 'getent passwd sotto && getent passwd sotto-satellite' >/dev/null
mode() { stat -c '%a %U' "$root$1" 2>/dev/null || true; }
owner() { in_root stat -c '%a %U:%G' "$1"; }
expect "/var/lib/sotto is 0700" test "$(owner /var/lib/sotto)" = "700 sotto:sotto"
expect "/var/lib/sotto-satellite is 0700" test "$(owner /var/lib/sotto-satellite)" = "700 sotto-satellite:sotto-satellite"
expect "/etc/sotto/hub.toml is for root and the hub alone" test "$(owner /etc/sotto/hub.toml)" = "640 root:sotto"
expect "manual pages for every command" test "$(ls "$root"/usr/share/man/man1/sotto-*.1* | wc -l)" -ge 15
for file in bash-completion/completions/sotto-hub zsh/vendor-completions/_sotto-hub fish/vendor_completions.d/sotto-hub.fish; do
    expect "completion $file" test -s "$root/usr/share/$file"
done
expect "units are there" test -e "$root/lib/systemd/system/sotto-hub.service" -o -e "$root/usr/lib/systemd/system/sotto-hub.service"
expect "the packaged configuration is right" in_root sotto-hub --config /etc/sotto/hub.toml --data /var/lib/sotto check-config >/dev/null

start_hub() {
    in_root su -s /bin/sh sotto -c 'echo $$ >/tmp/hub.pid; exec sotto-hub run --json --config /etc/sotto/hub.toml --data /var/lib/sotto' \
        >"$root/tmp/hub.out" 2>"$root/tmp/hub.err" &
    until_says "$root/tmp/hub.out" '"ready"' || { cat "$root/tmp/hub.err" >&2; fail "the hub is not ready after two minutes"; }
}
until_says() { for _ in $(seq 600); do grep -q "$2" "$1" && return; sleep 0.2; done; return 1; }
stop_hub() {
    kill -TERM "$(cat "$root/tmp/hub.pid")"
    until_says "$root/tmp/hub.out" '"stopped"' || fail "the hub does not stop"
}

step "start"
sed -i 's/^listen = "\[::\]:7414"/listen = "127.0.0.1:17414"/; s/^listen = "\[::\]:8443"/listen = "127.0.0.1:18443"/; s/^discovery = true/discovery = false/; s/^listen = ""/listen = "127.0.0.1:19474"/' "$root/etc/sotto/hub.toml"
heard='"intent":"HassTurnOn"'
if [ -n "${QEMU_CPU:-}" ]; then
    # The emulator has no seccomp, and the hub hears only in a process that it can confine: here it asks a machine that is away.
    sed -i 's/^engine = .*/engine = "remote"/; s/^elsewhere = .*/elsewhere = true/; s/^servers = .*/servers = ["127.0.0.1:1"]/' "$root/etc/sotto/hub.toml"
    heard='"outcome":"not_heard"'
fi
start_hub; passed=$((passed + 1)); echo "   ok: the hub is ready: $(cat "$root/tmp/hub.out" | head -1)"
code=$(in_root su -s /bin/sh sotto -c 'sotto-hub --json --data /var/lib/sotto pair' | sed -n 's/.*"code":"\([^"]*\)".*/\1/p' | head -1)
expect "the satellite pairs" in_root su -s /bin/sh sotto-satellite -c \
    "SOTTO_HUB_ADDRESS=127.0.0.1:17414 sotto-satellite --data /var/lib/sotto-satellite pair '$code' --name kitchen --area Kitchen"
expect "and is on the hub's list" sh -c "chroot '$root' su -s /bin/sh sotto -c 'sotto-hub --data /var/lib/sotto satellites' | grep -q kitchen"
expect "metrics on loopback" sh -c "curl -s http://127.0.0.1:19474/metrics | grep -q '^sotto_satellites_paired 1'"
in_root su -s /bin/sh sotto -c 'sotto-hub --config /etc/sotto/hub.toml --data /var/lib/sotto doctor' || true

step "hear"
# The hub's own voice asks for something; heard from a file as if spoken, at real time.
in_root espeak-ng -v en-us -s 140 -w /tmp/said.wav "turn on the lights"
in_root su -s /bin/sh sotto-satellite -c 'echo $$ >/tmp/satellite.pid; exec env SOTTO_TRIGGER=speech SOTTO_SPEAKER_DEVICE=none SOTTO_HUB_ADDRESS=127.0.0.1:17414 \
    sotto-satellite run --json --data /var/lib/sotto-satellite --microphone file:/tmp/said.wav' \
    >"$root/tmp/satellite.out" 2>"$root/tmp/satellite.err" &
until_says "$root/tmp/satellite.out" '"event":"outcome"' || { cat "$root"/tmp/satellite.* "$root/tmp/hub.err" >&2; fail "nothing was heard"; }
grep '"event":"outcome"' "$root/tmp/satellite.out"
expect "the satellite streams what it hears, and the hub says what became of it" grep -q "$heard" "$root/tmp/satellite.out"
kill -TERM "$(cat "$root/tmp/satellite.pid")" 2>/dev/null || true # it has ended with its recording, or ends now
for _ in $(seq 100); do kill -0 "$(cat "$root/tmp/satellite.pid")" 2>/dev/null || break; sleep 0.1; done
stop_hub

step "upgrade"
for deb in $debs; do
    # The same package as a later version: what dpkg does with a real one.
    work=$(mktemp -d); dpkg-deb -R "$deb" "$work"
    sed -i 's/^Version: .*/&+later/' "$work/DEBIAN/control"
    echo '# a new key with its default' >>"$work"/etc/sotto/*.toml
    dpkg-deb -b --root-owner-group "$work" "$root/debs/later-$(basename "$deb")" >/dev/null; rm -rf "$work"
done
in_root sh -c 'dpkg --force-confdef --force-confold -i /debs/later-*.deb' >/dev/null
expect "the household's configuration is kept" grep -q '^listen = "127.0.0.1:17414"' "$root/etc/sotto/hub.toml"
expect "and is still for root and the hub alone" test "$(owner /etc/sotto/hub.toml)" = "640 root:sotto"
start_hub
expect "the paired satellite is still known" sh -c "chroot '$root' su -s /bin/sh sotto -c 'sotto-hub --data /var/lib/sotto satellites' | grep -q kitchen"
stop_hub

step "remove, and purge"
in_root apt-get remove -y -qq sotto-hub sotto-satellite >/dev/null
expect "after remove the programs are gone" test ! -e "$root/usr/bin/sotto-hub" -a ! -e "$root/usr/bin/sotto-satellite"
expect "the household's data is kept" test -d "$root/var/lib/sotto/journal"
in_root apt-get purge -y -qq sotto-hub sotto-satellite >/dev/null
expect "after purge nothing is left" test ! -e "$root/var/lib/sotto" -a ! -e "$root/var/lib/sotto-satellite" -a ! -e "$root/etc/sotto"
expect "nor are the users" sh -c "! grep -q sotto '$root/etc/passwd'"
left=$(in_root sh -c 'find / -xdev \( -path /proc -o -path /debs -o -path /tmp \) -prune -o -iname "*sotto*" -print' | head)
expect "nor a file with our name${left:+: $left}" test -z "$left"
echo "$passed passed, 0 failed"
