#!/usr/bin/env bash
# Builds sotto-hub and sotto-satellite as Debian packages, into target/debian. Needs what `cargo xtask test` needs,
# dpkg-dev, pip, and cargo-deb (cargo install cargo-deb --locked).
#
#   deploy/debian/build.sh                       both, for this machine's architecture
#   PROFILE=dev deploy/debian/build.sh           from the development build: large and slow, quick to make
#   VERSION=0.1.0+local deploy/debian/build.sh   another version
set -euo pipefail
cd "$(dirname "$0")/../.."
profile=${PROFILE:-release}
folder=$profile
[ "$profile" = dev ] && folder=debug
packages=${PACKAGES:-hub satellite}

# A package must run on every processor of its architecture, not only on this one's. (On x86 Whisper wants one of 2013 or
# later, and says so on others; all else runs there.)
export GGML_NATIVE=OFF
native() { grep -qs GGML_NATIVE:BOOL=ON "target/$folder"/build/whisper-rs-sys-*/out/build/CMakeCache.txt; }
if grep -qs target-cpu .cargo/config.toml "${CARGO_HOME:-$HOME/.cargo}/config.toml" <(echo "${RUSTFLAGS:-}"); then
    echo "build.sh: a package is not built for one processor: take target-cpu out of RUSTFLAGS and cargo's configuration" >&2; exit 2
fi
# What an ordinary build has left is for this machine, and is not built anew by itself.
if native; then cargo clean -q --profile "$profile" -p whisper-rs-sys; fi
cargo build --profile "$profile" $(printf -- '-p sotto-%s ' $packages)
if native; then echo "build.sh: whisper.cpp was built for this machine's processor" >&2; exit 1; fi
deploy/debian/wake-models.sh "target/$folder/wake"
for package in $packages; do
    rm -rf "target/$folder/manual/$package"
    "target/$folder/sotto-$package" manual "target/$folder/manual/$package"
    cargo deb --no-build --profile "$profile" -p "sotto-$package" ${VERSION:+--deb-version "$VERSION"}
done
