#!/bin/bash
# The name service, sealed, with good clients and hostile ones: tests/services/names.c in its own words.
cd "$(dirname "$0")/../.." || exit 1
exec timeout 120 build/bin/signet run --memory 256M --processes 4 --dir build::/build:ro build/tests/services/names \
  /build/services/names
