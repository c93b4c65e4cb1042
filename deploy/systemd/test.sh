#!/usr/bin/env bash
# Boots a fresh Debian with its own systemd, on a home network of its own, and does what docs/install.md tells a household
# to do: installs the packages, pairs, says something, lets the units be hung, robbed, filled with log, backed up, upgraded
# and removed. Whatever a unit promises is tried from within its cage. Needs root, debootstrap, systemd-container,
# iproute2, sox, mtools, dosfstools, pip (for one package, served to the booted system from "outside"), and the packages (deploy/debian/build.sh).
#
#   deploy/systemd/test.sh [FOLDER FOR THE ROOT]
#
# It is a container (systemd-nspawn) with capabilities and calls enough for systemd's filters of addresses and devices.
set -euo pipefail
cd "$(dirname "$0")/../.."
root=${1:-$(mktemp -d)/debian}
suite=${SUITE:-bookworm}
arch=$(dpkg --print-architecture)
work=$(mktemp -d)
passed=0
step() { echo "== $*"; }
fail() {
    echo "FAILED: $*" >&2
    inside journalctl --namespace=sotto --no-pager --lines 30 --grep '^.{0,500}$' >&2 || tail -n 20 "$work/console" >&2
    exit 1
}
expect() { # what it is, command…
    local what=$1; shift
    "$@" || fail "$what"
    passed=$((passed + 1)); echo "   ok: $what"
}
until_true() { for _ in $(seq "${seconds:-300}"); do "$@" >/dev/null 2>&1 && return; sleep 1; done; return 1; }
inside() { nsenter --target "$leader" --all --root --wd /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C DEBIAN_FRONTEND=noninteractive "$@"; }
shown() { inside systemctl show --value --property "$2" "$1"; }
says() { local pattern=$1; shift; "$@" >"$work/said" 2>&1 || true; grep -Eq -e "$pattern" "$work/said" || { cat "$work/said" >&2; return 1; }; }
log_says() { says "$1" inside journalctl --namespace=sotto --no-pager 2>/dev/null; }
not() { ! "$@"; }
quietly() { "$@" >"$work/said" 2>&1 || { cat "$work/said" >&2; return 1; }; }
finish() {
    [ -z "${nspawn:-}" ] || { kill -TERM "$nspawn" 2>/dev/null; wait "$nspawn" || true; }
    kill $(jobs -p) 2>/dev/null || true
    ip netns del sotto-home 2>/dev/null || true
    rm -rf "$work"
}
trap finish EXIT

if [ ! -x "$root/usr/bin/dpkg" ]; then
    step "a fresh Debian $suite in $root"
    debootstrap --variant=minbase --include=systemd-sysv,libpam-systemd,dbus,sudo,ca-certificates,curl,python3-pip,iproute2 "$suite" "$root" >/dev/null
fi
chroot "$root" apt-get update -qq
chroot "$root" env DEBIAN_FRONTEND=noninteractive apt-get purge -y -qq sotto-hub sotto-satellite >/dev/null 2>&1 || true
echo home >"$root/etc/hostname"; printf "127.0.0.1 localhost\n127.0.1.1 home\n" >"$root/etc/hosts"
rm -rf "$root/debs" "$root"/etc/systemd/system/sotto-* "$root"/var/log/journal "$root"/var/lib/sotto*; mkdir -p "$root/debs" "$root/var/log/journal"
for package in sotto-hub sotto-satellite; do cp "$(ls -t target/debian/${package}_*_"$arch".deb | head -1)" "$root/debs/"; done
# What they depend on is brought now: the booted system has no way to Debian.
chroot "$root" sh -c 'apt-get install -y -qq --download-only --no-install-recommends /debs/*.deb' >/dev/null

step "boot, on a home network"
# `house` is the home; `cable` has an address that no home has, which stands for the whole world.
ip netns del sotto-home 2>/dev/null || true
ip netns add sotto-home
ip -n sotto-home link set lo up
ip -n sotto-home link add house type veth peer name cable
ip -n sotto-home addr add 192.168.177.2/24 dev house; ip -n sotto-home addr add 203.0.113.9/24 dev cable
ip -n sotto-home link set house up; ip -n sotto-home link set cable up
systemd-nspawn --quiet --directory="$root" --machine=sotto-test --register=no --keep-unit --boot --network-namespace-path=/run/netns/sotto-home \
    --capability=all --system-call-filter="bpf landlock_create_ruleset landlock_add_rule landlock_restrict_self seccomp" </dev/null >"$work/console" 2>&1 &
