# For demonstrations: sourced. `title` and `show` say what comes; `must` counts what is not as it should be in $wrong.
wrong=0
title() { printf '\n== %s\n' "$*"; }
show() { printf '$ %s\n' "$*"; }
must() { # must WHAT COMMAND…: COMMAND has to succeed
  local what=$1
  shift
  if "$@"; then echo "   yes: $what"; else echo "   NO: $what"; wrong=1; fi
}
