-- A group of the usual writes, as arrays: accepted callbacks, marks of jobs, and what becomes of sent ones. No job is in it twice. One
-- row for each accepted callback that is not a mere repeat: its key, its row, and whether it is new.
--
-- Marks and what becomes of sent jobs are made by the process that works, and so is what has no next attempt in the store: it is in that
-- process's memory. The lease's row is locked, so that the term stays as it is until the commit.
WITH term AS (
    SELECT term FROM gateway.lease WHERE one AND term = $42::bigint FOR SHARE
), callbacks AS (
    SELECT * FROM unnest($1::smallint[], $2::bytea[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[],
        $9::text[], $10::text[], $11::text[], $12::text[], $13::text[], $14::text[], $15::smallint[], $16::bigint[], $17::bigint[],
        $18::bigint[], $19::boolean[], $20::bytea[], $21::bytea[], $22::bigint[])
    AS c (lane, key, app, member_id, revision, workflow_id, code, document_module, document_entity, document_id, type_module,
        type_entity, type_id, event_token, subscription, user_id, received, deadline, timed, trace, payload, next_attempt)
), accepted AS (
    INSERT INTO gateway.jobs AS j (lane, id, key, state, app, member_id, revision, workflow_id, code, document_module, document_entity,
        document_id, type_module, type_entity, type_id, event_token, subscription, user_id, received, deadline, timed, trace,
        payload, sealed, next_attempt, changed)
    SELECT lane, nextval('gateway.ids') * 256 + lane, key, 1, app, member_id, revision, workflow_id, code, document_module,
        document_entity, document_id, type_module, type_entity, type_id, event_token, subscription, user_id, received, deadline,
        timed, trace, payload, false, CASE WHEN EXISTS (SELECT FROM term) THEN next_attempt ELSE coalesce(next_attempt, received) END,
        received
    FROM callbacks
    -- It was in quarantine, or given up there: promoted.
    ON CONFLICT (lane, key) DO UPDATE SET state = 1, app = excluded.app, revision = excluded.revision, code = excluded.code,
        document_module = excluded.document_module, document_entity = excluded.document_entity,
        document_id = excluded.document_id, type_module = excluded.type_module, type_entity = excluded.type_entity,
        type_id = excluded.type_id, event_token = excluded.event_token, subscription = excluded.subscription,
        user_id = excluded.user_id, deadline = excluded.deadline, timed = excluded.timed, payload = excluded.payload,
        next_attempt = excluded.received, changed = excluded.received, source = NULL, problem = NULL, outcome = NULL,
        trace = excluded.trace, sealed = false
    WHERE j.sealed AND (j.state IN (0, 6) OR j.outcome = 7)
    RETURNING j.key, j.id, j.xmax = 0 AS new
), marked AS (
    UPDATE gateway.jobs AS j SET state = m.state, outcome = m.outcome, next_attempt = m.next_attempt, attempts = m.attempts,
        failures = m.failures, faulty_since = m.faulty_since, sends = m.sends, answer = m.answer,
        answer_error = m.answer_error, problem = m.problem, changed = m.changed,
        payload = CASE WHEN m.erased THEN NULL ELSE j.payload END, sent_second = m.sent_second
    FROM unnest($23::bigint[], $24::smallint[], $25::smallint[], $26::bigint[], $27::integer[], $28::integer[], $29::bigint[],
        $30::integer[], $31::text[], $32::text[], $33::text[], $34::bigint[], $35::boolean[], $36::bigint[])
    AS m (id, state, outcome, next_attempt, attempts, failures, faulty_since, sends, answer, answer_error, problem, changed,
        erased, sent_second)
    WHERE j.lane = m.id & 255 AND j.id = m.id AND EXISTS (SELECT FROM term)
), settled AS (
    -- 0 done, 1 repeat, 2 look, 3 unproved, 4 park. What an older process sent has no answer in the store: the executor is
    -- asked again.
    UPDATE gateway.jobs AS j SET
        state = CASE s.step WHEN 0 THEN 5 WHEN 1 THEN CASE WHEN j.answer IS NULL THEN 1 ELSE 3 END WHEN 4 THEN 6 ELSE 4 END,
        outcome = CASE WHEN s.step IN (1, 4) THEN NULL ELSE j.outcome END,
        next_attempt = s.next_attempt,
        changed = CASE WHEN s.step IN (0, 4) THEN s.now ELSE j.changed END,
        payload = CASE WHEN s.step = 0 THEN NULL ELSE j.payload END,
        answer = CASE WHEN s.step = 0 THEN NULL ELSE j.answer END,
        answer_error = CASE WHEN s.step = 0 THEN NULL ELSE j.answer_error END,
        problem = coalesce(s.problem, j.problem),
        sent_second = CASE WHEN s.step = 3 THEN NULL ELSE j.sent_second END
    FROM unnest($37::bigint[], $38::smallint[], $39::bigint[], $40::text[], $41::bigint[])
    AS s (id, step, next_attempt, problem, now)
    WHERE j.lane = s.id & 255 AND j.id = s.id AND j.state = 4 AND EXISTS (SELECT FROM term)
)
SELECT key, id, new FROM accepted
UNION ALL
-- The same callback once more, after a connection that ended before it was told what became of it.
SELECT j.key, j.id, true FROM callbacks AS c JOIN gateway.jobs AS j ON j.lane = c.lane AND j.key = c.key AND j.trace = c.trace
