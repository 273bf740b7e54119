# Sourced by the tests of this folder: `source compare.sh PROGRAM`. Runs one real program sealed and native on the same input and
# compares everything that comes out, byte by byte: standard output, exit status, and every file it left.
#
# Each side has a directory of its own with the same files, which is the sealed program's whole file system ("/") and the native
# one's working directory, so that both are given the same names.
set -u
program=$1
top=$(realpath "$(dirname "${BASH_SOURCE[0]}")/../..")
signet=$top/build/bin/signet
sealed_image=$top/build/programs/$program
native_image=$top/build/programs-native/$program
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
mkdir "$scratch/sealed" "$scratch/native"
count=0 failed=0
RUN_OPTIONS=() # of `signet run`

# input NAME: makes a file of both sides from standard input.
input() {
  cat >"$scratch/sealed/$1"
  touch -d 2020-02-02T02:02:02Z "$scratch/sealed/$1"
  cp -a "$scratch/sealed/$1" "$scratch/native/$1"
}

# Some inputs of different kinds: text, machine code, nothing, one byte, long runs, numbers.
standard_inputs() {
  input text <"$top/docs/machine-code.md"
  input code <"$top/build/programs-native/sqlite3"
  input empty </dev/null
  printf x | input byte
  head -c 3000000 /dev/zero | input zeroes
  seq 1 300000 | input numbers
}

result() { # result GOOD NAME: one line of TAP
  count=$((count + 1))
  if [ "$1" = 1 ]; then
    echo "ok $count - $program: $2"
  else
    echo "not ok $count - $program: $2"
    failed=1
  fi
}

# run_sealed STDIN ARGUMENT… and run_native: output in $scratch/{sealed,native}.{out,err}, the status is the program's.
run_sealed() {
  local stdin=$1
  shift
  timeout -k 5 200 "$signet" run "${RUN_OPTIONS[@]}" --dir "$scratch/sealed::/" "$sealed_image" "$@" \
    <"$stdin" >"$scratch/sealed.out" 2>"$scratch/sealed.err"
}
run_native() {
  local stdin=$1
  shift
  (cd "$scratch/native" && exec env -i "$native_image" "$@") <"$stdin" >"$scratch/native.out" 2>"$scratch/native.err"
}

# same NAME [-i FILE] [-s STATUS] ARGUMENT…: both sides with these arguments, FILE as standard input (of their own side). The
# exit status must be STATUS (0) on both.
same() {
  local name=$1 stdin=/dev/null expected=0 ours theirs good=1 sealed_stdin=/dev/null native_stdin=/dev/null
  shift
  while :; do
    case ${1-} in
      -i) sealed_stdin=$scratch/sealed/$2 native_stdin=$scratch/native/$2; shift 2 ;;
      -s) expected=$2; shift 2 ;;
      *) break ;;
    esac
  done
  run_native "$native_stdin" "$@"
  theirs=$?
  run_sealed "$sealed_stdin" "$@"
  ours=$?
  [ $ours = $theirs ] && [ $ours = "$expected" ] || { good=0; echo "# exit status $ours, natively $theirs, expected $expected"; }
  cmp "$scratch/sealed.out" "$scratch/native.out" >"$scratch/difference" 2>&1 || { good=0; sed 's/^/# output: /' "$scratch/difference"; }
  diff -rq "$scratch/sealed" "$scratch/native" >"$scratch/difference" 2>&1 || {
    good=0
    sed 's/^/# files: /' "$scratch/difference"
    # What comes next starts from the same files again.
    rm -rf "$scratch/sealed"
    cp -a "$scratch/native" "$scratch/sealed"
  }
  if [ $good = 0 ]; then
    head -c 2000 "$scratch/sealed.out" | tr -cd '[:print:]\n' | head -n 10 | cut -c 1-200 | sed 's/^/# sealed output: /'
    head -n 20 "$scratch/sealed.err" | cut -c 1-300 | sed 's/^/# sealed error: /'
    head -n 5 "$scratch/native.err" | cut -c 1-300 | sed 's/^/# native error: /'
  fi
  result $good "$name"
}

# keep NAME: what the last run printed becomes a file of both sides.
keep() {
  cp "$scratch/sealed.out" "$scratch/sealed/$1"
  cp "$scratch/native.out" "$scratch/native/$1"
}

finish() {
  echo "1..$count"
  exit $failed
}
