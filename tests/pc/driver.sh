#!/bin/bash
# timeout: 200
# A driver that asks for ports, devices and handles that its manifest does not grant: tests/pc/driver.c in the serial driver's place.
cd "$(dirname "$0")/../.." || exit 1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work"/{bin,services,pc} build/tests/pc/logs
cp build/bin/signet "$work/bin/" && cp build/services/{supervisor,memory} "$work/services/" && cp build/pc/kernel.elf "$work/pc/" &&
  cp build/tests/pc/driver "$work/services/serial" || { echo "Bail out! not built"; exit 1; }
failed=0
number=0
# The same system with one port fewer, so that the end of the range is no multiple of anything.
"$work/bin/signet" boot --output "$work/whole.elf" build/tests/pc/hostile && python3 - "$work" <<'END' || exit 1
import sys
sys.path.insert(0, "tests/pc")
sys.dont_write_bytecode = True
import archive
file = archive.Archive(sys.argv[1] + "/whole.elf")
ports = next(i for i in range(file.head("devices")) if file.get(archive.DEVICE, file.device(i), "kind") == 1)
file.set(archive.DEVICE, file.device(ports), "count", 7)
file.seal()
open(sys.argv[1] + "/seven.elf", "wb").write(file.bytes)
END
for machine in "microvm 8 whole" "q35 8 whole" "microvm 7 seven"; do
  set -- $machine
  timeout 90 "$work/bin/signet" boot --machine $1 --deadline 80 --kernel check --log "build/tests/pc/logs/driver-$1-$2" --input "$work/$3.elf" \
    >"$work/out" 2>"$work/err" </dev/null
  machine="$1, $2 ports"
  # The program's own streams are gone with the driver; what counts is what the driver said, and that the machine ended well.
  while read -r line; do
    case $line in
      ok* | 'not ok'*) number=$((number + 1)); sed -E "s/ok [0-9]+/ok $number/; s/\$/: $machine/" <<<"$line" ;;
    esac
    [[ $line == 'not ok'* ]] && failed=1
  done <"$work/out"
  said=$(grep -c '^ok' "$work/out")
  wanted=$(sed -n 's/^1\.\.//p' "$work/out" | tr -d '\r')
  number=$((number + 1))
  if grep -q "^# granted $2\$" "$work/out" && [ "${wanted:-0}" -gt 0 ] && [ "$said" = "$wanted" ] && grep -q 'the seal and every invariant hold' "$work/err"; then
    echo "ok $number - the driver said all, and the machine's seal and invariants hold: $machine"
  else
    echo "not ok $number - the driver said all, and the machine's seal and invariants hold: $machine"
    sed 's/^/# /' "$work/out" "$work/err" | tail -20
    failed=1
  fi
done
echo "1..$number"
exit $failed
