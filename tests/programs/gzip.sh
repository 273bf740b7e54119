#!/bin/bash
# gzip, sealed against native: compressed bytes, round trips, files in place, and input that is not gzip's.
source "$(dirname "$0")/compare.sh" gzip
standard_inputs
for file in text code empty byte zeroes numbers; do
  for level in 1 6 9; do
    same "compress $file at level $level" -i $file -$level -c
  done
  keep packed.gz
  same "decompress $file" -i packed.gz -d -c
  cmp -s "$scratch/sealed.out" "$scratch/sealed/$file"
  result $((!$?)) "$file came back"
done
same "compress a file in place" -9 numbers
same "list it" -l numbers.gz
same "test it" -t numbers.gz
same "decompress it in place" -d numbers.gz
same "a copy is kept when asked for" -k text
same "a file that exists already is not overwritten" -s 2 -d text.gz
head -c 1000 /dev/urandom | input noise.gz
same "noise is no gzip file" -s 1 -d -c noise.gz
same "a file that is not there" -s 1 -c absent
same "several files in a row" -c text byte empty
same "the licence" --license
finish
