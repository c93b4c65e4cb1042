#!/bin/bash
# Tries Sotto's home on a real Home Assistant with a real broker: discovery, restarts, commands end to end, removal.
# Not part of the gate: it takes some minutes, root, and the harness that SOTTO_TEST_DATA/home-assistant describes.
#
#   tests/home-assistant/check.sh            # boots Home Assistant, checks, stops it
set -uo pipefail
cd "$(dirname "$0")/../.."
HARNESS=${SOTTO_TEST_DATA:-$PWD/../shared}/home-assistant
[ -x "$HARNESS/up.sh" ] || { echo "SKIPPED: there is no Home Assistant harness in $HARNESS"; exit 0; }
export MQTT_PORT=${MQTT_PORT:-18870} HA_PORT=${HA_PORT:-18163}
export HA_RUN_DIR=${HA_RUN_DIR:-$HOME/.cache/ha-harness/run-sotto}
HA="$HARNESS/ha.py"
PASSED=0 FAILED=0
check() { # what, command…
    local what=$1; shift
    if "$@" >/tmp/sotto-check.$$ 2>&1; then PASSED=$((PASSED + 1)); echo "ok    $what"
    else FAILED=$((FAILED + 1)); echo "FAIL  $what"; sed 's/^/      /' /tmp/sotto-check.$$ | tail -5; fi
}
# The blueprint must lie in the configuration before Home Assistant reads its automations.
prepare() {
    mkdir -p "$HA_RUN_DIR/config/blueprints/automation/sotto"
    cp deploy/home-assistant/blueprints/automation/sotto/sotto.yaml "$HA_RUN_DIR/config/blueprints/automation/sotto/"
}
AUTOMATION=$(mktemp --suffix=.yaml)
cat > "$AUTOMATION" <<'YAML'
- id: sotto
  alias: Sotto
  use_blueprint:
    path: sotto/sotto.yaml
    input:
      aliases: { light.kitchen_light: [cooking lamp] }
YAML
DOOR='{"name": null, "cmd_t": "lock/set", "stat_t": "lock/state", "uniq_id": "lock1", "def_ent_id": "lock.front_door", "dev": {"ids": ["lock1"], "name": "Front door", "sa": "Kitchen"}}'

cargo build -q -p sotto-tests --example home || exit 2
"$HARNESS/setup.sh" || exit 2
"$HARNESS/up.sh" || exit 2
IN=$(mktemp -u); OUT=$(mktemp); mkfifo "$IN"
target/debug/examples/home "$MQTT_PORT" < "$IN" > "$OUT" 2>&1 &
HOME_PID=$!
exec 3> "$IN"
trap 'exec 3>&-; kill $HOME_PID 2>/dev/null; "$HARNESS/down.sh" >/dev/null 2>&1; rm -f "$IN" "$OUT" "$AUTOMATION" /tmp/sotto-check.$$' EXIT
# Says something to the home and prints the next line that begins with the given word.
ask() { # word, line
    local before; before=$(grep -c "^$1" "$OUT")
    echo "$2" >&3
    for _ in $(seq 100); do
        [ "$(grep -c "^$1" "$OUT")" -gt "$before" ] && { grep "^$1" "$OUT" | tail -1; return 0; }
        sleep 0.1
    done
    return 1
}
answers() { # pattern, line
    local answer; answer=$(ask answer "$2"); echo "$answer"; grep -Eq "$1" <<< "$answer"
}
requested() { for _ in $(seq 50); do grep -q "^request $1" "$OUT" && return 0; sleep 0.1; done; tail -3 "$OUT"; return 1; }
knows() { for _ in $(seq 30); do ask known known | grep -q "$1" && return 0; sleep 0.5; done; return 1; }

echo "satellite kitchen Kitchen" >&3
SAT=kitchen_kitchen_satellite
check "the hub is a device" "$HA" wait-entity 'binary_sensor.*health' --timeout 20
check "the satellite stands in its area" "$HA" wait-entity "event.${SAT}_command" --timeout 20
for entity in switch.${SAT}_mute number.${SAT}_volume number.${SAT}_wake_sensitivity select.${SAT}_wake_word \
    notify.${SAT}_announce text.${SAT}_say sensor.${SAT}_state sensor.${SAT}_signal sensor.${SAT}_false_wakes \
    binary_sensor.${SAT}_listening; do
    check "$entity" "$HA" wait-entity "$entity" --timeout 10
