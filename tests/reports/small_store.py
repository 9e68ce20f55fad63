"""Hand-made findings and fixes of a small store, for the tests of what reads and writes one."""

from __future__ import annotations

from typing import Any

import polars as pl
from msgspec.structs import replace as revised

from ingest.fix import FIX_SCHEMA
from reports.recording import Tally
from reports.store import Store
from rules.findings import Findings, Stop, TerminalHealth, Trip, Violation
from rules.policy import Policy

#: Monday 2026-11-16 00:00 in Shanghai, the first day of 2026-W47.
MONDAY_MS = 1_794_758_400_000
MINUTE_MS, HOUR_MS, DAY_MS = 60_000, 3_600_000, 86_400_000
#: What a run looked at of the two trucks: three days.
SPAN = {"苏A10001": (MONDAY_MS, MONDAY_MS + 3 * DAY_MS), "苏A10003": (MONDAY_MS, MONDAY_MS + 3 * DAY_MS)}


def make_violation(plate: str = "苏A10001", rule: str = "off_route", hour: float = 22, **changes: Any) -> Violation:
    """A violation of ten minutes that begins some hours after Monday 00:00."""
    start = MONDAY_MS + int(hour * HOUR_MS)
    points = Policy().points[rule]
    plain = Violation(rule, plate, start, start + 10 * MINUTE_MS, 118.7, 32.0, 0.9, points, company_id="c1")
    evidence = {"rule_version": "1", "length_m": 840, "fixes": [start]}
    return revised(plain, **{"evidence": evidence, **changes})


def make_fixes(plates: list[str], start_ms: int = MONDAY_MS, minutes: int = 3 * 24 * 60) -> pl.DataFrame:
    """A fix a minute for each truck, in the columns of `FIX_SCHEMA`."""
    times = range(start_ms, start_ms + minutes * MINUTE_MS, MINUTE_MS)
    one = pl.DataFrame({"time_ms": list(times)}).with_columns(
        lon=118.7 + pl.col("time_ms") % 1000 / 1e4, lat=pl.lit(32.0), speed_kmh=pl.lit(30.5), valid=pl.lit(True)
    )
    whole = pl.concat([one.with_columns(plate=pl.lit(p), terminal=pl.lit("0139")) for p in plates])
    typed = whole.with_columns(datum=pl.lit("wgs84"), load=pl.lit("full"))
    missing = [pl.lit(None).alias(name) for name in FIX_SCHEMA if name not in typed.columns]
    return typed.with_columns(missing).select(list(FIX_SCHEMA)).cast(pl.Schema(FIX_SCHEMA))


def span_of(fixes: pl.DataFrame) -> dict[str, tuple[int, int]]:
    spans = fixes.group_by("plate").agg(pl.col("time_ms").min().alias("a"), pl.col("time_ms").max().alias("b"))
    return {plate: (a, b) for plate, a, b in spans.iter_rows()}


def make_findings() -> Findings:
    """Two trips; a dumping with an off-route leg of the same act; a quiet zone by another truck."""
    trip = Trip("苏A10001", MONDAY_MS + 21 * HOUR_MS, MONDAY_MS + 23 * HOUR_MS, None, "s1", None, "p1", 18_400)
    other = Trip("苏A10003", MONDAY_MS + 45 * HOUR_MS, MONDAY_MS + 46 * HOUR_MS, None, "s1", "s2", "p1", 9_000)
    dumping = make_violation(rule="unauthorised_dumping", hour=22.5, trip_id=trip.trip_id, district_id="d1")
    leg = make_violation(hour=22, trip_id=trip.trip_id, scored_under=dumping.violation_id)
    quiet = make_violation("苏A10003", "quiet_zone", hour=45.2, trip_id=other.trip_id, company_id="c2")
    stop = Stop("苏A10001", MONDAY_MS + 22 * HOUR_MS, MONDAY_MS + 23 * HOUR_MS, 118.7, 32.0, None, "unknown")
    end = MONDAY_MS + 3 * DAY_MS - MINUTE_MS
    tags = {"jump": {"fixes": 3, "first_ms": MONDAY_MS + 1, "last_ms": MONDAY_MS + 9}}
    health = [TerminalHealth(f"苏A1000{n}", "0139", MONDAY_MS, end, 4320, 0.97, "wgs84", {}, tags) for n in (1, 3)]
    return Findings([leg, dumping, quiet], [trip, other], [stop], health)


def make_tally() -> Tally:
    reason = {"count": 3, "first_ms": None, "last_ms": None, "example": '{"plate": ""}'}
    return Tally(8643, 0, {"no_plate": reason}, {})


def rows_of(store: Store) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table, in an order of their own: what two equal stores agree in."""
    names = store.query("SELECT table_name FROM duckdb_tables() WHERE schema_name = 'kept' AND table_name <> 'meta'")
    tables = {name: store.query(f"FROM kept.{name}").rows() for name in names["table_name"]}
    tables["fixes"] = store.query("FROM fixes").rows()
    return {name: sorted(rows, key=repr) for name, rows in sorted(tables.items())}
