#!/bin/bash
# `signet up`, and `ps`, `top`, `trace`, `kill` that attach to what it started: as a user meets them, and with peers that mean no good.
cd "$(dirname "$0")/../.." || exit 1
. tests/tap.sh
signet=$PWD/build/bin/signet
work=$(mktemp -d)
chmod 755 "$work"
system= # the one that runs
trap '[ -n "$system" ] && kill -KILL $system 2>/dev/null; rm -rf "$work"' EXIT
build/bin/signet-cc -O1 -g -Iinclude tests/cli/up/program.c -o "$work/program" || { echo "Bail out! signet-cc failed"; exit 1; }
export XDG_RUNTIME_DIR=$work/runtime
mkdir -m 700 "$work/runtime"
socket=$work/runtime/signet/small.sock

# TAP lines of a program in another language, counted here.
count_lines() {
  local line
  while IFS= read -r line; do
    case $line in
    "ok - "*) tap 0 "${line#ok - }" ;;
    "not ok - "*) tap 1 "${line#not ok - }" ;;
    *) echo "# $line" ;;
    esac
  done
}
manifest() { # NAME, then the processes on standard input: writes $work/NAME.yaml
  { echo "system: $1"; echo "cpus: ${cpus:-1}"; cat; } >"$work/$1.yaml"
}
process() { # NAME ARGUMENTS MORE: one process of the test's program, with a console
  printf '  %s:\n    image: program\n    arguments: [%s, %s]\n    needs: {console: console.streams}\n    quota: {memory: 16M}\n    %s\n' "$1" "$1" "$2" "$3"
}
console() {
  printf 'processes:\n  console:\n    service: console\n    devices: {streams: standard}\n    offers: {streams: console}\n    restart: always\n'
}
start() { # NAME OPTION…: starts $work/NAME.yaml; its number in $system, its output in $work/out and $work/log
  local name=$1
  shift
  set -m # without which ^C is ignored
  $signet up "$@" "$work/$name.yaml" >"$work/out" 2>"$work/log" </dev/null &
  system=$!
  set +m
}
log_has() { # PATTERN [SECONDS]
  local _
  for _ in $(seq $((${2:-10} * 20))); do
    grep -qE "$1" "$work/log" && return 0
    sleep 0.05
  done
  return 1
}
ended() { # SECONDS: the status of the system in $status, if it ends by then
  local _
  for _ in $(seq $(($1 * 20))); do
    kill -0 $system 2>/dev/null || break
    sleep 0.05
  done
  if kill -0 $system 2>/dev/null; then status=running; else wait $system; status=$?; system=; fi
}
json() { python3 -c 'import json, sys; v = json.load(sys.stdin); print('"$1"')'; } # EXPRESSION of v

{ console; process beat beat 'restart: always'; process escapes escapes 'restart: always'; process wrong wrong 'restart: always'
  process spin spin 'restart: always'; } | manifest small
start small
check "a system starts" log_has '^signet: small is up: 5 processes'
for name in console beat escapes wrong spin; do check "$name is said to run" log_has "^$name +running"; done

# Its socket.
is "the socket is the owner's alone" "600 socket" "$(stat -c '%a %F' "$socket")"
is "and so is its folder" "700 directory" "$(stat -c '%a %F' "${socket%/*}")"
$signet up "$work/small.yaml" 2>"$work/error" </dev/null; is "a second one of that name is refused" 125 $?
matches "and it is said why" "a system runs there already" "$(cat "$work/error")"
check "the first goes on" $signet ps small
is "every thread has its system call filter" "$(ls /proc/$system/task | wc -l)" "$(grep -l '^Seccomp:.2' /proc/$system/task/*/status | wc -l)"
if [ "$(id -u)" = 0 ]; then
  other() { setpriv --reuid=65534 --regid=65534 --clear-groups "$@"; }
  # Nobody may also have no way to the command itself.
  cp "$signet" "$work/signet"
  other env -u XDG_RUNTIME_DIR "$work/signet" ps --socket "$socket" 2>"$work/error"; is "another user does not reach it" 1 $?
  matches "by the folder's mode" "ermission denied" "$(cat "$work/error")"
  chmod 777 "$work/runtime" "${socket%/*}" "$socket"
  other env -u XDG_RUNTIME_DIR "$work/signet" ps --socket "$socket" 2>"$work/error"; is "nor if all modes let them" 1 $?
  matches "the host says who it is" "belongs to somebody else" "$(cat "$work/error")"
  is "what they ask has no answer" "denied, closed" "$(python3 -c '
