#!/bin/bash
# bc, sealed against native: long numbers, its mathematics library, its language.
source "$(dirname "$0")/compare.sh" bc
input pi.bc <<'BC'
scale=500
4*a(1)
quit
BC
same "pi to 500 digits" -l pi.bc
tr -d '\\\n' <"$scratch/sealed.out" | grep -q '^3\.14159265358979323846264338327950288419716939937510582097494459230781640628620899862803482534211706798214808651328230664709384460955058223172535940812848111745028410270193852110555964462294895493038196'
result $((!$?)) "which begin as everybody's do"
input functions.bc <<'BC'
scale=60
s(1); c(1); e(1); l(2); j(0,1); sqrt(2)
define f(n) { if (n < 2) return (1); return (n * f(n-1)); }
f(200)
obase=16; 2^200-1; obase=2; 1023; ibase=16; FF; ibase=A; obase=10
for (i = 0; i < 20; i++) { x[i] = i^i; }
for (i = 0; i < 20; i++) x[i]
a = 7; a %= 4; a; a ^= 20; a
2^1000 / 3^500
define void p(n) { auto i; for (i = 0; i < n; i++) { print i, " "; }; print "\n"; }
p(10)
scale=3; 10/3; -10/3; 10%3; 1.5^3
length(123.456); scale(123.456)
BC
same "functions, bases, arrays" -l functions.bc
input wrong.bc <<'BC'
1/0
sqrt(-1)
x = )
2+3
BC
same "what is wrong is told and the rest goes on" -i wrong.bc
echo '2^20000' | input big.bc
same "a number of 6021 digits" -i big.bc
same "a file that is not there" -s 1 absent.bc
finish
