"""How fast a whole run is: from the start of the command to the closed store, at one copy of the fleet and at ten.

    python -m bench.run [--registry DIR --tracks PATH] [--copies 10]

The command runs in a process of its own, so start-up counts and the peak of memory is its own. Beside it, in the same
session, the peer: the plain loop over fixes that everyone writes first (one shapely point, every polygon asked).
"""

from __future__ import annotations

import argparse
import csv
import resource
import shutil
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl
import shapely
from shapely.geometry import Point

import sample_tracks
from rules.registry import load

SAMPLE = Path(sample_tracks.__file__).parent
PEER_FIXES = 20_000


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


def whole_run(city: Path, store: Path) -> tuple[float, float]:
    """Seconds of `muckwatch run` in a process of its own, and the peak memory of its largest process, MB."""
    command = [sys.executable, "-c", "import muckwatch; muckwatch.main()", "run", "--registry", str(city / "registry")]
    started_s = time.monotonic()
    subprocess.run(
        [*command, "--tracks", str(city / "tracks"), "--out", str(store)], check=True, stdout=subprocess.DEVNULL
    )
    seconds = time.monotonic() - started_s
    return seconds, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024


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
            fixes = enlarge(wanted.registry, wanted.tracks, copies, city)
            seconds, peak_mb = whole_run(city, Path(folder) / f"store{copies}")
            cost_us.append(1e6 * seconds / fixes)
            rate = f"{fixes:>10,} fixes in {seconds:6.1f} s = {fixes / seconds:>9,.0f} fixes/s"
            print(f"{copies:>3} x fleet: {rate}, peak {peak_mb:,.0f} MB")
        peer = plain_loop(city)
    print(f"cost per fix at {wanted.copies} x is {cost_us[1] / cost_us[0]:.2f} of that at 1 x")
    print(f"plain loop over sites and zones alone, no rules: {peer:,.0f} fixes/s")
    print(f"the whole run is {1e6 / cost_us[1] / peer:.0f} x as fast")


if __name__ == "__main__":
    main()
