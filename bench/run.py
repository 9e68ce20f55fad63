"""How fast a whole run is: from the start of the command to the closed store, at one copy of the fleet and at ten.

    python -m bench.run [--registry DIR --tracks PATH] [--copies 10]

The command runs in a process of its own, so start-up counts and the peak of memory is its own. Beside it, in the same
session, the peer: the plain loop over fixes that everyone writes first (one shapely point, every polygon asked). How
many points PROJ converts a second on one core tells how fast the machine is at that moment: compare by it.
"""

from __future__ import annotations

import argparse
import csv
import os
import shutil
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import polars as pl
import pyproj
import shapely
from shapely.geometry import Point

import sample_tracks
from rules.registry import load

SAMPLE = Path(sample_tracks.__file__).parent
PEER_FIXES = 20_000
PROJ_POINTS, PROJ_TRIES = 1_000_000, 3


def another(plate: str, copy: int) -> str:
    """The plate of a copy; the first copy keeps its own."""
    return plate if copy == 0 else f"{plate}{copy:02d}"


def enlarge(registry: Path, tracks: Path, copies: int, out: Path) -> int:
    """Writes copies of a fleet under other plates, one Parquet file in order of arrival; returns how many fixes."""
    shutil.copytree(registry, out / "registry")
    for name, column in (("vehicles.csv", "plate"), ("whitelist.csv", "plate"), ("permits.csv", "plates")):
        path = out / "registry" / name
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        if name == "permits.csv":
            for row in rows:
                plates = [p for p in row[column].split(";") if p]
                row[column] = ";".join(another(p, k) for p in plates for k in range(copies))
        else:
            rows = [{**row, column: another(row[column], k)} for row in rows for k in range(copies)]
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    fixes = pl.read_parquet(tracks if tracks.is_file() else tracks / "*.parquet").with_row_index("row")
    tails = [pl.lit("" if k == 0 else f"{k:02d}") for k in range(copies)]
    frames = [fixes.with_columns(plate=pl.col("plate") + tail) for tail in tails]
    large = pl.concat(frames).sort("row").drop("row")
    (out / "tracks").mkdir()
    large.write_parquet(out / "tracks" / "fixes.parquet")
    return large.height


@dataclass(frozen=True)
class Cost:
    """What a run took: seconds from start to closed store, those of all cores together, MB of its largest process."""

    wall_s: float
    cpu_s: float
    peak_mb: float


def whole_run(city: Path, store: Path) -> Cost:
    """Times `muckwatch run` in a process of its own."""
    command = [sys.executable, "-c", "import muckwatch; muckwatch.main()", "run", "--registry", str(city / "registry")]
    started_s = time.monotonic()
    run = subprocess.Popen([*command, "--tracks", str(city / "tracks"), "--out", str(store)], stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(run.pid, 0)  # what this process and its own children used, nobody else's
    wall_s = time.monotonic() - started_s
    if status:
        raise SystemExit(f"the run ended with {os.waitstatus_to_exitcode(status)}")
    return Cost(wall_s, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


def proj_points_per_s() -> float:
    """Points that PROJ converts to metres a second on one core, at its best of a few tries."""
    local = pyproj.CRS.from_proj4("+proj=tmerc +lat_0=32 +lon_0=118.8 +k=1 +ellps=WGS84 +units=m")
    to_m = pyproj.Transformer.from_crs("EPSG:4326", local, always_xy=True)
    lon, lat = np.random.default_rng(1).uniform(-0.2, 0.2, (2, PROJ_POINTS)) + np.array([[118.8], [32.0]])
    best_s = float("inf")
    for _ in range(PROJ_TRIES):
        started_s = time.perf_counter()
        to_m.transform(lon, lat)
        best_s = min(best_s, time.perf_counter() - started_s)
    return PROJ_POINTS / best_s


def plain_loop(city: Path) -> float:
    """Fixes a second of the peer: for each fix a point, held against every site and zone."""
    registry = load(city / "registry")
    polygons = [s.polygon for s in registry.sites] + [z.polygon for z in registry.zones]
    shapely.prepare(polygons)
    fixes = pl.read_parquet(city / "tracks" / "fixes.parquet", n_rows=PEER_FIXES)
    started_s = time.monotonic()
    for lon, lat in fixes.select("lon", "lat").iter_rows():
        point = Point(lon, lat)
        for polygon in polygons:
            polygon.contains(point)
    return fixes.height / (time.monotonic() - started_s)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--registry", type=Path, default=SAMPLE / "registry")
    parser.add_argument("--tracks", type=Path, default=SAMPLE / "tracks")
    parser.add_argument("--copies", type=int, default=10)
    wanted = parser.parse_args()
    cost_us: list[float] = []
    with TemporaryDirectory() as folder:
        for copies in (1, wanted.copies):
            city = Path(folder) / f"x{copies}"
            city.mkdir()
            with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as apart:  # its memory is not the run's
                fixes = apart.submit(enlarge, wanted.registry, wanted.tracks, copies, city).result()
            cost = whole_run(city, Path(folder) / f"store{copies}")
            cost_us.append(1e6 * cost.wall_s / fixes)
            rate = f"{fixes:>10,} fixes in {cost.wall_s:6.1f} s = {fixes / cost.wall_s:>9,.0f} fixes/s"
            print(f"{copies:>3} x fleet: {rate}, {cost.cpu_s:.1f} CPU s, largest process {cost.peak_mb:,.0f} MB")
        peer, proj = plain_loop(city), proj_points_per_s()
    print(f"cost per fix at {wanted.copies} x is {cost_us[1] / cost_us[0]:.2f} of that at 1 x")
    print(f"plain loop over sites and zones alone, no rules: {peer:,.0f} fixes/s")
    print(f"the whole run is {1e6 / cost_us[1] / peer:.0f} x as fast")
    print(f"PROJ on one core of this machine, now: {proj / 1e6:.1f} M points/s")


if __name__ == "__main__":
    main()
