#!/bin/bash
# `signet run` and its relatives as a user meets them: statuses, faults, signals, what is granted and what is not.
cd "$(dirname "$0")/../.." || exit 1
. tests/tap.sh
signet=build/bin/signet
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
build/bin/signet-cc -O1 -g tests/cli/victims.c -o "$work/victims" || { echo "Bail out! signet-cc failed"; exit 1; }
victims() { timeout 20 $signet run "$work/victims" "$@" 2>&1; }

victims status 7; is "exit status" 7 $?
cat >"$work/stops.c" <<'END'
#include <signet/calls.h>
int main(void) { signet_process_exit(SIGNET_ENDED_SIGNAL, 19); }
END
build/bin/signet-cc -O1 -Iinclude "$work/stops.c" -o "$work/stops"
timeout -s KILL 10 $signet run "$work/stops"; is "the end by a signal that would stop this process" 147 $?
victims status 255; is "the largest exit status" 255 $?
timeout 20 $signet run "$work/none" 2>"$work/error"; is "no such image: status 127" 127 $?
matches "no such image: says so" "none: No such file" "$(cat "$work/error")"
$signet run /bin/true 2>"$work/error"; is "not an image: status 126" 126 $?
matches "not an image: says why" "not run: .*(static|EXEC)" "$(cat "$work/error")"
$signet run 2>/dev/null; is "no image named: status 2" 2 $?
$signet run --dir /tmp "$work/victims" 2>/dev/null; is "--dir without ::: status 2" 2 $?
$signet run --memory lots "$work/victims" 2>/dev/null; is "--memory that is no number: status 2" 2 $?
$signet run --frob "$work/victims" 2>/dev/null; is "unknown option: status 2" 2 $?
$signet frob 2>/dev/null; is "unknown command: status 2" 2 $?
matches "--help" "usage: signet run" "$($signet run --help)"
$signet run --dir /proc::/p "$work/victims" status 0 2>"$work/error"; is "procfs is not served" 125 $?
matches "procfs: says why" "procfs" "$(cat "$work/error")"
$signet run --memory 64K "$work/victims" status 0 2>"$work/error"; is "too little memory to start" 125 $?
matches "too little memory: says so" "memory" "$(cat "$work/error")"
# A file that may not grow is an error to who writes it, and no end by SIGXFSZ; the images are in such files, too.
printf '#!/bin/bash\nulimit -f 4; exec "$@"\n' >"$work/limited"; chmod +x "$work/limited"
truncate -s 8192 "$work/error"
"$work/limited" $signet run "$work/none" 2>>"$work/error"; is "a message that cannot be written" 127 $?
"$work/limited" $signet run "$work/victims" status 7 2>&1 >/dev/null | cat >"$work/error"
is "an image that may not be so long" 125 "${PIPESTATUS[0]}"
matches "an image that may not be so long: says so" "not run: the host gives no memory for it" "$(cat "$work/error")"

# A fault ends the process, and only it; the report has process, address, symbol and reason.
fault() { # NAME STATUS PATTERN ARGUMENTS…
  local name=$1 status=$2 pattern=$3 text
  shift 3
  text=$(victims "$@"; echo "status $?")
  matches "$name: reported" "$pattern" "$text"
  matches "$name: status $status" "status $status\$" "$text"
}
fault "division by zero" 136 'victims: faulted at 0x[0-9a-f]+ \(divide\+0x[0-9a-f]+\): it divided by zero' divide
fault "read of nothing" 139 'faulted at 0x[0-9a-f]+ \(main\+0x.*read memory.*address 0x0' read 0
fault "read of the high guard" 139 'read memory.*address 0xfffffff0' read 0xfffffff0
fault "an address above the window is cut to it" 139 'read memory.*address 0x10' read 0x7f0000000010
fault "write to code" 139 'wrote memory.*address 0x20000' write 0x20000
fault "write to the entry table" 139 'wrote memory.*address 0x10000' write 0x10000
fault "write to constants" 139 'wrote memory' write "$(readelf -lW "$work/victims" | awk '$1 == "LOAD" && $7 == "R" { print $3; exit }')"
fault "jump to data" 139 'jumped to where no verified code is' jump 0x11000
fault "jump out of the window comes out in it" 139 'jumped to where no verified code is' jump 0x7f0011223344
fault "stack overflow" 139 'wrote memory|read memory' overflow

sh -c "$signet run $work/victims abort" >/dev/null 2>&1; is "abort ends as SIGABRT" 134 $?
sh -c "$signet run $work/victims raise 15" >/dev/null 2>&1; is "raise(SIGTERM)" 143 $?

