"""What reports and maps read of a store: frames by time, with instants as Datetime in UTC and JSON as text.

Spans are epoch milliseconds, half-open: `[start_ms, end_ms)`. A thing belongs to the span in which it began.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import polars as pl

from ingest.fix import FIX_SCHEMA
from reports.archive import FIXES_FOLDER
from reports.errors import StoreError
from reports.registry_copies import load_registry
from reports.store import Store
from rules.registry import Registry

_TIME = pl.Datetime("us", "UTC")
_SUSPECTED: dict[str, Any] = {
    **dict.fromkeys(("suspect_id", "kind", "polygon"), pl.String),
    **{"lon": pl.Float64, "lat": pl.Float64, "trucks": pl.Int32, "visits": pl.Int32},
    **{"first_seen": _TIME, "last_seen": _TIME, "evidence_grade": pl.String, "confidence": pl.Float64},
    **{"evidence": pl.String, "district_id": pl.String},
}

_TAGGED: dict[str, Any] = {"tag": pl.String, **dict.fromkeys(("fixes", "terminals", "first_ms", "last_ms"), pl.Int64)}


def violations_between(store: Store, start_ms: int, end_ms: int, plate: str = "") -> pl.DataFrame:
    """Violations (of one truck, if named) that began in the span, in the columns of the view `violations`, by start."""
    return _between(store, "violations", "start_time", start_ms, end_ms, "start_time, plate, rule", plate)


def trips_between(store: Store, start_ms: int, end_ms: int) -> pl.DataFrame:
    """Trips that loaded in the span, in the columns of the view `trips`, by loading."""
    return _between(store, "trips", "loaded_at", start_ms, end_ms, "loaded_at, plate")


def stops_between(store: Store, start_ms: int, end_ms: int, plate: str = "") -> pl.DataFrame:
    """Stops (of one truck, if named) that began in the span, in the columns of the view `stops`, by start."""
    return _between(store, "stops", "start_time", start_ms, end_ms, "start_time, plate", plate)


def violation(store: Store, violation_id: str) -> pl.DataFrame:
    """One violation as a frame of one row, or of none."""
    return store.query("SELECT * FROM violations WHERE violation_id = ?", [violation_id])


def trip(store: Store, trip_id: str) -> pl.DataFrame:
    """One trip as a frame of one row, or of none."""
    return store.query("SELECT * FROM trips WHERE trip_id = ?", [trip_id])


def violations_of_trip(store: Store, trip_id: str) -> pl.DataFrame:
    """The violations of one trip, by start."""
    return store.query("SELECT * FROM violations WHERE trip_id = ? ORDER BY start_time, rule", [trip_id])


def terminal_health(store: Store) -> pl.DataFrame:
    """How far each terminal is to be believed, over everything recorded, by plate."""
    return store.query("SELECT * FROM terminal_health ORDER BY plate, terminal")


def suspected_sites(store: Store) -> pl.DataFrame:
    """Places at which loads are taken on or left that no registry tells of, surest first.

    Columns of the view `suspected_sites`; `polygon` and `evidence` are JSON text. Empty for a store that no writer has
    opened since the view was added.
    """
    there = "SELECT count(*) FROM duckdb_views() WHERE view_name = 'suspected_sites'"
    if not store.query(there).item():
        return pl.DataFrame(schema=_SUSPECTED)
    return store.query("SELECT * FROM suspected_sites ORDER BY confidence DESC, visits DESC, suspect_id")


def health_between(store: Store, start_ms: int, end_ms: int) -> pl.DataFrame:
    """The health of each terminal as found by runs that touch the span; one row a terminal and run, times in ms."""
    return store.query(
        "SELECT * FROM kept.health WHERE first_ms < $2 AND last_ms >= $1 ORDER BY plate, terminal, first_ms",
        [start_ms, end_ms],
    )


def tags_between(store: Store, start_ms: int, end_ms: int) -> pl.DataFrame:
    """How many fixes bear each tag (`tag`, `fixes`, `terminals`, `first_ms`, `last_ms`) by runs that touch the span.

    Empty for a store that no writer has opened since tags were added.
    """
    if not store.query("SELECT count(*) FROM duckdb_views() WHERE view_name = 'fix_tags'").item():
        return pl.DataFrame(schema=_TAGGED)
    return store.query(
        "SELECT tag, sum(fixes)::BIGINT AS fixes, count(DISTINCT (plate, terminal)) AS terminals, "
        "min(first_ms) AS first_ms, max(last_ms) AS last_ms FROM kept.tagged "
        "WHERE first_ms < $2 AND last_ms >= $1 GROUP BY tag ORDER BY fixes DESC, tag",
        [start_ms, end_ms],
    )


def rejected(store: Store) -> pl.DataFrame:
    """Reasons why fixes were set aside, in the columns of the view `rejected_fixes`, most frequent first."""
    return store.query("SELECT * FROM rejected_fixes ORDER BY count DESC, reason")


def runs(store: Store) -> pl.DataFrame:
    """The runs recorded, in order."""
    return store.query("SELECT r.* FROM runs r JOIN kept.runs k USING (run_id) ORDER BY k.number")


def span_ms(store: Store) -> tuple[int, int] | None:
    """First and last fix of everything recorded, epoch ms, inclusive; None for a store without runs."""
    first, last = store.query("SELECT min(first_ms), max(last_ms) FROM kept.runs").row(0)
    return None if first is None else (first, last)


def fixes_of(store: Store, plate: str, start_ms: int, end_ms: int) -> pl.DataFrame:
    """Archived fixes of one truck in the span, in the columns of `FIX_SCHEMA`, by time."""
    return fixes_of_several(store, [plate], start_ms, end_ms)


def fixes_of_several(store: Store, plates: Sequence[str], start_ms: int, end_ms: int) -> pl.DataFrame:
    """Archived fixes of some trucks in the span, in the columns of `FIX_SCHEMA`, by time and terminal.

    Reads only files that the manifest lists for the trucks and the span, and of them only the row groups they are in:
    trucks that stand beside each other in the order of plates are best asked for together.
    """
    listed = store.query(
        "SELECT path FROM kept.archive WHERE first_ms < $3 AND last_ms >= $2 AND list_has_any(plates, $1) "
        "ORDER BY path",
        [list(plates), start_ms, end_ms],
    )
    if listed.is_empty():
        return pl.DataFrame(schema=FIX_SCHEMA)
    paths = [store.path / FIXES_FOLDER / path for path in listed["path"]]
    own = pl.col("plate").is_between(pl.lit(min(plates)), pl.lit(max(plates))) & pl.col("plate").is_in(list(plates))
    wanted = own & pl.col("time_ms").is_between(start_ms, end_ms, closed="left")
    try:
        found = pl.scan_parquet(paths, hive_partitioning=False, glob=False).filter(wanted).collect()
    except (OSError, pl.exceptions.PolarsError) as error:
        raise StoreError(f"{store.path}: the fix archive cannot be read: {str(error).splitlines()[0]}") from error
    return found.sort("time_ms", "terminal")


def registry_of(store: Store, digest: str | None = None) -> Registry:
    """The registry recorded last, or the one with that digest, loaded from the store's own copy.

    Raises:
        StoreError: if the store has none, or the copy is not what was recorded.
    """
    if digest is None:
        latest = store.query("SELECT registry_digest FROM kept.runs ORDER BY number DESC LIMIT 1")
        if latest.is_empty():
            raise StoreError(f"{store.path}: no run has been recorded yet")
        digest = str(latest.item())
    return load_registry(store.path, digest)


def _between(
    store: Store, view: str, column: str, start_ms: int, end_ms: int, order: str, plate: str = ""
) -> pl.DataFrame:
    within = f"{column} >= at_ms($1) AND {column} < at_ms($2)" + (" AND plate = $3" if plate else "")
    values = [start_ms, end_ms, plate] if plate else [start_ms, end_ms]
    return store.query(f"SELECT * FROM {view} WHERE {within} ORDER BY {order}", values)
