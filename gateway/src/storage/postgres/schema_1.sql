-- Names, columns and numbers are those of the SQLite store. A row's id is a count times 256, plus its lane (see `lane.rs`): it grows in
-- the order of acceptance, and each statement finds the lane in the id. Texts are compared byte by byte.
CREATE SEQUENCE gateway.ids;

-- One callback of a portal and what became of it. Times are milliseconds since 1970.
CREATE TABLE gateway.jobs (
    lane smallint NOT NULL,
    id bigint NOT NULL,
    -- Workflow's time and a digest: see `job::Key`. In the order of time, so that inserts go to the end of the index.
    key bytea NOT NULL,
    -- See `job::State` and `job::Outcome`.
    state smallint NOT NULL,
    outcome smallint,
    app text COLLATE "C" NOT NULL,
    member_id text COLLATE "C" NOT NULL,
    revision text COLLATE "C" NOT NULL,
    workflow_id text COLLATE "C" NOT NULL,
    code text COLLATE "C" NOT NULL,
    document_module text,
    document_entity text,
    document_id text,
    type_module text,
    type_entity text,
    type_id text,
    event_token text NOT NULL,
    subscription smallint NOT NULL,
    user_id bigint NOT NULL,
    received bigint NOT NULL,
    deadline bigint NOT NULL,
    timed boolean NOT NULL,
    trace bytea NOT NULL,
    -- The form pairs of the properties; sealed, of a callback that was never accepted, the whole body. Null when erased.
    payload bytea,
    sealed boolean NOT NULL,
    -- When the store's reader takes it. Null: a process has it in memory, or it is over.
    next_attempt bigint,
    attempts integer NOT NULL DEFAULT 0,
    failures integer NOT NULL DEFAULT 0,
    faulty_since bigint,
    sends integer NOT NULL DEFAULT 0,
    -- An answer that waits to be sent: RETURN_VALUES as JSON, and the error if it is a business error.
    answer text,
    answer_error text,
    problem text,
    changed bigint NOT NULL,
    -- Address that a quarantined callback came from.
    source text,
    -- The second of the portal's clock in which the last request with the job's answer began. Null: not sent, or its arrival is
    -- not looked for any more.
    sent_second bigint,
    PRIMARY KEY (lane, id),
    UNIQUE (lane, key)
);

-- Jobs that wait, in lines: one for each app, portal, revision and state, so that none has to be read past the others.
CREATE INDEX jobs_line ON gateway.jobs (lane, app, member_id, revision, state, next_attempt, id)
    WHERE next_attempt IS NOT NULL AND state IN (1, 3, 4);
CREATE INDEX jobs_quarantined ON gateway.jobs (next_attempt) WHERE state = 0;
CREATE INDEX jobs_parked ON gateway.jobs (id) WHERE state = 6;

-- What people did with a job, and what it was before: see `job::Action`.
CREATE TABLE gateway.history (
    lane smallint NOT NULL,
    job bigint NOT NULL,
    id bigint NOT NULL DEFAULT nextval('gateway.ids'),
    at bigint NOT NULL,
    action smallint NOT NULL,
    person text NOT NULL,
    why text NOT NULL,
    state smallint NOT NULL,
    outcome smallint,
    attempts integer NOT NULL,
    problem text,
    PRIMARY KEY (lane, job, id)
);

-- Lifecycle events on their way to the registrar; a row goes when it was handed over.
CREATE TABLE gateway.events (
    lane smallint NOT NULL,
    id bigint NOT NULL,
    -- SHA-256 of app and body: the same POST twice is one event.
    digest bytea NOT NULL,
    app text NOT NULL,
    event text NOT NULL,
    -- The whole body, sealed.
    body bytea NOT NULL,
    received bigint NOT NULL,
    attempts integer NOT NULL DEFAULT 0,
    next_attempt bigint NOT NULL,
    source text NOT NULL,
    PRIMARY KEY (lane, id),
    UNIQUE (lane, digest)
);

CREATE INDEX events_due ON gateway.events (next_attempt);

-- Single values: `snapshot` (the last one of the registrar), `settled` (all jobs with a smaller id and no
-- `next_attempt` are over).
CREATE TABLE gateway.meta (
    name text PRIMARY KEY,
    value bytea NOT NULL
);