nspawn=$!
until_true pgrep -P "$nspawn" || fail "nothing boots"
leader=$(pgrep -P "$nspawn" | head -1)
expect "systemd runs" until_true says 'running|degraded' inside systemctl is-system-running
in_home() { ip netns exec sotto-home "$@"; }

step "install, as the manual says"
expect "the hub: sudo apt install" quietly inside sudo apt-get install -y -qq --no-install-recommends /debs/"$(basename "$root"/debs/sotto-hub_*)"
expect "it runs, and has said that it is ready" says '^active$' inside systemctl is-active sotto-hub
expect "its log shows the first person's address" until_true log_says 'Open this address once'
expect "the page is there" says '^(200|30.)$' in_home curl -sk -o /dev/null -w '%{http_code}' https://192.168.177.2:8443/
expect "the satellite: sudo apt install" quietly inside sudo apt-get install -y -qq --no-install-recommends /debs/"$(basename "$root"/debs/sotto-satellite_*)"
units="sotto-hub.service sotto-satellite.service sotto-models.service sotto-models.path sotto-backup.service sotto-backup.timer"
expect "systemd-analyze verify: no complaint about a unit" inside systemd-analyze verify --man=no $units
for unit in sotto-hub sotto-satellite sotto-models sotto-backup; do
    expect "exposure of $unit: $(inside systemd-analyze security --no-pager "$unit.service" 2>/dev/null | tail -1 | grep -o '[0-9.]* [A-Z]* ') (at most 2.0)" \
        quietly inside systemd-analyze security --no-pager --threshold=20 "$unit.service"
done

step "somebody without sudo"
inside id ada >/dev/null 2>&1 || inside useradd --create-home ada
for command in "sotto-hub doctor" "sotto-hub pair" "sotto-hub members list" "sotto-satellite pair 12345678"; do
    expect "$command: says to use sudo" says 'run this with sudo' inside sudo -u ada $command
done
expect "and an ordinary user's things stay her own" test ! -e "$root/home/ada/.local"

step "pair, and say something"
inside sudo sotto-hub --json pair >"$work/code" 2>&1 &
until_true grep -q '"code"' "$work/code" || fail "no code"
code=$(sed -n 's/.*"code":"\([^"]*\)".*/\1/p' "$work/code" | head -1)
# Found by mDNS, with nothing set anywhere.
expect "sudo sotto-satellite pair CODE" quietly inside sudo sotto-satellite pair "$code" --name kitchen --area Kitchen
expect "nothing in its folder is root's" test -z "$(inside find /var/lib/sotto /var/lib/sotto-satellite ! -user sotto ! -user sotto-satellite)"
expect "sudo sotto-hub satellites" says kitchen inside sudo sotto-hub satellites
# A microphone: a quiet room at real time, and what lies in /run/said.
inside mkfifo /run/microphone
cat >"$root/usr/local/bin/microphone" <<'MICROPHONE'
import os, random, struct, time
quiet = struct.pack("<320h", *(random.randint(-20, 20) for _ in range(320)))
while True:
    with open("/run/microphone", "wb", buffering=0) as out:
        said, due = b"", time.monotonic()
        try:
            while True:
                if os.path.exists("/run/said"):
                    said = open("/run/said", "rb").read()
                    os.unlink("/run/said")
                out.write(said[:640].ljust(640, b"\0") if said else quiet)
                said, due = said[640:], due + 0.02
                time.sleep(max(0, due - time.monotonic()))
        except BrokenPipeError:
            pass
