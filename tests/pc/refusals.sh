#!/bin/bash
# timeout: 600
# Machines that cannot boot, and systems that cannot start: damaged archives, too little memory, no source of randomness, words of the
# command line that nobody knows. Each says what is wrong and ends; none hangs.
cd "$(dirname "$0")/../.." || exit 1
. tests/tap.sh
. tests/pc/machine.sh
deadline=20
build/bin/signet-cc -O1 -g tests/cli/victims.c -o "$work/victims" || { echo "Bail out! signet-cc failed"; exit 1; }
mkdir "$work/tree" && echo text >"$work/tree/file"
whole=$work/whole.elf
$signet boot --serial framed --output "$whole" --dir "$work/tree" --unverified "$work/victims" status 0 ||
  { echo "Bail out! no bootable file"; exit 1; }

expect "a whole file runs" 0 '^$' --input "$whole"
while IFS=$'\t' read -r number wanted said name; do
  tests/pc/archive.py damage "$whole" "$number" "$work/damaged.elf" || { tap 1 "damage: $name"; continue; }
  boot "damage $number" --input "$work/damaged.elf"
  good=0
  if [ "$wanted" = any ]; then
    [ $status -lt 120 ] && good=1
  else
    [ $status = "$wanted" ] && good=1
  fi
  grep -qE "signet: .*($said)" "$work/err" || good=0
  [ $good = 1 ] || echo "# wanted: status $wanted, /$said/"
  verdict $good "damage: $name"
done < <(tests/pc/archive.py list)
expect "the kernel without an archive" 123 "cannot boot: there is no boot archive behind the kernel; .signet boot. makes" \
  --input build/pc/kernel.elf
head -c $(($(stat -c %s "$whole") / 2)) "$whole" >"$work/half.elf"
expect "half a file" 123 "the machine ended before its program did" --input "$work/half.elf"

# Too little memory: it runs, or says that this is too little.
for one in "${machines[@]}"; do
  set -- $one
  for size in 32 24 16 8 4; do
    boot "memory of $size MiB $1 $2" --machine $1 --cpus $2 --memory ${size}M "$work/victims" status 7
    good=0
    if [ $status = 7 ]; then
      good=1 told="it runs"
    else
      told=$(grep -m 1 -oiE 'signet: .*memory.*' "$work/err") && [ $status -ge 123 ] && [ $status != 124 ] && good=1
    fi
    verdict $good "$size MiB: $one${told:+: ${told:0:100}}"
  done
done
expect "4 MiB are too little" 123 "cannot boot: .*memory" --memory 4M "$work/victims" status 7

next_machine
expect "no RDRAND" 123 "cannot boot: .*RDRAND" "${machine[@]}" --qemu -cpu --qemu max,-rdrand "$work/victims" status 7
expect "a processor of 2003" 123 "cannot boot: this processor lacks" --qemu -cpu --qemu qemu64,+rdrand "$work/victims" status 7
for word in frob check=yes cpus= cpus=0 cpus=9999999999999 cpus=-1 tick=0 tick=fast "figures,check" \
  "$(printf 'x%.0s' $(seq 300))"; do
  expect "the command line says ${word:0:40}" 123 "cannot boot: the command line says '" --kernel "$word" "$work/victims" status 7
done
expect "words that are known" 7 "" --kernel cpus=1 --kernel tick=1000000 --kernel check --kernel figures "$work/victims" status 7
printf 'signet %.0s' $(seq 2000) >"$work/long"
expect "a command line of 14,000 bytes" 123 "cannot boot: the command line" --kernel "$(cat "$work/long")" "$work/victims" status 7
finish
