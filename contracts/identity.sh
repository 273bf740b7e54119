#!/bin/sh
# Prints the identity header of a contract: the BLAKE2b-256 hash of the text between its "contract begin" and "contract
# end". Usage: contracts/identity.sh contracts/files.h > contracts/files_identity.h (tests/lib checks that it is current).
set -eu
name=$(basename "$1" .h | tr a-z A-Z)
hash=$(sed -n '/contract begin/,/contract end/p' "$1" | b2sum -l 256 | cut -c 1-64)
echo "/* Made by contracts/identity.sh from $(basename "$1"): the hash of the contract's text. */"
echo "/* clang-format off */"
printf '#define %s_IDENTITY \\\n ' "$name"
echo "$hash" | sed 's/../ 0x&,/g; s/,$//; s/\( 0x..,\)\{16\}/&\\\n /'
