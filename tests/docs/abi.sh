#!/bin/sh
# docs/abi.md says what the headers say, and names every call.
cd "$(dirname "$0")/../.." || exit 1
echo 1..1
if python3 docs/abi.py --check; then echo "ok 1 - docs/abi.md is what the headers say"; else echo "not ok 1 - docs/abi.md is what the headers say"; exit 1; fi
