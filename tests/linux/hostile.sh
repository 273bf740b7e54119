#!/bin/sh
# Hostile stack pointers, jumps and writes, by real processes on the real port (tests/pc/hostile.c says what).
cd "$(dirname "$0")/../.." || exit 1
timeout 120 build/bin/signet run --processes 64 --memory 64M --dir build/tests/pc::/tests:ro build/tests/pc/hostile /tests/hostile_child
status=$?
[ $status -le 1 ] || echo "Bail out! the system ended with status $status"
exit $status
