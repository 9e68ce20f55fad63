-- Tables live in the schema `kept`, one row per thing, instants in epoch milliseconds; the views in `main` are the
-- public face. There are no keys on purpose: one writer merges whole frames (recording.py) and keeps rows unique, and
-- a database without indexes has the simplest write-ahead log to replay after a kill.

CREATE SCHEMA kept;

CREATE TABLE kept.meta (schema_version INTEGER, folder VARCHAR);

CREATE TABLE kept.runs (
    run_id VARCHAR, input_digest VARCHAR, registry_digest VARCHAR, policy_digest VARCHAR, engine_version VARCHAR,
    command VARCHAR, recorded_ms BIGINT, plates BIGINT, first_ms BIGINT, last_ms BIGINT,
    received BIGINT, repeated BIGINT, ignored JSON, number BIGINT
);

CREATE TABLE kept.registries (digest VARCHAR, policy_digest VARCHAR, files JSON, recorded_ms BIGINT);

-- What scores need of the registry and policy recorded last.
CREATE TABLE kept.settings (timezone VARCHAR, score_days INTEGER);
CREATE TABLE kept.grades (subject VARCHAR, grade VARCHAR, from_points INTEGER);
CREATE TABLE kept.subjects (subject VARCHAR, subject_id VARCHAR, name VARCHAR, company_id VARCHAR);

CREATE TABLE kept.violations (
    violation_id VARCHAR, rule VARCHAR, plate VARCHAR, company_id VARCHAR, permit_no VARCHAR, trip_id VARCHAR,
    start_ms BIGINT, end_ms BIGINT, lon DOUBLE, lat DOUBLE, district_id VARCHAR, site_id VARCHAR, confidence DOUBLE,
    points INTEGER, scored_under VARCHAR, rule_version VARCHAR, evidence JSON, facts VARCHAR,
    status VARCHAR, revision INTEGER, facts_changed BOOLEAN, recorded_ms BIGINT
);

CREATE TABLE kept.trips (
    trip_id VARCHAR, plate VARCHAR, permit_no VARCHAR, origin_site VARCHAR, disposal_site VARCHAR, loaded_ms BIGINT,
    left_ms BIGINT, dumped_ms BIGINT, distance_m BIGINT, dump_lon DOUBLE, dump_lat DOUBLE
);

CREATE TABLE kept.stops (
    plate VARCHAR, start_ms BIGINT, end_ms BIGINT, lon DOUBLE, lat DOUBLE, site_id VARCHAR, kind VARCHAR
);

CREATE TABLE kept.health (
    plate VARCHAR, terminal VARCHAR, first_ms BIGINT, last_ms BIGINT, fixes BIGINT, completeness DOUBLE,
    datum_found VARCHAR, faults JSON
);

CREATE TABLE kept.rejected (
    input_digest VARCHAR, reason VARCHAR, count BIGINT, first_ms BIGINT, last_ms BIGINT, example VARCHAR
);

-- The manifest of the fix archive: `path` is relative to the folder `fixes`; a file not listed here does not exist.
CREATE TABLE kept.archive (
    path VARCHAR, day DATE, rows BIGINT, sha256 VARCHAR, first_ms BIGINT, last_ms BIGINT, plates VARCHAR[]
);

CREATE MACRO at_ms(ms) AS make_timestamptz(ms * 1000);

CREATE VIEW violations AS
SELECT violation_id, rule, plate, company_id, permit_no, trip_id, at_ms(start_ms) AS start_time, at_ms(end_ms) AS end_time,
    lon, lat, district_id, site_id, confidence, points, status, revision, evidence, scored_under, rule_version,
    facts_changed, at_ms(recorded_ms) AS recorded_at
FROM kept.violations;

CREATE VIEW trips AS
SELECT t.trip_id, t.plate, t.permit_no, t.origin_site, t.disposal_site, at_ms(t.loaded_ms) AS loaded_at,
    at_ms(t.dumped_ms) AS dumped_at, t.distance_m, coalesce(v.violations, 0) AS violations,
    at_ms(t.left_ms) AS left_at, t.dump_lon, t.dump_lat
FROM kept.trips t
LEFT JOIN (SELECT trip_id, count(*) AS violations FROM kept.violations GROUP BY trip_id) v ON v.trip_id = t.trip_id;

CREATE VIEW stops AS
SELECT plate, at_ms(start_ms) AS start_time, at_ms(end_ms) AS end_time, lon, lat, site_id, kind FROM kept.stops;

-- One row a terminal over everything recorded; completeness is weighted by how long each part lasted.
CREATE VIEW terminal_health AS
SELECT plate, terminal, at_ms(min(first_ms)) AS first_seen, at_ms(max(last_ms)) AS last_seen,
    sum(fixes)::BIGINT AS fixes,
    sum(completeness * (last_ms - first_ms + 1)) / sum(last_ms - first_ms + 1) AS completeness,
    arg_max(datum_found, last_ms) AS datum_found, arg_max(faults, last_ms) AS faults
FROM kept.health GROUP BY plate, terminal;

CREATE VIEW rejected_fixes AS
SELECT reason, sum(count)::BIGINT AS count, at_ms(min(first_ms)) AS first_seen, at_ms(max(last_ms)) AS last_seen,
    arg_min(example, input_digest) AS example
