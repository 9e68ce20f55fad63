-- Added in schema version 5: patrol plans as they were suggested (patrol/keeping.py), `plan` as JSON, numbered from 1
-- within each week. Nothing changes a row.

CREATE TABLE kept.patrol_plans (week VARCHAR, made_ms BIGINT, plan VARCHAR, number INTEGER);

CREATE VIEW patrol_plans AS
SELECT week, number, at_ms(made_ms) AS made_at, plan FROM kept.patrol_plans;
