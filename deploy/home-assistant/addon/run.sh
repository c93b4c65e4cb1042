#!/bin/sh
# Turns the add-on's options and Home Assistant's MQTT service into the hub's environment, and becomes the hub.
set -eu
options=${OPTIONS:-/data/options.json}
data=${DATA:-/data/sotto}
option() { jq -r --arg key "$1" '.[$key] // empty' "$options"; }

SOTTO_HUB_LANGUAGE=$(option language); export SOTTO_HUB_LANGUAGE
SOTTO_HUB_NAME=$(option name); export SOTTO_HUB_NAME
if [ "$(option mqtt_words)" = true ]; then export SOTTO_MQTT_WORDS=true; fi

# The supervisor says where the broker is: https://developers.home-assistant.io/docs/add-ons/communication
mqtt=$(curl -sf -H "Authorization: Bearer ${SUPERVISOR_TOKEN:-}" "${SUPERVISOR:-http://supervisor}/services/mqtt" || true)
if [ -n "$mqtt" ]; then
    password=${PASSWORD_FILE:-/run/sotto-mqtt-password}
    ( umask 077; printf '%s\n' "$mqtt" | jq -r '.data.password' >"$password" )
    SOTTO_MQTT_ADDRESS=$(printf '%s' "$mqtt" | jq -r '"\(.data.host):\(.data.port)"'); export SOTTO_MQTT_ADDRESS
    SOTTO_MQTT_USER=$(printf '%s' "$mqtt" | jq -r '.data.username'); export SOTTO_MQTT_USER
    export SOTTO_MQTT_PASSWORD_FILE="$password"
else
    echo "no MQTT service in Home Assistant: the hub runs a broker of its own" >&2
fi
mkdir -p "$data"
chmod 700 "$data"
exec sotto-hub --data "$data" "${@:-run}"
