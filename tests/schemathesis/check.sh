#!/bin/sh
# The JSON API of a hub that runs, against its own OpenAPI description: schemathesis makes up requests of all sorts and
# looks for answers that the hub should not give.
#
#   cargo build -p sotto-hub && tests/schemathesis/check.sh [schemathesis options]
#
# Needs python3 with venv (or SCHEMATHESIS, the program), curl and mosquitto. Everything lies in a folder that is removed.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
hub=${SOTTO_HUB:-$root/target/debug/sotto-hub}
here=$(mktemp -d)
pid=
trap 'test -z "$pid" || kill "$pid"; rm -rf "$here"' EXIT

program=${SCHEMATHESIS:-}
if [ -z "$program" ]; then
    python3 -m venv "$here/venv"
    "$here/venv/bin/pip" install --quiet "schemathesis==4.32.5"
    program=$here/venv/bin/schemathesis
fi

cat > "$here/hub.toml" <<END
[satellites]
listen = "127.0.0.1:0"
discovery = false
[web]
listen = "127.0.0.1:0"
[mqtt]
private_port = 0
END
"$hub" run --json --config "$here/hub.toml" --data "$here/hub" > "$here/said" 2> "$here/log" &
pid=$!
until grep -q '"ready"' "$here/said"; do
    kill -0 "$pid" || { cat "$here/log"; exit 1; }
    sleep 0.2
done
base=$(sed -n 's/.*"web":"\([^"]*\)".*/\1/p' "$here/said")
echo "four words are enough" | "$hub" members add Ada --administrator --passphrase-stdin --json --data "$here/hub" > "$here/added"

# A token with every scope, made as a person makes it.
ask() { curl --silent --insecure --cookie "$here/jar" --cookie-jar "$here/jar" "$@"; }
ask --output "$here/in" --data-urlencode "name=Ada" --data-urlencode "passphrase=four words are enough" "$base/sign-in"
csrf=$(ask "$base/account" | sed -n 's/.*name="csrf" value="\([^"]*\)".*/\1/p' | head -n 1)
token=$(ask --data "csrf=$csrf&name=schemathesis&scope=read&scope=listen&scope=change&scope=erase&scope=house" \
    "$base/account/tokens" | sed -n 's/.*id="token">\([^<]*\)<.*/\1/p')
test -n "$token" || { echo "no token was made"; exit 1; }

cd "$here"
"$program" run --tls-verify=false --header "Authorization: Bearer $token" --url "$base" "$@" "$base/api/v1/openapi.json"
