#!/bin/bash
# timeout: 400
# The attacks from inside, on the bare machine: privileged instructions, hostile stacks, nonsense; on every machine, and with a timer that
# interrupts all the time.
cd "$(dirname "$0")/../.." || exit 1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/images" build/tests/pc/logs
cp build/tests/pc/hostile_child build/tests/linux/nonsense_child "$work/images/" || { echo "Bail out! not built"; exit 1; }
number=0
failed=0
attack() { # NAME ARGUMENT…
  local name=$1 status said wanted
  shift
  timeout 110 build/bin/signet boot --deadline 100 --kernel check --log "build/tests/pc/logs/attacks-${name// /-}" --dir "$work/images::/images" \
    "$@" >"$work/out" 2>"$work/err" </dev/null
  status=$?
  while read -r line; do
    case $line in
      ok* | 'not ok'*)
        number=$((number + 1))
        sed -E "s/ok [0-9]+/ok $number/; s/\$/: $name/" <<<"$line"
        [[ $line == ok* ]] || failed=1 ;;
    esac
  done <"$work/out"
  said=$(grep -Ec '^(not )?ok' "$work/out")
  wanted=$(sed -n 's/^1\.\.//p' "$work/out")
  number=$((number + 1))
  if [ "${wanted:-0}" -gt 0 ] && [ "$said" = "$wanted" ] && [ $status -le 1 ] && grep -q 'the seal and every invariant hold' "$work/err"; then
    echo "ok $number - the machine's seal and every invariant hold: $name"
  else
    echo "not ok $number - the machine's seal and every invariant hold: $name"
    tail -n 20 "$work/out" "$work/err" | sed 's/^/# /'
    failed=1
  fi
}
for machine in "microvm 1" "microvm 2" "q35 1" "q35 2"; do
  set -- $machine
  attack "privileged instructions, $machine" --machine $1 --cpus $2 build/tests/pc/attacks /images/nonsense_child
  attack "hostile stacks, $machine" --machine $1 --cpus $2 build/tests/pc/hostile /images/hostile_child 50000
  attack "nonsense, $machine" --machine $1 --cpus $2 build/tests/linux/nonsense /images/nonsense_child 100 $RANDOM
done
for tick in 1009 5003; do
  attack "hostile stacks, the timer every $tick ns" --machine microvm --cpus 2 --count --kernel tick=$tick build/tests/pc/hostile \
    /images/hostile_child 20000
done
echo "1..$number"
exit $failed
