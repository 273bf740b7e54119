#!/bin/bash
# Every program of cases/, compiled by signet-cc and natively with many options, prints the same and ends with the same status.
# timeout: 600
set -u
cd "$(dirname "$0")/../.."
sealed=build/bin/signet-cc native=build/bin/native-musl-cc
run=${SIGNET_RUN:-build/bin/signet run}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
count=0 failed=0

check() { # NAME OPTION…
  local name=$1 extra=
  shift
  local options="$*"
  count=$((count + 1))
  # The native C library has no 16-byte atomic operations; those of the run time are plain C.
  [ "$name" = assembly ] && extra=toolchain/runtime/atomic.c
  if $sealed -w -Wno-psabi "$@" "tests/toolchain/cases/$name.c" -o "$scratch/sealed" -lm 2>"$scratch/log" &&
    $native -w -Wno-psabi ${options/-msignet-parallel/} -I. "tests/toolchain/cases/$name.c" $extra -o "$scratch/native" -lm 2>>"$scratch/log"; then
    "$scratch/native" >"$scratch/expected" </dev/null
    local expected=$?
    $run "$scratch/sealed" >"$scratch/actual" 2>>"$scratch/log" </dev/null
    local actual=$?
    if [ $expected = $actual ] && cmp -s "$scratch/expected" "$scratch/actual"; then
      echo "ok $count - $name $*"
      return
    fi
    echo "# status $actual, natively $expected"
    diff "$scratch/expected" "$scratch/actual" | head -n 10 | sed 's/^/# /'
  fi
  head -n 10 "$scratch/log" | sed 's/^/# /'
  echo "not ok $count - $name $*"
  failed=$((failed + 1))
}

for name in language numbers assembly vectors; do
  for options in -O0 -O1 -O2 -O3 -Os "-O2 -g" "-O2 -flto" "-O2 -march=native" "-O1 -fno-omit-frame-pointer -fPIC" \
    "-O2 -msignet-parallel" "-O2 -ffunction-sections -Wl,--gc-sections"; do
    check "$name" $options
  done
done
echo "1..$count"
[ $failed = 0 ]
