#!/bin/bash
# timeout: 600
# Real programs on machines of their own, every kind of machine: the images that tests/programs runs on Linux, byte for byte. What they
# print is what the native ones print.
cd "$(dirname "$0")/../.." || exit 1
. tests/tap.sh
. tests/pc/machine.sh
mkdir "$work/tree"
cp docs/machine-code.md "$work/tree/text"
head -c 300000 build/programs-native/sqlite3 >"$work/tree/code"
: >"$work/tree/empty"
cp tests/programs/lua/*.lua "$work/tree"
cat >"$work/tree/file.sql" <<'SQL'
CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT UNIQUE, number REAL);
CREATE INDEX t_number ON t (number);
BEGIN;
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)
INSERT INTO t SELECT i, 'name ' || ((i * 7919) % 20011), i / 7.0 FROM n;
COMMIT;
DELETE FROM t WHERE id % 100 = 0;
UPDATE t SET number = number * 2 WHERE id % 3 = 0;
SELECT count(*), round(sum(number), 6) FROM t;
SELECT name, rank() OVER (ORDER BY number DESC) FROM t LIMIT 3;
VACUUM;
PRAGMA integrity_check;
.backup copy.db
.open copy.db
SELECT count(*), min(name), max(name) FROM t;
SELECT hex(zeroblob(3)), date('2024-02-29', '+1 year'), 0.1 + 0.2, json_extract('{"a": [1, 2]}', '$.a[1]');
SQL
head -c 60000 build/programs-native/lua >"$work/binary"
printf 'scale=120; 4*a(1); 2^300; sqrt(2)\n' >"$work/pi.bc"

# on_machine NAME [-i FILE] PROGRAM ARGUMENT…: on a machine and natively, in a directory of the same files.
on_machine() {
  local name=$1 wanted
  shift
  input=/dev/null
  [ "$1" = -i ] && input=$2 && shift 2
  rm -rf "$work/native" && cp -a "$work/tree" "$work/native"
  (cd "$work/native" && exec env -i HOME=/ "$OLDPWD/build/programs-native/$1" "${@:2}") <"$input" >"$work/native-out" 2>"$work/native-err"
  wanted=$?
  same "$name: ${machine[*]}" $wanted "$work/native-out" "${machine[@]}" --dir "$work/tree::/tree" --workdir /tree --env HOME=/ \
    build/programs/"$1" "${@:2}"
  is "and its errors" "$(cat "$work/native-err")" "$(cat "$work/err")"
}
for one in "${machines[@]}"; do
  next_machine
  on_machine "gzip of standard input" -i "$work/binary" gzip -n -6 -c
  cp "$work/out" "$work/packed.gz"
  input=$work/packed.gz
  same "and back: ${machine[*]}" 0 "$work/binary" "${machine[@]}" build/programs/gzip -d -c
  on_machine "bzip2" bzip2 -9 -c code
  on_machine "zstd" zstd -q -12 -c code
  on_machine "sha256sum" sha256sum code text empty absent
  on_machine "bc" -i "$work/pi.bc" bc -l
  on_machine "lua" lua library.lua one "two words" ''
  on_machine "sqlite3, a database in memory and in files" -i "$work/tree/file.sql" sqlite3 file.db
done
finish
