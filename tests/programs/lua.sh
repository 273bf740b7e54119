#!/bin/bash
# lua, sealed against native: every script of tests/programs/lua, then its options, errors and standard input.
source "$(dirname "$0")/compare.sh" lua
for script in "$top"/tests/programs/lua/*.lua; do
  name=$(basename "$script")
  input "$name" <"$script"
  same "$name" "$name" one "two words" ''
done
input bench.lua <"$top/bench/work/lua.lua"
same "the benchmark's script" bench.lua
echo 'print("from standard input", ...)' | input stdin.lua
same "a script on standard input" -i stdin.lua - a b
same "an expression" -e 'print(("x"):rep(20), 2^0.5, 7 // 2, 7 % -3)'
same "a script that is not there" -s 1 absent.lua
same "an error ends with status 1" -s 1 -e 'error("no")'
same "os.exit gives its status" -s 42 -e 'os.exit(42, true)'
same "memory without end is an error, not a crash" -e 'print(pcall(string.rep, "x", 1 << 40))'
finish
