#!/bin/bash
# timeout: 600
# `signet boot` as a user meets it: it ends, reports and is told things as `signet run` does, on every machine; and the machine ends
# with it.
cd "$(dirname "$0")/../.." || exit 1
. tests/tap.sh
. tests/pc/machine.sh
build/bin/signet-cc -O1 -g tests/cli/victims.c -o "$work/victims" && build/bin/signet-cc -O1 tests/pc/told.c -o "$work/told" ||
  { echo "Bail out! signet-cc failed"; exit 1; }

# ---- What needs no machine ----
usage() { # NAME STATUS PATTERN ARGUMENT…
  local name=$1 wanted=$2 pattern=$3 text
  shift 3
  text=$(timeout 20 $signet boot "$@" 2>&1 </dev/null; echo "status $?")
  matches "$name" "$pattern.*status $wanted\$" "$(tr '\n' ' ' <<<"$text" | sed 's/ $//')"
}
usage "--help" 0 "usage: signet boot" --help
usage "no image" 2 "no image named"
usage "an unknown option" 2 "unrecognized option" --frob "$work/told"
usage "an unknown machine" 2 "--machine pdp11: want microvm or q35" --machine pdp11 "$work/told"
usage "no processors" 2 "--cpus 0: want a number from 1" --cpus 0 "$work/told"
usage "memory that is no number" 2 "--memory lots: want a number" --memory lots "$work/told"
usage "a deadline that is none" 2 "--deadline soon: want a number of seconds" --deadline soon "$work/told"
usage "a directory with .." 2 "--dir /tmp::/a/../b: want" --dir /tmp::/a/../b "$work/told"
usage "two directories of one name" 2 "two directories as /a" --dir /tmp::/a --dir /var::/a/ "$work/told"
usage "a directory that is not there" 125 "--dir: /absent: No such file" --dir /absent::/a "$work/told"
usage "a file as a directory" 125 "--dir: /etc/passwd: Not a directory" --dir /etc/passwd::/a "$work/told"
usage "no such image" 127 "none: No such file" "$work/none"
timeout 20 $signet boot "$work/none" 2>/dev/full </dev/null; is "no such image, and a message that cannot be written" 127 $?
usage "not an image" 126 "/bin/true: not run: not a static" /bin/true
usage "--record of two processors" 2 "one processor only" --record a --cpus 2 "$work/told"
usage "--record with --replay" 2 "one of --output, --record and --replay" --record a --replay b "$work/told"
usage "an argument that QEMU does not know" 123 "frob.*invalid option.*the machine ended before its program did" --qemu -frob "$work/told"
mkdir "$work/empty"
text=$(PATH=$work/empty "$PWD/$signet" boot "$work/told" 2>&1 </dev/null; echo "status $?")
matches "QEMU is not installed" "install the package qemu-system-x86 status 125" "$(tr '\n' ' ' <<<"$text" | sed 's/ $//')"

# ---- The file ----
mkdir -p "$work/tree/sub" "$work/other"
printf 'first\n' >"$work/tree/first"; printf '#!x' >"$work/tree/sub/tool"; chmod 755 "$work/tree/sub/tool"; ln -s ../first "$work/tree/sub/link"
printf 'other\n' >"$work/other/file"
chmod 755 "$work/tree" "$work/other"; chmod 700 "$work/tree/sub"; chmod 640 "$work/tree/first" "$work/other/file"
touch -d 2020-02-02T02:02:02Z "$work/tree/first" "$work/tree/sub/tool" "$work/other/file"
output=("$signet" boot --output "$work/file.elf" --dir "$work/tree::/in/tree" --dir "$work/other::/in/tree/sub/other:ro" "$work/told" a b)
"${output[@]}"; is "--output writes a file" 0 $?
cp "$work/file.elf" "$work/file-before.elf"
find "$work/tree" -type f -exec cat {} + >/dev/null
"${output[@]}"; check "and the same bytes the second time" cmp "$work/file.elf" "$work/file-before.elf"
tests/pc/archive.py check "$work/file.elf" "$work/told" >"$work/checked" 2>&1 ||
  echo "# $(tail -n 1 "$work/checked")"