import os, socket, struct, sys
os.setgroups([])
os.setgid(65534)
os.setuid(65534)
peer = socket.socket(socket.AF_UNIX)
peer.connect(sys.argv[1])
peer.settimeout(5)
try:
    peer.sendall(struct.pack("<IHHQ", 0x544e4753, 1, 8, 2))
except BrokenPipeError:
    pass
head, rest = peer.recv(24), b""
try:
    rest = peer.recv(1)
except ConnectionResetError:
    pass
except TimeoutError:
    rest = "open"
print("denied," if struct.unpack("<IHHIIQ", head)[2] == 14 else head, "closed" if not rest else rest)' "$socket")"
  check "the owner's own are answered" "$work/signet" ps --socket "$socket"
  chmod 700 "$work/runtime" "${socket%/*}"; chmod 600 "$socket"
fi
mkdir -p "$work/other/signet"; chmod 755 "$work/other/signet"
XDG_RUNTIME_DIR=$work/other $signet ps 2>"$work/error"; is "a folder that others can enter is not used" 1 $?
matches "and it is said why" "not yours alone" "$(cat "$work/error")"

# ps.
table=$($signet ps)
matches "ps names the columns" "^NUM +NAME +PARENT +STATE +CPU% +MEMORY +LIMIT +THR +HND +CALLS +SENT +MSG/S +RESTARTS +UP" "$table"
matches "ps: who started it, its state and its memory" $'\n +[0-9]+ beat +supervisor running +[0-9.]+ +[0-9.]+[KM] +16M +1 ' "$table"
matches "ps: the supervisor is started by nobody" $'\n +1 supervisor +- +running' "$table"
is "ps of a name" 0 "$($signet ps small >/dev/null; echo $?)"
$signet ps nothing 2>"$work/error"; is "ps of what does not run" 1 $?
matches "and it is said" "no such system runs" "$(cat "$work/error")"
$signet ps --json >"$work/json"
is "ps --json: the processes" "beat console escapes spin supervisor wrong" "$(json '*sorted(p["name"] for p in v["processes"])' <"$work/json")"
is "ps --json: the principal is as the kernel says it" supervisor/beat "$(json '*[p["principal"] for p in v["processes"] if p["name"] == "beat"]' <"$work/json")"
is "ps --json: its image's hash is the file's" "$(b2sum -l 256 "$work/program" | cut -d' ' -f1)" "$(json '*[p["image"] for p in v["processes"] if p["name"] == "beat"]' <"$work/json")"
is "who works has the most of the processor" True \
  "$($signet ps --json --interval 0.5 | json '(lambda cpu: cpu["spin"] > 4 and max(cpu, key=cpu.get) == "spin")({p["name"]: p["cpu_percent"] for p in v["processes"]})')"
table=$($signet ps --channels)
matches "ps --channels names the columns" "^CHANNEL +CONTRACT +STATE +CLIENT +SERVER +QUEUED +SENT +MSG/S" "$table"
matches "ps --channels: the contract, its state and who holds the ends" $' files +(REQUEST|ANSWER) +beat +console' "$table"
matches "ps --channels: the states have names" $' supervision +AWAIT_ASKED +beat +supervisor' "$table"
is "a beat is counted on its channel" True "$($signet ps --channels --json --interval 0.5 | json 'max(c["messages_per_second"] for c in v["channels"] if c["client"]["name"] == "beat" and c["contract"] == "files") > 20')"
$signet ps --frob 2>/dev/null; is "unknown option: status 2" 2 $?
$signet ps one two 2>/dev/null; is "two systems: status 2" 2 $?

