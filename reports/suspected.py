"""Suspected places in the store: derived anew from what is recorded, at the end of every recording."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl

from reports.frames import json_text
from rules.findings import Stop, SuspectedSite, Trip, Violation
from rules.suspects import suspects

if TYPE_CHECKING:
    from reports.store import Store
    from rules.registry import Registry

#: How far before the last fix recorded stays count: a place that nobody came to for so long is no longer suspected.
LOOK_BACK_MS = 92 * 86_400_000
#: What a person found to be none.
REFUSED = ("rejected", "overturned")
_COLUMNS = {
    "suspect_id": pl.String,
    "kind": pl.String,
    "polygon": pl.String,
    "lon": pl.Float64,
    "lat": pl.Float64,
    "trucks": pl.Int64,
    "visits": pl.Int64,
    "first_ms": pl.Int64,
    "last_ms": pl.Int64,
    "evidence_grade": pl.String,
    "confidence": pl.Float64,
    "evidence": pl.String,
    "district_id": pl.String,
}
_VIOLATIONS = """
SELECT rule, plate, start_ms, end_ms, lon, lat, confidence, points, trip_id, site_id, evidence, status
FROM kept.violations WHERE rule IN ('unauthorised_dumping', 'no_permit') AND start_ms >= ?
"""
_TRIPS = """
SELECT plate, loaded_ms, left_ms, dumped_ms, origin_site, disposal_site, permit_no, distance_m, dump_lon, dump_lat
FROM kept.trips WHERE loaded_ms >= ?
"""
_STOPS = "SELECT plate, start_ms, end_ms, lon, lat, site_id, kind FROM kept.stops WHERE start_ms >= ?"


@dataclass(frozen=True)
class Told:
    """What the store tells of three months, as `_VIOLATIONS`, `_TRIPS` and `_STOPS` give it."""

    violations: pl.DataFrame
    trips: pl.DataFrame
    stops: pl.DataFrame


def refresh_suspected(store: Store, registry: Registry) -> int:
    """Replaces every row of `suspected_sites` by what the store's records of the last three months tell.

    To be called by the writer whenever records or decisions have changed, in their transaction.

    Args:
        store: open for writing.
        registry: the one recorded last.

    Returns:
        How many places are suspected.
    """
    found = find_suspected(told_by(store), registry)
    keep_suspected(store, found)
    return found.height


def told_by(store: Store) -> Told:
    """What places are found by."""
    last_ms = store.query("SELECT max(last_ms) FROM kept.runs").item()
    since_ms = (last_ms or 0) - LOOK_BACK_MS
    return Told(*(store.query(sql, [since_ms]) for sql in (_VIOLATIONS, _TRIPS, _STOPS)))


def find_suspected(told: Told, registry: Registry) -> pl.DataFrame:
    """The places, as rows of `kept.suspected`; needs no store, so another process may do it."""
    live: list[Violation] = []
    refused: list[Violation] = []
    for row in told.violations.iter_rows(named=True):
        status, evidence = row.pop("status"), json.loads(row.pop("evidence") or "{}")
        (refused if status in REFUSED else live).append(Violation(**row, evidence=evidence))
    trips = [Trip(*row) for row in told.trips.iter_rows()]
    stops = [Stop(*row) for row in told.stops.iter_rows()]
    found = suspects(trips, stops, live, registry, refused)
    return pl.DataFrame(list(map(_row, found)), schema=_COLUMNS, orient="row")


def keep_suspected(store: Store, found: pl.DataFrame) -> None:
    """Makes them the places that the store suspects; in the caller's transaction."""
    store.replace("kept.suspected", found)


def _row(s: SuspectedSite) -> tuple[Any, ...]:
    where = (s.suspect_id, s.kind, s.polygon, s.lon, s.lat)
    figures = (s.trucks, s.visits, s.first_ms, s.last_ms, s.evidence_grade, s.confidence)
    return (*where, *figures, json_text(s.evidence, f"suspected place {s.suspect_id}"), s.district_id)
