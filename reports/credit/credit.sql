-- What other systems are told (reports/credit/). Nobody but `tokens.py`, `events.py` and `hooks.py` writes here.

CREATE SCHEMA credit;

-- A token is random and shown once; `hash` is the SHA-256 of it. `expires_ms` and `revoked_ms` end it.
CREATE TABLE credit.tokens (
    token_id VARCHAR, name VARCHAR, hash VARCHAR, scopes VARCHAR[], per_minute INTEGER,
    created_ms BIGINT, expires_ms BIGINT, revoked_ms BIGINT, replaces VARCHAR
);

-- Only appended. An event says what a violation carries from then on: `points` of the `rule_points`, because of one act
-- (`act`) only the gravest confirmed violation carries any; `delta` is the change, `ref_seq` the event it follows.
CREATE TABLE credit.events (
    seq BIGINT, event_id VARCHAR, op VARCHAR, ref_seq BIGINT, at_ms BIGINT, violation_id VARCHAR, status VARCHAR,
    points INTEGER, delta INTEGER, act VARCHAR, rule VARCHAR, rule_version VARCHAR, rule_points INTEGER,
    plate VARCHAR, company_id VARCHAR, day DATE
);

-- Whose door is knocked at. The secret is derived from the signing key and `generation`, and stands nowhere. `allow`
-- are networks (CIDR) that its address may be in although they are not public.
CREATE TABLE credit.hooks (
    hook_id VARCHAR, url VARCHAR, allow VARCHAR[], generation INTEGER, created_ms BIGINT, removed_ms BIGINT
);

-- What is to be delivered, written with the decision it tells of; `done_ms` once it was taken.
CREATE TABLE credit.outbox (
    delivery_id VARCHAR, hook_id VARCHAR, kind VARCHAR, body VARCHAR, created_ms BIGINT, attempts INTEGER, due_ms BIGINT,
    done_ms BIGINT, given_up_ms BIGINT, last_error VARCHAR
);

-- Signs cursors, so that a client cannot make one up by mistake.
CREATE TABLE credit.state (cursor_key VARCHAR);
INSERT INTO credit.state VALUES (sha256(uuid()::VARCHAR || uuid()::VARCHAR));