# trace.
timeout 20 $signet trace --process beat --contract files --count 4 >"$work/trace"; is "trace ends after its count" 0 $?
is "it shows as many" 4 "$(wc -l <"$work/trace")"
matches "a message: from whom to whom, contract and state, name and fields" '^ +[0-9]+\.[0-9]{6} beat -> console  files\.REQUEST STREAM_WRITE \{request=\{file=0, .*data=<[0-9]+ bytes: "beat [0-9]+\\x0a">\}$' "$(grep -m1 REQUEST "$work/trace")"
matches "and its answer" ' console -> beat  files\.ANSWER ANSWERED \{answer=\{error=0, ' "$(grep -m1 ANSWERED "$work/trace")"
is "of that process only" "" "$(grep -vE ' (beat -> console|console -> beat) ' "$work/trace")"
timeout 20 $signet trace --process escapes --contract files --count 6 >"$work/trace"
matches "what a process writes is shown" 'STREAM_WRITE .*\\x1b\]0;taken\\x07\\x1b\[31' "$(cat "$work/trace")"
is "but none of it reaches the terminal" "" "$(LC_ALL=C grep -a '[^ -~]' "$work/trace")"
timeout 20 $signet trace --refused --process wrong --count 4 >"$work/trace"
matches "a refused message is shown with what is allowed" ' wrong -> console  files\.REQUEST ANSWERED .*REFUSED: the client here may send STREAM_READ, STREAM_WRITE,.*TIMES$' "$(grep -m1 ANSWERED "$work/trace")"
matches "one that is no message of the contract, too" ' wrong -> console  files\.REQUEST message 200 .*REFUSED: ' "$(grep -m1 'message 200' "$work/trace")"
is "and none of it reaches the terminal" "" "$(LC_ALL=C grep -a '[^ -~]' "$work/trace")"
is "--refused shows these only" 4 "$(grep -c REFUSED "$work/trace")"
timeout 20 $signet trace --json --process wrong --count 4 >"$work/trace"
is "trace --json: one object a line, with what is allowed" True "$(json 'all(v["from"]["name"] == "wrong" or v["to"]["name"] == "wrong" for v in v) and any("STREAM_WRITE" in v.get("allowed", "") for v in v)' < <(printf '['; paste -sd, "$work/trace"; printf ']'))"
timeout 20 $signet trace >"$work/tracing" & tracer=$!
for _ in $(seq 200); do [ -s "$work/tracing" ] && break; sleep 0.05; done
timeout 5 $signet trace --count 1 >/dev/null 2>"$work/error"
matches "one traces at a time" "somebody else traces" "$(cat "$work/error")"
kill $tracer; wait $tracer 2>/dev/null

# top.
timeout 20 $signet top -n 2 --interval 0.2 >"$work/top"; is "top where there is no terminal ends after its count" 0 $?
is "two looks" 2 "$(grep -c '^NUM' "$work/top")"
is "that are plain text" "" "$(LC_ALL=C grep -a '[^ -~]' "$work/top")"
matches "the first line sums up" "^small +up [0-9]+s +6 processes +[0-9]+ channels +0 restarts" "$(cat "$work/top")"
count_lines < <(timeout 60 tests/cli/up/top.py "$socket" "$signet" 2>&1)

# Peers that mean no good.
count_lines < <(timeout 90 tests/cli/up/peers.py "$socket" "$signet" 2>&1)
is "and its processes never ended" 0 "$($signet ps --json | json 'sum(p["restarts"] for p in v["processes"])')"

# kill.
number() { $signet ps --json | json '*[p["number"] for p in v["processes"] if p["name"] == "'"$1"'"]'; }
before=$(number beat)
matches "kill ends a process, and --wait sees it again" "^beat, number $before, is killed"$'\n'"beat runs again, number [0-9]+, started [0-9.]+ ms after" "$($signet kill beat --wait 10)"
is "it is another" different "$([ "$(number beat)" -gt "$before" ] && echo different)"
is "that has been restarted once" 1 "$($signet ps --json | json '*[p["restarts"] for p in v["processes"] if p["name"] == "beat"]')"
check "the end is said" log_has '^beat +ended +ended by signal 9'
check "and that it is back" log_has '^beat +running +again, restart 1, started [0-9.]+ ms after its end'
before=$(number spin)
matches "kill by number" "^spin, number $before, is killed" "$($signet kill "$before" --wait 10)"
matches "kill of the console, which the others write to" "console runs again" "$($signet kill console --wait 10)"
$signet kill nothing 2>"$work/error"; is "kill of what there is not" 1 $?
matches "and it is said" "no such process" "$(cat "$work/error")"
$signet kill 1000000 2>/dev/null; is "nor by number" 1 $?
$signet kill 2>/dev/null; is "kill without a name: status 2" 2 $?

# The end.
kill -INT $system; kill -INT $system # as timeout does, which tells a process and then its group
ended 15; is "^C ends it in good order, and twice at once is once" 0 "$status"
is "and its socket is gone" gone "$([ -e "$socket" ] || echo gone)"
$signet ps 2>"$work/error"; is "then nothing runs" 1 $?
matches "and it is said" "no system runs" "$(cat "$work/error")"
check "what the processes wrote came out, with their names" grep -q '^beat | beat 0$' "$work/out"

