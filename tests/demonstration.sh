#!/bin/bash
# What `make run` shows is so: each of its claims ("yes: …" or "NO: …") is a test here.
cd "$(dirname "$0")/.."
count=0 failed=0
for demonstration in first web; do
  output=$(apps/$demonstration/run.sh 2>&1 </dev/null)
  status=$?
  begin=$count
  while IFS= read -r line; do
    count=$((count + 1))
    case $line in
      yes:*) echo "ok $count - ${line#yes: }" ;;
      *) echo "not ok $count - ${line#NO: }"; failed=1 ;;
    esac
  done < <(sed -n 's/^   \(yes\|NO\): /\1: /p' <<<"$output")
  count=$((count + 1))
  if [ $status = 0 ] && [ $((count - begin)) -gt 8 ] && [[ $output == *"All as it should be."* ]]; then
    echo "ok $count - the demonstration of apps/$demonstration goes through to its end"
  else
    echo "not ok $count - the demonstration of apps/$demonstration goes through to its end (status $status)"
    failed=1
  fi
  [ $failed = 0 ] || sed 's/^/# /' <<<"$output"
done
echo "1..$count"
exit $failed
