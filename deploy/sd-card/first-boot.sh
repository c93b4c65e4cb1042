#!/bin/sh
# First boot of a satellite, before the network is there: hostname, Wi-Fi, and what will install and pair once it is.
# `prepare.sh` puts it on the boot partition. SOTTO_ROOT and SOTTO_BOOT are for its test.
set -eu
root=${SOTTO_ROOT:-}
boot=${SOTTO_BOOT:-/boot/firmware}
sotto=$boot/sotto

name=$(sed -n 's/^name = "\(.*\)"$/\1/p' "$sotto/satellite.toml" | head -1)
printf '%s\n' "$name" >"$root/etc/hostname"
if grep -q '^127\.0\.1\.1' "$root/etc/hosts" 2>/dev/null; then
    sed -i "s/^127\.0\.1\.1.*/127.0.1.1\t$name/" "$root/etc/hosts"
else
    printf '127.0.1.1\t%s\n' "$name" >>"$root/etc/hosts"
fi

if [ -f "$sotto/wifi.nmconnection" ]; then
    install -d -m 0755 "$root/etc/NetworkManager/system-connections"
    install -m 0600 "$sotto/wifi.nmconnection" "$root/etc/NetworkManager/system-connections/home.nmconnection"
    # The card's boot partition can be read by whoever takes the card out, and by every program on it.
    rm -f "$sotto/wifi.nmconnection"
    if [ -z "$root" ]; then
        raspi-config nonint do_wifi_country "$(cat "$sotto/country")" || rfkill unblock wifi || true
    fi
fi

install -d -m 0755 "$root/usr/local/lib/sotto" "$root/etc/systemd/system/multi-user.target.wants"
install -m 0755 "$sotto/pair.sh" "$root/usr/local/lib/sotto/pair.sh"
cat >"$root/etc/systemd/system/sotto-first-pairing.service" <<'UNIT'
[Unit]
Description=Install Sotto's satellite and pair it, once
Wants=network-online.target time-sync.target
After=network-online.target time-sync.target
ConditionPathExists=/boot/firmware/sotto/code
# Four times a minute, for ten minutes: a code that is not taken by then was another.
StartLimitIntervalSec=1h
StartLimitBurst=40

[Service]
Type=oneshot
ExecStart=/usr/local/lib/sotto/pair.sh
Restart=on-failure
RestartSec=15
TimeoutStartSec=900

[Install]
WantedBy=multi-user.target
UNIT
ln -sf /etc/systemd/system/sotto-first-pairing.service \
    "$root/etc/systemd/system/multi-user.target.wants/sotto-first-pairing.service"
# From now on the card boots as it always does.
sed -i 's# systemd\.run=[^ ]*##; s# systemd\.run_success_action=[^ ]*##; s# systemd\.unit=kernel-command-line\.target##' "$boot/cmdline.txt"