# A socket that was left.
{ console; process deaf deaf '{restart: always, stop-within: 30s}'; } | sed 's/    {restart: always, stop-within: 30s}/    restart: {when: always, stop-within: 30s}/' | manifest small
start small; log_has '^deaf +running'
kill -KILL $system; wait $system 2>/dev/null
is "a system that was killed leaves its socket" there "$([ -S "$socket" ] && echo there)"
$signet ps 2>"$work/error"; is "which is none that runs" 1 $?
start small; check "and the next one replaces it" log_has '^deaf +running'
kill -TERM $system; log_has 'is ending'; sleep 0.2; kill -INT $system
ended 5; is "a second ^C stops it at once" 130 "$status"
is "and its socket is gone" gone "$([ -e "$socket" ] || echo gone)"

# Two systems.
cp "$work/small.yaml" "$work/large.yaml"; sed -i 's/^system: small/system: large/' "$work/large.yaml"
start small; log_has '^deaf +running'
first=$system
start large; log_has '^deaf +running'
$signet ps 2>"$work/error"; is "where several run one has to be named" 1 $?
matches "and it is said which do" "(small, large|large, small); name one" "$(cat "$work/error")"
is "--system names one" 0 "$($signet kill --system large deaf >/dev/null; echo $?)"
$signet kill --system small supervisor >/dev/null; is "the supervisor can be killed, too" 0 $?
wait $first; is "that ends the system: it failed" 125 $?
kill -KILL $system; wait $system 2>/dev/null; system=
rm -f "$work/runtime/signet/"*

# A main process, crashes, and who comes back too often.
{ console; process main 'status, 7' 'restart: never'; } | sed 's/^processes:/main: main\nprocesses:/' | manifest small
$signet up "$work/small.yaml" >/dev/null 2>&1 </dev/null; is "the status is that of the main process" 7 $?
{ console; process crash 'crash, 0' 'restart: {when: always, limit: 1, within: 1m, back-off: 10ms..20ms}'; process beat beat 'restart: always'; } | manifest small
start small --verbose
check "a crash is reported with its place" log_has '^crash +crashed +faulted at 0x[0-9a-f]+ \(divide\+0x[0-9a-f]+\): it divided by zero'
check "and that it is given up in the end" log_has '^crash +given up' 15
kill -TERM $system; ended 15; is "the others end in good order" 0 "$status"
matches "--verbose says what was sealed" "kernel sealed: .*every thread" "$(cat "$work/log")"
start small --json; log_has '"crashed"'; kill -TERM $system; ended 15
is "--json says the same to machines" True "$(json '{"is up", "running", "crashed", "is ending", "ended", "has ended"} <= {line["state"] for line in v}' < <(printf '['; paste -sd, "$work/log"; printf ']'))"
start small --quiet; check "--quiet says what goes wrong" log_has '^crash +crashed'; kill -TERM $system; ended 15
is "and nothing else" "" "$(grep -vE '^crash +(crashed|given up)' "$work/log")"
{ console; process beat beat; for i in $(seq 3 64); do printf '  p%s:\n    image: program\n    arguments: [p%s, beat]\n    quota: {memory: 16M}\n' "$i" "$i"; done; } | manifest most
start most; check "64 processes, the most that a system has, start" log_has '^p64 +running'
kill -TERM $system; ended 15; is "and end in good order" 0 "$status"

# ^C that comes before anything was started.
{ console; process beat beat; } | manifest small
timeout 20 python3 - "$signet" up "$work/small.yaml" >"$work/log" 2>&1 <<'END'; is "^C before the start: it ends in good order" 0 $?
import os, signal, sys
signal.signal(signal.SIGINT, signal.SIG_DFL)
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
os.kill(os.getpid(), signal.SIGINT) # pending, and stays so
os.execv(sys.argv[1], sys.argv[1:])
END
matches "and says so" "small is ending.*small has ended" "$(cat "$work/log")"

