"""Reads what a weekly report needs out of a store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

import polars as pl

from reports import queries
from reports.archive import FIXES_FOLDER
from reports.calendar import Week, date_bounds_ms
from reports.inspections import held_between
from reports.store import Store, StoreError
from reports.week.input import HEALTH, REJECTED, TAGGED, TRACKS, TRIPS, VIOLATIONS, WeekInput
from reports.week.suspects import SUSPECTS
from rules.policy import Policy
from rules.registry.model import Registry

_TRIPS_OF_CLUES = """
SELECT * FROM trips WHERE trip_id IN (
    SELECT trip_id FROM violations WHERE start_time >= at_ms($1) AND start_time < at_ms($2)
) ORDER BY trip_id
"""
# A run that touches the week says how its terminals were in it; of several the latest word on faults holds.
_HEALTH = """
SELECT plate, terminal, min(first_ms) AS first_ms, max(last_ms) AS last_ms, sum(fixes)::BIGINT AS fixes,
    sum(completeness * (last_ms - first_ms + 1)) / sum(last_ms - first_ms + 1) AS completeness,
    arg_max(datum_found, last_ms) AS datum_found, arg_max(faults, last_ms)::VARCHAR AS faults
FROM kept.health WHERE last_ms >= $1 AND first_ms < $2 GROUP BY plate, terminal ORDER BY plate, terminal
"""
_HEARD = "SELECT plate, max(last_ms) AS last_ms FROM kept.health WHERE last_ms < $1 GROUP BY plate ORDER BY plate"
# The same input judged again is another run, but its repeats are the same repeats.
_REPEATS = """
SELECT coalesce(sum(repeated), 0)::BIGINT FROM (
    SELECT arg_max(repeated, number) AS repeated FROM kept.runs GROUP BY input_digest
)
"""
_M_PER_DEG = 111_195.0
#: A truck whose fixes of ten minutes spread less than this stood, or was shunted about a yard.
_MOVED_M = 300.0
_OF_VIOLATION, _OF_TRIP = (
    {"start_ms": "start_time", "end_ms": "end_time"},
    {"loaded_ms": "loaded_at", "dumped_ms": "dumped_at"},
)


def read_week(store: Store, week: Week, weeks_back: int) -> WeekInput:
    """Reads one week, the weeks before it for comparison, and the tracks of this one and the last.

    Args:
        store: open for reading or writing.
        week: the week of the report.
        weeks_back: how many weeks before it to read violations and trips of.

    Raises:
        StoreError: if the store or its archive cannot be read.
    """
    recorded = queries.span_ms(store)
    registry = queries.registry_of(store) if recorded else Registry(policy=Policy())
    policy = registry.policy
    from_ms, _ = week.back(weeks_back).span_ms(policy)
    start_ms, end_ms = week.span_ms(policy)
    days = date_bounds_ms([*week.back().dates, *week.dates], policy)
    return WeekInput(
        week=week,
        registry=registry,
        violations=_fit(queries.violations_between(store, from_ms, end_ms), VIOLATIONS, _OF_VIOLATION),
        trips=_fit(queries.trips_between(store, from_ms, end_ms), TRIPS, _OF_TRIP),
        trips_of_clues=_fit(store.query(_TRIPS_OF_CLUES, [from_ms, end_ms]), TRIPS, _OF_TRIP),
        tracks=_tracks(store, days, policy),
        health=_fit(store.query(_HEALTH, [start_ms, end_ms]), HEALTH, {}),
        heard_ms=dict(store.query(_HEARD, [start_ms]).iter_rows()),
        rejected=_fit(queries.rejected(store), REJECTED, {"first_ms": "first_seen", "last_ms": "last_seen"}),
        tagged=_fit(queries.tags_between(store, start_ms, end_ms), TAGGED, {}),
        suspects=_fit(queries.suspected_sites(store), SUSPECTS, {"first_ms": "first_seen", "last_ms": "last_seen"}),
        inspections=held_between(store, week.monday, week.sunday),
        repeats=int(store.query(_REPEATS).item()),
        first_ms=recorded[0] if recorded else None,
        cutoff_ms=recorded[1] if recorded else None,
    )


def _fit(rows: pl.DataFrame, schema: Mapping[str, pl.DataType], instants: Mapping[str, str]) -> pl.DataFrame:
    """The columns of a schema; those in `instants` from a column of instants, as epoch milliseconds."""
    asked = [pl.col(instants[c]).dt.epoch("ms").alias(c) if c in instants else pl.col(c) for c in schema]
    return rows.select(asked).cast(pl.Schema(schema))


def _tracks(store: Store, days: list[tuple[date, int, int]], policy: Policy) -> pl.DataFrame:
    """Counts the archive by truck and operating date, in the columns of `TRACKS`; reads few columns of few files."""
    manifest = store.manifest()
    slot_ms = policy.silence_min_s * 1000
    found = [pl.DataFrame(schema=TRACKS)]
    for day, start_ms, end_ms in days:
        paths = [store.path / FIXES_FOLDER / f.path for f in manifest if f.first_ms < end_ms and f.last_ms >= start_ms]
        if not paths:
            continue
        slot = pl.col("time_ms") // slot_ms
        usable = pl.col("time_ms").is_between(start_ms, end_ms, closed="left") & pl.col("valid").fill_null(True)
        by_day = _within(pl.col("slot") * slot_ms, slot_ms, policy.day.between(start_ms, end_ms, policy.zone))
        per_truck = (
            pl.scan_parquet(paths, hive_partitioning=False, glob=False)
            .filter(usable)
            .group_by("plate", slot=slot)
            .agg(fixes=pl.len(), moved_m=_reach_m("lat", 1.0) + _reach_m("lon", pl.col("lat").mean().radians().cos()))
            .group_by("plate")
            .agg(
                pl.col("fixes").sum(),
                slots=pl.len(),
                slots_due=pl.col("slot").max() - pl.col("slot").min() + 1,
                day_slots=(by_day & (pl.col("moved_m") > _MOVED_M)).sum(),
            )
            .with_columns(day=pl.lit(day))
            .select(list(TRACKS))
        )
        try:
            found.append(per_truck.collect().cast(pl.Schema(TRACKS)))
        except (OSError, pl.exceptions.PolarsError) as error:
            raise StoreError(f"{store.path}: the fix archive cannot be read: {str(error).splitlines()[0]}") from error
    return pl.concat(found).sort("day", "plate")


def _reach_m(column: str, scale: float | pl.Expr) -> pl.Expr:
    """How far positions of a group spread along an axis, metres."""
    return (pl.col(column).max() - pl.col(column).min()) * _M_PER_DEG * scale


def _within(start_ms: pl.Expr, length_ms: int, spans: Sequence[tuple[int, int]]) -> pl.Expr:
    """Whether a slot lies in one of the spans."""
    parts = [(start_ms >= a) & (start_ms + length_ms <= b) for a, b in spans]
    return pl.any_horizontal(parts) if parts else pl.lit(False)