# The running system, seen from the host: what is executable, and who could change it.
$signet run "$work/victims" wait >"$work/out" 2>&1 &
pid=$!
for _ in $(seq 100); do grep -qs ready "$work/out" && break; sleep 0.05; done
maps=$(cat /proc/$pid/maps)
is "nothing is writable and executable" 0 "$(grep -c '^[^ ]* .wx' <<<"$maps")"
is "three processes' code is mapped from sealed images" 3 "$(grep -c '^[^ ]* r-xs .*/memfd:signet-image' <<<"$maps")"
is "nothing else is executable but the command and Linux's own page" "" \
  "$(grep '^[^ ]* ..x' <<<"$maps" | grep -vE "memfd:signet-image|/signet$|\[vdso\]|\[vsyscall\]")"
is "no image has a writable alias" 0 "$(grep -cE '^[^ ]* .w.s .*(signet-image|signet-entry-table)' <<<"$maps")"
is "every thread has its system call filter" "$(ls /proc/$pid/task | wc -l)" "$(grep -l '^Seccomp:.2' /proc/$pid/task/*/status | wc -l)"
is "and no way to new privileges" "$(ls /proc/$pid/task | wc -l)" "$(grep -l '^NoNewPrivs:.1' /proc/$pid/task/*/status | wc -l)"
kill $pid
wait $pid 2>/dev/null

# Signals from outside.
signalled() { # ARGUMENTS… : starts it, waits for "ready", sends SIGINT; prints output and status
  rm -f "$work/out"
  $signet run "$work/victims" "$@" >"$work/out" 2>&1 &
  local pid=$!
  for _ in $(seq 100); do grep -qs ready "$work/out" && break; sleep 0.05; done
  kill -INT $pid
  wait $pid
  local status=$?
  echo "$(tr '\n' ' ' <"$work/out")status $status"
}
set -m
is "^C ends a process that waits" "ready status 130" "$(signalled wait)"
is "^C ends a process that loops" "ready status 130" "$(signalled spin)"
is "^C reaches a handler of one that waits" "ready caught 2 status 0" "$(signalled handle 0)"
is "^C reaches a handler of one that loops" "ready caught 2 status 0" "$(signalled handle 1)"
is "a handler's rounding is its own, where it interrupts a wait" "ready nearest status 0" "$(signalled rounding 0)"
is "and where it interrupts computing" "ready nearest status 0" "$(signalled rounding 1)"
set +m

# What was not granted does not exist.
is "a file that was not given" "No such file or directory" "$(victims open /etc/passwd)"
mkdir "$work/given" && echo secret >"$work/secret" && echo text >"$work/given/file"
ln -s ../secret "$work/given/link"; ln -s "$work/secret" "$work/given/absolute"
granted() { timeout 20 $signet run --dir "$work/given::/given$1" "$work/victims" open "${@:2}" 2>&1; }
is "a file that was given" opened "$(granted '' /given/file)"
matches ".. does not lead out" "No such file" "$(granted '' /given/../secret)"
matches "a link does not lead out" "No such file|denied|loop|cross-device" "$(granted '' /given/link)"
matches "an absolute link does not lead out" "No such file|denied|loop|cross-device" "$(granted '' /given/absolute)"
matches "a file is not made in a directory given read-only" "Read-only" "$(granted :ro /given/new w)"
is "nor is it there" no "$([ -e "$work/given/new" ] && echo yes || echo no)"
is "a file is made in a directory given" opened "$(granted '' /given/new w)"
is "a file can be made executable" made "$(timeout 20 $signet run --dir "$work/given::/given" "$work/victims" mode /given/set)"
is "but no program that runs with its owner's rights" 755 "$(stat -c %a "$work/given/set")"
is "the environment is empty" none "$(PATH=/bin victims variable PATH)"
is "but for --env" "a=b" "$(timeout 20 $signet run --env X=a=b "$work/victims" variable X)"
is "no executable memory" refused "$(victims execute)"
out=$(timeout 60 $signet run --memory 64M "$work/victims" allocate 1000000000)
got=$(head -1 <<<"$out")
tap "$([ "${got:-0}" -gt 40 ] && [ "$got" -lt 64 ]; echo $?)" "memory ends at the quota (${got:-none} of 64 MiB)"
is "and the process goes on" usable "$(tail -1 <<<"$out")"
matches "--trace names what is not implemented" "333.*2 times" "$(timeout 20 $signet run --trace "$work/victims" unknown 2>&1)"

