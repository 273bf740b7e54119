#!/bin/bash
# The models of the kernel's algorithms (tests/models/*.pml), each searched whole by spin, and searched again with each of the
# BREAKs that its head lists: a model in which one of them is not found says nothing. timeout: 600
# Usage: run.sh [--record]: larger bounds, and lines for the record.
cd "$(dirname "$0")/../.." || exit 1
. tests/tap.sh
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
declare -A larger=([channel]="-DSENDS=4" [handover]="-DREQUESTS=5 -DEVENTS=2" [set]="-DMESSAGES=5 -DEVENTS=2 -DTIMEOUTS=2" [stop]="-DREQUESTS=3 -DMAKES=4" [wake]="-DWORK=5")
search() { # BREAK : prints the errors found, or what else became of it
  (cd "$work/$name" && rm -f ./*.trail && BREAK=$1 timeout 900 ./pan -m10000000 -w24) >"$work/log" 2>&1
  if grep -q 'max search depth too small\|out of memory' "$work/log"; then
    echo "the search was cut short"
  else
    sed -n 's/.*errors: \([0-9]*\).*/\1/p' "$work/log"
  fi
}
for model in tests/models/*.pml; do
  name=$(basename "$model" .pml)
  [ -t 2 ] && echo "$name ..." >&2
  mkdir "$work/$name"
  # shellcheck disable=SC2086
  (cd "$work/$name" && spin -a ${1:+${larger[$name]}} "$OLDPWD/$model" && gcc -w -O1 -DSAFETY -DCOLLAPSE -DVECTORSZ=1024 pan.c -o pan) >"$work/log" 2>&1 ||
    { is "$model is a model" "" "$(tail -3 "$work/log")"; continue; }
  is "$model: no claim is broken" 0 "$(search 0)"
  states=$(sed -n 's/^ *\([0-9.e+]*\) states, stored.*/\1/p' "$work/log")
  breaks=$(sed -n 's/^ \* BREAK \([0-9]*\):.*/\1/p' "$model")
  found=0
  for number in $breaks; do
    is "$model: it notices when $(sed -n "s/^ \* BREAK $number: \([^*]*[^* ]\).*/\1/p" "$model")" 1 "$(search "$number")"
    grep -q 'errors: 1' "$work/log" && found=$((found + 1))
  done
  [ -z "$1" ] || printf 'record: %s: %.0f states searched, no claim broken; %s of %s faults put in were found\n' "$name" "$states" "$found" "$(wc -w <<<"$breaks")"
done
finish
