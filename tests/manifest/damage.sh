#!/bin/bash
# A manifest that is wrong in any field is refused, with the place; see damage.py.
cd "$(dirname "$0")/../.." || exit 1
. tests/manifest/web.bash
# Of needs that are alike three are enough.
sed -e '/^ *n\(1[0-9]\|2[0-9]\|[3-9]\): /d' -e "s|\.\./\.\./\.\./build/services/console|$scratch/images/program|" \
  -e "s|\.\./folder|$scratch/site|g" tests/manifest/good/edges.yaml >"$scratch/edges.yaml"
python3 tests/manifest/damage.py build/tests/manifest/reader build/bin/contractc "$scratch/images" "$scratch" \
  "$scratch/web.yaml" "$scratch/edges.yaml"
