#!/bin/bash
# zstd, sealed against native: compressed bytes, round trips, threads, dictionaries, and damaged input.
# timeout: 400
source "$(dirname "$0")/compare.sh" zstd
standard_inputs
for file in text code empty byte zeroes numbers; do
  for level in 1 3 12 19; do
    same "compress $file at level $level" -i $file -q -$level -c
  done
  keep packed.zst
  same "decompress $file" -i packed.zst -q -d -c
  cmp -s "$scratch/sealed.out" "$scratch/sealed/$file"
  result $((!$?)) "$file came back"
done
same "compress without threads" -i numbers -q --single-thread -5 -c
same "compress with two threads" -i numbers -q -T2 -5 -c
keep threads.zst
same "decompress that" -i threads.zst -q -d -c
same "long distances" -q --long=24 -c code
same "a file in place" -q -k --check text
same "list it" -q -l text.zst
same "test it" -q -t text.zst
for i in $(seq 1 60); do
  mkdir -p "$scratch/sealed/samples" "$scratch/native/samples"
  for j in $(seq 1 40); do echo "key-$((i * j % 17)) value $((i * j % 101)) name item-$((i + j))"; done | input samples/$i
done
same "train a dictionary" -q --train -r samples -o dictionary --maxdict=4096
same "compress with it" -q -D dictionary -c samples/7
keep with.zst
same "decompress with it" -q -D dictionary -d -c with.zst
same "not without it" -s 1 -q -d -c with.zst
head -c 5000 "$scratch/sealed/threads.zst" | input cut.zst
same "a file that is cut off" -s 1 -q -t cut.zst
same "a file that is not there" -s 1 -q -c absent
finish
