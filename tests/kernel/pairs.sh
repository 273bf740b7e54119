#!/bin/bash
# timeout: 200
# Processes in pairs that ask and answer each other all at once (tests/kernel/pairs.c): on Linux and on the bare machine, on one
# processor and on several, and with a tick that comes between any two requests.
cd "$(dirname "$0")/../.." || exit 1
. tests/tap.sh
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp build/tests/kernel/pairs_child "$work/" || { echo "Bail out! not built"; exit 1; }

pairs() { # NAME ROUNDS COMMAND…
  local name=$1 rounds=$2
  shift 2
  "$@" --dir "$work::/images" build/tests/kernel/pairs /images/pairs_child 8 "$rounds" >"$work/out" 2>"$work/err" </dev/null
  local status=$?
  [ $status = 0 ] && grep -q '^ok 1 - 8 pairs' "$work/out" && { [[ $* != *check* ]] || grep -q 'the seal and every invariant hold' "$work/err"; }
  status=$?
  tap $status "$name"
  [ $status = 0 ] || tail -n 20 "$work/out" "$work/err" | sed 's/^/# /'
}

pairs "on Linux, one processor" 20000 timeout 60 build/bin/signet run --cpus 1
pairs "on Linux, two" 20000 timeout 60 build/bin/signet run --cpus 2
pairs "on the bare machine, one processor" 2000 build/bin/signet boot --deadline 60 --kernel check
pairs "on the bare machine, two" 2000 build/bin/signet boot --cpus 2 --deadline 60 --kernel check
pairs "with ticks all the time" 1000 build/bin/signet boot --count --kernel tick=3001 --deadline 60 --kernel check
pairs "with ticks all the time, two processors" 1000 build/bin/signet boot --cpus 2 --kernel tick=20011 --deadline 60 --kernel check
finish
