#!/bin/bash
# The command: exit status, outputs, diagnostics as JSON, identity, diagrams.
cd "$(dirname "$0")/../.." || exit 1
. tests/tap.sh
contractc=$PWD/build/bin/contractc
good=tests/contractc/good/sample.contract
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
status() { # ARGUMENTS
  "$contractc" "$@" >"$work/out" 2>"$work/err"
  echo $?
}
# ---- Status ----
is "0: in order" 0 "$(status --check $good)"
is "1: refused" 1 "$(status tests/contractc/bad/e401.contract)"
is "2: no contract" 2 "$(status --check)"
is "2: an unknown option" 2 "$(status --nonsense $good)"
is "2: two contracts" 2 "$(status $good $good)"
is "2: no such file" 2 "$(status --check "$work/nothing.contract")"
matches "and says which" "^contractc: '$work/nothing.contract' cannot be read: No such file" "$(cat "$work/err")"
is "2: a file that cannot be written" 2 "$(status --header /nowhere/x.h $good)"
matches "and says which" "^contractc: cannot write /nowhere/x.h: No such file" "$(cat "$work/err")"
is "2: a device that is full" 2 "$(status --header /dev/full $good)"
check "and the device stays" test -c /dev/full
is "2: a form of the table that there is not" 2 "$(status --table - --table-version 3 $good)"
is "0: help" 0 "$(status --help)"
is "2: --compatible with one" 2 "$(status --compatible $good)"
head -c 1048577 /dev/zero | tr '\0' ' ' >"$work/large.contract"
is "1: more than 1 MiB" 1 "$(status --check "$work/large.contract")"
matches "is E105" "E105" "$(cat "$work/err")"
status --header "$work/x.h" --table "$work/x.table" tests/contractc/bad/e402.contract >/dev/null
check "a refused contract leaves no file" test ! -e "$work/x.h" -a ! -e "$work/x.table"
is "--check writes nothing" 0 "$(status --check --header "$work/x.h" $good)"
check "not even what was asked for" test ! -e "$work/x.h"
# ---- Limits ----
chain() { # STATES: a contract that goes round through so many states, with every message in each
  local i side letter
  echo "contract chain {"
  for ((i = 0; i < 127; i++)); do echo "  client message A$i; server message B$i;"; done
  for ((i = 0; i < $1; i++)); do
    if ((i % 2)); then side=server letter=B; else side=client letter=A; fi
    printf '  %s state S%d { %s0' $side $i $letter
    ((i)) || echo -n "$(seq -f ", ${letter}%g" -s '' 1 126)"
    ((i == 1)) && echo -n "$(seq -f ", ${letter}%g" -s '' 1 126)"
    echo " -> S$(((i + 1) % $1)); close; }"
  done
  echo "}"
}
chain 254 >"$work/chain.contract"
is "254 states are in order" 0 "$(status --header "$work/chain.h" --promela "$work/chain.pml" "$work/chain.contract")"
check "and their header compiles" gcc -std=gnu11 -Wall -Wextra -Werror -Iinclude -I. -fsyntax-only -xc "$work/chain.h"
chain 255 >"$work/chain.contract"
is "255 states are not" 1 "$(status --check "$work/chain.contract")"
matches "and that is E307" "E307: a contract has at most 254 states" "$(cat "$work/err")"
# ---- JSON ----
is "diagnostics as JSON: status 1" 1 "$(status --json tests/contractc/bad/e402.contract)"
is "JSON has number, position, trace, suggestion" "E402 8 26 6 True" "$(python3 -c '
import json, sys
problem = json.load(open(sys.argv[1]))[0]
print(problem["number"], problem["line"], problem["column"], len(problem["trace"]), "go on" in problem["suggestion"])' "$work/out")"
status --json $good >/dev/null
is "JSON of a contract in order is an empty list" "[]" "$(tr -d ' \n' <"$work/out")"
# ---- The table ----
"$contractc" --table "$work/1" --table-version 1 $good
"$contractc" --table "$work/0" $good
is "a contract that moves things has the second form, when not asked" 2 "$(od -An -tu4 -N4 "$work/0" | tr -d " ")"
"$contractc" --table "$work/2" --table-version 2 $good
is "the forms of the table have their numbers" "1 2" "$(od -An -tu4 -N4 "$work/1" | tr -d ' ') $(od -An -tu4 -N4 "$work/2" | tr -d ' ')"
is "the second form is the first, and more: rows, step, states" "same" "$(python3 -c '
import struct, sys
one, two = open(sys.argv[1], "rb").read(), open(sys.argv[2], "rb").read()
version, messages, states = struct.unpack_from("<IHH", one)
rows = 48
for i in range(messages):
    a, b = one[rows + 16 * i:rows + 16 * i + 16], two[rows + 16 * i:rows + 16 * i + 16]
    assert a[:6] + a[8:] == b[:6] + b[8:]
