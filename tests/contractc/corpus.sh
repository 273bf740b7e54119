#!/bin/bash
# Every rule of contractc refuses what breaks it, word for word as expected, and lets the near miss pass.
cd "$(dirname "$0")/../.." || exit 1
. tests/tap.sh
contractc=build/bin/contractc
bad=tests/contractc/bad good=tests/contractc/good
for expected in "$bad"/*.expected; do
  name=$(basename "$expected" .expected)
  found=$("$contractc" --check "$bad/$name.contract" 2>&1 >/dev/null)
  status=$?
  is "bad/$name is refused with status 1" 1 "$status"
  is "bad/$name is told what is wrong, where, and how to go on" "$(cat "$expected")" "$found"
  rule=${name%%_*} # what is behind '_' is another way to break it
  matches "bad/$name breaks rule $rule" "^[^ ]*:[0-9]+:[0-9]+: error E${rule#e}:" "$found"
done
for contract in "$good"/*.contract contracts/*.contract; do
  found=$("$contractc" --check "$contract" 2>&1)
  is "$contract is accepted without a word" "0 " "$? $found"
done
# E601 is about two contracts: compatible.sh.
for number in $("$contractc" --problems | sed -n 's/^E\([0-9]*\) .*/\1/p' | grep -v 601); do
  check "rule E$number has a contract that breaks it" test -f "$bad/e$number.expected"
  check "rule E$number has a contract that nearly breaks it" test -f "$good/e$number.contract"
done
finish
