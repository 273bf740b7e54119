#!/bin/bash
# The short runs of the simulation: as fast as can be, and fewer calls under the sanitizers and with every access to memory watched.
# timeout: 300
cd "$(dirname "$0")/../.."
programs=build/tests/simulation
echo 1..3
status=0
run() { # run NUMBER NAME PROGRAM ARGUMENT…
  local number=$1 name=$2 output
  shift 2
  if output=$("$@" 2>&1); then
    echo "ok $number - $name"
    grep '^record:' <<<"$output" | sed 's/^record:/#/'
  else
    echo "not ok $number - $name"
    sed 's/^[^#]/# &/' <<<"$output" | tail -n 200
    status=1
  fi
}
run 1 'random programs of kernel calls break no invariant' \
  $programs/simulate --calls 600000 --keep $programs/found.trace
run 2 'random programs of kernel calls break no invariant, under the sanitizers' \
  $programs/simulate-sanitize --calls 60000 --seed 1000000 --keep $programs/found-sanitize.trace
run 3 'random programs of kernel calls, stopped between any two accesses to memory' \
  $programs/simulate-watch --calls 60000 --seed 2000000 --keep $programs/found-watch.trace
exit $status
