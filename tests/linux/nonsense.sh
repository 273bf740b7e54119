#!/bin/sh
# Kernel calls with nonsense, made by real processes on the real port; NONSENSE_CHILDREN and NONSENSE_SEED choose how many and which.
cd "$(dirname "$0")/../.." || exit 1
timeout 250 build/bin/signet run --processes 64 --memory 64M --dir build/tests/linux::/tests:ro build/tests/linux/nonsense \
  /tests/nonsense_child "${NONSENSE_CHILDREN:-300}" "${NONSENSE_SEED:-1}"
status=$?
[ $status -le 1 ] || echo "Bail out! the system ended with status $status"
exit $status
