"""How long a week's report takes for a large city: 3,000 trucks, 60,000 trips, 4,000 violations, in all five faces.

python -m bench.week_report [--trucks 3000] [--store DIR]

The city is made here: a grid of roads, sites on it, trucks that go to and fro, a fix every three minutes.
"""

from __future__ import annotations

import argparse
import json
import resource
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from shapely.geometry import LineString, box, mapping

from ingest.fix import FIX_SCHEMA
from reports.archive import archive_fixes
from reports.recording import RunHead, RunRecord, Tally
from reports.store import Store
from reports.week import FORMATS, build, parse_week, write
from rules.catalog import RULE_IDS
from rules.findings import Findings, TerminalHealth, Trip, Violation
from rules.policy import DEFAULT_POINTS
from rules.registry import load

MONDAY_MS = 1_794_758_400_000  # 2026-11-16 00:00 in Shanghai
MINUTE_MS, HOUR_MS, DAY_MS = 60_000, 3_600_000, 86_400_000
WEEK = parse_week("2026-W47")
WEST, SOUTH, STEP, SIDE = 118.6, 31.9, 0.015, 20
TRIPS_EACH, TRIP_MIN, FIX_MIN = 20, 45, 3
VIOLATIONS_PER_TRIP = 4_000 / 60_000


def node(number: int) -> tuple[float, float]:
    """A crossing of the grid."""
    return WEST + number % SIDE * STEP, SOUTH + number // SIDE * STEP


def tip(number: int) -> tuple[float, float]:
    """A disposal site, west of the grid at the end of a road."""
    return WEST - STEP, SOUTH + number * STEP


