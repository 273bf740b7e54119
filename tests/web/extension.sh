#!/bin/bash
# The content extension, sealed, with good scripts, bad ones and hostile ones: tests/web/extension.c in its own words.
cd "$(dirname "$0")/../.." || exit 1
exec timeout 120 build/bin/signet run --memory 256M --processes 4 --dir build::/build:ro --dir apps/web/scripts::/scripts:ro \
  --dir tests/web/scripts::/tests:ro build/tests/web/extension /build/apps/web/extension "$@"
