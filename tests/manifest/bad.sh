#!/bin/bash
# Every rule of manifests refuses what breaks it, word for word as expected, and lets the near miss pass.
cd "$(dirname "$0")/../.." || exit 1
. tests/tap.sh
signet=build/bin/signet
bad=tests/manifest/bad good=tests/manifest/good
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT
# What differs from one machine and one build to the next.
said() { # FILE
  "$signet" check "$1" 2>&1 >/dev/null | sed -e "s|$PWD|TREE|g" -e 's/hash is [0-9a-f]\{64\}/hash is HASH/' \
    -e 's/machine has [0-9.]*[KMGT]/machine has MEMORY/' \
    -e 's/needs 8[2-9][0-9][0-9]K to start/needs 8M AND ITS DATA to start/'
  return "${PIPESTATUS[0]}"
}
for expected in "$bad"/*.expected; do
  name=$(basename "$expected" .expected)
  found=$(said "$bad/$name.yaml")
  status=$?
  is "bad/$name ends as it should" "$([[ $name == m6* ]] && echo 0 || echo 1)" "$status"
  is "bad/$name is told what is wrong, where, and how to go on" "$(cat "$expected")" "$found"
  [ "$name" = many ] && continue
  rule=${name%%_*} # what is behind '_' is another way to break it
  matches "bad/$name breaks rule $rule" " (error|warning) M${rule#m}:" "$found"
done
# What is too large for a file of the tree.
system='system: large\nprocesses:\n  p:\n    image: %s/build/services/console\n'
{
  printf "$system" "$PWD"
  echo '    arguments:'
  for ((i = 0; i < 1050; i++)); do printf '      - %01000d\n' "$i"; done
} >"$scratch/m407.yaml"
matches "arguments of more than 1 MiB break rule 407" "m407.yaml:3:3: error M407: .* 10510[0-9]* bytes long" "$(said "$scratch/m407.yaml")"
{
  printf "$system" "$PWD"
  for ((i = 0; i < 2200; i++)); do printf '# %01000d\n' "$i"; done
} >"$scratch/m104.yaml"
matches "a file of more than 2 MiB breaks rule 104" "m104.yaml: error M104: " "$(said "$scratch/m104.yaml")"
matches "a file that is not there breaks rule 109" "none.yaml: error M109: No such file" "$(said "$scratch/none.yaml")"
matches "a folder breaks rule 109" "$scratch: error M109: Is a directory" "$(said "$scratch")"
is "no good manifest: status 1" 1 "$(said "$scratch" >/dev/null; echo $?)"

for system in "$good"/*.yaml; do
  found=$(said "$system")
  is "$system is accepted without a word" "0 " "$? $found"
done
for number in $(sed -n 's/^ *X(\([0-9]*\),.*/\1/p' manifest/problems.h | grep -v -e 109 -e 407); do
  check "rule M$number has a manifest that breaks it" test -f "$bad/m$number.expected"
done
for number in $(sed -n 's/^ *X(\([0-9]*\),.*/\1/p' manifest/problems.h); do
  check "docs/manifests.md explains M$number" grep -q "^| M$number |" docs/manifests.md
done
finish