def registry_files(trucks: int) -> dict[str, str]:
    """A registry of that many trucks: 60 companies, 90 building and 15 disposal sites, 16 streets, a grid of roads."""
    around = lambda at: box(at[0] - 0.001, at[1] - 0.001, at[0] + 0.001, at[1] + 0.001)
    sites = [(f"S{n:03d}", f"{n} 号工地", "construction", around(node(n * 3 + 1))) for n in range(90)]
    sites += [(f"D{n:02d}", f"{n} 号消纳场", "disposal", around(tip(n))) for n in range(15)]
    quarter = SIDE * STEP / 4
    streets = [(f"X{n:02d}", f"第{n}街道", WEST + n % 4 * quarter, SOUTH + n // 4 * quarter) for n in range(16)]
    roads = [LineString([tip(r), node(r * SIDE + SIDE - 1)]) for r in range(SIDE)]
    roads += [LineString([node(c), node(c + SIDE * (SIDE - 1))]) for c in range(SIDE)]
    features = lambda rows: json.dumps(
        {
            "type": "FeatureCollection",
            "features": [{"type": "Feature", "properties": p, "geometry": mapping(g)} for p, g in rows],
        }
    )
    permits = [f"P{n:03d},C{n % 60:02d},S{n:03d},{';'.join(f'D{d:02d}' for d in range(15))},,,," for n in range(90)]
    lines = [({"permit_no": f"P{n:03d}"}, roads[n % len(roads)]) for n in range(90)]
    return {
        "companies.csv": "company_id,name\n" + "".join(f"C{n:02d},第{n}运输公司\n" for n in range(60)),
        "vehicles.csv": "plate,company_id,terminal,kind\n"
        + "".join(f"苏A{n:05d},C{n % 60:02d},{n:012d},{'new_type' if n % 3 else 'ordinary'}\n" for n in range(trucks)),
        "permits.csv": "permit_no,company_id,origin_site,disposal_sites,plates,hours,valid_from,valid_to\n"
        + "\n".join(permits)
        + "\n",
        "sites.geojson": features([({"site_id": i, "name": n, "kind": k}, g) for i, n, k, g in sites]),
        "districts.geojson": features(
            [({"district_id": i, "name": n}, box(x, y, x + quarter, y + quarter)) for i, n, x, y in streets]
        ),
        "routes.geojson": features(lines),
        "roads.geojson": features([({"name": f"{n} 号路", "kind": "main"}, g) for n, g in enumerate(roads)]),
    }


def city(trucks: int) -> tuple[pl.DataFrame, Findings]:
    """The tracks and findings of two weeks; the week before has a tenth of the trips."""
    random = np.random.default_rng(1)
    trips, violations, health, parts = [], [], [], []
    steps = TRIP_MIN // FIX_MIN
    for n in range(trucks):
        plate, origin, target = f"苏A{n:05d}", int(random.integers(90)), int(random.integers(15))
        starts = np.sort(random.choice(7 * 24, TRIPS_EACH, replace=False)) * HOUR_MS + MONDAY_MS
        starts = np.concatenate([starts[:2] - 7 * DAY_MS, starts])
        (x0, y0), (x1, y1) = node(origin * 3 + 1), tip(target)
        share = np.linspace(0, 2, steps)  # along one road, then along the other
        lon, lat = x0 + (x1 - x0) * np.minimum(share, 1), y0 + (y1 - y0) * np.maximum(share - 1, 0)
        times = (starts[:, None] + np.arange(steps) * FIX_MIN * MINUTE_MS).ravel()
        noise = random.normal(0, 5e-5, (2, len(times)))
        place = {"lon": np.tile(lon, len(starts)) + noise[0], "lat": np.tile(lat, len(starts)) + noise[1]}
        parts.append(pl.DataFrame({"time_ms": times, **place}).with_columns(plate=pl.lit(plate)))
        health.append(TerminalHealth(plate, f"{n:012d}", int(times[0]), int(times[-1]), len(times), 0.98, "wgs84"))
        for start in map(int, starts):
            done = start + TRIP_MIN * MINUTE_MS
            trip = Trip(plate, start, start + MINUTE_MS, done, f"S{origin:03d}", f"D{target:02d}", "P000", 18_000)
            trips.append(trip)
            if random.random() < VIOLATIONS_PER_TRIP:
                rule = RULE_IDS[int(random.integers(len(RULE_IDS)))]
                at = int(random.integers(3, steps - 4))
                begun = start + at * FIX_MIN * MINUTE_MS
                street = f"X{min(int((lat[at] - SOUTH) / (SIDE * STEP) * 4), 3) * 4:02d}"
                told: dict[str, Any] = {"company_id": f"C{n % 60:02d}", "trip_id": trip.trip_id, "district_id": street}
                told["evidence"] = {"rule_version": "1", "length_m": 840}
                worst = (float(lon[at]), float(lat[at]))
                points = DEFAULT_POINTS[rule]
                violations.append(Violation(rule, plate, begun, begun + 6 * MINUTE_MS, *worst, 0.9, points, **told))
    whole = pl.concat(parts).with_columns(datum=pl.lit("wgs84"), speed_kmh=pl.lit(30.0), valid=pl.lit(True))
    missing = [pl.lit(None).alias(name) for name in FIX_SCHEMA if name not in whole.columns]
    fixes = whole.with_columns(missing).select(list(FIX_SCHEMA)).cast(pl.Schema(FIX_SCHEMA)).sort("plate", "time_ms")
    return fixes, Findings(violations, trips, [], health)


def make_store(folder: Path, trucks: int) -> None:
    """A store of the city, as a run leaves it."""
    registry = folder.parent / "registry"
    registry.mkdir()
    files = {name: text.encode() for name, text in registry_files(trucks).items()}
    for name, content in files.items():
        (registry / name).write_bytes(content)
    head = RunHead(load(registry), files, "i" * 64, "1.0", MONDAY_MS + 8 * DAY_MS, "bench")
    fixes, findings = city(trucks)
    spans = fixes.group_by("plate").agg(a=pl.col("time_ms").min(), b=pl.col("time_ms").max())
    span = {plate: (a, b) for plate, a, b in spans.iter_rows()}
    with Store.open(folder, create=True) as store:
        archive = archive_fixes(store.path, fixes, head.registry.zone)
        store.record(RunRecord(head, findings, span, Tally(), archive))
    found = f"{len(findings.trips):,} trips, {len(findings.violations):,} violations"
    print(f"{trucks:,} trucks, {found}, {len(fixes):,} fixes")


def measure(folder: Path, out: Path) -> None:
    """Times the report of the store's week, face by face, by the clock and in CPU seconds of all threads."""
    begun, used = time.perf_counter(), time.process_time()
    told = lambda what, since, cpu: print(
        f"{what:18} {time.perf_counter() - since:6.1f} s {time.process_time() - cpu:6.1f} s CPU", flush=True
    )
    with Store.read(folder) as store:
        report = build(store, WEEK)
    told("figures and plan", begun, used)
    for name in FORMATS:
        started, cpu = time.perf_counter(), time.process_time()
        (path,) = write(report, out, [name], tell=print)
        told(f"{name} {path.stat().st_size / 1e6:.2f} MB", started, cpu)
    told("whole report", begun, used)
    print(f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:,.0f} MB at most")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trucks", type=int, default=3_000)
    parser.add_argument("--store", type=Path, help="measure this store's 2026-W47 instead of a city made for it")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        if not asked.store:
            make_store(Path(name) / "store", asked.trucks)
        measure(asked.store or Path(name) / "store", Path(name) / "out")


if __name__ == "__main__":
    main()
