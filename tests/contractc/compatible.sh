#!/bin/bash
# Whether a server of a new contract may serve clients of an old one: by pairs, each of which says why not.
cd "$(dirname "$0")/../.." || exit 1
. tests/tap.sh
pairs=tests/contractc/compatible
compare() { build/bin/contractc --compatible "$pairs/$1/store.contract" "$pairs/$2/store.contract" 2>&1; echo "status $?"; }
for new in old same wider; do
  is "a server of '$new' may serve clients of 'old'" "status 0" "$(compare old $new)"
done
is "what is the same is so both ways" "status 0" "$(compare same old)"
for new in removed answer number narrow error later moved turn; do
  is "a server of '$new' may not, and why" "$(cat "$pairs/$new.expected")" "$(compare old $new)"
done
# Of what grew, only the new server may serve old clients.
matches "a server of 'old' may not serve clients of 'wider'" "error E601.*status 1" "$(compare wider old)"
for contract in contracts/*.contract; do
  is "$contract is compatible with itself" "status 0" "$(build/bin/contractc --compatible "$contract" "$contract" 2>&1; echo "status $?")"
done
is "contracts about different things are not" 1 "$(build/bin/contractc --compatible contracts/events.contract contracts/names.contract >/dev/null 2>&1; echo $?)"
is "a contract that is refused is compatible with nothing" 1 "$(build/bin/contractc --compatible contracts/events.contract tests/contractc/bad/e401.contract >/dev/null 2>&1; echo $?)"
finish
