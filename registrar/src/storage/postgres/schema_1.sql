-- Names and columns are those of the SQLite store. Times are unix seconds. Texts are compared byte by byte.

-- A pinned set of definitions: one executor's activities for one app.
CREATE TABLE registrar.revisions (
    app         text COLLATE "C" NOT NULL,
    executor    text COLLATE "C" NOT NULL,
    revision    text COLLATE "C" NOT NULL,
    descriptors bytea NOT NULL,  -- encoded FileDescriptorSet
    created     bigint NOT NULL,
    superseded  bigint,          -- since when it is not the current one; NULL: it is
    PRIMARY KEY (app, executor, revision)
);
CREATE UNIQUE INDEX revisions_current ON registrar.revisions (app, executor) WHERE superseded IS NULL;

-- An app on a portal.
CREATE TABLE registrar.installations (
    app                text COLLATE "C" NOT NULL,
    member_id          text COLLATE "C" NOT NULL,
    client_endpoint    text NOT NULL,    -- named by the OAuth server
    oauth_host         text NOT NULL,    -- the configured host that proved it
    user_id            bigint NOT NULL,  -- the administrator whose credentials these are
    state              integer NOT NULL, -- registrar.v1.InstallationState
    credentials        bytea,            -- sealed; NULL: erased
    application_tokens bytea NOT NULL,   -- SHA-256 of those believed, 32 bytes each, newest first
    created            bigint NOT NULL,
    adopted            bigint NOT NULL,  -- when the credentials were last taken from a proved request
    adoptions          bigint NOT NULL DEFAULT 0, -- how often: a pass that began before the last time knows nothing of it
    administrator_lost boolean NOT NULL, -- the user may not register activities any more
    bound              text NOT NULL,    -- event handler that the portal knows
    reconciled         bigint,
    updated_all        bigint,           -- last blind update
    problem            text NOT NULL,
    refused_since      bigint,           -- since when the OAuth server refuses to renew its token; NULL: it does not
    PRIMARY KEY (app, member_id)
);

-- What a portal took last of one activity or robot.
CREATE TABLE registrar.registrations (
    app       text COLLATE "C" NOT NULL,
    member_id text COLLATE "C" NOT NULL,
    code      text COLLATE "C" NOT NULL,
    robot     boolean NOT NULL,
    name      text NOT NULL,
    revision  text COLLATE "C" NOT NULL,
    digest    bytea,            -- SHA-256 of the parameters; NULL: the portal took none
    step      integer NOT NULL, -- registrar.v1.Step
    observed  boolean NOT NULL,
    problem   text NOT NULL,
    PRIMARY KEY (app, member_id, code)
);
CREATE INDEX registrations_revision ON registrar.registrations (app, revision);

-- Lifecycle events that were handled, so that a retry has no second effect.
CREATE TABLE registrar.events (
    app      text COLLATE "C" NOT NULL,
    event_id text COLLATE "C" NOT NULL,
    handled  bigint NOT NULL,
    believed boolean NOT NULL,
    reason   text NOT NULL,
    PRIMARY KEY (app, event_id)
);

-- SHA-256 of refresh tokens that were taken or used: a replayed request must not bring one back.
CREATE TABLE registrar.spent_tokens (
    sha256 bytea PRIMARY KEY,
    spent  bigint NOT NULL
);
