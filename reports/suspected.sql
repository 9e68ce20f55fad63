-- Added in schema version 2; a writer adds it to older stores. What the last recording derived from trips, stops and
-- violations (suspected.py): every row is replaced each time, nothing else refers to them.

CREATE TABLE kept.suspected (
    suspect_id VARCHAR, kind VARCHAR, polygon VARCHAR, lon DOUBLE, lat DOUBLE, trucks INTEGER, visits INTEGER,
    first_ms BIGINT, last_ms BIGINT, evidence_grade VARCHAR, confidence DOUBLE, evidence JSON, district_id VARCHAR
);

CREATE VIEW suspected_sites AS
SELECT suspect_id, kind, polygon, lon, lat, trucks, visits, at_ms(first_ms) AS first_seen, at_ms(last_ms) AS last_seen,
    evidence_grade, confidence, evidence, district_id
FROM kept.suspected;
