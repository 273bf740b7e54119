#!/bin/bash
# A contract's identity is the hash of its text; the text changed without it is another contract under an old name.
cd "$(dirname "$0")/../.." || exit 1
. tests/tap.sh
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for identity in contracts/*_identity.h; do
  header=${identity%_identity.h}.h
  contracts/identity.sh "$header" >"$work/$(basename "$identity")"
  check "the identity of $header is that of its text" cmp "$work/$(basename "$identity")" "$identity"
done
sed 's/FILES_INLINE_MOST 4096/FILES_INLINE_MOST 2048/' contracts/files.h >"$work/files.h"
contracts/identity.sh "$work/files.h" >"$work/other"
check "another text has another identity" test "$(tail -n 2 "$work/other")" != "$(tail -n 2 "$work/files_identity.h")"
finish
