#!/bin/bash
# Writes files as a table for C: `embed.sh FILE…` to the standard output. The names are without their folder. For the status
# page, which the web server has in itself, so that it can be looked at when the file service is gone.
set -euo pipefail
echo '/* Made by apps/web/embed.sh. */'
echo 'struct status_file { const char *name; const unsigned char *bytes; unsigned long length; };'
number=0
for file in "$@"; do
  echo "static const unsigned char status_bytes_$number[] = {"
  od -An -v -tx1 "$file" | sed 's/ \([0-9a-f][0-9a-f]\)/0x\1,/g'
  echo '0};'
  number=$((number + 1))
done
echo 'static const struct status_file status_files[] = {'
number=0
for file in "$@"; do
  echo "  {\"$(basename "$file")\", status_bytes_$number, sizeof status_bytes_$number - 1},"
  number=$((number + 1))
done
# A table is never empty.
echo '  {"", (const unsigned char *)"", 0},'
echo '};'