steps = [struct.unpack_from("<H", two, rows + 16 * i + 6)[0] for i in range(messages)]
assert one[rows + 16 * messages:] == two[rows + 16 * messages:][:states * messages]
assert one[4:48] == two[4:48]
at = (rows + 16 * messages + states * messages + 7) & ~7
moved = [(two[i:i + 32], *struct.unpack_from("<IIQQ", two, i + 32)) for i in range(at, len(two), 56)]
# MOVE: a block, an end of `used` in its first state, an end of any; MOVED: a block. GOT has points of 8 bytes, NUMBERS of 8.
assert [m[1:] for m in moved] == [(0, 0, 1, 8192), (0, 0, 0, 0), (0xffffffff, 0, 0, 0), (0, 0, 0, 8192)], moved
assert any(moved[1][0]) and not any(moved[0][0]) and not any(moved[2][0])
assert sorted(steps)[-2:] == [8, 8] and sum(steps) == 16, steps
print("same")' "$work/1" "$work/2" 2>&1 | tail -n 1)"
# ---- Identity ----
identity() { "$contractc" --identity "$1" | cut -c 1-64; }
mkdir "$work/a" && cp tests/contractc/good/{sample,used}.contract "$work/a"
same() { # NAME SED-EXPRESSION
  sed "$2" $good >"$work/a/sample.contract"
  cmp -s $good "$work/a/sample.contract" && tap 1 "the change is one: $1"
  is "the identity stays: $1" "$(identity $good)" "$(identity "$work/a/sample.contract")"
}
other() {
  sed "$2" $good >"$work/a/sample.contract"
  local found
  found=$(identity "$work/a/sample.contract")
  matches "there is an identity: $1" "^[0-9a-f]{64}$" "$found"
  check "the identity is another: $1" test "$(identity $good)" != "$found"
}
same "a comment" '1s/Something/Everything/'
same "layout" 's/^  *//; s/;$/ ;/'
same "a constant's name" 's/NAME_MOST/LONGEST/'
same "an error's text" 's/it is broken/it broke/'
same "a structure's name" 's/struct point/struct place/'
other "a message's name" 's/PING/POKE/'
other "a field's name" 's/u64 large/u64 big/'
other "a field's type" 's/u64 large/i64 large/'
other "a bound" 's/NAME_MOST = 31/NAME_MOST = 30/'
other "a value" 's/BLUE = 200/BLUE = 201/'
other "a bound of a block" 's/8192\]/8191]/'
other "a state's name" 's/PARTING/LEAVING/'
other "where an arrow leads" '0,/PING => PONG;/s//PING => PONG -> PARTING;/'
other "where closing is in order" '0,/    close;/s///'
sed 's/used.READY/sample.READY/' $good >"$work/a/sample.contract"
one=$(identity "$work/a/sample.contract")
sed 's/used.READY/sample.PARTING/' $good >"$work/a/sample.contract"
matches "there is an identity: an end of its own that moves" "^[0-9a-f]{64}$" "$one"
check "the identity is another: the state of an end that moves" test "$one" != "$(identity "$work/a/sample.contract")"
cp $good "$work/a/sample.contract"
sed -i 's/message ASK/message ASK_IT/; s/ASK =>/ASK_IT =>/' "$work/a/used.contract"
matches "there is an identity: a contract that is used" "^[0-9a-f]{64}$" "$(identity "$work/a/sample.contract")"
check "the identity is another: a contract that is used" test "$(identity $good)" != "$(identity "$work/a/sample.contract")"
is "the identity is the BLAKE2b-256 of the canonical form" "$("$contractc" --canonical - $good | b2sum -l 256 | cut -c 1-64)" "$(identity $good)"
is "the table carries it" "$(identity $good)" "$(od -An -tx1 -v -j16 -N32 "$work/1" | tr -d ' \n')"
# ---- Diagrams ----
for contract in contracts/*.contract $good; do
  "$contractc" --dot "$work/x.dot" --svg "$work/x.svg" "$contract"
  states=$("$contractc" --canonical - "$contract" | grep -c '^state')
  is "$contract: the diagram has a node for each state" "$states" "$(grep -c '^  s[0-9]* \[' "$work/x.dot")"
  check "$contract: the drawing is well-formed XML" python3 -c 'import sys, xml.dom.minidom; xml.dom.minidom.parse(sys.argv[1])' "$work/x.svg"
  missing=$("$contractc" --canonical - "$contract" | sed -n 's/^message [0-9]* [a-z]* \([^ ]*\) .*/\1/p' | while read -r name; do grep -q "[> ;]$name[ <&]" "$work/x.svg" || echo "$name"; done)
  is "$contract: every message is in the drawing" "" "$missing"
done
finish
