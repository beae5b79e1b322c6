-- How often credentials were taken: a pass that began before the last time knows nothing of it.
ALTER TABLE installations ADD COLUMN adoptions INTEGER NOT NULL DEFAULT 0;
