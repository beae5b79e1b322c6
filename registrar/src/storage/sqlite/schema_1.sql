-- Times are unix seconds.

-- A pinned set of definitions: one executor's activities for one app.
CREATE TABLE revisions (
    app         TEXT NOT NULL,
    executor    TEXT NOT NULL,
    revision    TEXT NOT NULL,
    descriptors BLOB NOT NULL,      -- encoded FileDescriptorSet
    created     INTEGER NOT NULL,
    superseded  INTEGER,            -- since when it is not the current one; NULL: it is
    PRIMARY KEY (app, executor, revision)
) STRICT;
CREATE UNIQUE INDEX revisions_current ON revisions (app, executor) WHERE superseded IS NULL;

-- An app on a portal.
CREATE TABLE installations (
    app                TEXT NOT NULL,
    member_id          TEXT NOT NULL,
    client_endpoint    TEXT NOT NULL,    -- named by the OAuth server
    oauth_host         TEXT NOT NULL,    -- the configured host that proved it
    user_id            INTEGER NOT NULL, -- the administrator whose credentials these are
    state              INTEGER NOT NULL, -- registrar.v1.InstallationState
    credentials        BLOB,             -- sealed; NULL: erased
    application_tokens BLOB NOT NULL,    -- SHA-256 of those believed, 32 bytes each, newest first
    created            INTEGER NOT NULL,
    adopted            INTEGER NOT NULL, -- when the credentials were last taken from a proved request
    administrator_lost INTEGER NOT NULL, -- the user may not register activities any more
    bound              TEXT NOT NULL,    -- event handler that the portal knows
    reconciled         INTEGER,
    updated_all        INTEGER,          -- last blind update
    problem            TEXT NOT NULL,
    PRIMARY KEY (app, member_id)
) STRICT;

-- What a portal took last of one activity or robot.
CREATE TABLE registrations (
    app       TEXT NOT NULL,
    member_id TEXT NOT NULL,
    code      TEXT NOT NULL,
    robot     INTEGER NOT NULL,
    name      TEXT NOT NULL,
    revision  TEXT NOT NULL,
    digest    BLOB,             -- SHA-256 of the parameters; NULL: the portal took none
    step      INTEGER NOT NULL, -- registrar.v1.Step
    observed  INTEGER NOT NULL,
    problem   TEXT NOT NULL,
    PRIMARY KEY (app, member_id, code)
) STRICT;

-- Lifecycle events that were handled, so that a retry has no second effect.
CREATE TABLE events (
    app      TEXT NOT NULL,
    event_id TEXT NOT NULL,
    handled  INTEGER NOT NULL,
    believed INTEGER NOT NULL,
    reason   TEXT NOT NULL,
    PRIMARY KEY (app, event_id)
) STRICT;

-- SHA-256 of refresh tokens that were taken or used: a replayed request must not bring one back.
CREATE TABLE spent_tokens (
    sha256 BLOB PRIMARY KEY,
    spent  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
