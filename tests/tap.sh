# For tests in shell: sourced; prints TAP. `check NAME COMMAND…` runs a command; `is NAME WANTED FOUND`, `matches NAME PATTERN FOUND` compare; `finish` ends the test.
tap_tests=0
tap_failed=0
tap() { # STATUS NAME
  tap_tests=$((tap_tests + 1))
  if [ "$1" -eq 0 ]; then
    echo "ok $tap_tests - $2"
  else
    echo "not ok $tap_tests - $2"
    tap_failed=1
  fi
}
check() {
  local name=$1
  shift
  "$@" >/dev/null 2>&1
  tap $? "$name"
}
is() {
  [ "$2" = "$3" ]
  local same=$?
  tap $same "$1"
  [ $same -eq 0 ] || printf '# wanted: %s\n# found:  %s\n' "$2" "$3" | sed '2,$s/^[^#]/# &/'
}
matches() {
  [[ $3 =~ $2 ]]
  local same=$?
  tap $same "$1"
  [ $same -eq 0 ] || printf '# wanted: /%s/\n# found:  %s\n' "$2" "$3"
}
finish() {
  echo "1..$tap_tests"
  exit $tap_failed
}
