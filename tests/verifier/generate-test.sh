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
refuses 'a row of more than 15 bytes' 'add | 81 /0 o16 w lock | Ev:rw Iz' 'add | 0f 81 /0 o16 w lock | Ev:rw Iz'
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
refuses 'an opcode with more behind it' 'add | 01x /r | Ev:rw Gv:r'
refuses 'an opcode that is no byte' 'add | zz /r | Ev:rw Gv:r'
refuses 'an escape without an opcode' 'add | 0f | Ib'
refuses '+r on an opcode with low bits' 'push | 51+r | Zq:r'
refuses '+i on a byte with low bits' 'fadd | d8 c1+i | | st:rw'
refuses 'a VEX prefix of four parts' 'a | vex.128.66.0f 10 /r | Vx:w Wx:r'
refuses 'a branch displacement with an access' 'jmp | e9 | Jd:r | | | branch'
refuses 'a branch displacement of the width of an immediate' 'jmp | e9 | Jz | | | branch'
refuses 'an immediate of the width of a branch' 'add | 05 | Id | rax:rw'
refuses 'an address with a width' 'lea | 8d /r | Gv:w Av | | | address'
refuses 'a width of two letters' 'add | 01 /r | Evv:rw Gv:r'
refuses 'no width' 'add | 01 /r | E:rw Gv:r'
refuses 'bits of a register that has none' 'a | 0f 10 /r | V32:w Wx:r'
refuses 'fewer bits than a byte' 'a | 0f 10 /r | Vx:w W0:r'
refuses 'more bits than a vector' 'a | 0f 10 /r | Vx:w W512:r'
refuses 'bits that are no bytes' 'a | 0f 10 /r | Vx:w W12:r'
refuses 'a vector of the width of a general register' 'a | 0f 10 /r | Vd:w Wx:r'
refuses 'memory of the width of a byte register' 'a | 0f c7 /1 | Mb:rw'
refuses 'memory without a width' 'a | 0f c7 /1 | M:rw'
refuses 'memory with a width of two letters' 'a | 0f c7 /1 | Mvv:rw'
refuses 'a register in an opcode that has none' 'push | 50 | Zq:r'
refuses 'two immediates' 'enter | c8 | Iz Ib'
refuses 'two operands in vvvv' 'andn | vex.128.np.0f38.wig f2 /r | By:w Hx:r Ey:r'
refuses 'lock where memory is only read' 'cmp | 38 /r lock | Eb:r Gb:r'
refuses 'an operand beside an exact ModRM byte' 'fadd | d8 c0 | Ev:rw'
refuses 'an implicit operand without access' 'add | 04 | Ib | al'
refuses 'an implicit operand with another access' 'add | 04 | Ib | al:x'
refuses 'a feature twice' 'a | 0f 10 /r | Vx:w Wx:r | | AVX AVX'
refuses 'a literal that is no byte' 'nop | = zz'
refuses 'a literal with more behind a byte' 'nop | = 90x'
refuses 'a literal of 16 bytes' 'nop | = 66 66 66 66 66 66 66 2e 0f 1f 84 00 00 00 00 00'
refuses 'an empty literal' 'nop | ='
refuses 'a row without a mnemonic' ' | 01 /r | Ev:rw Gv:r'
refuses 'a tab' $'ad\td | 01 /r | Ev:rw Gv:r'
refuses 'a line without end' "$(printf 'a%.0s' {1..600}) | 01 /r | Ev:rw Gv:r"
mapfile -t many < <(for i in {0..64}; do printf 'nop | = %02x\n' $((i + 64)); done)
refuses 'more literals than there is room for' "${many[@]}"
# Forms that differ in their features, and groups that differ in their forms.
rows_of() { # number, digits of each opcode
  awk -v count="$1" -v digits="$2" 'BEGIN {
    split("SSE3 SSSE3 SSE4_1 SSE4_2 POPCNT AVX AVX2 FMA BMI1 BMI2 LZCNT MOVBE F16C", names, " ")
    split("38,3a,66 38,66 3a,f3 38,f3 3a,f2 38,f2 3a", maps, ",")
    for (i = 0; i < count; i++) {
      place = int(i / digits); features = ""
      for (bit = 0; bit < 13; bit++) if (int(i / 2 ^ bit) % 2) features = features " " names[bit + 1]
      map = maps[int(place / 256) + 1]; prefix = ""
      if (length(map) > 2) { prefix = substr(map, 1, 3); map = substr(map, 4) }
      printf "a | %s0f %s %02x /%d | M32:r | |%s\n", prefix, map, place % 256, i % digits, features
    }
  }'
}
mapfile -t many < <(rows_of 4096 8)
refuses 'more forms than there is room for' "${many[@]}"
mapfile -t many < <(rows_of 2048 1; echo 'a | 0f 10 /0 | M32:r | | SHA')
refuses 'more groups than there is room for' "${many[@]}"
printf 'nop | = 90\0\n' >"$list"
"$generate" "$list" >/dev/null 2>&1
result $((!$?)) 'refuses a NUL'
printf 'nop | = 90\n' >"$list"
"$generate" "$list" >/dev/full 2>/dev/null
result $((!$?)) 'refuses to leave half a table'
size=$("$generate" "$list" | wc -c)
(trap '' XFSZ && ulimit -f $((size / 1024)) && "$generate" "$list" >"$list.out" 2>/dev/null)
result $((!$?)) 'refuses to leave a table without its end'
rm -f "$list.out"
"$generate" / >/dev/null 2>&1
result $((!$?)) 'refuses a folder'
[[ $("$generate" /nonexistent 2>&1 >/dev/null) == *usage* ]]
result $? 'refuses a file that is not there'
echo "1..$number"
exit $failed
