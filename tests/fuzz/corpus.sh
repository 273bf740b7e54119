#!/bin/bash
# Chooses the corpus of a target from what it has and what was found: `corpus.sh NAME [FILES [BYTES]]`. What begins with kept- was
# put there by hand, because of a fault that it once showed, and stays.
set -eu
cd "$(dirname "$0")/../.."
name=$1 files=${2:-60} bytes=${3:-20000}
folder=tests/fuzz/corpus/$name
all=$(mktemp -d)
trap 'rm -rf "$all"' EXIT
mkdir -p "$folder" "build/fuzz/corpus/$name"
find "$folder" "build/fuzz/corpus/$name" -type f ! -name 'kept-*' -size -17 -exec cp -t "$all" {} +
chosen=$(ASAN_OPTIONS=detect_leaks=0 "build/fuzz/$name-choose" "$all" "$files" "$bytes") ||
  { echo "$name: it does not go through its inputs; run build/fuzz/$name on them" >&2; exit 1; }
find "$folder" -type f ! -name 'kept-*' -delete
number=0
for file in $chosen; do
  cp "$file" "$(printf '%s/%02d' "$folder" $number)"
  number=$((number + 1))
done
echo "$name: $number files, $(cat "$folder"/* | wc -c) bytes"
