#!/usr/bin/env bash
# Builds the packages for a Raspberry Pi and its like, on any machine, and tries them there as far as an emulator goes.
#
#   deploy/debian/arm.sh                            hub and satellite for arm64
#   ARCH=armhf PACKAGES=satellite deploy/debian/arm.sh    the satellite for a 32-bit system
#   SUITE=trixie deploy/debian/arm.sh               against another release than bookworm
#   TESTS="-p sotto-hearing --test whisper_runs" deploy/debian/arm.sh    no packages: these tests, on that processor
#
# Two roots of debootstrap in target/arm: `tools` is Debian testing, for its rustc, clang and emulator; `SUITE` is the release
# that the packages are for, with its C library, headers and package names. So what comes out runs on that release and later
# ones, whatever this machine is. Needs root, debootstrap, cargo and cargo-deb; half an hour on two cores, less the second time.
set -euo pipefail
cd "$(dirname "$0")/../.."
suite=${SUITE:-bookworm}
arch=${ARCH:-arm64}
packages=${PACKAGES:-hub satellite}
case "$arch" in
# The processor is the oldest that we promise: a Pi 3 and Zero 2 W; a Pi 2.
arm64) rust=aarch64-unknown-linux-gnu gnu=aarch64-linux-gnu emulator="qemu-aarch64 -cpu cortex-a53" ;;
armhf) rust=armv7-unknown-linux-gnueabihf gnu=arm-linux-gnueabihf emulator="qemu-arm -cpu cortex-a7" ;;
*) echo "ARCH is arm64 or armhf, not $arch" >&2; exit 2 ;;
esac
home=target/arm tools=target/arm/tools release=target/arm/$suite
within() { chroot "$1" /usr/bin/env -i PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/rust/bin HOME=/ DEBIAN_FRONTEND=noninteractive LC_ALL=C "${@:2}"; }
install() { within "$1" apt-get install -y -qq --no-install-recommends "${@:2}" >/dev/null; }
# This machine's debootstrap may be older than testing: every suite is made as sid is. A mirror that is a little behind is
# still signed. Packages come from where this machine has its own.
root() { # folder, suite
    if [ ! -x "$1/usr/bin/dpkg" ]; then
        mkdir -p "$1"
        debootstrap --variant=minbase "$2" "$1" "$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' | head -1)" \
            /usr/share/debootstrap/scripts/sid >/dev/null
        echo 'Acquire::Check-Valid-Until "false";' >"$1/etc/apt/apt.conf.d/90mirror"
    fi
    within "$1" dpkg --print-foreign-architectures | grep -qx "$arch" || within "$1" dpkg --add-architecture "$arch"
    within "$1" apt-get update -qq
}
root "$tools" testing
root "$release" "$suite"
install "$tools" ca-certificates cargo rustc "libstd-rust-dev:$arch" clang lld llvm libclang-dev libc6-dev gcc pkg-config cmake make qemu-user
gcc=$(within "$release" apt-cache depends g++ | sed -n 's/.*Depends: g++-//p' | head -1)
install "$release" "libc6-dev:$arch" "libstdc++-$gcc-dev:$arch" "libasound2-dev:$arch" "libpocketsphinx-dev:$arch" dpkg-dev binutils

# Where a library to link with is a link to /lib, that is the release's, not the place it is looked at from.
find "$release/usr/lib/$gnu" -maxdepth 1 -name '*.so' -lname '/*' | while read -r link; do ln -sfr "$release$(readlink "$link")" "$link"; done

# One compiler for everything that is not Rust, which finds all of it in the release's root. Of the 32-bit processors only those
# with NEON serve (Pi 2 and later): Opus is written for it.
neon=
[ $arch = arm64 ] || neon=-mfpu=neon
for kind in clang clang++; do
    printf '#!/bin/sh\nexec %s --target=%s %s --sysroot=/release -fuse-ld=lld "$@"\n' $kind $gnu "$neon" >"$tools/usr/local/bin/$gnu-$kind"
    chmod 755 "$tools/usr/local/bin/$gnu-$kind"
