#!/bin/bash
# The C files of our own are formatted as .clang-format says.
cd "$(dirname "$0")/.."
if ! command -v clang-format >/dev/null; then
  echo "1..0 # SKIP clang-format is not installed"
  exit 0
fi
echo 1..1
if output=$(make -s format-check 2>&1); then
  echo "ok 1 - every C file is formatted"
else
  echo "not ok 1 - every C file is formatted ('make format' does it)"
  grep -o '^[^ :]*:[0-9]*:[0-9]*: error' <<<"$output" | cut -d : -f 1 | sort | uniq -c | sed 's/^/# /'
  exit 1
fi
