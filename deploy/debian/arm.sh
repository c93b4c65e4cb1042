#!/usr/bin/env bash
# Builds the satellite (and with PACKAGES="satellite hub" the hub) as a Debian package for arm64, in a root of Debian testing
# that has rustc, a cross compiler and arm64's libraries, and tries the satellite under qemu. Needs root and debootstrap; takes
# an hour on two cores, a few minutes the second time.
#
#   deploy/debian/arm64.sh [FOLDER FOR THE ROOT]
set -euo pipefail
cd "$(dirname "$0")/../.."
root=${1:-target/arm64-root}
packages=${PACKAGES:-satellite}
triple=aarch64-unknown-linux-gnu
in_root() { chroot "$root" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/ DEBIAN_FRONTEND=noninteractive LC_ALL=C "$@"; }
mkdir -p "$root"
if [ ! -x "$root/usr/bin/dpkg" ]; then
    # Where this machine has its own packages from.
    mirror=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' | head -1)
    # This machine's debootstrap may be older than testing: every suite is made as sid is.
    debootstrap --variant=minbase testing "$root" "$mirror" /usr/share/debootstrap/scripts/sid >/dev/null
    in_root dpkg --add-architecture arm64
    # A mirror that is a little behind is still signed.
    echo 'Acquire::Check-Valid-Until "false";' >"$root/etc/apt/apt.conf.d/90mirror"
    in_root apt-get update -qq
fi
in_root apt-get install -y -qq --no-install-recommends \
    ca-certificates cargo rustc libstd-rust-dev:arm64 gcc-aarch64-linux-gnu g++-aarch64-linux-gnu pkg-config cmake make \
    libc6-dev libasound2-dev:arm64 qemu-user dpkg-dev >/dev/null
case " $packages " in *" hub "*) in_root apt-get install -y -qq --no-install-recommends libpocketsphinx-dev:arm64 libclang-dev >/dev/null ;; esac

mkdir -p "$root/sotto" "$root/.cargo/registry"
trap 'umount "$root/.cargo/registry" "$root/sotto" "$root/proc" 2>/dev/null || true' EXIT
mount --bind . "$root/sotto"; mount -t proc proc "$root/proc"
# What has been downloaded once is not downloaded again.
mount --bind "${CARGO_HOME:-$HOME/.cargo}/registry" "$root/.cargo/registry"
in_root env GGML_NATIVE=OFF WHISPER_DONT_GENERATE_BINDINGS=1 \
    CARGO_TARGET_DIR=/sotto/target/arm64 CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc \
    CC_aarch64_unknown_linux_gnu=aarch64-linux-gnu-gcc CXX_aarch64_unknown_linux_gnu=aarch64-linux-gnu-g++ \
    PKG_CONFIG_ALLOW_CROSS=1 PKG_CONFIG_LIBDIR=/usr/lib/aarch64-linux-gnu/pkgconfig:/usr/share/pkgconfig \
    nice cargo build --manifest-path /sotto/Cargo.toml --release --target $triple $(printf -- '-p sotto-%s ' $packages)
for package in $packages; do
    program=target/arm64/$triple/release/sotto-$package
    in_root qemu-aarch64 -L /usr/aarch64-linux-gnu "/sotto/$program" --version
    mkdir -p "target/arm64/$triple/release/manual/$package"
    in_root qemu-aarch64 -L /usr/aarch64-linux-gnu "/sotto/$program" manual "/sotto/target/arm64/$triple/release/manual/$package"
    CARGO_TARGET_DIR=target/arm64 cargo deb --no-build --no-strip --target $triple -p "sotto-$package" --output target/debian/
done
