#!/usr/bin/env bash
# Prepares an SD card image for a satellite: takes an official Raspberry Pi OS image file (64 bit, Lite; Pi Zero 2 W, 3, 4)
# and puts hostname, Wi-Fi, the package, settings for the hardware and the pairing code on its boot partition. On its
# first boot the satellite joins the network, installs the package and pairs by itself; then it erases the code.
#
#   deploy/sd-card/prepare.sh --image raspios-trixie-arm64-lite.img --output kitchen.img \
#       --package target/debian/sotto-satellite_0.1.0-1_arm64.deb --satellite bonnet --name kitchen --area Kitchen \
#       --code "1234 5678" --wifi HomeNet --wifi-password-file password.txt --country DE
#
# The code: `sotto-hub pair --minutes 60` on the hub, so that it is still good when the card has been written and has booted.
#
# Then write it: sudo dd if=kitchen.img of=/dev/sdX bs=4M conv=fsync status=progress   (or Raspberry Pi Imager: "Use custom")
# Nothing is mounted and no root is needed. Needs mtools, fdisk, and dtc for the bonnet's overlay.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
hardware=$here/../../hardware
usage() { sed -n '2,14s/^# \{0,1\}//p' "$0"; }
die() { echo "prepare.sh: $*" >&2; exit 2; }

image= output= package= satellite= name= area= code= wifi= password_file= country=
while [ $# -gt 0 ]; do
    case "$1" in
    --help | -h) usage; exit 0 ;;
    --image | --output | --package | --satellite | --name | --area | --code | --wifi | --wifi-password-file | --country)
        [ $# -ge 2 ] || die "$1 needs a value"
        key=${1#--}; [ "$key" = wifi-password-file ] && key=password_file
        printf -v "$key" '%s' "$2"; shift 2 ;;
    *) die "there is no option $1; see --help" ;;
    esac
done
for key in image output package satellite name area code; do
    [ -n "${!key}" ] || die "--$key is missing; see --help"
done
[ -f "$image" ] || die "there is no image $image"
[ -f "$package" ] || die "there is no package $package; build it with deploy/debian/build.sh or arm.sh"
[ ! -e "$output" ] || die "$output exists already; nothing was changed"
case "$image" in *.xz | *.gz | *.zip) die "unpack $image first (xz -d, gunzip, unzip)" ;; esac
case "$satellite" in bonnet | ring | none) ;; *) die "--satellite is bonnet, ring or none, not $satellite" ;; esac
[[ $name =~ ^[a-z0-9]([a-z0-9-]{0,40}[a-z0-9])?$ ]] || die "--name becomes the host name: letters a–z, digits and hyphens, not “$name”"
[[ $code =~ ^[0-9]{4}[\ -]?[0-9]{4}$ ]] || die "--code is the eight digits that \`sotto-hub pair --minutes 60\` shows"
[[ $area != *[\'\"\\$]* && $area != *$'\n'* ]] || die "--area must not have quotes, backslashes or dollar signs"
if [ -n "$wifi" ]; then
    [ -f "$password_file" ] || die "--wifi needs --wifi-password-file, a file with the password on one line"
    [[ $country =~ ^[A-Z]{2}$ ]] || die "--wifi needs --country, as in DE: it sets what the radio may do"
    [[ $wifi != *$'\n'* && ${#wifi} -le 32 ]] || die "--wifi is a network name of at most 32 characters"
    IFS= read -r password <"$password_file" || [ -n "$password" ] || die "$password_file is empty"
    [ ${#password} -ge 8 ] && [ ${#password} -le 63 ] || die "a Wi-Fi password has 8 to 63 characters"
fi
for tool in mcopy sfdisk; do command -v $tool >/dev/null || die "$tool is missing: apt install mtools fdisk"; done

# The boot partition: the first, FAT.
start=$(sfdisk --json "$image" 2>/dev/null | sed -n 's/.*"start": *\([0-9]*\).*/\1/p' | head -1)
[ -n "$start" ] || die "$image has no partition table; is it a Raspberry Pi OS image?"
cp --sparse=always "$image" "$output"
trap 'status=$?; rm -rf "$work"; [ $status = 0 ] || rm -f "$output"' EXIT
work=$(mktemp -d)
export MTOOLS_SKIP_CHECK=1
boot="$output@@$((start * 512))"
get() { mcopy -o -i "$boot" "::$1" "$2" 2>/dev/null; }
put() { mcopy -o -i "$boot" "$1" "::$2" || die "the boot partition is full or damaged"; }
get config.txt "$work/config.txt" && get cmdline.txt "$work/cmdline.txt" ||
    die "$image has no config.txt and cmdline.txt in its first partition; is it a Raspberry Pi OS image?"
! grep -q sotto "$work/cmdline.txt" || die "$image is prepared already; start from the official one"

mmd -D s -i "$boot" ::sotto 2>/dev/null || true
cp "$package" "$work/satellite.deb"; put "$work/satellite.deb" sotto/satellite.deb
{ echo "name = \"$name\""; [ "$satellite" = none ] || cat "$hardware/$satellite/satellite.toml"; } >"$work/satellite.toml"
put "$work/satellite.toml" sotto/satellite.toml
if [ "$satellite" != none ]; then
    { printf '\n[all]\n'; cat "$hardware/$satellite/config.txt"; } >>"$work/config.txt"
    put "$work/config.txt" config.txt
    for file in mixer.sh asound.conf; do
        [ ! -f "$hardware/$satellite/$file" ] || put "$hardware/$satellite/$file" "sotto/$file"
    done
    for source in "$hardware/$satellite"/*.dts; do
        [ -f "$source" ] || continue
        command -v dtc >/dev/null || die "dtc is missing: apt install device-tree-compiler"
        overlay=$(basename "$source" .dts).dtbo
        dtc -q -@ -I dts -O dtb -o "$work/$overlay" "$source"
        mmd -D s -i "$boot" ::overlays 2>/dev/null || true
        put "$work/$overlay" "overlays/$overlay"
    done
fi
( umask 077
    printf '%s\n' "${code//[ -]/}" >"$work/code"
    printf '%s\n' "$area" >"$work/area" )
put "$work/code" sotto/code
put "$work/area" sotto/area
if [ -n "$wifi" ]; then
    cat >"$work/wifi.nmconnection" <<WIFI
[connection]
id=home
type=wifi
[wifi]
mode=infrastructure
ssid=${wifi//\\/\\\\}
[wifi-security]
key-mgmt=wpa-psk
psk=${password//\\/\\\\}
[ipv4]
method=auto
[ipv6]
method=auto
WIFI
    put "$work/wifi.nmconnection" sotto/wifi.nmconnection
    printf '%s\n' "$country" >"$work/country"; put "$work/country" sotto/country
fi
put "$here/first-boot.sh" sotto/first-boot.sh
put "$here/pair.sh" sotto/pair.sh
# systemd runs it once, before anything else, and boots again.
boot_dir=/boot/firmware
sed -i "1s#\$# systemd.run=$boot_dir/sotto/first-boot.sh systemd.run_success_action=reboot systemd.unit=kernel-command-line.target#" "$work/cmdline.txt"
put "$work/cmdline.txt" cmdline.txt
echo "$output is ready. Write it to a card and start the satellite while the code is good; \`sotto-hub pair --minutes 60\` gives"
echo "another, which goes into sotto/code on the card's boot partition."
