#!/bin/bash
# Real programs that need temporary files, with no directory of the host at all: sealed against native.
cd "$(dirname "$0")/../.." || exit 1
. tests/tap.sh
sql="CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT, number REAL);
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200000)
INSERT INTO t SELECT i, 'name ' || ((i * 7919) % 200017), i / 7.0 FROM n;
CREATE INDEX t_name ON t (name);
SELECT name, id FROM t ORDER BY name LIMIT 3;
DELETE FROM t WHERE id % 3 = 0;
VACUUM;
PRAGMA integrity_check;
SELECT count(*), min(name), max(name), round(sum(number), 3) FROM t;"
for store in default file; do
  # The temporary file is large: a cache of ten pages holds none of it.
  script="PRAGMA temp_store = $store; PRAGMA cache_size = 10; PRAGMA temp.cache_size = 10; $sql"
  native=$(timeout 200 build/programs-native/sqlite3 -batch -bail :memory: "$script" 2>&1; echo "status $?")
  sealed=$(timeout 200 build/bin/signet run build/programs/sqlite3 -batch -bail :memory: "$script" 2>&1; echo "status $?")
  matches "sqlite3 natively sorts and vacuums 200,000 rows, store: $store" 'ok.*133334.*status 0' "$native"
  is "and so it does sealed" "$native" "$(grep -v 'cannot find home directory' <<<"$sealed")"
done
finish
