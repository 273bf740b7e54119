#!/bin/bash
# Counts the trusted base, lines that are neither blank nor comment, by folder: `count-trusted.sh [FILE]`, to standard output or FILE.
# docs/trusted-base.txt is its output; `make trusted-base` writes it, tests/trusted-base.sh holds it to the code.
set -euo pipefail
cd "$(dirname "$0")/.."

count() { # count FILE…
  awk '
    FNR == 1 { inside = 0 }
    {
      line = $0
      if (FILENAME ~ /\.list$/) { sub(/#.*/, "", line) }
      else {
        text = ""
        while (line != "") {
          if (inside) {
            end = index(line, "*/")
            if (!end) { line = ""; break }
            line = substr(line, end + 2); inside = 0
          } else {
            start = index(line, "/*"); slashes = index(line, "//"); quote = index(line, "\"")
            first = start && (!slashes || start < slashes) ? start : slashes
            if (!first) { text = text line; line = ""; break }
            if (quote && quote < first && match(substr(line, quote), /^"([^"\\]|\\.)*"/)) {
              text = text substr(line, 1, quote + RLENGTH - 1); line = substr(line, quote + RLENGTH); continue
            }
            text = text substr(line, 1, first - 1)
            if (first == slashes) { line = ""; break }
            line = substr(line, first + 2); inside = 1
          }
        }
        line = text
      }
      if (line ~ /[^ \t]/) lines++
    }
    END { print lines + 0 }' "$@"
}

report() {
  local total=0 lines files
  echo "The trusted base: lines that are neither blank nor comment"
  echo
  for folder in kernel verifier port port/x86 port/linux port/pc; do
    mapfile -t files < <(find "$folder" -maxdepth 1 \( -name '*.[chS]' -o -name '*.list' \) 2>/dev/null | sort)
    [ ${#files[@]} -gt 0 ] || continue
    lines=$(count "${files[@]}")
    total=$((total + lines))
    printf '%-12s %6d  in %d files\n' "$folder/" "$lines" "${#files[@]}"
  done
  printf '%-12s %6d\n' total "$total"
}

if [ $# = 1 ]; then report >"$1"; else report; fi
