#!/usr/bin/env bash
# Tries prepare.sh on a small image that is made like an official one (a FAT boot partition, an ext4 root), and runs what
# the first boot would run on a copy of its files. Needs mtools, fdisk, dosfstools, dtc. No root.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
cd "$work"
passed=0
expect() { local what=$1; shift; "$@" || { echo "FAILED: $what" >&2; exit 1; }; passed=$((passed + 1)); echo "ok: $what"; }
refused() { ! "$here/prepare.sh" "$@" >said 2>&1; }
export MTOOLS_SKIP_CHECK=1

truncate -s 48M official.img
printf 'label: dos\nstart=8192, size=65536, type=c\nstart=73728, type=83\n' | sfdisk -q official.img
truncate -s 32M boot.fat; mkfs.vfat boot.fat >/dev/null
printf 'console=serial0,115200 console=tty1 root=PARTUUID=0-02 rootfstype=ext4 rootwait quiet\n' >cmdline.txt
printf '# For more options see\ndtparam=audio=on\n[all]\n' >config.txt
mmd -i boot.fat ::overlays; mcopy -i boot.fat cmdline.txt config.txt ::
dd if=boot.fat of=official.img bs=512 seek=8192 conv=notrunc status=none
echo package >satellite.deb; echo 'correct horse' >password.txt
boot="kitchen.img@@$((8192 * 512))"
args=(--image official.img --package satellite.deb --name kitchen --area "Living room")

expect "no code is refused" refused "${args[@]}" --output kitchen.img --satellite bonnet
expect "a wrong code is refused" refused "${args[@]}" --output kitchen.img --satellite bonnet --code 123
expect "a strange name is refused" refused "${args[@]}" --name 'a b' --output kitchen.img --satellite bonnet --code 12345678
expect "a short Wi-Fi password is refused" sh -c "echo short >short.txt; ! '$here/prepare.sh' --image official.img --package satellite.deb --name k --area K --output kitchen.img --satellite ring --code 12345678 --wifi Net --wifi-password-file short.txt --country DE >/dev/null 2>&1"
expect "what is no image is refused" refused --image password.txt --package satellite.deb --name k --area K --output kitchen.img --satellite ring --code 12345678
expect "nothing was left behind" test ! -e kitchen.img

for satellite in bonnet ring; do
    rm -f kitchen.img
    "$here/prepare.sh" "${args[@]}" --satellite $satellite --output kitchen.img --code '1234 5678' \
        --wifi 'Home \Net' --wifi-password-file password.txt --country DE >/dev/null
    rm -rf card; mkdir card; mcopy -s -i "$boot" '::*' card/
    expect "$satellite: the first boot runs our script once" grep -q 'systemd.run=/boot/firmware/sotto/first-boot.sh' card/cmdline.txt
    expect "$satellite: still one line" test "$(wc -l <card/cmdline.txt)" = 1
    expect "$satellite: its overlay is in config.txt" grep -qx "$(grep '^dtoverlay=[sg]o' "$here/../../hardware/$satellite/config.txt")" card/config.txt
    expect "$satellite: settings" grep -q '^mute = \[' card/sotto/satellite.toml
    expect "$satellite: the code" test "$(cat card/sotto/code)" = 12345678
    [ $satellite = ring ] || expect "bonnet: the overlay itself" test -s card/overlays/sotto-bonnet.dtbo

    # The first boot, on a root of its own.
    rm -rf root; mkdir -p root/etc; printf '127.0.0.1\tlocalhost\n127.0.1.1\traspberrypi\n' >root/etc/hosts
    SOTTO_ROOT=$work/root SOTTO_BOOT=$work/card sh "$here/first-boot.sh"
    expect "$satellite: the host has its name" test "$(cat root/etc/hostname)" = kitchen
    expect "$satellite: once in hosts" test "$(grep -c kitchen root/etc/hosts)" = 1
    network=root/etc/NetworkManager/system-connections/home.nmconnection
    expect "$satellite: the network is root's alone" test "$(stat -c %a $network)" = 600
    expect "$satellite: with its password" grep -qx 'psk=correct horse' $network
    expect "$satellite: and its name, as NetworkManager escapes it" grep -qxF 'ssid=Home \\Net' $network
    expect "$satellite: the password is off the boot partition" test ! -e card/sotto/wifi.nmconnection
    expect "$satellite: the next boot is as always" cmp -s card/cmdline.txt cmdline.txt
    expect "$satellite: pairing waits for the network" test -L root/etc/systemd/system/multi-user.target.wants/sotto-first-pairing.service
done
expect "a prepared image is not prepared twice" refused --image kitchen.img --package satellite.deb --name k --area K --output again.img --satellite ring --code 12345678
expect "the official image is as it was" test "$(mtype -i official.img@@$((8192 * 512)) ::config.txt | grep -c sotto)" = 0
echo "$passed passed, 0 failed"
