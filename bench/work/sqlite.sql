-- What programs ask of a database, all in memory: inserts, an index, joins, grouping, updates, text. Prints results that bench/run compares.
PRAGMA journal_mode = OFF;
PRAGMA temp_store = MEMORY;
CREATE TABLE item (id INTEGER PRIMARY KEY, shelf INTEGER, name TEXT, price REAL);
BEGIN;
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 350000)
INSERT INTO item SELECT i, (i * 7919) % 997, printf('item-%06d', (i * 104729) % 200003), (i % 1000) / 8.0 FROM n;
COMMIT;
CREATE INDEX item_shelf ON item (shelf, price);
CREATE INDEX item_name ON item (name);
CREATE TABLE shelf AS SELECT shelf AS id, count(*) AS items, sum(price) AS total FROM item GROUP BY shelf;
SELECT count(*), sum(items), round(sum(total), 3) FROM shelf;
UPDATE item SET price = price + 1 WHERE shelf % 3 = 0;
SELECT count(*), round(sum(i.price * s.items), 3) FROM item i JOIN shelf s ON s.id = i.shelf WHERE s.items > 200;
SELECT count(*) FROM item WHERE name LIKE '%77%';
SELECT name, price FROM item ORDER BY price DESC, name LIMIT 5;
SELECT a.shelf, count(*) FROM item a JOIN item b ON b.id = a.id + 997 AND b.shelf = a.shelf GROUP BY a.shelf ORDER BY 2 DESC, 1 LIMIT 5;
DELETE FROM item WHERE id % 5 = 0;
SELECT count(*), sum(length(name)), round(avg(price), 6) FROM item;
SELECT group_concat(name) FROM (SELECT name FROM item WHERE shelf = 5 ORDER BY name LIMIT 20);
PRAGMA integrity_check;
