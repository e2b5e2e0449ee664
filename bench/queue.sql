UPDATE jobs SET state = 'leased', worker = 'pgbench', attempts = attempts + 1, until = extract(epoch FROM clock_timestamp()) + 30 WHERE id = (SELECT id FROM jobs WHERE (state = 'waiting' OR (state = 'leased' AND until < extract(epoch FROM clock_timestamp()))) AND attempts < 4 ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED) RETURNING id AS job, attempts AS attempt \gset
SELECT 1 FROM jobs WHERE id = :job AND attempts = :attempt AND state = 'leased';
BEGIN;
UPDATE jobs SET until = until WHERE id = :job AND attempts = :attempt AND state = 'leased';
UPDATE jobs SET state = 'done', result = '1' WHERE id = :job AND attempts = :attempt AND state = 'leased';
INSERT INTO changes VALUES (:client_id, 1) ON CONFLICT (writer) DO UPDATE SET number = changes.number + 1;
COMMIT;
BEGIN;
DELETE FROM jobs WHERE id = :job;
INSERT INTO changes VALUES (-1 - :client_id, 1) ON CONFLICT (writer) DO UPDATE SET number = changes.number + 1;
COMMIT;
INSERT INTO jobs (key, job, state, attempts) VALUES (nextval('keys'), '1', 'waiting', 0) RETURNING id;
