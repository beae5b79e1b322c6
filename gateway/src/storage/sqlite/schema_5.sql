-- The same index with another word for its condition: with IN, each write of a job that waits made two tables in memory.
DROP INDEX jobs_line;
CREATE INDEX jobs_line ON jobs (app, member_id, revision, state, next_attempt)
    WHERE next_attempt IS NOT NULL AND (state = 1 OR state = 3 OR state = 4);
