#!/bin/bash
# sha256sum of busybox, sealed against native and against the host's own.
source "$(dirname "$0")/compare.sh" sha256sum
standard_inputs
same "the sums of files" text code empty byte zeroes numbers
(cd "$scratch/native" && sha256sum text code empty byte zeroes numbers) | cmp -s - "$scratch/sealed.out"
result $((!$?)) "the host's sha256sum agrees"
keep sums
same "the sum of standard input" -i code
same "checking the sums" -c sums
printf y | input byte
same "a file that has changed is noticed" -s 1 -c sums
same "a file that is not there" -s 1 absent
finish
