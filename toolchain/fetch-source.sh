#!/bin/bash
# Fetches a Debian source package and unpacks it, with Debian's patches: `fetch-source.sh PACKAGE DIRECTORY`. DIRECTORY becomes
# the source tree. Called by make rules, from any number of jobs at once. The places to fetch from are those of the apt
# configuration, asked for their sources; /etc is only read, and what apt keeps goes under build/apt.
set -euo pipefail

package=$1
mkdir -p "$(dirname "$2")"
directory=$(realpath -m "$2")
state=$(realpath "$(dirname "$0")/..")/build/apt
mkdir -p "$state/lists/partial" "$state/cache/archives/partial" "$state/sources"

if ! command -v dpkg-source >/dev/null; then
  "$(dirname "$0")/../.ci/install-packages" /dev/stdin <<<dpkg-dev
fi

exec 9>"$state/lock"
flock 9

# Each place that offers packages, asked for sources instead. Both notations: lines (`deb …`) and stanzas (`Types: deb`).
apt_options=(-q -o Dir::Etc::sourcelist=/dev/null -o Dir::Etc::sourceparts="$state/sources"
  -o Dir::State::lists="$state/lists" -o Dir::Cache="$state/cache" -o APT::Sandbox::User=root
  -o APT::Get::List-Cleanup=false)
if ! [ -e "$state/updated" ]; then
  rm -f "$state/sources/"*
  eval "$(apt-config shell list Dir::Etc::sourcelist/f parts Dir::Etc::sourceparts/d)"
  for file in "$list" "$parts"/*.list; do
    [ -f "$file" ] || continue
    sed -nE 's/^[[:space:]]*deb(-src)?[[:space:]]+/deb-src /p' "$file" | sort -u >"$state/sources/$(basename "$file" .list).list"
  done
  for file in "$parts"/*.sources; do
    [ -f "$file" ] || continue
    sed -E 's/^Types:.*/Types: deb-src/' "$file" >"$state/sources/$(basename "$file")"
  done
  # A place without sources is an error to apt and none here: the package may come from another.
  apt-get "${apt_options[@]}" update >&2 || true
  touch "$state/updated"
fi

scratch=$(mktemp -d "$directory.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
cd "$scratch"
if ! apt-get "${apt_options[@]}" source "$package" >log 2>&1; then
  # The lists may be older than the archive.
  apt-get "${apt_options[@]}" update >&2 || true
  apt-get "${apt_options[@]}" source "$package" >log 2>&1 || { cat log >&2; exit 1; }
fi
tree=$(find . -mindepth 1 -maxdepth 1 -type d)
rm -rf "$directory"
mv "$tree" "$directory"
