#!/bin/bash
# ^C and the like in a sealed program, in every way of waiting for it, against the same program native.
cd "$(dirname "$0")/../.." || exit 1
. tests/tap.sh
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for compiler in native-musl-cc signet-cc; do
  build/bin/$compiler -O1 -g -D_GNU_SOURCE -pthread tests/lib/events/waits.c -o "$work/waits.$compiler" ||
    { echo "Bail out! $compiler failed"; exit 1; }
done

# outcome COMMAND…: runs it with an open pipe for input, sends SIGINT when it is ready, then a line; prints what came.
outcome() {
  local pid
  rm -f "$work/input" && mkfifo "$work/input"
  : >"$work/out"
  "$@" <"$work/input" >"$work/out" 2>"$work/error" &
  pid=$!
  timeout 40 tail -f --pid=$pid /dev/null >/dev/null 2>&1 || kill -KILL $pid 2>/dev/null &
  exec 9>"$work/input"
  for _ in $(seq 200); do grep -q ready "$work/out" && break; sleep 0.02; done
  sleep 0.2
  kill -INT $pid
  sleep 0.3
  (echo abcdefg >&9) 2>/dev/null # nobody may be reading any more
  exec 9>&-
  wait $pid
  echo "status $?" >>"$work/out"
  cat "$work/out"
}

set -m
for way in read restart spin thread ignore sleep poll wait blocked jump default mutex; do
  native=$(outcome "$work/waits.native-musl-cc" $way)
  sealed=$(outcome build/bin/signet run "$work/waits.signet-cc" $way)
  is "$way" "$native" "$sealed"
done
finish
