#!/bin/bash
# The long run for the record: `record.sh CALLS` makes half of them on each of two processors, from different seeds; and of a
# fiftieth of them more every access to memory is watched.
cd "$(dirname "$0")/../.."
calls=${1:?usage: record.sh CALLS}
programs=build/tests/simulation
pids=()
for part in 1 2; do
  $programs/simulate --calls $((calls / 2)) --seed $((part * 100000000)) --keep $programs/record-$part.trace \
    >$programs/record-$part.txt &
  pids+=($!)
done
trap 'kill "${pids[@]}" 2>/dev/null' EXIT
status=0
for part in 1 2; do
  wait "${pids[part - 1]}" || status=1
  sed '/^1\.\./d' $programs/record-$part.txt
done
$programs/simulate-watch --calls $((calls / 50)) --seed 300000000 --keep $programs/record-watch.trace >$programs/record-watch.txt ||
  status=1
sed '/^1\.\./d' $programs/record-watch.txt
exit $status
