#!/bin/bash
# A contract's identity is the hash of its text; the text changed without it is another contract under an old name.
cd "$(dirname "$0")/../.." || exit 1
. tests/tap.sh
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
contracts/identity.sh contracts/files.h >"$work/identity"
check "the identity of contracts/files.h is that of its text" cmp "$work/identity" contracts/files_identity.h
sed 's/FILES_INLINE_MOST 4096/FILES_INLINE_MOST 2048/' contracts/files.h >"$work/files.h"
contracts/identity.sh "$work/files.h" >"$work/other"
check "another text has another identity" test "$(tail -n 2 "$work/other")" != "$(tail -n 2 "$work/identity")"
finish
