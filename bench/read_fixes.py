"""How fast fixes are read: fixes a second, and the time against plain polars reading the same file in the same run.

    python bench/read_fixes.py [FIXES] [--tracks FILE.parquet]

Without a file, a nearly ordered week of 640 invented trucks is used, a tenth of them in GCJ-02 and BD-09. `read` is
reading and cleaning; `all` goes on to sort the fixes and drop repeats. The last line is the compiled pass over JSON
alone, on one core, against polars making the same columns of the same block. Each figure is the best of three runs; CPU
seconds are of that run, over all threads.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl

from ingest.arrange import arrange
from ingest.files import read_fixes
from ingest.lines import Block
from ingest.tally import Tally
from ingest.text_rows import ANY_JSON_LINES, read_simple

RUNS = 3
TRUCKS = 640
TEXT_FIXES = 1_000_000  # CSV and JSON Lines are tried with at most so many
WEEK_MS = 7 * 86_400_000
START_MS = 1_794_150_000_000


def invented(fixes: int) -> pl.DataFrame:
    """Fixes of a week in order of arrival, a few of them late or twice."""
    random = np.random.default_rng(20)
    late_ms = (random.random(fixes) < 0.02) * random.integers(0, 90_000, fixes)
    truck = random.integers(0, TRUCKS, fixes)
    frame = pl.DataFrame(
        {
            "plate": np.array([f"苏A{n:05d}" for n in range(TRUCKS)])[truck],
            "time": START_MS + np.sort(random.integers(0, WEEK_MS, fixes)) - late_ms,
            "lon": np.round(118.5 + random.random(fixes) * 0.5, 6),
            "lat": np.round(31.8 + random.random(fixes) * 0.5, 6),
            "datum": np.where(truck % 11 == 0, "gcj02", np.where(truck % 50 == 0, "bd09", "wgs84")),
            "speed_kmh": np.round(random.random(fixes) * 70, 1),
            "heading_deg": random.integers(0, 360, fixes).astype(float),
            "load": random.choice(["empty", "full"], fixes),
            "lift": random.random(fixes) < 0.02,
            "cover": random.random(fixes) < 0.9,
            "acc": random.random(fixes) < 0.9,
            "valid": random.random(fixes) < 0.99,
            "terminal": np.array([f"0139{n:08d}" for n in range(TRUCKS)])[truck],
        }
    ).with_columns(pl.col("time").cast(pl.Datetime("ms", "UTC")))
    return pl.concat([frame, frame.sample(fixes // 250, seed=1)]).sort("time", maintain_order=True)


def best(work: Callable[[], object]) -> tuple[float, float]:
    """Wall and CPU seconds of the fastest run."""
    runs = []
    for _ in range(RUNS):
        wall, cpu = time.perf_counter(), time.process_time()
        work()
        runs.append((time.perf_counter() - wall, time.process_time() - cpu))
    return min(runs)


def read(path: Path) -> list[pl.DataFrame]:
    tally = Tally()
    frames = list(read_fixes([path], now_ms=time.time_ns() // 1_000_000 + WEEK_MS * 52, tally=tally))
    tally.check()
    assert tally.usable > 0.9 * tally.received
    return frames


def pass_alone(text: pl.DataFrame) -> str:
    """CPU seconds of the pass and of polars for the same block of at most 16 MB."""
    data = text.head(50_000).write_ndjson().encode()
    lines = Block(data, 1).lines
    simple = read_simple((data,))
    if simple is None:
        return "json pass: not compiled here"
    # with times as text, polars' second way is the one that reads the block
    assert simple.frame.equals(ANY_JSON_LINES.whole[1](data, lines))
    _, ours_s = best(lambda: read_simple((data,)))
    _, theirs_s = best(lambda: ANY_JSON_LINES.whole[1](data, lines))
    ns = [f"{seconds / lines * 1e9:,.0f}" for seconds in (ours_s, theirs_s)]
    return f"json pass: {ns[0]} ns of processor a fix, polars {ns[1]}, {theirs_s / ours_s:.1f} times as many"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("fixes", type=int, nargs="?", default=5_700_000)
    parser.add_argument("--tracks", type=Path)
    chosen = parser.parse_args()
    frame = pl.read_parquet(chosen.tracks) if chosen.tracks else invented(chosen.fixes)
    text = frame.head(TEXT_FIXES).with_columns(pl.col("time").dt.strftime("%Y-%m-%dT%H:%M:%S%.3f%:z"))
    plain: dict[str, Callable[[Path], pl.DataFrame]] = {
        "parquet": pl.read_parquet,
        "csv": pl.read_csv,
        "jsonl": pl.read_ndjson,
    }
    with tempfile.TemporaryDirectory() as folder:
        paths = {kind: Path(folder) / f"fixes.{kind}" for kind in plain}
        frame.write_parquet(paths["parquet"])
        text.write_csv(paths["csv"])
        text.write_ndjson(paths["jsonl"])
        counts = {"parquet": frame.height, "csv": text.height, "jsonl": text.height}
        told = pass_alone(text)
        del frame, text
        heads = ("fixes", "read/s", "all/s", "all/CPU s", "polars/s", "read:polars")
        print(f"{'format':8}" + "".join(f"{head:>12}" for head in heads))
        for kind, path in paths.items():
            count = counts[kind]
            polars_s, _ = best(lambda kind=kind, path=path: plain[kind](path))
            read_s, _ = best(lambda path=path: read(path))
            all_s, cpu_s = best(lambda path=path: arrange(pl.concat(read(path))))
            print(
                f"{kind:8}{count:12,}{count / read_s:12,.0f}{count / all_s:12,.0f}{count / cpu_s:12,.0f}"
                f"{count / polars_s:12,.0f}{read_s / polars_s:11.1f}x"
            )
    print(told)
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:,.0f} MB")


if __name__ == "__main__":
    main()
