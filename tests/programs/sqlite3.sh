#!/bin/bash
# The sqlite3 shell, sealed against native: a database in memory and one in a file, whose bytes must be the same.
source "$(dirname "$0")/compare.sh" sqlite3
input memory.sql <"$top/bench/work/sqlite.sql"
same "a database in memory" -i memory.sql :memory:
input make.sql <<'SQL'
PRAGMA page_size = 4096;
CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT UNIQUE, number REAL, bytes BLOB);
CREATE INDEX t_number ON t (number);
CREATE TABLE log (id INTEGER PRIMARY KEY, t REFERENCES t, what TEXT);
CREATE TRIGGER t_gone AFTER DELETE ON t BEGIN INSERT INTO log (t, what) VALUES (old.id, 'deleted ' || old.name); END;
CREATE VIEW few AS SELECT * FROM t WHERE id < 5;
BEGIN;
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
INSERT INTO t SELECT i, 'name ' || ((i * 7919) % 20011), i / 7.0, zeroblob(i % 50) FROM n;
COMMIT;
SAVEPOINT a; DELETE FROM t WHERE id > 100; ROLLBACK TO a; RELEASE a;
DELETE FROM t WHERE id % 100 = 0;
UPDATE t SET number = number * 2 WHERE id % 3 = 0;
SELECT count(*), round(sum(number), 6), sum(length(bytes)) FROM t;
SELECT * FROM few;
SELECT count(*), min(what), max(what) FROM log;
PRAGMA integrity_check;
SQL
same "a database in a file" -i make.sql file.db
input ask.sql <<'SQL'
.mode csv
.headers on
SELECT id, name, number, hex(bytes) FROM t WHERE id IN (1, 77, 19999);
.mode json
SELECT id, name FROM few;
.mode list
SELECT name, rank() OVER (ORDER BY number DESC) FROM t LIMIT 3;
SELECT json_extract('{"a": [1, 2, {"b": "c"}]}', '$.a[2].b'), upper('abc'), printf('%08.3f|%x|%e', 3.14159, 255, 1e100);
SELECT date('2024-02-29', '+1 year'), strftime('%s', '2000-01-01'), julianday('2000-01-01');
SELECT 9223372036854775807 + 0, 1e308 * 10, 0.1 + 0.2, 1 / 3.0, -7 / 2, 7 % -3;
SQL
same "asking it" -i ask.sql file.db
same "vacuum, then every page is sound" file.db 'VACUUM; PRAGMA integrity_check; PRAGMA freelist_count;'
same "its dump" file.db .dump
keep dump.sql
same "reading the dump back" -i dump.sql copy.db
same "the copy is sound and as long" copy.db 'PRAGMA integrity_check; SELECT count(*) FROM t;'
same "backup" file.db '.backup backup.db'
(head -c 30000 "$scratch/sealed/file.db"; printf 'damage damage damage damage'; tail -c +30028 "$scratch/sealed/file.db") | input broken.db
same "a damaged file is noticed" broken.db 'PRAGMA integrity_check;'
head -c 5000 /dev/urandom | input noise.db
same "noise is no database" -s 26 noise.db 'SELECT * FROM t;'
same "SQL that is wrong" -s 1 :memory: 'SELECT nothing FROM nowhere;'
finish
