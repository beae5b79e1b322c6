-- One callback of a portal and what became of it. Times are milliseconds since 1970.
CREATE TABLE jobs (
    id INTEGER PRIMARY KEY,
    -- Workflow's time and a digest: see `job::Key`. In the order of time, so that inserts go to the end of the index.
    key BLOB NOT NULL UNIQUE,
    -- See `job::State` and `job::Outcome`.
    state INTEGER NOT NULL,
    outcome INTEGER,
    app TEXT NOT NULL,
    member_id TEXT NOT NULL,
    revision TEXT NOT NULL,
    workflow_id TEXT NOT NULL,
    code TEXT NOT NULL,
    document_module TEXT,
    document_entity TEXT,
    document_id TEXT,
    type_module TEXT,
    type_entity TEXT,
    type_id TEXT,
    event_token TEXT NOT NULL,
    subscription INTEGER NOT NULL,
    user_id INTEGER NOT NULL,
    received INTEGER NOT NULL,
    deadline INTEGER NOT NULL,
    timed INTEGER NOT NULL,
    trace BLOB NOT NULL,
    -- The form pairs of the properties; of a quarantined job the whole body, sealed. Null when erased.
    payload BLOB,
    -- When the store's reader takes it. Null: a process has it in memory, or it is over.
    next_attempt INTEGER,
    attempts INTEGER NOT NULL DEFAULT 0,
    failures INTEGER NOT NULL DEFAULT 0,
    faulty_since INTEGER,
    sends INTEGER NOT NULL DEFAULT 0,
    -- An answer that waits to be sent: RETURN_VALUES as JSON, and the error if it is a business error.
    answer TEXT,
    answer_error TEXT,
    problem TEXT,
    changed INTEGER NOT NULL,
    -- Address that a quarantined callback came from.
    source TEXT
) STRICT;

CREATE INDEX jobs_due ON jobs (state, next_attempt) WHERE next_attempt IS NOT NULL;
CREATE INDEX jobs_parked ON jobs (id) WHERE state = 6;

-- Lifecycle events on their way to the registrar; a row goes when it was handed over.
CREATE TABLE events (
    id INTEGER PRIMARY KEY,
    -- SHA-256 of app and body: the same POST twice is one event.
    digest BLOB NOT NULL UNIQUE,
    app TEXT NOT NULL,
    event TEXT NOT NULL,
    -- The whole body, sealed.
    body BLOB NOT NULL,
    received INTEGER NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    next_attempt INTEGER NOT NULL,
    source TEXT NOT NULL
) STRICT;

CREATE INDEX events_due ON events (next_attempt);

-- Single values: `snapshot` (the last one of the registrar), `settled` (all jobs with a smaller id and no
-- `next_attempt` are over).
CREATE TABLE meta (
    name TEXT PRIMARY KEY,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;
