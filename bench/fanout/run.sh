#!/bin/sh
# Measures delivery beside nchan, Socket.IO and FastAPI, all in one run. Installs
# what it needs into target/fanout (nothing of the system is changed) and passes
# its arguments on: `bench/fanout/run.sh --rounds 5`.
set -eu
cd "$(dirname "$0")/../.."
here=$PWD/bench/fanout
cache=$PWD/target/fanout
mkdir -p "$cache"

if ! [ -x "$cache/nginx/usr/sbin/nginx" ]; then
    rm -rf "$cache/deb" && mkdir -p "$cache/deb"
    (cd "$cache/deb" && apt-get download -q nginx libnginx-mod-nchan)
    for package in "$cache"/deb/*.deb; do dpkg -x "$package" "$cache/nginx"; done
    # The module makes a folder of the system whatever the configuration says.
    # Another name of the same length, as this is a compiled file.
    sed -i 's|/var/lib/nginx/body|/tmp/milepost-bench|' \
        "$cache/nginx/usr/lib/nginx/modules/ngx_nchan_module.so"
fi
if ! [ -x "$cache/venv/bin/uvicorn" ]; then
    python3 -m venv "$cache/venv"
    "$cache/venv/bin/pip" install -q 'fastapi==0.165.0' 'uvicorn[standard]==0.54.0'
fi
if ! [ -d "$cache/socketio/node_modules/socket.io" ]; then
    mkdir -p "$cache/socketio"
    echo '{"private": true}' > "$cache/socketio/package.json"
    (cd "$cache/socketio" && npm install --silent socket.io@4.8.4)
fi
cp "$here/socketio.mjs" "$cache/socketio/server.mjs"
cp "$here/fastapi_app.py" "$cache/"

cargo build --release --workspace
exec "$cache/../release/milepost-bench" fanout --peers "$cache" --nginx-conf "$here/nginx.conf" "$@"
