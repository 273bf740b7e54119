#!/bin/bash
# timeout: 240
# What crosses the border between a process and the kernel (tests/pc/border.c), on Linux and on every machine, and with a timer that
# interrupts all the time.
cd "$(dirname "$0")/../.." || exit 1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/images" build/tests/pc/logs
cp build/tests/pc/border_child "$work/images/" || { echo "Bail out! not built"; exit 1; }
number=0
failed=0
run() { # NAME COMMAND…
  local name=$1 status said wanted
  shift
  "$@" >"$work/out" 2>"$work/err" </dev/null
  status=$?
  while IFS= read -r line; do
    case $line in
      ok* | 'not ok'*)
        number=$((number + 1))
        sed -E "s/ok [0-9]+/ok $number/; s/\$/: $name/" <<<"$line"
        [[ $line == ok* ]] || failed=1 ;;
      '#'*) printf '%s\n' "$line" ;;
    esac
  done <"$work/out"
  said=$(grep -Ec '^(not )?ok' "$work/out")
  wanted=$(sed -n 's/^1\.\.//p' "$work/out")
  number=$((number + 1))
  if [ "${wanted:-0}" -gt 0 ] && [ "$said" = "$wanted" ] && [ $status -le 1 ] && { [[ $* != *--kernel\ check* ]] || grep -q 'the seal and every invariant hold' "$work/err"; }; then
    echo "ok $number - it came to its end: $name"
  else
    echo "not ok $number - it came to its end: $name"
    tail -n 20 "$work/out" "$work/err" | sed 's/^/# /'
    failed=1
  fi
}
linux() { # CPUS ARGUMENT…
  local cpus=$1
  shift
  run "Linux, $cpus" timeout 30 build/bin/signet run --processes 64 --memory 64M --cpus "$cpus" --dir "$work/images::/images:ro" build/tests/pc/border \
    /images/border_child "$@"
}
boot() { # MACHINE CPUS OPTION… [-- ARGUMENT…]
  local name="$*" options=(--machine "$1" --cpus "$2")
  shift 2
  while [ $# -gt 0 ] && [ "$1" != -- ]; do
    options+=("$1")
    shift
  done
  shift
  name=${name% -- *}
  run "$name" timeout 40 build/bin/signet boot --deadline 30 --kernel check --log "build/tests/pc/logs/border-${name// /-}" --dir "$work/images::/images" \
    "${options[@]}" build/tests/pc/border /images/border_child "$@"
}
linux 1
linux 2 wake
for machine in microvm q35; do
  boot $machine 1
  boot $machine 2 -- wake
done
for cpus in 1 2; do
  boot microvm $cpus --count --kernel tick=1009
done
echo "1..$number"
exit $failed
