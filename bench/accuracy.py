"""How accurate the engine is on cities it has not seen: `python -m bench.accuracy [--quick]` writes docs/accuracy.md.

Every condition of noise, sensors, time between fixes and kind of city gets a city and a week of its own.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path

from bench.accuracy_figures import OUTFITS, Cell, Result, faults
from bench.accuracy_page import page, publish
from bench.trials import judge, make
from bench.verdicts import hold
from sample_tracks.style import STYLES

DOCS = Path(__file__).resolve().parent.parent / "docs"
INTERVALS_S = (5, 10, 15, 30, 60)
#: Of cities on plain streets and of grown ones: by noise the times between fixes; None is a mix, some by events.
ASKED: dict[str, dict[str, tuple[int | None, ...]]] = {
    "plain": {"clean": (15,), "urban": INTERVALS_S, "harsh": INTERVALS_S},
    "grown": {"urban": (15, None), "harsh": (10, 30, 60, None)},
}
QUICKLY: dict[str, dict[str, tuple[int | None, ...]]] = {
    "plain": {"urban": (15,), "harsh": (15, 60)},
    "grown": {"harsh": (15, None)},
}
FIRST_SEED = 10_200  # cities of the page alone: whoever looks into faults takes others (--first-seed)


TRUCKS, QUICK_TRUCKS = 24, 6
FLEETS, FLEET_TRUCKS = 4, 108  # clean fleets, and trucks of each: 3,000 truck-days tell a rate of 1 in 1,000


def cells(quick: bool, trucks: int, first_seed: int = FIRST_SEED) -> list[Cell]:
    """Every condition, and the clean fleets, half of them in grown cities; quickly, fewer of them."""
    fleet = max(1, round(FLEET_TRUCKS * trucks / TRUCKS))
    asked = [
        (noise, outfit, interval_s, streets)
        for streets, noises in (QUICKLY if quick else ASKED).items()
        for noise, intervals in noises.items()
        for outfit in OUTFITS
        for interval_s in intervals
    ]
    made = [
        Cell(noise, outfit, interval_s, first_seed + k, trucks, streets=streets)
        for k, (noise, outfit, interval_s, streets) in enumerate(asked)
    ]
    honest = [
        Cell("harsh", None, None, first_seed + len(made) + k, fleet, honest=True, streets=tuple(STYLES)[k % 2])
        for k in range(2 if quick else FLEETS)
    ]
    return [*made, *honest]


def measure(cell: Cell) -> Result:
    """Makes a cell's city and week, judges it and holds the findings against the truth."""
    started_s = time.monotonic()
    made = make(cell.trial)
    verdict = hold(judge(made).violations, made.truth)
    return Result(cell, verdict, made.fixes.height, time.monotonic() - started_s)


def measure_all(asked: list[Cell], workers: int) -> Iterator[Result]:
    """Results as they come, the longest cells begun first."""
    os.environ.setdefault("POLARS_MAX_THREADS", "1")  # for the children: one core each
    with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
        begun = [pool.submit(measure, cell) for cell in sorted(asked, key=lambda c: -c.work)]
        for done in as_completed(begun):
            yield done.result()


def main(argv: list[str] | None = None) -> int:
    """The command line."""
    p = argparse.ArgumentParser(prog="python -m bench.accuracy", description=(__doc__ or "").splitlines()[0])
    p.add_argument("--quick", action="store_true", help="small fleets, two intervals, a minute; prints, writes nothing")
    p.add_argument("--trucks", type=int, help=f"of each city; {TRUCKS} unless given, {QUICK_TRUCKS} quickly")
    p.add_argument(
        "--first-seed", type=int, default=FIRST_SEED, help="of the cities; the page's own are not to tune on"
    )
    p.add_argument("--out", type=Path, help="folder to write to instead of docs/")
    p.add_argument("--workers", type=int, default=len(os.sched_getaffinity(0)))
    p.add_argument("--faults", type=Path, metavar="FILE", help="write every miss, false alarm and late start there")
    a = p.parse_args(argv)
    trucks = a.trucks or (QUICK_TRUCKS if a.quick else TRUCKS)
    asked, results = cells(a.quick, trucks, a.first_seed), []
    started_s = time.monotonic()
    for result in measure_all(asked, a.workers):
        results.append(result)
        took_s = time.monotonic() - started_s
        print(f"{len(results):3}/{len(asked)} {took_s:5.0f} s  {result.cell}: {result.seconds:.0f} s", flush=True)
    results.sort(key=lambda r: r.cell.seed)
    if a.faults:
        a.faults.write_text("\n".join([*faults(results), ""]), encoding="utf-8")
    folder = a.out or (None if a.quick else DOCS)
    if folder is None:
        print(page(results))
        return 0
    for path in publish(results, folder):
        print(f"wrote {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
