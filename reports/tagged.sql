-- Added in schema version 9: how many fixes of a terminal bear a tag, from the first to the last of them, as each run
-- found it (rules/tags.py says what the tags are, docs/rules.md which rule accepts which).

CREATE TABLE kept.tagged (
    plate VARCHAR, terminal VARCHAR, tag VARCHAR, fixes BIGINT, first_ms BIGINT, last_ms BIGINT
);

CREATE VIEW fix_tags AS
SELECT plate, terminal, tag, sum(fixes)::BIGINT AS fixes, at_ms(min(first_ms)) AS first_seen,
    at_ms(max(last_ms)) AS last_seen
FROM kept.tagged GROUP BY plate, terminal, tag;
