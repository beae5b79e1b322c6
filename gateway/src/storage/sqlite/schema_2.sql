-- A job's payload is the whole body, sealed: it was never accepted.
ALTER TABLE jobs ADD COLUMN sealed INTEGER NOT NULL DEFAULT 0;
UPDATE jobs SET sealed = 1 WHERE state = 0 OR outcome = 7 OR (state = 6 AND attempts = 0);

-- What people did with a job, and what it was before: see `job::Action`.
CREATE TABLE history (
    id INTEGER PRIMARY KEY,
    job INTEGER NOT NULL,
    at INTEGER NOT NULL,
    action INTEGER NOT NULL,
    person TEXT NOT NULL,
    why TEXT NOT NULL,
    state INTEGER NOT NULL,
    outcome INTEGER,
    attempts INTEGER NOT NULL,
    problem TEXT
) STRICT;

CREATE INDEX history_of_job ON history (job, id);
