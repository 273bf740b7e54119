#!/bin/bash
# The table generator refuses a list that is wrong, names the line, and accepts one that is right.
generate=${1:-build/verifier/generate}
list=$(mktemp) || exit 1
trap 'rm -f "$list"' EXIT
number=0
failed=0

result() { # verdict name
  number=$((number + 1))
  if [ "$1" = 0 ]; then echo "ok $number - $2"; else echo "not ok $number - $2"; failed=1; fi
}

refuses() { # name, then rows; the last row is the wrong one
  local name=$1 rows errors
  shift
  printf '# comment\n' >"$list"
  printf '%s\n' "$@" >>"$list"
  rows=$(($# + 1))
  if errors=$("$generate" "$list" 2>&1 >/dev/null); then
    result 1 "refuses $name"
  elif [[ $errors == "$list:$rows: "* ]]; then
    result 0 "refuses $name"
  else
    result 1 "refuses $name"
    echo "# $errors"
  fi
}

printf '%s\n' 'add | 01 /r o16 w lock | Ev:rw Gv:r | flags:w' 'nop | = 0f 1f 00' >"$list"
"$generate" "$list" >/dev/null
result $? 'accepts a small list'
refuses 'the same row twice' 'add | 01 /r | Ev:rw Gv:r' 'add | 01 /r | Ev:rw Gv:r'
refuses 'rows that overlap in a digit' 'inc | ff /0 w | Ev:rw' 'dec | ff /r | Ev:rw Gv:r'
refuses 'rows that overlap in REX.W' 'a | 0f 7e /r w | Ev:rw' 'b | 0f 7e /r w1 | Ev:rw'
refuses 'rows that overlap in 66' 'a | 0f 7e /r o16 | Ev:rw' 'b | 66 0f 7e /r | Ev:rw'
refuses 'rows that overlap in VEX.W' 'a | vex.128.66.0f38.wig 10 /r | Vx:w Wx:r' 'b | vex.128.66.0f38.w1 10 /r | Vx:w Wx:r'
refuses 'a literal that begins another' 'nop | = 0f 1f 00' 'nop | = 0f 1f 00 00'
refuses 'an unknown word' 'add | 01 /r w2 | Ev:rw Gv:r'
refuses 'an unknown operand' 'add | 01 /r | Ev:rw Qv:r'
refuses 'an unknown access' 'add | 01 /r | Ev:x Gv:r'
refuses 'an operand without access' 'add | 01 /r | Ev:rw Gv'
refuses 'an unknown width' 'add | 01 /r | Ek:rw Gv:r'
refuses 'an unknown feature' 'add | 01 /r | Ev:rw Gv:r | | SSE9'
refuses 'an unknown rule' 'add | 01 /r | Ev:rw Gv:r | | | anything'
refuses 'an unknown implicit operand' 'add | 01 /r | Ev:rw Gv:r | r14:w'
refuses 'an implicit %rsp' 'add | 01 /r | Ev:rw Gv:r | rsp:w'
refuses 'implicit memory' 'add | 01 /r | Ev:rw Gv:r | memory:w'
refuses 'two operands in ModRM.rm' 'add | 01 /r | Ev:rw Ev:r'
refuses 'a register operand without ModRM' 'add | 01 | Gv:r'
refuses 'ModRM without an operand' 'add | 01 /r |'
refuses 'vvvv without VEX' 'add | 01 /r | By:w Ev:r'
refuses 'lock without memory' 'add | 01 /r lock | Gv:rw Ev:r'
refuses 'a mandatory 66 with o16' 'add | 66 01 /r o16 | Ev:rw Gv:r'
refuses 'a VEX length that does not exist' 'add | vex.512.66.0f.w0 10 /r | Vx:w Wx:r'
refuses 'too many columns' 'add | 01 /r | Ev:rw Gv:r | | | | |'
refuses 'a row without an encoding' 'add'
refuses 'an address with an access' 'lea | 8d /r | Gv:w A:r | | | address'
refuses 'an address without its rule' 'lea | 8d /r | Gv:w A'
"$generate" /nonexistent >/dev/null 2>&1
result $((!$?)) 'refuses a file that is not there'
echo "1..$number"
exit $failed
