-- Cases: what people decided about a violation, as events that are only ever appended. `kept.violations.status` is
-- written in the same transaction as the event (deciding.py). What the law forbids cannot be stored at all:
--   * a move that is not in `kept.moves`, for that role (foreign key);
--   * a step that does not continue the case's last one: its number, state, reviewers and facts (foreign key of a row
--     to the row before it), or that somebody else has taken already (primary key);
--   * a second review by the first reviewer, an appeal decided by anybody who reviewed, an outcome on facts that have
--     changed since the first review, a reason left out (checks);
--   * an actor without that role, and a company that acts in another's case (foreign key to `kept.grants`, check).
-- Edits and deletions of all but a case's last row fail on the same keys; the log finds every one.

-- Who was ever given which role, and for which company (empty for officers); the users themselves stand below.
CREATE TABLE kept.grants (user_id VARCHAR, role VARCHAR, company_id VARCHAR, PRIMARY KEY (user_id, role, company_id));
INSERT INTO kept.grants VALUES ('', '', '');

-- Every state of a case, and what the contract's `status` says of it.
CREATE TABLE kept.states (state VARCHAR PRIMARY KEY, status VARCHAR NOT NULL);
INSERT INTO kept.states VALUES
    ('flagged', 'flagged'), ('first_confirmed', 'flagged'), ('first_rejected', 'flagged'),
    ('confirmed', 'confirmed'), ('rejected', 'rejected'), ('notified', 'confirmed'), ('appealed', 'appealed'),
    ('upheld', 'confirmed'), ('overturned', 'overturned'), ('voided', 'overturned');

CREATE TABLE kept.moves (
    action VARCHAR, from_state VARCHAR, to_state VARCHAR, role VARCHAR,
    PRIMARY KEY (action, from_state, to_state, role)
);
INSERT INTO kept.moves VALUES
    ('open', '', 'flagged', ''),
    ('propose_confirm', 'flagged', 'first_confirmed', 'reviewer'),
    ('propose_confirm', 'flagged', 'first_confirmed', 'second_reviewer'),
    ('propose_reject', 'flagged', 'first_rejected', 'reviewer'),
    ('propose_reject', 'flagged', 'first_rejected', 'second_reviewer'),
    ('confirm', 'first_confirmed', 'confirmed', 'second_reviewer'),
    ('reject', 'first_rejected', 'rejected', 'second_reviewer'),
    ('send_back', 'first_confirmed', 'flagged', 'second_reviewer'),
    ('send_back', 'first_rejected', 'flagged', 'second_reviewer'),
    ('withdraw', 'first_confirmed', 'flagged', 'reviewer'),
    ('withdraw', 'first_confirmed', 'flagged', 'second_reviewer'),
    ('withdraw', 'first_rejected', 'flagged', 'reviewer'),
    ('withdraw', 'first_rejected', 'flagged', 'second_reviewer'),
    ('notify', 'confirmed', 'notified', 'reviewer'),
    ('notify', 'confirmed', 'notified', 'second_reviewer'),
    ('state', 'notified', 'notified', 'company'),
    ('state', 'appealed', 'appealed', 'company'),
    ('appeal', 'notified', 'appealed', 'company'),
    ('uphold', 'appealed', 'upheld', 'appeal_officer'),
    ('overturn', 'appealed', 'overturned', 'appeal_officer'),
    ('stand', 'confirmed', 'confirmed', 'second_reviewer'),
    ('stand', 'rejected', 'rejected', 'second_reviewer'),
    ('stand', 'notified', 'notified', 'second_reviewer'),
    ('stand', 'upheld', 'upheld', 'second_reviewer');
INSERT INTO kept.moves
SELECT 'void', state, 'voided', role
FROM (VALUES ('confirmed'), ('notified'), ('appealed'), ('upheld')) s(state)
CROSS JOIN (VALUES ('second_reviewer'), ('appeal_officer')) r(role);

-- Why a case is rejected, overturned or voided; empty where no reason is asked.
CREATE TABLE kept.reasons (reason VARCHAR PRIMARY KEY);
INSERT INTO kept.reasons VALUES
    (''), ('gps_drift'), ('datum'), ('sensor_fault'), ('empty_truck'), ('maintenance'), ('road_closure'),
    ('emergency_works'), ('permit_amended'), ('vehicle_replaced'), ('cloned_plate'), ('unclear_record'),
    ('facts_changed'), ('first_minor'), ('defence_accepted'), ('other');

