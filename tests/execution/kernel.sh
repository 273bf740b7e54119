#!/bin/sh
# The border between sealed processes and the real kernel, attacked (kernel.c): as the host's C library is, and with that library
# held to older vector instructions, whose registers a sealed process can read. Arguments are passed on, `--record` before others.
cd "$(dirname "$0")/../.." || exit 1
number=0
result=0
each() {
  number=$((number + 1))
  name=$1
  shift
  if output=$("$@"); then word=ok; else word='not ok'; result=1; fi
  printf '%s\n' "$output" | grep -E '^(#|record: |Bail out!)'
  [ "$record" ] || echo "$word $number - processes and random programs leave nothing behind and find nothing, $name"
}
record=
[ "$1" = --record ] && record=1
program="timeout 900 build/tests/execution/kernel build/tests/execution/kernel_child --seconds ${SECONDS_EACH:-7}"
each "with the host's own routines" $program "$@"
each "with its routines of AVX2" env GLIBC_TUNABLES=glibc.cpu.hwcaps=-AVX512F,-AVX512VL,-AVX512BW $program --seed 1000000 "$@"
[ "$record" ] || echo "1..$number"
exit $result
