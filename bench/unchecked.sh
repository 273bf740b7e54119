#!/bin/bash
# Prints a file of kernel/ with the contract's checks taken out: `bench/unchecked.sh FILE`. Only for the benchmark of what they
# cost, beside the kernel as it is; nothing else may link it. A check that is no longer written as it was is an error.
set -euo pipefail
text=$(cat "$1")
without() { # without OLD NEW: the one place of that text
  local rest=${text#*"$1"}
  [ "$rest" != "$text" ] && [ "${rest#*"$1"}" = "$rest" ] || { echo "$0: not exactly once in $file: $1" >&2; exit 1; }
  text=${text/"$1"/"$2"}
}
file=$1
case $(basename "$file") in
handover.c)
  without '(form != from->fits || from->stance != from->fits_stance) && (quick || !fits(from, form))' 'false && fits(from, form)' ;;
channel.c)
  without 'uint8_t next = contract->next[from->state * contract->messages + header.tag];' 'uint8_t next = 0;' ;;
*)
  echo "$0: no checks are known of $file" >&2
  exit 1 ;;
esac
printf '%s\n' "$text"
