-- Jobs that wait, in lines: one for each app, portal, revision and state, so that none has to be read past the others.
CREATE INDEX jobs_line ON jobs (app, member_id, revision, state, next_attempt) WHERE next_attempt IS NOT NULL AND state IN (1, 3, 4);