CREATE TABLE kept.decisions (
    case_id VARCHAR NOT NULL,          -- the violation's id
    step INTEGER NOT NULL,             -- 0 opens the case
    action VARCHAR NOT NULL, from_state VARCHAR NOT NULL, to_state VARCHAR NOT NULL REFERENCES kept.states (state),
    actor VARCHAR NOT NULL, role VARCHAR NOT NULL, actor_company VARCHAR NOT NULL, company_id VARCHAR NOT NULL,
    reason VARCHAR NOT NULL REFERENCES kept.reasons (reason), note VARCHAR NOT NULL,
    at_ms BIGINT NOT NULL, revision INTEGER NOT NULL,
    -- carried from step to step
    first_reviewer VARCHAR NOT NULL,   -- who made the first review that stands; empty if none does
    reviewers VARCHAR NOT NULL,        -- everybody who ever reviewed the case, as |name|name|
    facts VARCHAR NOT NULL,            -- digest of the violation as it was at that moment
    prior_step INTEGER, prior_first VARCHAR NOT NULL, prior_reviewers VARCHAR NOT NULL, prior_facts VARCHAR NOT NULL,
    prior_company VARCHAR NOT NULL,

    PRIMARY KEY (case_id, step),
    UNIQUE (case_id, step, to_state, first_reviewer, reviewers, facts, company_id),
    FOREIGN KEY (case_id, prior_step, from_state, prior_first, prior_reviewers, prior_facts, prior_company)
        REFERENCES kept.decisions (case_id, step, to_state, first_reviewer, reviewers, facts, company_id),
    FOREIGN KEY (action, from_state, to_state, role) REFERENCES kept.moves (action, from_state, to_state, role),
    FOREIGN KEY (actor, role, actor_company) REFERENCES kept.grants (user_id, role, company_id),

    CHECK (step >= 0 AND (step = 0) = (prior_step IS NULL) AND (step = 0) = (action = 'open')),
    CHECK (step = 0 OR prior_step = step - 1),
    CHECK (step > 0 OR (actor = '' AND prior_first = '' AND prior_reviewers = '' AND prior_facts = '')),
    CHECK (step = 0 OR company_id = prior_company),
    CHECK (step = 0 OR (actor <> '' AND NOT contains(actor, '|'))),
    CHECK (first_reviewer = CASE
        WHEN action IN ('propose_confirm', 'propose_reject') THEN actor
        WHEN to_state = 'flagged' THEN '' ELSE prior_first END),
    CHECK (reviewers = CASE
        WHEN action IN ('propose_confirm', 'propose_reject', 'confirm', 'reject', 'send_back')
            AND NOT contains(prior_reviewers, '|' || actor || '|')
        THEN CASE prior_reviewers WHEN '' THEN '|' ELSE prior_reviewers END || actor || '|' ELSE prior_reviewers END),
    CHECK (action NOT IN ('confirm', 'reject', 'send_back') OR actor <> prior_first),
    CHECK (action <> 'withdraw' OR actor = prior_first),
    CHECK (action NOT IN ('uphold', 'overturn') OR NOT contains(prior_reviewers, '|' || actor || '|')),
    CHECK (action NOT IN ('confirm', 'reject') OR facts = prior_facts),
    CHECK (action NOT IN ('propose_reject', 'reject', 'overturn', 'void') OR reason <> ''),
    CHECK (action NOT IN ('send_back', 'state', 'appeal', 'uphold', 'stand', 'notify') OR note <> ''),
    CHECK (reason <> 'other' OR note <> ''),
    CHECK ((role = 'company') = (actor_company <> '')),
    CHECK (role <> 'company' OR actor_company = company_id)
);

-- When a decided case was found in doubt: a later run judges its facts otherwise (empty: does not find it at all).
CREATE TABLE kept.doubts (case_id VARCHAR, facts VARCHAR, since_ms BIGINT, PRIMARY KEY (case_id, facts));

-- Where each case stands; a violation that nobody has touched yet is flagged, at step -1.
CREATE VIEW cases AS
WITH last AS (SELECT * FROM kept.decisions QUALIFY row_number() OVER (PARTITION BY case_id ORDER BY step DESC) = 1),
doubted AS (
    SELECT b.case_id, min(b.since_ms) AS doubt_since_ms
    FROM kept.doubts b LEFT JOIN kept.decisions s ON s.case_id = b.case_id AND s.action = 'stand' AND s.at_ms >= b.since_ms
    WHERE s.case_id IS NULL GROUP BY b.case_id
)
SELECT v.violation_id AS case_id, coalesce(d.to_state, 'flagged') AS state, coalesce(d.step, -1) AS step,
    coalesce(d.first_reviewer, '') AS first_reviewer, coalesce(d.reviewers, '') AS reviewers,
    coalesce(d.reason, '') AS reason, coalesce(d.actor, '') AS last_actor, d.at_ms AS last_ms,
    d.facts IS NOT NULL AND d.facts <> v.facts AND v.status = 'flagged' AND d.to_state <> 'flagged' AS stale,
    CASE WHEN v.facts_changed THEN b.doubt_since_ms END AS doubt_since_ms
FROM kept.violations v LEFT JOIN last d ON d.case_id = v.violation_id LEFT JOIN doubted b ON b.case_id = v.violation_id;

-- People who may sign in, and their sessions. Passwords are argon2id hashes; a session's token is kept as its SHA-256.

CREATE TABLE kept.users (
    user_id VARCHAR PRIMARY KEY, name VARCHAR NOT NULL, role VARCHAR NOT NULL, company_id VARCHAR NOT NULL,
    districts VARCHAR NOT NULL,        -- district ids that an officer is bound to, comma-separated; empty: all
    password VARCHAR NOT NULL,         -- argon2id, with its parameters and salt
    totp_secret VARCHAR NOT NULL,      -- base32; empty: no second factor
    totp_step BIGINT NOT NULL,         -- the last time step accepted, so that no code works twice
    failures INTEGER NOT NULL, locked_until_ms BIGINT NOT NULL,
    closed BOOLEAN NOT NULL,           -- locked by an administrator
    must_change BOOLEAN NOT NULL, created_ms BIGINT NOT NULL,
    CHECK (regexp_full_match(user_id, '[a-z0-9][a-z0-9._-]{1,31}')),
    CHECK (role IN ('reviewer', 'second_reviewer', 'appeal_officer', 'inspector', 'company', 'auditor', 'admin')),
    CHECK ((role = 'company') = (company_id <> ''))
);

CREATE TABLE kept.sessions (
    token_hash VARCHAR PRIMARY KEY, user_id VARCHAR NOT NULL, csrf VARCHAR NOT NULL,
    created_ms BIGINT NOT NULL, seen_ms BIGINT NOT NULL, address VARCHAR NOT NULL
);
