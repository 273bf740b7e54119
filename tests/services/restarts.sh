#!/bin/bash
# Real restarts: a system that `signet up` runs, in which a client and a service crash a thousand times each
# (tests/services/restarts.c). Nothing is left behind, and a crashed service is back within 5 ms.
cd "$(dirname "$0")/../.." || exit 1
. tests/tap.sh
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
timeout 100 build/bin/signet up --socket "$work/socket" tests/services/restarts.yaml >"$work/out" 2>"$work/err"
is "the system ends as its main process does" 0 $?
grep -ho '^driver | .*' "$work/out" "$work/err" | sed 's/^driver | //' >"$work/said"
sed 's/^/# /' "$work/said"
line() { grep "^$1" "$work/said"; }
is "a client that crashes is started again a thousand times, and then given up" "client: 1000 restarts, ended by 3/6" "$(line client:)"
matches "a service that crashes is started again each time" '^service: 1020 restarts' "$(line 'service: 1020')"
matches "a thousand restarts leave nothing behind" '^service: the same' "$(line 'service: [tn]')"
# The last hundredth is the host's, when it has other things to do.
within() { # NAME PATTERN: microseconds of 9 of 10
  local most
  most=$(line "$2" | sed -n 's/.*9 of 10 within \([0-9]*\) us.*/\1/p')
  [ -n "$most" ] && [ "$most" -lt 5000 ]
  tap $? "$1: ${most:-none} us"
}
within "9 of 10 restarts say STARTED within 5 ms" "from the end"
within "9 of 10 crashes cost less than 5 ms until the next good answer" "from the last request"

# Without a main process it runs until it is told to end; then each is told, and has its time.
sed -e '/^main:/d' -e "s|\.\./\.\./|$PWD/|" -e 's/limit: 1000,/limit: 3,/' -e '/^  driver:/,$d' tests/services/restarts.yaml >"$work/told.yaml"
# Without --foreground timeout passes a signal on twice, and the second one stops the system at once.
timeout --foreground 100 build/bin/signet up --socket "$work/socket" "$work/told.yaml" >"$work/out" 2>"$work/err" &
up=$!
for ((i = 0; i < 500; i++)); do
  [ "$(grep -c '^client *crashed' "$work/err")" -ge 4 ] && break
  sleep 0.02
done
kill -TERM $up
wait $up
is "a system that is told to end ends well" 0 $?
is "in reverse order, each by itself" "service ended with status 0;console ended with status 0" \
  "$(sed -n 's/^\(service\|console\)  *ended  *\(ended with.*\)/\1 \2/p' "$work/err" | paste -sd ';')"
finish
