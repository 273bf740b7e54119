# Sourced by the tests of this folder, behind tests/tap.sh: boots machines with `signet boot`. Each has a deadline and keeps its
# serial log; one whose test fails is run once more and recorded, and how to replay that is printed.
signet=build/bin/signet
logs=build/tests/pc/logs
mkdir -p "$logs"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
machines=("microvm 1" "microvm 2" "q35 1" "q35 2")
deadline=40       # seconds that a machine has
input=/dev/null   # standard input of the next machine
turn=0

# next_machine: the options of one machine, another one each time, in $machine.
next_machine() {
  set -- ${machines[turn++ % ${#machines[@]}]}
  machine=(--machine "$1" --cpus "$2")
}

# boot NAME OPTION… IMAGE ARG…: leaves $work/out, $work/err, $status and the seconds that it $took.
boot() {
  boot_name=${1//[^a-zA-Z0-9]/-}
  shift
  booted=("$@")
  took=$SECONDS
  {
    timeout -k 5 $((deadline + 30)) "$signet" boot --deadline $deadline --log "$logs/$boot_name.log" "$@" \
      <"$input" >"$work/out" 2>"$work/err"
    status=$?
  } 2>/dev/null
  took=$((SECONDS - took))
}

# The last boot again, recorded: on one processor, as that is what QEMU records.
record() {
  local recording=$logs/$boot_name.rr again=$((deadline + 30))
  [ -f "$input" ] && again=$((again + $(stat -c %s "$input") / 100)) # what is recorded is typed slowly
  [ $again -gt 150 ] && again=150
  for ((i = 0; i + 1 < ${#booted[@]}; i++)); do
    [ "${booted[i]}" = --cpus ] && booted[i + 1]=1
  done
  {
    timeout -k 5 $((again + 30)) "$signet" boot --deadline $again --record "$recording" "${booted[@]}" <"$input" >/dev/null 2>&1
    echo "# run again and recorded, status $?; the serial log of the first run is $logs/$boot_name.log; to replay:"
  } 2>/dev/null
  echo "#   $signet boot --replay $recording ${booted[*]@Q}"
}

show() { # FILE TITLE
  head -c 2000 "$1" | tr -cd '[:print:]\n' | head -n 20 | cut -c 1-300 | sed "s/^/# $2: /"
}

# verdict GOOD NAME: of what the last boot did.
verdict() {
  tap $((!$1)) "$2"
  [ "$1" = 1 ] && return
  echo "# status $status"
  show "$work/out" output
  show "$work/err" error
  record
}

# expect NAME STATUS PATTERN OPTION… IMAGE ARG…: what is printed, standard output and then standard error, matches the pattern.
expect() {
  local name=$1 wanted=$2 pattern=$3 good=0
  shift 3
  boot "$name" "$@"
  [[ $status = "$wanted" && $(cat "$work/out" "$work/err" | tr -d '\0') =~ $pattern ]] && good=1
  [ $good = 1 ] || echo "# wanted: status $wanted, /$pattern/"
  verdict $good "$name"
}

# same NAME STATUS FILE OPTION… IMAGE ARG…: standard output is byte for byte the file.
same() {
  local name=$1 wanted=$2 file=$3 good=0
  shift 3
  boot "$name" "$@"
  [ $status = "$wanted" ] && cmp "$work/out" "$file" >"$work/difference" 2>&1 && good=1
  [ $good = 1 ] || { echo "# wanted: status $wanted, $file"; sed 's/^/# /' "$work/difference"; }
  verdict $good "$name"
}
