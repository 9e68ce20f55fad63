-- Added for the weekly report: joint inspections as people record them, and what every issue of the report said.

CREATE TABLE kept.inspections (
    inspection_id VARCHAR, day DATE, hours VARCHAR, agencies VARCHAR[], place VARCHAR, checked INTEGER, found INTEGER,
    filed INTEGER, note VARCHAR, recorded_ms BIGINT
);

CREATE VIEW inspections AS
SELECT inspection_id, day, hours, agencies, place, checked, found, filed, note, at_ms(recorded_ms) AS recorded_at
FROM kept.inspections;

-- One row an issue handed out; never changed. `report` is its JSON face, `sha256` of that text.
CREATE TABLE kept.issues (
    week VARCHAR, number VARCHAR, cutoff_ms BIGINT, issued_ms BIGINT, sha256 VARCHAR, report VARCHAR
);

CREATE VIEW issues AS
SELECT week, number, at_ms(cutoff_ms) AS data_until, at_ms(issued_ms) AS issued_at, sha256, report FROM kept.issues;
