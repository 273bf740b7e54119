#!/bin/bash
# docs/trusted-base.txt says what the trusted base measures now, and README.md says the same; they change only in the commit that
# causes it.
cd "$(dirname "$0")/.."
echo 1..2
status=0
if difference=$(diff docs/trusted-base.txt <(tests/count-trusted.sh) 2>&1); then
  echo "ok 1 - docs/trusted-base.txt is the count of the trusted base"
else
  echo "not ok 1 - docs/trusted-base.txt is the count of the trusted base ('make trusted-base' writes it)"
  sed 's/^/# /' <<<"$difference"
  status=1
fi

# | `FOLDER` | LINES | FILES |, and what a system has of them together.
folders() { awk '$2 ~ /^[0-9]+$/ && $3 == "in" { print $1, $2, $4 }' docs/trusted-base.txt; }
rows() {
  folders | while read -r folder lines files; do echo "| \`$folder\` | $lines | $files |"; done
  folders | awk '{ lines[$1] = $2; all += $2 }
    END { print "| together, on Linux | " all - lines["port/pc/"] " | |"
          print "| together, on the bare machine | " all - lines["port/linux/"] " | |" }'
}
if missing=$(rows | while read -r row; do grep -qxF "$row" README.md || echo "$row"; done) && [ -z "$missing" ]; then
  echo "ok 2 - README.md has the same figures"
else
  echo "not ok 2 - README.md has the same figures: these rows should be there"
  sed 's/^/# /' <<<"$missing"
  status=1
fi
exit $status
