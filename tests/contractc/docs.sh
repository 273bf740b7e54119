#!/bin/bash
# docs/contracts.md: its contracts are accepted, its C compiles, and its list of diagnostics is the compiler's.
cd "$(dirname "$0")/../.." || exit 1
. tests/tap.sh
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
awk -v work="$work" '/^```contract/ { text = ""; inside = 1; next }
  /^```c$/ { inside = 2; next }
  /^```/ { if (inside == 1) { file = work "/" name ".contract"; printf "%s", text > file; close(file) } inside = 0; next }
  inside == 1 { text = text $0 "\n"; if ($1 == "contract") name = $2 }
  inside == 2 { print > (work "/example.c") }' docs/contracts.md
for name in echo shop exchange; do
  is "the contract '$name' of the documentation is accepted" "0 " "$(build/bin/contractc --header "$work/$name.h" "$work/$name.contract" 2>&1; echo -n "$? ")"
done
{
  printf '#include <stdio.h>\n#include "shop.h"\nvoid example(struct shop_buffer buffer);\nvoid example(struct shop_buffer buffer) {\n'
  sed 's/;   \/\*.*/ = {0};/' "$work/example.c"
  printf '}\n'
} >"$work/program.c"
is "the C of the documentation compiles" "0 " "$(gcc -std=gnu11 -Wall -Wextra -Werror -Iinclude -I. -I"$work" -c "$work/program.c" -o "$work/program.o" 2>&1; echo -n "$? ")"
is "the documentation lists every diagnostic" "$(build/bin/contractc --problems)" "$(sed -n 's/^| \(E[0-9]*\) | \(.*\) |$/\1 \2/p' docs/contracts.md)"
finish
