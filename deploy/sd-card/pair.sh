#!/bin/sh
# Installs the satellite's package and pairs it; systemd tries again until it succeeds. Erases the code when it has.
set -eu
sotto=${SOTTO_BOOT:-/boot/firmware}/sotto
command -v sotto-satellite >/dev/null || {
    apt-get update
    DEBIAN_FRONTEND=noninteractive apt-get install -y -o Dpkg::Options::=--force-confold "$sotto/satellite.deb"
}
# The unit starts it again with the right settings and a hub.
systemctl stop sotto-satellite || true
install -m 0644 "$sotto/satellite.toml" /etc/sotto/satellite.toml
[ ! -f "$sotto/asound.conf" ] || install -m 0644 "$sotto/asound.conf" /etc/asound.conf
[ ! -f "$sotto/mixer.sh" ] || { sh "$sotto/mixer.sh" && alsactl store; }
su -s /bin/sh sotto-satellite -c "exec sotto-satellite --config /etc/sotto/satellite.toml --data /var/lib/sotto-satellite \
    pair '$(cat "$sotto/code")' --area '$(cat "$sotto/area")'"
rm -f "$sotto/code" "$sotto/area" "$sotto/satellite.deb"
# Whether it then hears is its own affair: it says so in its log, and tries again.
systemctl --no-block restart sotto-satellite
