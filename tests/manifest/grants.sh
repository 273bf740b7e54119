#!/bin/bash
# A process has only the channels and devices that its manifest names, by an opinion of its own. See grants.py.
cd "$(dirname "$0")/../.." || exit 1
. tests/manifest/web.bash
python3 tests/manifest/grants.py build/tests/manifest/reader build/bin/contractc build/services \
  tests/manifest/good/*.yaml "$scratch/web.yaml"
