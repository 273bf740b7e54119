#!/bin/bash
# Runs the libFuzzer program of a target: `run.sh NAME SECONDS`. New inputs are kept in build/fuzz/corpus/NAME; one that fails is
# in build/fuzz/NAME-*, and the exit status is 1. The last line says what was done, for tests/record.py.
set -u
cd "$(dirname "$0")/../.."
name=$1 seconds=$2
program=build/fuzz/$name kept=build/fuzz/corpus/$name log=build/fuzz/$name.log
mkdir -p "$kept" "tests/fuzz/corpus/$name"
options=()
[ -e "tests/fuzz/$name.dict" ] && options+=("-dict=tests/fuzz/$name.dict")
[ -t 2 ] && echo "$name: $seconds s" >&2
ASAN_OPTIONS=${ASAN_OPTIONS:-} "$program" -max_total_time="$seconds" -timeout=30 -rss_limit_mb=4096 -max_len=8192 -print_final_stats=1 \
  -artifact_prefix="build/fuzz/$name-" "${options[@]}" "$kept" "tests/fuzz/corpus/$name" >"$log" 2>&1
status=$?
if [ $status -ne 0 ]; then
  echo "$name: something was found; $log ends:"
  tail -n 40 "$log"
  exit 1
fi
inputs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
edges=$(sed -n 's/.* cov: \([0-9]*\) .*/\1/p' "$log" | tail -n 1)
printf 'record: %s: %s inputs, nothing found; %s branches of the code reached\n' "$name" \
  "$(sed ':a;s/\B[0-9]\{3\}\>/,&/;ta' <<<"$inputs")" "$(sed ':a;s/\B[0-9]\{3\}\>/,&/;ta' <<<"$edges")"