# Images that were tampered with.
refused() { # NAME PATTERN: $work/bad must not run, for that reason, and verify must say so too
  local text
  text=$(timeout 20 $signet run "$work/bad" status 0 2>&1; echo "status $?")
  matches "$1: refused" "$2.*status 126" "$(tr '\n' ' ' <<<"$text")"
  $signet verify "$work/bad" >/dev/null 2>&1; is "$1: verify says 1" 1 $?
}
poke() { # OFFSET BYTES: copies victims to bad with these bytes changed
  cp "$work/victims" "$work/bad"
  printf "$2" | dd of="$work/bad" bs=1 seek=$(($1)) conv=notrunc status=none
}
head -c 100 "$work/victims" >"$work/bad"; refused "truncated headers" "not run"
head -c 9000 "$work/victims" >"$work/bad"; refused "truncated segment" "not run"
: >"$work/bad"; refused "an empty file" "not run"
head -c 100000 /dev/urandom >"$work/bad"; refused "noise" "not run"
read -r at address size < <(readelf -lW "$work/victims" | awk '$1 == "LOAD" && /E/ { print $2, $3, $5; exit }')
poke "$at + 64" '\x0f\x05'; refused "a system call in the code" "not run"
poke "$at + 96" '\x65\x48\x8b\x04\x25\0\0\0\0'; refused "an address of 64 bits" "not run"
poke 24 '\x21\x00\x02\x00'; refused "an entry off a bundle" "entry|bundle"
poke 24 '\x00\x00\x00\x7f'; refused "an entry outside the code" "entry"
headers=$(od -An -tu8 -j32 -N8 "$work/victims" | tr -d ' ')
for i in $(seq 0 9); do # the first executable LOAD
  type=$(od -An -tu4 -j$((headers + 56 * i)) -N4 "$work/victims"); flags=$(od -An -tu4 -j$((headers + 56 * i + 4)) -N4 "$work/victims")
  [ "$type" -eq 1 ] && [ $((flags & 1)) -eq 1 ] && break
done
poke "$headers + 56 * $i + 4" '\x07'; refused "a writable code segment" "writ"
poke "$headers + 56 * $i + 16" '\x00\x10\x02'; refused "overlapping segments" "not run"
poke "$headers + 56 * $i + 40" '\x00\x00\x00\x00\x01'; refused "an oversized segment" "not run"

# A service that dies: the program is told, and so is who ran it. The services stand beside the command, so another pair is put there.
mkdir -p "$work/other/bin" "$work/other/services"
cp $signet "$work/other/bin/signet"
cp build/services/console "$work/other/services/console"
echo 'volatile int zero; int result; void _start(void) { result = 7 / zero; }' >"$work/dies.c"
build/bin/signet-cc -O1 -nostdlib "$work/dies.c" -o "$work/other/services/files"
text=$(timeout 20 "$work/other/bin/signet" run "$work/victims" open /some/file 2>&1; echo "status $?")
matches "the file service died: the program gets an error" "Input/output error|I/O error" "$text"
matches "the file service died: reported" "the files service faulted at 0x.*divided by zero" "$text"
matches "the file service died: the program ends as it wants" 'status 0$' "$text"
cp build/services/files "$work/other/services/files"
build/bin/signet-cc -O1 -nostdlib "$work/dies.c" -o "$work/other/services/console"
text=$(timeout 20 "$work/other/bin/signet" run "$work/victims" open /some/file 2>&1; echo "status $?")
matches "the console service died: reported" "the console service faulted at 0x.*divided by zero" "$text"
rm "$work/other/services/files"
text=$(timeout 20 "$work/other/bin/signet" run "$work/victims" status 0 2>&1; echo "status $?")
matches "no file service at all: says so" "services/files: No such file.*status 127" "$(tr '\n' ' ' <<<"$text")"

# inspect
is "inspect prints the hash that b2sum does" "$(b2sum -l 256 "$work/victims" | cut -d' ' -f1)" \
  "$($signet inspect --json "$work/victims" | python3 -c 'import json,sys; print(json.load(sys.stdin)[0]["hash"])')"
matches "inspect lists kernel calls" "kernel calls .*memory_map" "$($signet inspect "$work/victims")"
printf '\x0f\x05%030d' 0 >"$work/raw"; matches "verify --raw names the rule" "0x20000: 0f 05: unlisted: " "$($signet verify --raw "$work/raw")"
matches "verify a good image" "victims: verified, [0-9]+ bytes of code" "$($signet verify "$work/victims")"
finish
