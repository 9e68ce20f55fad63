-- What is taken in from Kafka. An offset is written in the transaction of what it stands for, so a restart goes on from
-- there and nothing comes twice.
CREATE TABLE kept.stream_offsets (topic VARCHAR, partition INTEGER, next_offset BIGINT, topic_id VARCHAR);

-- The workers' last word on each partition; `held` fixes wait for stragglers, `open` counts early words that stand.
CREATE TABLE kept.stream_tally (
    partition INTEGER, next_offset BIGINT, received BIGINT, set_aside BIGINT, judged BIGINT, repeated BIGINT, late BIGINT,
    invalid BIGINT, other_device BIGINT, held BIGINT, open BIGINT, clock_ms BIGINT, told_ms BIGINT
);

-- Spans of trucks' fixes that came after their time had been judged, until `settle` has judged them.
CREATE TABLE kept.late (plate VARCHAR, first_ms BIGINT, last_ms BIGINT, fixes BIGINT, settled BOOLEAN);

CREATE TABLE kept.last_fix (plate VARCHAR, terminal VARCHAR, time_ms BIGINT, lon DOUBLE, lat DOUBLE, fixes BIGINT);

CREATE VIEW stream_balance AS
SELECT partition, received, judged, repeated, set_aside, late, invalid, other_device, held, open AS open_findings,
    received - judged - repeated - set_aside - late - invalid - other_device - held AS missing, at_ms(clock_ms) AS clock,
    at_ms(told_ms) AS told_at
FROM kept.stream_tally;

CREATE VIEW late_fixes AS
SELECT plate, at_ms(first_ms) AS first_time, at_ms(last_ms) AS last_time, fixes, settled FROM kept.late;

CREATE VIEW last_fixes AS
SELECT plate, terminal, at_ms(time_ms) AS time, lon, lat, fixes FROM kept.last_fix;

-- What was learnt of the whole fleet when stored fixes were judged last (`rules.fleet.Fleet.to_json`); workers ask for it.
CREATE TABLE kept.fleet (body VARCHAR);
