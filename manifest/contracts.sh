#!/bin/bash
# Prints the table of the contracts of those names, as C: `manifest/contracts.sh NAME…`.
echo '/* All contracts of the tree, as the kernel checks them. Made by manifest/contracts.sh. */'
printf '#include "contracts/%s.h"\n' "$@"
echo '#include "manifest/model.h"'
echo 'const struct contract contracts[] = {'
for name; do
  upper=${name^^}
  echo "    {\"$name\", &${name}_contract, ${upper//-/_}_CONTRACT_LENGTH},"
done
echo '};'
echo 'const uint32_t contract_count = sizeof contracts / sizeof *contracts;'
