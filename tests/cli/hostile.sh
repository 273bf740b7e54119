#!/bin/bash
# Hostile files for `signet verify` and `signet inspect`, built with the sanitizers: truncated at every kind of place, and altered at random from a
# fixed seed. They may say yes or no; they may not crash, and what the two say must agree.
cd "$(dirname "$0")/../.." || exit 1
. tests/tap.sh
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export ASAN_OPTIONS=exitcode=99:detect_leaks=0 UBSAN_OPTIONS=exitcode=99
signet=build/tests/cli/signet-sanitize
image=build/services/console
[ -f $image ] || { echo "Bail out! no $image"; exit 1; }

cat >"$work/make.py" <<'P'
import random, sys
image, out = open(sys.argv[1], "rb").read(), sys.argv[2]
random.seed(20261120)
files = []
def put(data):
    name = "%s/%04d" % (out, len(files))
    open(name, "wb").write(data)
    files.append(name)
for length in list(range(0, 200, 3)) + list(range(200, len(image), len(image) // 60)):
    put(image[:length])
# Each field that leads somewhere, to just inside, just outside and far outside the file.
edges = [d + n for d in (0, len(image), 1 << 31, 1 << 32, 1 << 63) for n in (-4097, -1, 0, 1, 4096, 1 << 20)]
fields = [(32, 8), (54, 2), (56, 2), (40, 8)] + [(64 + 56 * i + at, 8) for i in range(6) for at in (8, 16, 32, 40)]
for at, size in fields:
    for value in edges:
        data = bytearray(image)
        data[at:at + size] = (value & (1 << 8 * size) - 1).to_bytes(size, "little")
        put(bytes(data))
for _ in range(400):  # one field of the headers
    data = bytearray(image)
    at = random.randrange(0, 64 + 56 * 8)
    size = random.choice((1, 2, 4, 8))
    value = random.choice((0, 1, 0xff, 0x7fffffffffffffff, 0xffffffffffffffff, 0x80000000, random.getrandbits(64)))
    data[at:at + size] = (value & (1 << 8 * size) - 1).to_bytes(size, "little")
    put(bytes(data))
for _ in range(300):  # some bytes of the code
    data = bytearray(image)
    for _ in range(random.randrange(1, 8)):
        data[random.randrange(4096, 12288)] = random.randrange(256)
    put(bytes(data))
P
python3 "$work/make.py" $image "$work"
run() { $signet "$@" >"$work/out" 2>"$work/error"; status=$?; }

run verify $image; is "the image itself is verified" 0 $status
run inspect $image; is "and inspected" 0 $status
mapfile -t files < <(find "$work" -name '[0-9]*' | sort)
crashed=0 disagree=0 accepted=0
# Many files a run, so that one process meets them all; alone again where it matters.
run verify "${files[@]}"; all=$status
tap "$([ $all -eq 1 ] && echo 0 || echo 1)" "${#files[@]} hostile files: verify says no and does not crash (status $all)"
for file in "${files[@]:0:40}" "${files[@]: -40}"; do
  run verify "$file"; verify=$status
  run inspect "$file"; inspect=$status
  [ $verify -le 1 ] && [ $inspect -le 1 ] || crashed=$((crashed + 1))
  [ $verify -eq $inspect ] || disagree=$((disagree + 1))
  [ $verify -eq 0 ] && accepted=$((accepted + 1))
done
is "one by one: none crashes" 0 $crashed
is "one by one: verify and inspect agree" 0 $disagree
tap "$([ $accepted -lt 40 ]; echo $?)" "few alterations leave an image that may run ($accepted of 80)"
head -c 1000000 /dev/urandom >"$work/noise"
run verify --raw "$work/noise"; tap "$([ $status -eq 1 ]; echo $?)" "a megabyte of noise as raw code is refused (status $status)"
run verify --raw --parallel "$work/noise"; tap "$([ $status -eq 1 ]; echo $?)" "also under the parallel rule"
: >"$work/empty"
run verify --raw "$work/empty"; tap "$([ $status -le 1 ]; echo $?)" "an empty file as raw code (status $status)"
run verify /; tap "$([ $status -eq 3 ]; echo $?)" "a directory cannot be read (status $status)"
finish
