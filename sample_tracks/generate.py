"""Makes a city and its labelled weeks: `python -m sample_tracks.generate --out DIR --seed 47`."""

from __future__ import annotations

import argparse
import csv
import gzip
import json
import sys
from dataclasses import replace
from operator import itemgetter
from pathlib import Path

import numpy as np
import polars as pl

from sample_tracks.acts import Plan, deal
from sample_tracks.city import build_city
from sample_tracks.clock import DAY_S, Clock
from sample_tracks.clones import drive_clone, label_clone
from sample_tracks.driver import World
from sample_tracks.fleet import OUTFITS, Knobs, Truck, build_fleet
from sample_tracks.hidden_places import hidden_places, visits_in, write_places
from sample_tracks.plane import stream
from sample_tracks.registry_files import write_registry
from sample_tracks.shift import simulate
from sample_tracks.spoilt import spoilt_rows
from sample_tracks.style import STYLES
from sample_tracks.terminal import NOISE, Fixes, report
from sample_tracks.truth import Judge, Label

#: The kinds of what a terminal may leave out, sensors apart, which tell yes or no.
_KINDS = {"load": pl.String, "speed_kmh": pl.Float64, "heading_deg": pl.Int16}
LOAD_WORDS = np.array(["empty", "half", "full"])


def make_world(weeks: list[str], seed: int, city_seed: int, knobs: Knobs) -> World:
    """The city, its fleet and its bans; nothing drives yet."""
    clock = Clock.of(weeks)
    city = build_city(city_seed, knobs.style)
    return World(city, build_fleet(city, clock, seed, knobs), clock, _bans(clock))


def _bans(clock: Clock) -> list[tuple[int, int, str]]:
    """An alert on the first Thursday night, and an exam from the last Saturday evening to Sunday evening."""
    last = clock.days - 7
    alert = (3 * DAY_S + 22 * 3600, 4 * DAY_S + 2 * 3600, "重污染天气橙色预警")
    exam = ((last + 5) * DAY_S + 20 * 3600, (last + 6) * DAY_S + 19 * 3600, "公务员录用考试")
    return [alert, exam]


def run_fleet(world: World, knobs: Knobs, seed: int, honest: bool) -> tuple[list[pl.DataFrame], list[Label]]:
    """Drives, reports and labels every truck; one frame a terminal, rows in order of their time."""
    plan: Plan = {} if honest else deal(world.fleet, world.clock, world.bans, seed)
    frames: list[pl.DataFrame] = []
    labels: list[Label] = []
    for number, truck in enumerate(world.fleet.trucks):
        truth = simulate(world, number, truck, plan, seed, honest)
        world.hidden_visits += visits_in(truth, truck, world)
        fixes = report(truth, truck, knobs, stream(seed, "terminal", number), world.city)
        frames.append(_frame(fixes, truck, world.clock))
        sound = fixes.second[fixes.sound]
        if truck.second_terminal:
            other = report(truth, truck, knobs, stream(seed, "second terminal", number), world.city)
            frames.append(_frame(other, replace(truck, terminal=truck.second_terminal), world.clock))
            sound = np.union1d(sound, other.second[other.sound])
        found = Judge(world, truck, truth, sound, fixes.reflected).judge()
        for day in sorted(d for (n, d), acts in plan.items() if n == number and "clone" in acts):
            false_truck, false_truth = drive_clone(world, truck, day, stream(seed, "clone", number, day))
            seen = report(false_truth, false_truck, knobs, stream(seed, "clone terminal", number, day), world.city)
            frames.append(_frame(seen, false_truck, world.clock))
            found = label_clone(found, truck, truth, false_truth, fixes, seen)
        labels += found
    return frames, labels


def _frame(fixes: Fixes, truck: Truck, clock: Clock) -> pl.DataFrame:
    """A terminal's fixes in the contract's columns, with `arrives` to order the file by."""
    silent = [name for name in ("load", "lift", "cover") if name not in truck.sensors] + list(truck.omits)
    return pl.DataFrame(
        {
            "plate": pl.repeat(truck.plate, len(fixes.second), eager=True),
            "time": pl.Series(clock.epoch_ms + fixes.second * 1000).cast(pl.Datetime("ms", "UTC")),
            "lon": fixes.lonlat[:, 0],
            "lat": fixes.lonlat[:, 1],
            "datum": pl.repeat(truck.told_datum, len(fixes.second), eager=True),
            "speed_kmh": fixes.speed_kmh,
            "heading_deg": fixes.heading_deg.astype(np.int16),
            "load": LOAD_WORDS[fixes.word],
            "lift": fixes.lift,
            "cover": fixes.cover,
            "acc": fixes.acc,
            "valid": fixes.valid,
            "terminal": pl.repeat(truck.terminal, len(fixes.second), eager=True),
            "arrives": fixes.arrives,
        }
    ).with_columns(pl.lit(None, _KINDS.get(name, pl.Boolean)).alias(name) for name in silent)


