#!/bin/bash
# Tests of tests/run itself: every way a test can go wrong must count as a failure, and be named.
set -u
cd "$(dirname "$0")/.."
directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT
count=0 failed=0

# expect NAME 'LAST LINE' STATUS [OPTION…]: runs the file $directory/test, written from standard input.
expect() {
  local name=$1 line=$2 status=$3 output got
  shift 3
  { echo '#!/bin/bash'; cat; } >"$directory/test"
  chmod +x "$directory/test"
  output=$(tests/run "$@" "$directory/test" 2>&1)
  got=$?
  count=$((count + 1))
  if [ "$(tail -n 1 <<<"$output")" = "$line" ] && [ $got = "$status" ]; then
    echo "ok $count - $name"
  else
    echo "not ok $count - $name"
    sed 's/^/# /' <<<"$output (status $got)"
    failed=1
  fi
}

expect "passes are counted, plan first" "2 passed, 0 failed" 0 <<<'echo 1..2; echo "ok 1 - a"; echo "ok 2 - b"'
expect "passes are counted, plan last" "2 passed, 0 failed" 0 <<<'echo "ok 1 - a"; echo "ok 2 - b"; echo 1..2'
expect "a skip is neither" "1 passed, 0 failed, 1 skipped" 0 <<<'echo 1..2; echo "ok 1 - a"; echo "ok 2 - b # SKIP no"'
expect "a file that skips itself is one skip" "0 passed, 0 failed, 1 skipped" 0 <<<'echo "1..0 # SKIP no"'
expect "a failure is counted" "1 passed, 1 failed" 1 <<<'echo 1..2; echo "ok 1 - a"; echo "not ok 2 - b"; exit 1'
expect "a failure counts whatever the exit status" "0 passed, 1 failed" 1 <<<'echo 1..1; echo "not ok 1 - a"'
expect "an exit status alone is a failure" "1 passed, 1 failed" 1 <<<'echo 1..1; echo "ok 1 - a"; exit 3'
expect "a missing plan is a failure" "1 passed, 1 failed" 1 <<<'echo "ok 1 - a"'
expect "a plan without tests is a failure" "0 passed, 1 failed" 1 <<<'echo 1..0'
expect "no output is a failure" "0 passed, 1 failed" 1 <<<'true'
expect "fewer tests than planned is a failure" "1 passed, 1 failed" 1 <<<'echo 1..2; echo "ok 1 - a"'
expect "a crash is a failure" "1 passed, 1 failed" 1 <<<'echo 1..1; echo "ok 1 - a"; kill -SEGV $$'
expect "a bail-out is a failure" "0 passed, 2 failed" 1 <<<'echo 1..1; echo "Bail out! no"; exit 1'
expect "a timeout is a failure" "0 passed, 1 failed" 1 --timeout 1 <<<'sleep 60'
expect "several plans add up" "2 passed, 0 failed" 0 <<<'echo 1..1; echo "ok 1 - a"; echo 1..1; echo "ok 1 - b"'

expect "what a test leaves running does not hold up the run" "1 passed, 0 failed" 0 --timeout 20 \
  <<<'sleep 60 & echo 1..1; echo "ok 1 - a"'

tests/run >/dev/null 2>&1
[ $? = 1 ] && word=ok || { word="not ok"; failed=1; }
echo "$word $((count + 1)) - a run without tests is a failure"
tests/run "$directory/absent" 2>&1 | tail -n 1 | grep -qx '0 passed, 1 failed' && word=ok || { word="not ok"; failed=1; }
echo "$word $((count + 2)) - a test that is not there is a failure"
# Two that wait for each other pass only side by side; three that may not be beside each other never are.
meet='#!/bin/bash
cd "$(dirname "$0")"; touch "$0.here"; for _ in $(seq 200); do [ -e first.here ] && [ -e second.here ] && break; sleep 0.05; done
echo 1..1; [ -e first.here ] && [ -e second.here ] && echo "ok 1 - met" || echo "not ok 1 - met"'
for name in first second; do echo "$meet" >"$directory/$name"; chmod +x "$directory/$name"; done
sed -i 's/touch "$0.here"/touch "$(basename "$0").here"/' "$directory/first" "$directory/second"
if [ "$(nproc)" -gt 1 ]; then
  tests/run "$directory/first" --beside "$directory/second" | tail -n 1 | grep -qx '2 passed, 0 failed' && word=ok || { word="not ok"; failed=1; }
  echo "$word $((count + 3)) - a test may run beside another"
else
  echo "ok $((count + 3)) - a test may run beside another # SKIP one processor"
fi
single='#!/bin/bash
echo 1..1; mkdir "$(dirname "$0")/taken" && sleep 0.3 && rmdir "$(dirname "$0")/taken" && echo "ok 1 - single" || echo "not ok 1 - single"'
for name in one two three; do echo "$single" >"$directory/$name"; chmod +x "$directory/$name"; done
printf '#!/bin/bash\necho 1..1; echo "not ok 1 - beside"\n' >"$directory/wrong"; chmod +x "$directory/wrong"
output=$(tests/run "$directory/one" "$directory/two" "$directory/wrong" "$directory/three" --beside "$directory/wrong")
[ "$(tail -n 1 <<<"$output")" = '3 passed, 1 failed' ] && word=ok || { word="not ok"; failed=1; }
echo "$word $((count + 4)) - the others are not beside each other, each runs once, and a failure beside them counts"
echo "1..$((count + 4))"
exit $failed
