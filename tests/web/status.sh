#!/bin/bash
# The status page in a headless Chromium: tests/web/status/page.py, with what it starts ended in any case.
cd "$(dirname "$0")/../.." || exit 1
exec timeout 120 unshare -r -p -f --kill-child python3 tests/web/status/page.py "$@"