MICROPHONE
inside systemd-run --quiet --unit=microphone python3 /usr/local/bin/microphone
say() { # words, after the wake word
    for words in "okay nabu" "$1"; do
        inside espeak-ng -v en-us -s 150 --stdout "$words" | sox -q -t wav - -t raw -r 16000 -c 1 -b 16 -e signed -
    done >"$work/said"
    inside sh -c 'cat >/run/saying && mv /run/saying /run/said' <"$work/said"
}
mkdir -p "$root/etc/systemd/system/sotto-satellite.service.d"
printf '[Service]\nStandardInput=file:/run/microphone\n' >"$root/etc/systemd/system/sotto-satellite.service.d/here.conf"
inside sed -i '/^\[microphone\]/,/^channel/s/^device = .*/device = "stdin"/; /^\[speaker\]/,/^volume/s/^device = .*/device = "none"/' /etc/sotto/satellite.toml
inside systemctl daemon-reload
inside sed -i 's/^listen = ""/listen = "127.0.0.1:9474"/' /etc/sotto/hub.toml
expect "sudo sotto-hub check-config: the file of the house" says '127.0.0.1:9474' inside sudo sotto-hub check-config
expect "sudo systemctl restart sotto-hub: ready again" inside sudo systemctl restart sotto-hub
metric() { in_home curl -s http://127.0.0.1:9474/metrics | grep -q "^$1"; }
connected() { metric 'sotto_satellites_connected 1$'; }
done_so_far() { metric 'sotto_sessions_total{outcome="Done"} '"$1"; }
expect "sudo systemctl restart sotto-satellite: it listens" inside sudo systemctl restart sotto-satellite
expect "it finds the hub" until_true connected
expect "and listens to the wake word that its package brought" says '"okay_nabu"' inside sudo sotto-satellite --json check-config
say "turn on the lights"
expect "“okay nabu, turn on the lights” is heard, understood and done, through both cages and the engine's own" until_true done_so_far 1
expect "metrics on loopback alone" says '^000$' sh -c "ip netns exec sotto-home curl -s -o /dev/null -w '%{http_code}' http://192.168.177.2:9474/metrics || true"

step "the cage"
hub=$(shown sotto-hub MainPID) satellite=$(shown sotto-satellite MainPID)
for pid in "$hub" "$satellite"; do
    expect "no capability, no new privilege, calls filtered: $(inside grep -h '^Name' /proc/"$pid"/status | cut -f2)" \
        says '^ok' inside sh -c "grep -q '^CapBnd:.0000000000000000' /proc/$pid/status && grep -q '^NoNewPrivs:.1' /proc/$pid/status && grep -q '^Seccomp:.2' /proc/$pid/status && echo ok"
done
# From within the service: its cgroup for addresses, its mounts for files.
within() { local unit=$1; shift; inside sh -c 'echo $$ >/sys/fs/cgroup/unified/system.slice/'"$unit"'.service/cgroup.procs && exec "$@"' sh "$@"; }
reaches() { "$@" curl -s -m 3 -o /dev/null http://203.0.113.9:8080/; }
mkdir -p "$work/outside/simple/resemblyzer"
in_home python3 -m http.server --bind 203.0.113.9 --directory "$work/outside" 8080 >/dev/null 2>&1 &
expect "what is outside can be reached from this machine" until_true reaches inside
expect "and not by the hub" not reaches within sotto-hub
expect "nor by the satellite" not reaches within sotto-satellite
mounts() { inside nsenter --target "$hub" --mount "$@"; }
expect "the hub sees a system that it cannot write" says 'Read-only' mounts touch /usr/bin/more /etc/sotto/more
expect "nobody's home" says '^0$' sh -c "$(declare -f inside mounts); leader=$leader hub=$hub; mounts ls /home | wc -l"
expect "no device of the machine" says '^ok' mounts sh -c 'test ! -e /dev/kmsg && test ! -e /dev/mem && echo ok'
for unit in sotto-hub sotto-satellite; do
    peak=$(inside awk '/^VmHWM/ { print $2 * 1024 }' "/proc/$(shown $unit MainPID)/status")
    expect "$unit: at most $((peak / 1000000)) MB so far, of $(($(shown $unit MemoryMax) / 1000000)) MB" test "$peak" -lt "$(shown $unit MemoryHigh)"
done

step "one that hangs"
for unit in sotto-satellite sotto-hub; do
    before=$(shown $unit NRestarts)
    inside systemctl kill --kill-whom=main --signal=STOP $unit
    again() { [ "$(shown $unit NRestarts)" -gt "$before" ] && [ "$(inside systemctl is-active $unit)" = active ]; }
    expect "$unit is started anew by its watchdog, and ready" until_true again
done
expect "the satellite finds the hub again" until_true connected
say "turn on the lights"
expect "and is heard" until_true done_so_far 1

step "a model that is asked for on the page"
if python3 -m pip download --quiet --no-deps --only-binary=:all: --dest "$work/outside/simple/resemblyzer" resemblyzer==0.1.4; then
    mkdir -p "$root/etc/systemd/system/sotto-models.service.d"
    printf '[Service]\nEnvironment=PIP_INDEX_URL=http://203.0.113.9:8080/simple PIP_TRUSTED_HOST=203.0.113.9\n%s\n' \
        "ExecStartPre=/bin/sh -c '! ls /var/lib/sotto/journal'" >"$root/etc/systemd/system/sotto-models.service.d/here.conf"
    inside systemctl daemon-reload
    wish() { inside sudo -u sotto sh -c 'mkdir -p /var/lib/sotto/models/wanted; touch /var/lib/sotto/models/wanted/'"$1"; } # as the page does
    there() { inside test -e "/var/lib/sotto/models/$1"; }
    wish speaker
    expect "sotto-models.path sees it, its service fetches it from outside, without a look at recordings" until_true there speaker-ge2e.f32
    expect "the wish is gone" until_true sh -c "! test -e '$root/var/lib/sotto/models/wanted/speaker'"
    expect "the hub takes it, and hears on" says speaker inside sudo sotto-hub --json models list
    wish base.en-q8_0
    expect "what cannot be fetched is said: $(until_true there failed/base.en-q8_0; inside cat /var/lib/sotto/models/failed/base.en-q8_0 | cut -c1-60)…" there failed/base.en-q8_0
    expect "and asked for no more" test "$(inside systemctl is-active sotto-models.path)" = active
else
    echo "SKIPPED: the model that is asked for on the page: pip cannot fetch resemblyzer here"
fi

step "doctor"
expect "sudo sotto-hub doctor finds nothing broken" inside sudo sotto-hub doctor

step "log"
expect "it is there, in a namespace of its own" log_says 'sotto'
expect "and holds nothing that was said" not log_says 'turn on|the lights'
inside systemd-run --quiet --wait --property=LogNamespace=sotto sh -c 'base64 -w 2500 /dev/urandom | head -n 19000'
size() { inside du -s --block-size=1M --total "/var/log/journal/$(inside cat /etc/machine-id).sotto" | tail -1 | cut -f1; }
expect "47 MB later it takes $(size) MB (at most 32)" test "$(size)" -le 33 -a "$(size)" -ge 20

step "backup"
expect "sudo systemctl enable --now sotto-backup.timer" inside sudo systemctl enable --now sotto-backup.timer
expect "it is due at night: $(inside systemctl list-timers --no-pager sotto-backup.timer | sed -n 2p | cut -c1-28)" says '0[34]:' inside systemctl list-timers --no-pager sotto-backup.timer
mkdir -p "$root/etc/systemd/system/sotto-backup.timer.d"
printf '[Timer]\nOnCalendar=\nOnActiveSec=1s\nRandomizedDelaySec=0\nPersistent=no\n' >"$root/etc/systemd/system/sotto-backup.timer.d/here.conf"
inside systemctl daemon-reload; inside systemctl restart sotto-backup.timer
kept() { inside test -e /var/lib/sotto-backup/recordings -a -e /var/lib/sotto-backup-keys/keys; }
expect "the timer comes, and a backup is there" until_true kept
expect "for the hub's user alone" says '^700 sotto 700 sotto$' sh -c "$(declare -f inside); leader=$leader; inside stat -c '%a %U' /var/lib/sotto-backup /var/lib/sotto-backup-keys | tr '\n' ' ' | sed 's/ \$//'"
expect "sudo sotto-hub verify" inside sudo sotto-hub verify

step "another program for the satellite"
# A script is a program too. The service's own restart puts back what does not work.
program() { printf '#!/bin/sh\nif [ "$1" = --version ]; then echo sotto-satellite %s; exit; fi\n%s\n' "$1" "$2" >"$root/usr/local/bin/satellite-$1"; chmod 755 "$root/usr/local/bin/satellite-$1"; }
given() { inside sudo sotto-hub updates add "/usr/local/bin/satellite-$1" --version "$1" --architecture "$(uname -m)" >/dev/null && inside sudo sotto-satellite update; }
remembers() { tr -d ' \n' <"$root/var/lib/sotto-satellite/programs/state.json" | grep -q "$1"; }
program 9.0.0 'exec /usr/bin/sotto-satellite "$@"'
expect "sudo sotto-satellite update: fetched" says '9.0.0 is here' given 9.0.0
expect "it reaches the hub, and is kept" until_true remembers '"kept":{[^}]*9.0.0'
program 9.0.1 'exit 3'
expect "one that ends" says '9.0.1 is here' given 9.0.1
expect "is put back" until_true remembers '"put_back":"9.0.1"'
program 9.0.2 'kill -SEGV $$'
expect "one that crashes" says '9.0.2 is here' given 9.0.2
expect "is put back" until_true remembers '"put_back":"9.0.2"'
program 9.0.3 'exec sleep infinity'
expect "one that hangs and never says a word" says '9.0.3 is here' given 9.0.3
expect "is put back" until_true remembers '"put_back":"9.0.3"'
expect "and the one before is with the hub" until_true connected

step "upgrade"
for deb in "$root"/debs/sotto-*.deb; do
    rm -rf "$work/later"; dpkg-deb -R "$deb" "$work/later"; sed -i 's/^Version: .*/&+later/' "$work/later/DEBIAN/control"
    dpkg-deb -Zgzip -z1 -b --root-owner-group "$work/later" "$root/debs/later-$(basename "$deb")" >/dev/null
done
began=$(shown sotto-hub MainPID)
expect "sudo apt install of a later version" quietly inside sudo sh -c 'apt-get install -y -qq --no-install-recommends -o Dpkg::Options::=--force-confold /debs/later-*'
expect "the hub runs in it" test "$(shown sotto-hub MainPID)" != "$began" -a "$(inside systemctl is-active sotto-hub)" = active
expect "the household's configuration is kept" inside grep -q '9474' /etc/sotto/hub.toml
expect "and its satellite comes back" until_true connected
inside sudo apt-get purge -y -qq sotto-satellite >/dev/null
expect "after its purge nothing of the satellite is left" test ! -e "$root/var/lib/sotto-satellite" -a ! -e "$root/etc/sotto/satellite.toml"

step "a card, on its first boot"
# The boot partition of a card that prepare.sh made, where a Raspberry Pi has it.
truncate -s 96M "$work/official.img"; truncate -s 80M "$work/boot.fat"; mkfs.vfat "$work/boot.fat" >/dev/null
printf 'label: dos\nstart=8192, size=163840, type=c\n' | sfdisk -q "$work/official.img"
echo 'console=tty1 rootwait' >"$work/cmdline.txt"; echo '[all]' >"$work/config.txt"
mcopy -i "$work/boot.fat" "$work/cmdline.txt" "$work/config.txt" ::
dd if="$work/boot.fat" of="$work/official.img" bs=512 seek=8192 conv=notrunc status=none
code=$(inside sudo sotto-hub --json pair --minutes 60 | sed -n 's/.*"code":"\([^"]*\)".*/\1/p')
deploy/sd-card/prepare.sh --image "$work/official.img" --output "$work/hall.img" --package "$root"/debs/sotto-satellite_* \
    --satellite none --name hall --area "Living room" --code "$code" >/dev/null
card=$root/boot/firmware
rm -rf "$card"; mkdir -p "$card"; MTOOLS_SKIP_CHECK=1 mcopy -s -i "$work/hall.img@@$((8192 * 512))" '::*' "$card/"
expect "its first boot takes place once" inside sh /boot/firmware/sotto/first-boot.sh
expect "the host has its name" grep -qx hall "$root/etc/hostname"
inside systemctl daemon-reload
expect "the next boot installs the package and pairs by itself" inside systemctl start sotto-first-pairing
expect "the hub knows the satellite, in its room" says 'hall.*Living room' inside sudo sotto-hub satellites
expect "the code is off the card" test ! -e "$card/sotto/code"
expect "so that it pairs once" says '^no$' sh -c "$(declare -f inside shown); leader=$leader; inside systemctl start sotto-first-pairing; shown sotto-first-pairing ConditionResult"
expect "its service is enabled, and starts" says '^enabled$' inside systemctl is-enabled sotto-satellite

step "remove, and purge"
inside sudo apt-get remove -y -qq sotto-hub sotto-satellite >/dev/null
expect "after remove nothing of ours runs" sh -c "! pgrep --nslist pid --ns $leader -f 'usr/bin/sotto-'"
inside sudo apt-get purge -y -qq sotto-hub sotto-satellite >/dev/null
# The unit of the first boot is the card's, not a package's.
expect "after purge only the backups are left" test -z "$(inside find /var/lib /etc/systemd/system -maxdepth 1 -name 'sotto*' ! -name 'sotto-backup*' ! -name 'sotto-first-pairing.service' ! -name '*.d')"
echo "$passed passed, 0 failed"