FROM kept.rejected GROUP BY reason;

CREATE VIEW runs AS
SELECT run_id, command, at_ms(recorded_ms) AS recorded_at, input_digest, registry_digest, policy_digest, engine_version,
    plates, at_ms(first_ms) AS first_time, at_ms(last_ms) AS last_time, received, repeated, ignored
FROM kept.runs;

-- The archive of usable fixes of the store in `folder`. The glob may also match files that a killed run left behind;
-- the manifest decides. `[`, `*` and `?` in the folder's own name are escaped.
CREATE MACRO fixes_in(folder) AS TABLE
SELECT plate, make_timestamptz(time_ms * 1000) AS time, lon, lat, datum, speed_kmh, heading_deg, load, lift, cover, acc,
    valid, mileage_km, terminal
FROM read_parquet(regexp_replace(folder, '([*?\[])', '[\1]', 'g') || '/fixes/*/*.parquet', filename = true)
WHERE filename IN (SELECT folder || '/fixes/' || path FROM kept.archive);

-- One row a violation: whether it counts on local date `day`, and why not. A violation belongs to the local date on
-- which it began. Of one act (the violation that `scored_under` names and all that name it) only the gravest of the
-- confirmed carries points; a flagged one is provisional if it would carry them were every flagged one confirmed.
CREATE MACRO score_lines_as_of(day) AS TABLE
WITH dated AS (
    SELECT v.*, coalesce(nullif(v.scored_under, ''), v.violation_id) AS act,
        (at_ms(v.start_ms) AT TIME ZONE s.timezone)::DATE AS local_date,
        local_date <= day AND local_date > day - s.score_days AS in_period
    FROM kept.violations v CROSS JOIN kept.settings s
), ranked AS (
    SELECT *,
        first_value(violation_id) OVER (
            PARTITION BY act, in_period, status = 'confirmed' ORDER BY points DESC, violation_id = act DESC, violation_id
        ) AS carrier,
        first_value(violation_id) OVER (
            PARTITION BY act, in_period, status IN ('confirmed', 'flagged')
            ORDER BY points DESC, violation_id = act DESC, violation_id
        ) AS carrier_if_confirmed
    FROM dated
)
SELECT violation_id, rule, plate, company_id, local_date, start_ms, end_ms, status, points,
    in_period AND status = 'confirmed' AND carrier = violation_id AS counted,
    in_period AND status = 'flagged' AND carrier_if_confirmed = violation_id AS provisional,
    in_period,
    CASE
        WHEN local_date > day THEN 'after the date asked for'
        WHEN NOT in_period THEN 'before the scoring period'
        WHEN status = 'confirmed' AND carrier = violation_id THEN 'confirmed'
        WHEN status = 'confirmed' THEN 'same act as ' || carrier || ', which carries the points'
        WHEN status = 'flagged' AND carrier_if_confirmed = violation_id THEN 'provisional: not yet reviewed'
        WHEN status = 'flagged' THEN 'not yet reviewed; same act as ' || carrier_if_confirmed
        WHEN status = 'appealed' THEN 'suspended: under appeal'
        ELSE status
    END AS why
FROM ranked;

CREATE MACRO scores_as_of(day) AS TABLE
WITH lines AS (
    SELECT 'vehicle' AS subject, plate AS subject_id, * FROM score_lines_as_of(day)
    UNION ALL
    SELECT 'company' AS subject, company_id AS subject_id, * FROM score_lines_as_of(day) WHERE company_id IS NOT NULL
), sums AS (
    SELECT subject, subject_id,
        coalesce(sum(points) FILTER (counted), 0)::BIGINT AS points,
        count(*) FILTER (in_period AND status = 'confirmed') AS violations,
        coalesce(sum(points) FILTER (provisional), 0)::BIGINT AS provisional_points,
        count(*) FILTER (in_period AND status = 'flagged') AS provisional_violations
    FROM lines WHERE in_period GROUP BY subject, subject_id
), everyone AS (
    SELECT subject, subject_id, coalesce(s.name, '') AS name, coalesce(sums.points, 0) AS points,
        coalesce(sums.violations, 0) AS violations, coalesce(sums.provisional_points, 0) AS provisional_points,
        coalesce(sums.provisional_violations, 0) AS provisional_violations
    FROM kept.subjects s FULL JOIN sums USING (subject, subject_id)
)
SELECT e.subject, e.subject_id, day::DATE AS as_of, e.points,
    -- the highest grade whose lower end is reached; below every lower end, the lowest grade
    coalesce(arg_max(g.grade, g.from_points) FILTER (g.from_points <= e.points), arg_min(g.grade, g.from_points)) AS grade,
    e.violations, e.provisional_points, e.provisional_violations, e.name
FROM everyone e LEFT JOIN kept.grades g ON g.subject = e.subject
GROUP BY ALL;

CREATE VIEW latest_date AS
SELECT (at_ms(max(r.last_ms)) AT TIME ZONE any_value(s.timezone))::DATE AS day FROM kept.runs r CROSS JOIN kept.settings s;

CREATE VIEW scores AS
SELECT * FROM scores_as_of((SELECT day FROM latest_date)) WHERE as_of IS NOT NULL;
