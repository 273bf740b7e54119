#!/bin/bash
# bzip2, sealed against native: compressed bytes, round trips, files in place, and damaged input.
source "$(dirname "$0")/compare.sh" bzip2
standard_inputs
for file in text code empty byte zeroes numbers; do
  for level in 1 9; do
    same "compress $file at level $level" -i $file -$level -c
  done
  keep packed.bz2
  same "decompress $file" -i packed.bz2 -d -c
  cmp -s "$scratch/sealed.out" "$scratch/sealed/$file"
  result $((!$?)) "$file came back"
  same "decompress $file in little memory" -i packed.bz2 -d -s -c
done
same "compress a file in place and keep it" -k numbers
same "test it" -t numbers.bz2
head -c 20000 "$scratch/sealed/numbers.bz2" | input cut.bz2
same "a file that is cut off" -s 2 -t cut.bz2
(head -c 3000 "$scratch/sealed/numbers.bz2"; printf XXXX; tail -c +3005 "$scratch/sealed/numbers.bz2") | input damaged.bz2
same "a damaged file" -s 2 -d -c damaged.bz2
same "a file that is not there" -s 1 -c absent
finish