is "its tables, hashes, images and files are right" "whole" "$(tail -n 1 "$work/checked")"
cat >"$work/wanted" <<'END'
in 40755 0 b''
in/tree 40755 0 b''
in/tree/first 100640 1580608922 b'first\n'
in/tree/sub 40700 0 b''
in/tree/sub/link 120777 0 b'../first'
in/tree/sub/other 40755 0 b''
in/tree/sub/other/file 100640 1580608922 b'other\n'
in/tree/sub/tool 100755 1580608922 b'#!x'
whole
END
is "names, modes, times and contents of files" "" "$(diff "$work/wanted" "$work/checked")"
matches "the kernel's note of PVH is kept" "Xen" "$(readelf -nW "$work/file.elf" 2>/dev/null)"
check "its sections can still be read" bash -c "nm '$work/file.elf' | grep -q ' pc_archive$'"

# ---- What the program is told, on every machine ----
head -c 20000 /dev/urandom >"$work/noise"
printf '\x10\x10\x04\x10\x01\x00\xff\r\n\x03\x1d' >>"$work/noise"
input=$work/noise
$signet run --env A=b --env 'C=d e' --workdir / "$work/told" x 'y z' '' <"$input" >"$work/wanted" 2>/dev/null
for one in "${machines[@]}"; do
  set -- $one
  same "arguments, environment, binary standard input: $one" 42 "$work/wanted" --machine $1 --cpus $2 --env A=b --env 'C=d e' \
    --workdir / "$work/told" x 'y z' ''
  is "standard error is apart from it: $one" "and this on standard error" "$(cat "$work/err")"
done
input=/dev/null
timeout 60 $signet boot --deadline $deadline "$work/told" <&- >"$work/out" 2>/dev/null; is "a closed standard input: status" 42 $?
matches "a closed standard input is an empty one" "input 0 bytes" "$(cat "$work/out")"
timeout 60 $signet boot --deadline $deadline "$work/told" </dev/null >&- 2>&-; is "closed output is lost, and nothing else" 42 $?
timeout 60 $signet boot --deadline $deadline "$work/told" </dev/null 2>/dev/null | head -n 1 >"$work/out"
is "a reader that goes away" "directory /" "$(cat "$work/out")"
$signet boot --serial framed --output "$work/framed.elf" "$work/told" from a file
next_machine
expect "a file that --output wrote is run by --input" 42 "argument from.argument a.argument file.*input 0 bytes" "${machine[@]}" \
  --input "$work/framed.elf"

# ---- How it ends: the same status, the same words, as `signet run` ----
alike() { # NAME ARGUMENT…
  local name=$1 good=0 wanted
  shift
  { timeout 20 $signet run "$work/victims" "$@" </dev/null >"$work/wanted" 2>"$work/wanted-error"; wanted=$?; } 2>/dev/null
  next_machine
  boot "$name" "${machine[@]}" "$work/victims" "$@"
  cmp -s "$work/wanted" "$work/out" && cmp -s "$work/wanted-error" "$work/err" && [ $status = $wanted ] && good=1
  [ $good = 1 ] || { echo "# wanted: status $wanted"; show "$work/wanted-error" "wanted error"; }
  verdict $good "as \`signet run\`: $name (status $wanted)"
}
for one in "${machines[@]}"; do alike "exit" status 0; done
alike "a status" status 7
alike "the largest status" status 255
alike "division by zero" divide
alike "read of nothing" read 0
alike "read of the low guard" read 0x100
alike "read of the high guard" read 0xfffffff0
alike "read of the entry table's guard" read 0xf000
alike "an address above the window is cut to it" read 0x7f0000000010
alike "write to code" write 0x20000
alike "write to the entry table" write 0x10000
alike "jump to data" jump 0x11000
alike "jump out of the window comes out in it" jump 0x7f0011223344
alike "stack overflow" overflow
alike "abort" abort
for number in 1 2 6 9 15; do alike "signal $number" raise $number; done
alike "no executable memory" execute
alike "what was not given" open /etc/passwd
alike "an empty environment" variable PATH
build/bin/signet-cc -O1 -Iinclude -x c -o "$work/stops" - <<'END'
#include <signet/calls.h>
int main(void) { signet_process_exit(SIGNET_ENDED_SIGNAL, 19); }
END
expect "the end by a signal that would stop this process" 147 "" "$work/stops"

