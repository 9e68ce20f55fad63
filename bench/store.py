"""How fast the store takes in fixes and findings, and gives them back.

python -m bench.store [--fixes 5700000] [--violations 100000]
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from ingest.fix import FIX_SCHEMA
from reports import queries
from reports.archive import archive_fixes
from reports.export import export
from reports.recording import RunHead, RunRecord
from reports.scores import scores
from reports.store import Store
from rules.findings import Findings, Trip, Violation
from rules.policy import Policy
from rules.registry import Company, Registry, Vehicle, digest

MONDAY_MS = 1_794_758_400_000  # 2026-11-16 00:00 in Shanghai
WEEK_MS = 7 * 86_400_000
TRUCKS = 1_000


def fixes_of_a_week(count: int) -> pl.DataFrame:
    """Random walks of 1,000 trucks over a week, as noisy as positions are, sorted by truck and time."""
    random = np.random.default_rng(1)
    each = count // TRUCKS
    times = np.sort(random.integers(0, WEEK_MS, (TRUCKS, each)), axis=1) + MONDAY_MS
    walk = lambda start: start + np.cumsum(random.normal(0, 2e-4, (TRUCKS, each)), axis=1)
    frame = pl.DataFrame(
        {
            "plate": np.repeat([f"苏A{n:05d}" for n in range(TRUCKS)], each),
            "terminal": np.repeat([f"0139{n:08d}" for n in range(TRUCKS)], each),
            "time_ms": times.ravel(),
            "lon": walk(118.78).ravel().round(6),
            "lat": walk(32.04).ravel().round(6),
            "speed_kmh": random.uniform(0, 60, count // TRUCKS * TRUCKS).round(1),
            "heading_deg": random.integers(0, 360, count // TRUCKS * TRUCKS),
            "cover": random.random(count // TRUCKS * TRUCKS) < 0.9,
        }
    )
    constant = {"datum": "wgs84", "load": None, "lift": False, "acc": True, "valid": True, "mileage_km": None}
    whole = frame.with_columns([pl.lit(value).alias(name) for name, value in constant.items()])
    return whole.select(list(FIX_SCHEMA)).cast(pl.Schema(FIX_SCHEMA)).unique(["plate", "time_ms"], maintain_order=True)


def findings_of(count: int) -> Findings:
    """As many violations, with evidence of a usual size, and a tenth as many trips."""
    found = Findings()
    for n in range(count):
        plate, start = f"苏A{n % TRUCKS:05d}", MONDAY_MS + n // TRUCKS * 5_000_000
        evidence: dict[str, Any] = {
            "rule_version": "1",
            "length_m": n,
            "fixes": list(range(start, start + 200_000, 10_000)),
        }
        found.violations.append(
            Violation("off_route", plate, start, start + 200_000, 118.7, 32.0, 0.9, 3, "c1", evidence=evidence)
        )
        if n % 10 == 0:
            found.trips.append(Trip(plate, start, start + 1, None, "s1", None, "p1", 9_000))
    return found


@contextmanager
def timed(what: str, rows: int) -> Iterator[None]:
    """Prints wall and CPU time of a block, and rows a second."""
    wall, cpu = time.perf_counter(), time.process_time()
    yield
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    print(f"{what:44}{rows:>10,} rows{wall:>8.2f} s{cpu:>8.2f} s CPU{rows / wall:>14,.0f} /s", flush=True)


def main() -> None:
    """Runs the measurements and prints them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--fixes", type=int, default=5_700_000)
    parser.add_argument("--violations", type=int, default=100_000)
    asked = parser.parse_args()
    fixes, found, policy = fixes_of_a_week(asked.fixes), findings_of(asked.violations), Policy()
    vehicles = tuple(Vehicle(f"苏A{n:05d}", "c1", "", "ordinary") for n in range(TRUCKS))
    registry = Registry(policy, (Company("c1", "甲"),), vehicles, digest=digest({}))
    head = RunHead(registry, {}, "bench", "1", MONDAY_MS, "bench")
    spans = {vehicle.plate: (MONDAY_MS, MONDAY_MS + WEEK_MS) for vehicle in vehicles}
    with tempfile.TemporaryDirectory() as name, Store.open(Path(name) / "store", create=True) as store:
        measure(store, fixes, RunRecord(head, found, spans), policy)
    print(
        f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:,.0f} MiB (the frames above included)"
    )


def measure(store: Store, fixes: pl.DataFrame, run: RunRecord, policy: Policy) -> None:
    """Archives, records, records again, and reads back."""
    with timed("archive a week", len(fixes)):
        files = archive_fixes(store.path, fixes, policy.zone)
    size = sum((store.path / "fixes" / f.path).stat().st_size for f in files)
    print(f"{'':44}{size / len(fixes):>10.1f} bytes a fix in {len(files)} files")
    whole = RunRecord(run.head, run.findings, run.spans, archive=files)
    for what in ("record", "record again, nothing new"):
        with timed(what, len(run.findings.violations)):
            store.record(whole)
    half = fixes.filter(pl.col("plate") < "苏A00500")
    with timed("archive half the trucks again, one fix more", len(half)):
        more = half[:1].with_columns(time_ms=pl.lit(MONDAY_MS + WEEK_MS - 1, pl.Int64))
        again = archive_fixes(store.path, pl.concat([half, more]), policy.zone)
    with timed("record it", len(half)):
        store.record(RunRecord(run.head, run.findings, run.spans, archive=again))
    reads: list[tuple[str, Callable[[], int]]] = [
        (
            "one truck's day, of the archive",
            lambda: len(queries.fixes_of(store, "苏A00777", MONDAY_MS, MONDAY_MS + 86_400_000)),
        ),
        ("violations of the week", lambda: len(queries.violations_between(store, MONDAY_MS, MONDAY_MS + WEEK_MS))),
        ("scores", lambda: len(scores(store))),
        ("export violations as xlsx", lambda: export(store, "violations", "xlsx", store.path / "out.xlsx")),
        ("export fixes as csv", lambda: export(store, "fixes", "csv", store.path / "out.csv")),
        ("export fixes as json", lambda: export(store, "fixes", "json", store.path / "out.json")),
        ("export fixes as parquet", lambda: export(store, "fixes", "parquet", store.path / "out.parquet")),
    ]
    for what, read in reads:
        started, cpu = time.perf_counter(), time.process_time()
        rows = read()
        wall, cpu = time.perf_counter() - started, time.process_time() - cpu
        print(f"{what:44}{rows:>10,} rows{wall:>8.2f} s{cpu:>8.2f} s CPU{rows / wall:>14,.0f} /s", flush=True)


if __name__ == "__main__":
    main()