# What cannot start is said, and is status 125.
refused() { # NAME PATTERN OPTION…: $work/small.yaml is not started, for that reason
  local name=$1 pattern=$2 text
  shift 2
  text=$(timeout 20 $signet up "$@" "$work/small.yaml" 2>&1 </dev/null; echo "status $?")
  matches "$name: says why" "$pattern" "$text"
  matches "$name: status 125" "status 125\$" "$text"
  is "$name: no socket is left" "" "$(ls "$work/runtime/signet" 2>/dev/null)"
}
echo 'no: manifest' >"$work/small.yaml"; refused "a manifest that is wrong" 'small.yaml:1:.*error M'
rm "$work/small.yaml"; refused "a manifest that is not there" 'small.yaml'
{ console; process beat beat; } | sed 's/image: program/image: none/' | manifest small; refused "an image that is not there" 'none'
{ console; process beat beat; } | manifest small
cp "$work/program" "$work/whole"; python3 - "$work/program" <<'END'
import sys
data = bytearray(open(sys.argv[1], "rb").read())
start = int.from_bytes(data[64 + 8:64 + 16], "little")
data[start + 4096:start + 4098] = b"\x0f\x05" # syscall
open(sys.argv[1], "wb").write(data)
END
refused "an image that is refused" 'small.yaml:[0-9]+:[0-9]+: error M502: program .*0x'
{ console; process beat beat; printf '  sound:\n    image: whole\n    needs: {console: console.streams}\n'; } | manifest small
refused "an image that is refused beside one that is not: nothing is started" 'M502'
is "not even that one" "" "$(timeout 20 $signet up "$work/small.yaml" 2>&1 </dev/null | grep -E 'running|is up')"
cp "$work/whole" "$work/program"
{ console; process beat beat; printf '    offers: {idle: stream}\n'; } | manifest small
start small; check "what is odd in a manifest is said" log_has 'small.yaml:[0-9]+:[0-9]+: warning M601'
check "and no more than that: the system starts" log_has '^signet: small is up'; kill -TERM $system; ended 15
start small --quiet
for _ in $(seq 200); do $signet ps small >/dev/null 2>&1 && break; sleep 0.02; done
kill -TERM $system; ended 15; is "unless it shall be quiet" "" "$(cat "$work/log")"

# ^C while the host looks for the address of a name, which may take the host half a minute.
mkdir "$work/bin"; printf '#!/bin/sh\necho $$ >"%s"\nexec sleep 30\n' "$work/getent" >"$work/bin/getent"; chmod +x "$work/bin/getent"
{ console; process beat beat; printf '  network:\n    service: network\n    devices:\n      network: {connect: ["slow.example:80"], connections: 16}\n    offers: {network: network}\n  user:\n    image: program\n    needs: {network: network.network}\n'; } | manifest small
PATH=$work/bin:$PATH start small
for _ in $(seq 200); do [ -s "$work/getent" ] && break; sleep 0.02; done
kill -INT -- -$system; ended 5; is "^C while a name is looked for ends it" 125 "$status"; matches "and it is said what was not found" "slow.example.*no address" "$(cat "$work/log")"
{ console; printf '  files:\n    service: files\n    devices:\n      tree: {directory: none, at: /, read-only: true}\n    offers: {files: files}\n'; } | manifest small
refused "a directory that is not there" 'none.*(No such file|not there|no such)'
python3 -c '
import socket, sys, time
listener = socket.socket()
listener.bind(("127.0.0.1", 0))
listener.listen()
print(listener.getsockname()[1], flush=True)
time.sleep(60)' >"$work/port" & holder=$!
for _ in $(seq 100); do [ -s "$work/port" ] && break; sleep 0.05; done
{ console; process beat beat; printf '  network:\n    service: network\n    devices:\n      network: {listen: ["127.0.0.1:%s"], connections: 16}\n    offers: {network: network}\n  user:\n    image: program\n    needs: {network: network.network}\n' "$(cat "$work/port")"; } | manifest small
refused "a port that is in use" "network.*127\.0\.0\.1:$(cat "$work/port").*in use"
kill $holder; wait $holder 2>/dev/null
{ console; process beat beat; } | manifest small
refused "a socket in no folder" 'none.*No such file' --socket "$work/none/socket"
echo text >"$work/file"; refused "a socket where something else is" 'something else than a socket' --socket "$work/file"
is "which stays" text "$(cat "$work/file")"
$signet up 2>/dev/null; is "no manifest: status 2" 2 $?
$signet up --cpus none "$work/small.yaml" 2>/dev/null; is "--cpus that is no number: status 2" 2 $?

# Systems that lie to who looks at them: with the sanitizers watching.
mkdir "$work/liar"
echo '#include <stdio.h>
#include "kernel/kernel.h"
int main(void) { printf("%zu %zu %zu %zu\n", sizeof(struct signet_observed_process), sizeof(struct signet_observed_channel), sizeof(struct kernel_statistics), sizeof(struct kernel_trace_record)); }' >"$work/sizes.c"
gcc -Iinclude -I. "$work/sizes.c" -o "$work/sizes" || echo "Bail out! gcc failed"
count_lines < <(RECORD_SIZES=$("$work/sizes") timeout 300 tests/cli/up/liar.py "$work/liar" build/tests/cli/signet-sanitize 2>&1)
finish
