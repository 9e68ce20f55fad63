"""A store with a registry, two trucks' tracks and hand-made findings, for the tests of what maps read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
from town_files import as_fixes, collection, square, write_files

from reports.archive import archive_fixes
from reports.recording import RunHead, RunRecord, Tally
from reports.store import Store
from rules.findings import Findings, Stop, TerminalHealth, Trip, Violation
from rules.registry import load

#: Monday 2026-11-16 00:00 in Shanghai, the first day of 2026-W47.
MONDAY_MS = 1_794_758_400_000
MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
PLATE, OTHER = "苏A12345", "<b>苏{{7*7}}"
LOADED_MS = MONDAY_MS + 21 * HOUR_MS
STEP_S = 10


def write_registry(folder: Path) -> Path:
    files = {
        "companies.csv": "company_id,name\nc1,<i>甲</i>{{7*7}}运输公司\n",
        "vehicles.csv": f"plate,company_id,terminal,kind\n{PLATE},c1,013900000001,ordinary\n",
        "permits.csv": "permit_no,company_id,origin_site,disposal_sites,plates,hours,valid_from,valid_to\n"
        "p1,c1,s1,d1,,20:00-05:00,2026-11-01,2026-11-30\n",
        "sites.geojson": collection(
            (square(118.70, 32.00), {"site_id": "s1", "name": "一号工地", "kind": "construction"}),
            (square(118.80, 32.00), {"site_id": "d1", "name": "一号消纳场", "kind": "disposal"}),
        ),
        "routes.geojson": collection(
            ({"type": "LineString", "coordinates": [[118.70, 32.0], [118.80, 32.0]]}, {"permit_no": "p1"})
        ),
        "zones.geojson": collection(
            (
                square(118.75, 32.01, 0.003),
                {"zone_id": "z1", "name": "静音区一", "kind": "quiet", "hours": "22:00-06:00"},
            )
        ),
        "districts.geojson": collection(
            (square(118.70, 32.0, 0.05), {"district_id": "west", "name": "西街道"}),
            (square(118.80, 32.0, 0.05), {"district_id": "east", "name": "东街道"}),
        ),
    }
    return write_files(folder, files)


def drive(plate: str, start_ms: int, terminal: str, lat: float = 32.0, minutes: int = 60) -> pl.DataFrame:
    """East from the site to the disposal site, a fix each ten seconds, then standing there."""
    count = minutes * 60 // STEP_S
    lon = np.minimum(118.70 + np.arange(count) * 0.1 / 180, 118.80)
    rows = pl.DataFrame({"time_ms": start_ms + np.arange(count, dtype=np.int64) * STEP_S * 1000, "lon": lon})
    return as_fixes(rows, plate=plate, terminal=terminal, datum="wgs84", lat=lat, valid=True, speed_kmh=19.0)


def make_fixes() -> pl.DataFrame:
    """The trip with one stray fix and one without a position, a second device for a while, and another truck's hour."""
    trip = drive(PLATE, LOADED_MS - 5 * MINUTE_MS, "013900000001")
    stray, blind = pl.int_range(pl.len()) == 100, pl.int_range(pl.len()) == 120
    trip = trip.with_columns(
        lat=pl.when(stray).then(pl.lit(33.5)).when(blind).then(pl.lit(10.0)).otherwise("lat"), valid=~blind
    )
    second = drive(PLATE, LOADED_MS, "013999999999", lat=32.001, minutes=5).with_columns(
        time_ms=pl.col("time_ms") + 3_000
    )
    return pl.concat([trip, second, drive(OTHER, MONDAY_MS + 34 * HOUR_MS, "x")])


def make_findings() -> Findings:
    trip = Trip(
        PLATE, LOADED_MS, LOADED_MS + 2 * MINUTE_MS, LOADED_MS + 30 * MINUTE_MS, "s1", "d1", "p1", 9_400, 118.8, 32.0
    )
    evidence = {
        "outside_s": 300,
        "distance_m": 1500,
        "max_deviation_m": 840,
        "rule_version": 1,
        "policy_digest": "ab" * 32,
    }
    leg = Violation(
        "off_route", PLATE, LOADED_MS + 10 * MINUTE_MS, LOADED_MS + 15 * MINUTE_MS, 118.75, 32.0, 0.93, 3,
        "c1", "p1", trip.trip_id, "east", None, "", evidence,
    )  # fmt: skip
    quiet = Violation(
        "quiet_zone", PLATE, LOADED_MS + 12 * MINUTE_MS, LOADED_MS + 13 * MINUTE_MS, 118.752, 32.0, 0.9, 2, "c1"
    )
    day = Violation(
        "daytime_not_whitelisted", OTHER, MONDAY_MS + 34 * HOUR_MS, MONDAY_MS + 35 * HOUR_MS, 118.7, 32.0, 0.97, 5,
        district_id="west", evidence={"driving_s": 3000},
    )  # fmt: skip
    earlier = Violation(
        "off_route",
        PLATE,
        LOADED_MS - 9 * MINUTE_MS,
        LOADED_MS - 7 * MINUTE_MS,
        118.7,
        32.0,
        0.9,
        3,
        "c1",
        "p1",
        "ab" * 10,
    )
    stops = [
        Stop(PLATE, LOADED_MS - 5 * MINUTE_MS, LOADED_MS + 2 * MINUTE_MS, 118.70, 32.0, "s1", "construction"),
        Stop(PLATE, LOADED_MS + 29 * MINUTE_MS, LOADED_MS + 45 * MINUTE_MS, 118.80, 32.0, "d1", "disposal"),
    ]
    health = [TerminalHealth(PLATE, "013900000001", LOADED_MS, LOADED_MS + HOUR_MS, 360, 0.99, "wgs84")]
    return Findings([leg, quiet, day, earlier], [trip], stops, health)


def make_store(folder: Path, findings: Findings | None = None, fixes: pl.DataFrame | None = None) -> Path:
    """Records the findings in a new store; gives its folder."""
    registry_folder = write_registry(folder / "registry")
    files = {path.name: path.read_bytes() for path in registry_folder.iterdir()}
    registry = load(registry_folder)
    fixes = make_fixes() if fixes is None else fixes
    times = pl.col("time_ms")
    spans = fixes.group_by("plate").agg(times.min().alias("first"), times.max().alias("last"))
    with Store.open(folder / "store", create=True) as store:
        listed = archive_fixes(folder / "store", fixes, registry.zone)
        head = RunHead(registry, files, "i" * 64, "1.0", MONDAY_MS + 7 * 24 * HOUR_MS, "muckwatch run")
        seen = {plate: (first, last) for plate, first, last in spans.iter_rows()}
        store.record(RunRecord(head, findings or make_findings(), seen, Tally(fixes.height), listed))
    return folder / "store"