done
check "its volume is told" "$HA" wait-state "number.${SAT}_volume" 60
check "its switch is off" "$HA" wait-state "switch.${SAT}_mute" off
"$HA" call-service switch.turn_on '{}' --entity "switch.${SAT}_mute" >/dev/null
check "Home Assistant mutes it" requested 'Mute(kitchen, true)'
"$HA" call-service number.set_value '{"value": 35}' --entity "number.${SAT}_volume" >/dev/null
check "Home Assistant sets its volume" requested 'Volume(kitchen, 35)'
"$HA" call-service notify.send_message '{"message": "Dinner"}' --entity "notify.${SAT}_announce" >/dev/null
check "Home Assistant announces there" requested 'Announcement(Satellite'
echo "heard HassTurnOn" >&3
check "a session is an event" "$HA" wait-state "event.${SAT}_command" HassTurnOn --attr intent

prepare
"$HA" add-automation "$AUTOMATION" >/dev/null
check "what Home Assistant exposes reaches the hub" knows light.kitchen_light
check "turn on the kitchen light" answers 'answer Published' 'say HassTurnOn {"name": "kitchen light"}'
check "light.kitchen_light is on" "$HA" wait-state light.kitchen_light on
check "by its other name" answers 'answer Published' 'say HassTurnOff {"name": "cooking lamp"}'
check "light.kitchen_light is off" "$HA" wait-state light.kitchen_light off
check "the lights here" answers 'answer Published' 'say HassTurnOn {"domain": "light"}'
check "only here" bash -c "'$HA' wait-state light.kitchen_light on && [ \"\$('$HA' state light.bedroom_light)\" = off ]"
check "brightness" answers 'answer Published' 'say HassLightSet {"name": "bedroom light", "brightness": 40}'
check "102 of 255" "$HA" wait-state light.bedroom_light 102 --attr brightness
check "a blind" answers 'answer Published' 'say HassSetPosition {"name": "bedroom blind", "position": 30}'
check "it is at 30" "$HA" wait-state cover.bedroom_blind "30*" --attr current_position
check "the heating, by area" answers 'answer Published' 'say HassClimateSetTemperature {"area": "Living room", "temperature": 21.5}'
check "21.5 degrees" "$HA" wait-state climate.living_room_heating 21.5 --attr temperature
check "the fan" answers 'answer Published' 'say HassTurnOn {"name": "bedroom fan"}'
check "a scene" answers 'answer Published' 'say HassTurnOn {"name": "good night"}'
check "a script" answers 'answer Published' 'say HassTurnOn {"name": "movie time"}'
check "music" answers 'answer Published' 'say HassTurnOn {"name": "living room speaker"}'
check "a question is answered aloud" answers 'Yes\. Bedroom blind is open' 'say HassGetState {"name": "bedroom blind", "state": "open"}'
check "how warm it is" answers '20\.5 degrees' 'say HassClimateGetTemperature {"area": "Living room"}'
check "what is not there is said so" answers 'answer Refused .*cannot find' 'say HassTurnOn {"name": "moon"}'
"$HA" mqtt-pub homeassistant/lock/lock1/config "$DOOR" -r >/dev/null
check "a lock" "$HA" wait-entity lock.front_door --timeout 15
check "which the hub learns of" knows lock.front_door
check "unlocking wants to be said twice" answers 'answer Refused .*once more' 'say HassTurnOff {"name": "front door"}'
check "and then unlocks" answers 'answer Published' 'say HassTurnOff {"name": "front door"}'

"$HARNESS/down.sh" ha >/dev/null 2>&1
KEEP=1 "$HARNESS/up.sh" ha >/dev/null 2>&1
check "after its restart the satellite is there" "$HA" wait-state "number.${SAT}_volume" 60
check "and commands are obeyed" answers 'answer Published' 'say HassTurnOn {"name": "kitchen light"}'
check "light.kitchen_light is on again" "$HA" wait-state light.kitchen_light on
"$HARNESS/down.sh" mosquitto >/dev/null 2>&1
check "without a broker the person is told" answers 'answer NotReached .*cannot reach' 'say HassTurnOff {"name": "kitchen light"}'
"$HARNESS/up.sh" mosquitto >/dev/null 2>&1
check "after the broker's restart it is there" "$HA" wait-state "number.${SAT}_volume" 60
check "the old command never fired" bash -c "sleep 12; [ \"\$('$HA' state light.kitchen_light)\" = on ]"
echo "forget kitchen" >&3
check "a revoked satellite is gone" "$HA" wait-entity "number.${SAT}_volume" --gone --timeout 15
check "no warning about anything of ours" bash -c "! '$HA' log --warnings --grep 'components.mqtt.*sotto|[Ss]otto|helpers.template|components.automation'"
echo "$PASSED passed, $FAILED failed"
[ "$FAILED" = 0 ]