# ---- Memory, files ----
next_machine
expect "memory ends, and the process goes on" 0 "[0-9]+.usable" "${machine[@]}" --memory 96M "$work/victims" allocate 1000000000
got=$(head -n 1 "$work/out")
tap "$([ "${got:-0}" -gt 40 ] && [ "$got" -lt 96 ]; echo $?)" "most of the machine's memory is the program's (${got:-none} of 96 MiB)"
cat >"$work/tree/files.lua" <<'END'
local function all(name) local file, why = io.open(name) if not file then return why end local text = file:read("a") file:close() return text end
io.write(all("/in/tree/first"), all("/in/tree/sub/link"), all("/in/tree/sub/other/file"), all("/in/tree/sub/tool"), "\n")
print(io.open("/in/tree/sub/other/new", "w"))
print(io.open("/in/tree/sub/other/file", "a"))
print(os.remove("/in/tree/sub/other/file"))
local file = io.open("/in/tree/sub/new", "w")
for i = 1, 20000 do file:write(i, "\n") end
file:close()
print(#all("/in/tree/sub/new"), os.rename("/in/tree/sub/new", "/elsewhere"), #all("/elsewhere"), io.open("/in/tree/sub/new"))
print(io.open("/absent"))
END
next_machine
printf '%s\t%s\t%s\n' >"$work/wanted" \
  nil "/in/tree/sub/other/new: Read-only file system" 30 nil "/in/tree/sub/other/file: Read-only file system" 30 \
  nil "/in/tree/sub/other/file: Read-only file system" 30
printf '%s\t%s\t%s\t%s\t%s\t%s\n' >>"$work/wanted" \
  108894 true 108894 nil "/in/tree/sub/new: No such file or directory" 2
printf 'nil\t/absent: No such file or directory\t2\n' >>"$work/wanted"
printf 'first\nfirst\nother\n#!x\n' | cat - "$work/wanted" >"$work/wanted-all"
same "files given, read-only or not" 0 "$work/wanted-all" "${machine[@]}" --dir "$work/tree::/in/tree" \
  --dir "$work/other::/in/tree/sub/other:ro" build/programs/lua /in/tree/files.lua
check "and the host's files are as they were" cmp "$work/other/file" <(echo other)

# ---- Signals, deadline, the end of the command ----
signalled() { # NAME SIGNAL ARGUMENT…: starts it, waits for "ready", sends the signal; prints output and status
  local signal=$2
  next_machine
  : >"$work/out"
  $signet boot --deadline $deadline --log "$logs/signal-$1.log" "${machine[@]}" "$work/victims" "${@:3}" </dev/null >"$work/out" 2>&1 &
  local pid=$!
  for _ in $(seq 400); do grep -qs ready "$work/out" && break; sleep 0.05; done
  kill -$signal $pid
  wait $pid
  local ended=$?
  echo "$(tr '\n' ' ' <"$work/out")status $ended"
}
set -m
is "SIGINT ends a program that waits" "ready status 130" "$(signalled waits INT wait)"
is "SIGINT ends a program that loops" "ready status 130" "$(signalled loops INT spin)"
is "SIGTERM reaches a handler of one that waits" "ready caught 15 status 0" "$(signalled handles TERM handle 0)"
is "SIGINT reaches a handler of one that loops" "ready caught 2 status 0" "$(signalled looping INT handle 1)"
set +m
machine_of() { pgrep -P "$1" -x qemu-system-x86; } # the process of QEMU that a command started
for signal in KILL STOP; do
  rm -f "$work/out"
  $signet boot --deadline $deadline "$work/victims" wait </dev/null >"$work/out" 2>&1 &
  pid=$!
  for _ in $(seq 400); do grep -qs ready "$work/out" && break; sleep 0.05; done
  qemu=$(machine_of $pid)
  [ $signal = STOP ] && kill -STOP $pid && sleep 0.2
  kill -KILL $pid
  wait $pid 2>/dev/null
  for _ in $(seq 100); do kill -0 "$qemu" 2>/dev/null || break; sleep 0.05; done
  tap "$([ -n "$qemu" ] && ! kill -0 "$qemu" 2>/dev/null; echo $?)" "QEMU ends with a command that is killed ($signal)"
done
deadline=6
next_machine
expect "a machine that takes longer than --deadline" 124 "ready.*did not end within 6 seconds and was stopped.*ready" "${machine[@]}" "$work/victims" spin
tap "$([ $took -lt 12 ]; echo $?)" "is stopped then"
deadline=40
# The reader of the output takes nothing; the deadline holds all the same.
build/bin/signet-cc -O1 -x c -o "$work/talks" - <<<'#include <stdio.h>
int main(void) { for (;;) puts("talking"); }'
mkfifo "$work/pipe"
sleep 30 <"$work/pipe" & reader=$!
timeout -s KILL 30 $signet boot --deadline 3 "$work/talks" </dev/null >"$work/pipe" 2>/dev/null; is "--deadline where nobody takes the output" 124 $?
kill $reader
wait $reader 2>/dev/null

# ---- Counted, recorded, replayed ----
cat >"$work/tree/time.lua" <<'END'
local sum = 0
for i = 1, 200000 do sum = sum + i % 7 end
print(sum, os.clock() > 0)
END
counted() { $signet boot --count --deadline $deadline --kernel figures --dir "$work/tree" "$@" build/programs/lua /time.lua 2>&1 </dev/null; }
first=$(counted)
matches "--count" "first-instruction.*599997" "$first"
is "gives the same figures the second time, until something comes from outside" "$(head -n 1 <<<"$first")" "$(counted | head -n 1)"
input=$work/short
printf 'what is\x10 typed\n' >"$input"
same_log() { cmp "$logs/$1.log" "$logs/$2.log" 2>&1; }
for one in "microvm 1" "q35 1"; do
  set -- $one
  boot "recorded $1 $2" --machine $1 --cpus $2 --record "$work/recording" "$work/told" a
  matches "--record: $one" "42.*input 15 bytes" "$status $(cat "$work/out")"
  cp "$work/out" "$work/wanted"
  input=/dev/null
  boot "replayed $1 $2" --machine $1 --cpus $2 --replay "$work/recording"
  is "--replay, without the input and the image: $one" 42 $status
  check "ends with the same output: $one" cmp "$work/out" "$work/wanted"
  is "and with the same bytes on the serial line: $one" "" "$(same_log "recorded-$1-$2" "replayed-$1-$2")"
  input=$work/short
done

# ---- On a terminal ----
tests/pc/terminal.py $signet "$work/victims" "$work/told" build/programs/bc "$logs" >"$work/terminal" 2>&1 || tap_failed=1
while IFS= read -r line; do
  case $line in
    "ok "*) tap 0 "on a terminal: ${line#*- }" ;;
    "not ok "*) tap 1 "on a terminal: ${line#*- }" ;;
    1..*) tap 0 "on a terminal: all of it" ;;
    *) echo "$line" ;;
  esac
done <"$work/terminal"
finish