def arrange(frames: list[pl.DataFrame], noise: str, seed: int) -> pl.DataFrame:
    """All fixes in order of arrival, some said twice."""
    rng = stream(seed, "arrival")
    fixes = pl.concat(frames)
    again = rng.random(fixes.height) < NOISE[noise].repeats
    later = rng.uniform(1, 400, int(again.sum()))
    twice = fixes.filter(pl.Series(again)).with_columns(pl.col("arrives") + pl.Series(later))
    # terminals send in packets: within a quarter of an hour a truck's fixes stand together, in order of arrival
    packet = (pl.col("arrives") // 900).alias("packet")
    return pl.concat([fixes, twice]).sort(packet, "plate", "terminal", "arrives", maintain_order=True)


def write_truth(labels: list[Label], clock: Clock, file: Path) -> None:
    """Writes truth.csv."""
    rows = {(x.kind, x.rule, x.plate, clock.iso(x.start_s), clock.iso(x.end_s), x.note) for x in labels}
    ordered = sorted(rows, key=itemgetter(2, 3, 1, 0, 4))
    with file.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(["kind", "rule", "plate", "start", "end", "note"])
        writer.writerows(ordered)


def write_tracks(fixes: pl.DataFrame, clock: Clock, folder: Path) -> None:
    """One Parquet file a week, by time of arrival."""
    folder.mkdir(parents=True, exist_ok=True)
    week = (pl.col("arrives") // (7 * DAY_S)).clip(0, clock.weeks - 1).cast(pl.Int64)
    for number in range(clock.weeks):
        monday = clock.date(7 * number)
        part = fixes.filter(week == number).drop("arrives")
        part.write_parquet(
            folder / f"week-of-{monday}.parquet", compression="zstd", compression_level=19, statistics=True
        )


def write_excerpt(fixes: pl.DataFrame, clock: Clock, folder: Path, plate: str) -> None:
    """One truck's night as another program would send it: CSV, and the same as gzipped JSON Lines."""
    evening = (clock.days - 5) * DAY_S + 18 * 3600
    part = fixes.filter(pl.col("plate") == plate, pl.col("arrives").is_between(evening, evening + 14 * 3600))
    rows = [
        {**row, "time": row["time"].astimezone(clock.monday.tzinfo).isoformat()}
        for row in part.drop("arrives").iter_rows(named=True)
    ]
    pl.DataFrame(rows, schema_overrides={"lift": pl.Boolean, "cover": pl.Boolean}).write_csv(folder / "excerpt.csv")
    lines = [json.dumps({k: v for k, v in row.items() if v is not None}, ensure_ascii=False) for row in rows]
    text = ("\n".join(lines) + "\n").encode()
    (folder / "excerpt.jsonl.gz").write_bytes(gzip.compress(text, mtime=0))


def _well_equipped(trucks: list[Truck]) -> Truck:
    """A truck with every sensor, all well, and one device; the first of all where there is none."""
    good = [t for t in trucks if len(t.sensors) == 3 and not t.ill and not t.second_terminal]
    return (good or trucks)[0]


def generate(
    out: Path, weeks: list[str], seed: int, city_seed: int, knobs: Knobs, honest: bool = False, spoil: bool = True
) -> None:
    """Writes registry, tracks, `truth.csv`, `places.csv` and an excerpt below `out`. Same arguments, same bytes."""
    world = make_world(weeks, seed, city_seed, knobs)
    frames, labels = run_fleet(world, knobs, seed, honest)
    fixes = arrange(frames, knobs.noise, seed)
    write_registry(world, out / "registry")
    write_truth(labels, world.clock, out / "truth.csv")
    write_places(hidden_places(world, world.hidden_visits), out / "places.csv")
    write_excerpt(fixes, world.clock, out, _well_equipped(world.fleet.trucks).plate)
    if spoil:
        fixes = spoilt_rows(fixes)
    write_tracks(fixes, world.clock, out / "tracks")


def main(argv: list[str] | None = None) -> int:
    """The command line."""
    p = argparse.ArgumentParser(prog="python -m sample_tracks.generate", description=__doc__)
    p.add_argument("--out", type=Path, required=True)
    p.add_argument("--seed", type=int, default=47, help="of the fleet, its weeks and its terminals")
    p.add_argument("--city-seed", type=int, help="of the roads and sites; the seed's own unless given")
    p.add_argument("--weeks", nargs="+", default=["2026-W46", "2026-W47"], metavar="YYYY-Www")
    p.add_argument("--trucks", type=int, default=Knobs.trucks)
    p.add_argument("--noise", choices=sorted(NOISE), default="urban")
    p.add_argument("--interval", type=float, help="seconds between fixes of a moving truck; a mix unless given")
    p.add_argument("--outfit", choices=sorted(OUTFITS), help="sensors of every truck; a mix unless given")
    p.add_argument("--ill-share", type=float, default=Knobs.ill_share, help="share of trucks with an ill sensor")
    p.add_argument("--datum-liars", type=int, default=Knobs.datum_liars, help="terminals that tell the wrong datum")
    p.add_argument(
        "--other-datums", type=int, default=Knobs.other_datums, help="terminals in GCJ-02 and BD-09 that say so"
    )
    p.add_argument("--silences", type=float, help="silences an hour of driving; the noise's own unless given")
    p.add_argument("--reflections", type=float, help="reflections an hour of driving; the noise's own unless given")
    p.add_argument("--streets", choices=sorted(STYLES), default="plain", help="plain, or grown as real cities are")
    p.add_argument("--no-violations", action="store_true", help="everybody keeps the rules")
    a = p.parse_args(argv)
    knobs = Knobs(
        a.trucks, a.interval, a.ill_share, a.datum_liars, a.outfit, a.noise, a.silences, a.reflections, a.other_datums,
        STYLES[a.streets],
    )  # fmt: skip
    try:
        generate(a.out, a.weeks, a.seed, a.city_seed if a.city_seed is not None else a.seed, knobs, a.no_violations)
    except ValueError as fault:
        print(f"generate: {fault}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
