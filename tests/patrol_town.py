"""A town of two roads, a bridge and a river: two weeks of nights on which trucks offend on the north road at ten."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
from town_files import as_fixes, collection, square, write_files

from reports.archive import archive_fixes
from reports.recording import RunHead, RunRecord, Tally
from reports.store import Store
from rules.findings import Findings, Trip, Violation
from rules.registry import load

#: Monday 2026-11-16 00:00 in Shanghai, the first day of 2026-W47; the nights of W46 and W47 are told.
MONDAY_MS = 1_794_758_400_000
MINUTE_MS, HOUR_MS, DAY_MS = 60_000, 3_600_000, 86_400_000
WEST, EAST, NORTH, SOUTH, RIVER = 118.70, 118.74, 32.02, 31.99, 32.005
STEP_S = 20
ROADS = {
    "江北大道": ("arterial", [[WEST, NORTH], [EAST, NORTH]]),
    "江南路": ("street", [[WEST, SOUTH], [EAST, SOUTH]]),
    "大桥": ("bridge", [[EAST, SOUTH], [EAST, NORTH]]),
    "秦淮河": ("river", [[WEST, RIVER], [EAST + 0.01, RIVER]]),
}


def roads_json() -> str:
    return collection(
        *(
            ({"type": "LineString", "coordinates": line}, {"kind": kind, "name": name})
            for name, (kind, line) in ROADS.items()
        )
    )


def write_registry(folder: Path, site: str = "江北工地", roads: bool = True) -> Path:
    files = {
        "companies.csv": "company_id,name\nc1,甲公司\n",
        "vehicles.csv": "plate,company_id,terminal,kind\n"
        + "".join(f"苏A0000{n},c1,0{n},ordinary\n" for n in range(6)),
        "permits.csv": "permit_no,company_id,origin_site,disposal_sites,plates,hours,valid_from,valid_to\n"
        "p1,c1,s1,d1,,20:00-05:00,2026-11-01,2026-11-30\n",
        "sites.geojson": collection(
            (square(WEST, NORTH, 0.002), {"site_id": "s1", "name": site, "kind": "construction"}),
            (square(EAST, SOUTH, 0.002), {"site_id": "d1", "name": "江南消纳场", "kind": "disposal"}),
        ),
        "routes.geojson": collection(
            ({"type": "LineString", "coordinates": [[WEST, SOUTH], [EAST, SOUTH]]}, {"permit_no": "p1"})
        ),
        "districts.geojson": collection((square(118.72, 32.0, 0.05), {"district_id": "w", "name": "滨江街道"})),
    }
    if roads:
        files["roads.geojson"] = roads_json()
    return write_files(folder, files)


def drive(plate: str, start_ms: int, lat: float, minutes: int = 10) -> pl.DataFrame:
    """From west to east on one road."""
    count = minutes * 60 // STEP_S + 1
    rows = pl.DataFrame(
        {
            "time_ms": start_ms + np.arange(count, dtype=np.int64) * STEP_S * 1000,
            "lon": np.linspace(WEST, EAST, count),
        }
    )
    return as_fixes(rows, plate=plate, terminal="0" + plate[-1], datum="wgs84", lat=lat, valid=True, speed_kmh=22.0)


def nights() -> tuple[Findings, pl.DataFrame]:
    """Each night of two weeks and a day on: three offend in the north from 22:00 on, one in the south at 03:00."""
    violations, trips, fixes = [], [], []
    for day in range(-8, 8):
        for n in range(4):
            plate, lat = f"苏A0000{n}", NORTH if n < 3 else SOUTH
            start = MONDAY_MS + day * DAY_MS + (22 * HOUR_MS + n * 11 * MINUTE_MS if n < 3 else 27 * HOUR_MS)
            trip = Trip(plate, start, start, start + 10 * MINUTE_MS, "s1", "d1", None, 3_800, EAST, lat)
            rule = "no_permit" if n == 0 else "off_route"
            points = 12 if n == 0 else 3
            where = (WEST + 0.02, lat, 0.9, points, "c1", None, trip.trip_id, "w")
            violations.append(Violation(rule, plate, start, start + 10 * MINUTE_MS, *where))
            trips.append(trip)
            fixes.append(drive(plate, start, lat))
    return Findings(violations, trips, [], []), pl.concat(fixes)


def make_store(folder: Path, site: str = "江北工地", roads: bool = True) -> Path:
    registry_folder = write_registry(folder / "registry", site, roads)
    files = {path.name: path.read_bytes() for path in registry_folder.iterdir()}
    registry, (findings, fixes) = load(registry_folder), nights()
    times = pl.col("time_ms")
    spans = fixes.group_by("plate").agg(times.min().alias("a"), times.max().alias("b"))
    with Store.open(folder / "store", create=True) as store:
        listed = archive_fixes(folder / "store", fixes, registry.zone)
        head = RunHead(registry, files, "i" * 64, "1.0", MONDAY_MS + 8 * DAY_MS, "muckwatch run")
        seen = {plate: (first, last) for plate, first, last in spans.iter_rows()}
        store.record(RunRecord(head, findings, seen, Tally(fixes.height), listed))
    return folder / "store"
