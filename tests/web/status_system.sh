#!/bin/bash
# The status page of the web system itself, in a headless Chromium: what it shows of requests, channels and a crash is what happens.
cd "$(dirname "$0")/../.." || exit 1
work=$(mktemp -d)
trap 'kill -TERM $system 2>/dev/null; wait $system 2>/dev/null; rm -rf "$work"' EXIT
port=${PORT:-18473}
# The manifest of the web system at a port of its own.
sed -e "s|127.0.0.1:8080|127.0.0.1:$port|; s|: ../../build|: $PWD/build|; s|directory: |directory: $PWD/apps/web/|" apps/web/web.yaml \
  >"$work/web.yaml"
build/bin/signet up --quiet --socket "$work/socket" "$work/web.yaml" >"$work/log" 2>&1 &
system=$!
for _ in $(seq 200); do curl -s -o /dev/null "http://127.0.0.1:$port/" && break; sleep 0.05; done
timeout 100 unshare -r -p -f --kill-child python3 tests/web/status/page.py "${@:-system}" "http://127.0.0.1:$port" $PHOTOGRAPH
status=$?
[ $status -eq 0 ] || sed 's/^/# /' "$work/log" | tail -20
exit $status
