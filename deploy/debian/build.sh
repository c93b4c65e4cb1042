#!/usr/bin/env bash
# Builds sotto-hub and sotto-satellite as Debian packages, into target/debian. Needs what `cargo xtask test` needs,
# dpkg-dev, and cargo-deb (cargo install cargo-deb --locked).
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

# A package must run on every processor of its architecture, not only on this one's.
export GGML_NATIVE=OFF
nice cargo build --profile "$profile" $(printf -- '-p sotto-%s ' $packages)
for package in $packages; do
    rm -rf "target/$folder/manual/$package"
    "target/$folder/sotto-$package" manual "target/$folder/manual/$package"
    cargo deb --no-build --profile "$profile" -p "sotto-$package" ${VERSION:+--deb-version "$VERSION"}
done
