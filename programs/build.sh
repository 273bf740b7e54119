#!/bin/bash
# Builds one real program from Debian's source package, twice alike: `build.sh NAME sealed|native SOURCE OUTPUT`.
# Called by programs/module.mk. NAME.sh beside this file is the recipe: it defines build(), which runs in a fresh copy of
# the untouched source with CC set, and leaves the program at $OUTPUT.
set -euo pipefail

name=$1 kind=$2 source=$(realpath "$3") output=$(realpath -m "$4")
top=$(realpath "$(dirname "$0")/..")
OUTPUT=$output.new
HOSTCC=gcc
CFLAGS=-O2
JOBS=${JOBS:-2}
# Configure scripts must not run what they compile: a sealed image is no program of the host.
CROSS="--build=x86_64-linux-gnu --host=x86_64-linux-musl"
case $kind in
  sealed) CC=$top/build/bin/signet-cc ;;
  native) CC=$top/build/bin/native-musl-cc ;;
  *) echo "build.sh: $kind is neither sealed nor native" >&2; exit 2 ;;
esac
CC=${PROGRAMS_CC:-$CC}
export CC HOSTCC CFLAGS AR=ar RANLIB=ranlib LC_ALL=C.UTF-8
unset MAKEFLAGS MAKELEVEL MFLAGS DESTDIR

work=$top/build/programs-build/$kind/$name
log=$top/build/programs-build/$kind/$name.log
rm -rf "$work"
mkdir -p "$work" "$(dirname "$output")"
cp -a "$source/." "$work"
# One time for all files, so that no rule takes what the package brings for out of date and wants autoconf or flex.
find "$work" -exec touch -h -d 2000-01-01 {} +
source "$top/programs/$name.sh"
cd "$work"
set +e
(set -e; build) >"$log" 2>&1 </dev/null
status=$?
set -e
if [ $status -ne 0 ]; then
  tail -n 40 "$log" >&2
  echo "programs: $name ($kind) did not build; the whole log is $log" >&2
  exit 1
fi
mv -f "$OUTPUT" "$output"
