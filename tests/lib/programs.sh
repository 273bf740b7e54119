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

# The command that runs a native program with a /tmp of its own, empty as that of a sealed one. The program is in the old /tmp.
own_tmp=(unshare -rm bash -c 'exec 9<"$0" && mount -t tmpfs -o mode=1777 none /tmp && exec /proc/self/fd/9 "$@"')

for source in tests/lib/programs/*.c; do
  name=$(basename "$source" .c)
  flags=(-O1 -g -D_GNU_SOURCE -pthread)
  build/bin/native-musl-cc "${flags[@]}" "$source" -o "$work/$name.native" 2>"$work/error" &&
    build/bin/signet-cc "${flags[@]}" "$source" -o "$work/$name" 2>>"$work/error"
  tap $? "$name: compiles" || sed 's/^/# /' "$work/error"
  rm -rf "$work/native" "$work/sealed"
  mkdir "$work/native" "$work/sealed"
  before=()
  [ "$name" = temporary ] && before=("${own_tmp[@]}")
  run native env -i -C "$work/native" NAME=value "${before[@]}" "$work/$name.native" a 'b c' '' 2>/dev/null
  run sealed "$top/build/bin/signet" run --env NAME=value --dir "$work/sealed::/w" --workdir /w --trace "$work/$name" a 'b c' '' \
    2>/dev/null
  for part in out error files; do
    check "$name: the same $part" cmp "$work/$name.native.$part" "$work/$name.sealed.$part"
    diff "$work/$name.native.$part" "$work/$name.sealed.$part" 2>/dev/null | head -n 10 | sed 's/^/# /'
  done
done

# A directory that is mounted at /tmp, or above it, is the program's /tmp.
for place in /tmp /; do
  rm -rf "$work/mounted"
  mkdir -p "$work/mounted/tmp"
  timeout 60 build/bin/signet run --dir "$work/mounted$([ $place = /tmp ] && echo /tmp)::$place" "$work/temporary" >"$work/out" 2>&1
  is "with a directory at $place, what is left in /tmp is left there" left "$(cat "$work/mounted/tmp/left" 2>&1)"
done
rm -rf "$work/mounted/tmp"
timeout 60 build/bin/signet run --dir "$work/mounted::/" "$work/temporary" >"$work/out" 2>&1
matches "a directory at / without tmp in it has none" 'stat\("/tmp", &status\) = -1 No such file' "$(head -n 1 "$work/out")"
finish