done
mounts=()
trap 'for at in "${mounts[@]}"; do umount "$at"; done' EXIT
bind() { mkdir -p "$2"; mount --bind "$1" "$2"; mounts=("$2" "${mounts[@]}"); }
bind "$release" "$tools/release"
for place in "$tools" "$release"; do
    bind . "$place/sotto"
    bind "${CARGO_HOME:-$HOME/.cargo}/registry" "$place/.cargo/registry" # what was downloaded once is not downloaded again
    bind /proc "$place/proc"
    bind /dev "$place/dev"
done
bind "$(rustc --print sysroot)" "$release/rust"
cp "$(command -v cargo-deb)" "$tools/usr/bin/${emulator%% *}" "$release/usr/local/bin/"

target=/sotto/$home/build
settings=(CARGO_TARGET_DIR=$target CARGO_INCREMENTAL=0 CARGO_PROFILE_RELEASE_DEBUG=0 CARGO_PROFILE_RELEASE_STRIP=symbols
    "CARGO_TARGET_$(tr a-z- A-Z_ <<<"$rust")_LINKER=$gnu-clang" CC_${rust//-/_}=$gnu-clang CXX_${rust//-/_}=$gnu-clang++
    AR_${rust//-/_}=llvm-ar PKG_CONFIG_ALLOW_CROSS=1 PKG_CONFIG_SYSROOT_DIR=/release
    PKG_CONFIG_LIBDIR=/release/usr/lib/$gnu/pkgconfig:/release/usr/share/pkgconfig
    # Every processor of the architecture, not this one's.
    GGML_NATIVE=OFF)
# The bindings that whisper-rs brings are for 64 bits.
if [ $arch = arm64 ]; then settings+=(WHISPER_DONT_GENERATE_BINDINGS=1)
else settings+=("BINDGEN_EXTRA_CLANG_ARGS=--target=$gnu --sysroot=/release"); fi
if [ -n "${TESTS:-}" ]; then
    install "$release" pocketsphinx-en-us
    data=$(realpath "${SOTTO_TEST_DATA:-../shared}")
    [ ! -d "$data" ] || bind "$data" "$tools/data"
    within "$tools" env "${settings[@]}" "CARGO_TARGET_$(tr a-z- A-Z_ <<<"$rust")_RUNNER=$emulator -L /release -E LD_LIBRARY_PATH=/usr/lib/$gnu/blas:/usr/lib/$gnu/lapack" SOTTO_TEST_DATA=/data \
        cargo test --locked --manifest-path /sotto/Cargo.toml --release --target $rust $TESTS
    exit
fi
within "$tools" env "${settings[@]}" cargo build --locked --manifest-path /sotto/Cargo.toml --release --target $rust \
    $(printf -- '-p sotto-%s ' $packages)
deploy/debian/wake-models.sh "$home/build/$rust/release/wake"
for package in $packages; do
    manual=$home/build/$rust/release/manual/$package
    rm -rf "$manual"; mkdir -p "$manual"
    newest=$(within "$release" readelf -W --dyn-syms "$target/$rust/release/sotto-$package" | grep -o 'GLIBC_2[0-9.]*' | sort -uV | tail -1)
    echo "sotto-$package needs $newest; $suite has $(within "$release" dpkg-query -W -f '${Version}' "libc6:$arch")"
    # The emulator stops at an instruction that the oldest processor does not have.
    within "$release" $emulator "$target/$rust/release/sotto-$package" --version
    within "$release" $emulator "$target/$rust/release/sotto-$package" manual "/sotto/$manual"
    within "$release" env CARGO_TARGET_DIR=$target cargo deb --locked --offline --manifest-path /sotto/Cargo.toml --no-build \
        --no-strip --target $rust -p "sotto-$package" --output /sotto/target/debian/
done
