#!/bin/bash
# native-musl-cc: the host's gcc against a static musl of its own, the other side of every comparison with signet-cc. The same C
# library, compiled the same way, nothing sealed. Finds its files from where it stands.
top=$(dirname "$(dirname "$(realpath "$0")")")/native-musl
include=$(gcc -print-file-name=include)
exec gcc -B"$top/lib/" -specs="$top/specs" "$@" -fno-pie -no-pie -static -nostdinc -isystem "$top/include" -isystem "$include" \
  -idirafter "$top/include-linux" -L"$top/lib"
