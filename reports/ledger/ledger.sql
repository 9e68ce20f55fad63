-- The append-only log. `body` is the entry's canonical JSON (RFC 8785), salt included; the columns beside it repeat
-- what queries ask for, and `muckwatch verify` compares them. `leaf` is the entry's hash in the tree of RFC 9162,
-- `chain` the SHA-256 of the chain before it and the leaf; all hashes are hexadecimal.

CREATE SCHEMA ledger;

-- One row: how long the log is, the roots of its perfect subtrees from the left, the end of its chain.
CREATE TABLE ledger.state (log_id VARCHAR, size BIGINT, peaks VARCHAR[], chain VARCHAR);
INSERT INTO ledger.state VALUES (uuid()::VARCHAR, 0, []::VARCHAR[], repeat('0', 64));

CREATE TABLE ledger.entries (
    idx BIGINT, at_ms BIGINT, kind VARCHAR, subject VARCHAR, actor VARCHAR, body VARCHAR, leaf VARCHAR, chain VARCHAR
);

-- Signed tree heads, one for every commit that added entries, and the public halves of the keys that signed them.
CREATE TABLE ledger.heads (
    size BIGINT, at_ms BIGINT, root VARCHAR, chain VARCHAR, key_id VARCHAR, signature VARCHAR
);
CREATE TABLE ledger.keys (key_id VARCHAR, public_key VARCHAR, since_size BIGINT);

CREATE VIEW audit_log AS
SELECT idx AS index, at_ms(at_ms) AS at, kind, subject, actor, json_extract(body, '$.payload') AS payload, leaf
FROM ledger.entries;
