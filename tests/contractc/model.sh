#!/bin/bash
# Every contract as a model that spin verifies: no end is stuck, alone or when the other dies; no queue is longer than its
# slots, and with one slot less it is; both sides hear from each other for ever. timeout: 600
cd "$(dirname "$0")/../.." || exit 1
. tests/tap.sh
contractc=$PWD/build/bin/contractc
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
verify() { # MODEL [SPIN OPTION]... -- [CC OPTION]... -- [PAN OPTION]... : prints the errors found
  local model=$1 spin=() cc=()
  shift
  while [ "$1" != -- ]; do spin+=("$1"); shift; done
  shift
  while [ "$1" != -- ]; do cc+=("$1"); shift; done
  shift
  (cd "$work" && rm -f pan pan.* ./*.trail && spin -a "${spin[@]}" "$model" && gcc -w -O0 -DVECTORSZ=4096 "${cc[@]}" pan.c -o pan && ./pan -m100000 -w16 "$@") \
    >"$work/log" 2>&1
  if grep -q 'max search depth too small\|out of memory' "$work/log"; then
    echo "the search was cut short"
  else
    sed -n 's/.*errors: \([0-9]*\).*/\1/p' "$work/log"
  fi
}
model() { # CONTRACT [all]
  local name slots
  name=$(basename "$1" .contract)
  "$contractc" --promela "$work/$name.pml" --table "$work/$name.table" "$1"
  slots=$(od -An -tu2 -j8 -N4 "$work/$name.table")
  is "$1: no end is stuck, no queue too short" 0 "$(verify "$name.pml" -- -DSAFETY --)"
  local to_server to_client
  read -r to_server to_client <<<"$slots"
  for side in "SERVER $to_server" "CLIENT $to_client"; do
    set -- "$1" "$2" $side
    [ "$4" -gt 1 ] || continue
    is "$1: $4 slots to the $3 are needed: with $(($4 - 1)) spin finds a message without one" 1 \
      "$(verify "$name.pml" "-DTO_$3=$(($4 - 1))" -- -DSAFETY --)"
    matches "$1: and says so" "assertion violated .*len" "$(cat "$work/log")"
  done
  [ "$2" = all ] || return 0
  is "$1: the death of either is survived by the other in every state" 0 "$(verify "$name.pml" -DDEATH -- -DSAFETY --)"
  is "$1: the client hears from the server for ever" 0 "$(verify "$name.pml" -DPROGRESS_CLIENT -- -DNP -- -l)"
  is "$1: the server hears from the client for ever" 0 "$(verify "$name.pml" -DPROGRESS_SERVER -- -DNP -- -l)"
}
for contract in contracts/*.contract tests/contractc/good/{e402,sample}.contract; do
  model "$contract" all
done
# The rest of the good ones: the plain question, where their states differ from those above.
for contract in tests/contractc/good/e{202,204,307,401,403,404,405,406,408,409,410}.contract; do
  model "$contract"
done
# The model can fail: an end that nobody answers, a cycle in which one side hears nothing.
sed 's/to_server!*?M_PING/to_server?M_PONG/' "$work/sample.pml" >"$work/broken.pml"
is "a model in which the server does not understand a message is refused" 1 "$(verify broken.pml -- -DSAFETY --)"
sed 's/goto S_TOLD/goto S_READY/' "$work/events.pml" >"$work/endless.pml"
is "a model in which the client never hears is refused" 1 "$(verify endless.pml -DPROGRESS_CLIENT -DTO_SERVER=9 -- -DNP -- -l)"
finish
