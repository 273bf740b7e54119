#!/bin/bash
# What the library OS answers, against Linux itself: each program of tests/lib/programs runs sealed and native (same C library), in an
# empty directory each, and must print the same, end the same and leave the same files.
cd "$(dirname "$0")/../.." || exit 1
. tests/tap.sh
top=$PWD
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

run() { # KIND COMMAND…: in an empty directory, with input
  local kind=$1 status
  shift
  printf 'one\ntwo\nthree' | timeout 60 "$@" >"$work/$name.$kind.out" 2>"$work/$name.$kind.error"
  status=${PIPESTATUS[1]}
  echo "status $status" >>"$work/$name.$kind.out"
  (cd "$work/$kind" && find . -printf '%P %y %m %l\n' | sort && find . -type f -exec md5sum {} + | sort) >"$work/$name.$kind.files"
}

for source in tests/lib/programs/*.c; do
  name=$(basename "$source" .c)
  flags=(-O1 -g -D_GNU_SOURCE -pthread)
  build/bin/native-musl-cc "${flags[@]}" "$source" -o "$work/$name.native" 2>"$work/error" &&
    build/bin/signet-cc "${flags[@]}" "$source" -o "$work/$name" 2>>"$work/error"
  tap $? "$name: compiles" || sed 's/^/# /' "$work/error"
  rm -rf "$work/native" "$work/sealed"
  mkdir "$work/native" "$work/sealed"
  run native env -i -C "$work/native" NAME=value "$work/$name.native" a 'b c' '' 2>/dev/null
  run sealed "$top/build/bin/signet" run --env NAME=value --dir "$work/sealed::/w" --workdir /w --trace "$work/$name" a 'b c' '' \
    2>/dev/null
  for part in out error files; do
    check "$name: the same $part" cmp "$work/$name.native.$part" "$work/$name.sealed.$part"
    diff "$work/$name.native.$part" "$work/$name.sealed.$part" 2>/dev/null | head -n 10 | sed 's/^/# /'
  done
done
finish
