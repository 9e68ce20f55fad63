"""Does the patrol plan meet more than sending teams to the hottest cells? Both are made from the same past dates and
tried on dates that neither has seen: violations whose tracks pass the places within the hours.

    python -m bench.patrol [--store DIR]... [--cities N]

The naive plan is what the heat map alone suggests: the cells of 500 m with the most points, weightiest first, each
entered at the road place nearest to its middle, in the hours and on the weekdays that saw most violations. It has as
many inspections, stops and hours as the plan, and drives no further from stop to stop. Beside both stands the oracle:
as many inspections by the same rules, by who knew what was to come; more cannot be met.
"""

from __future__ import annotations

import argparse
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl

from bench.patrol_oracle import most_possible
from maps.hotspots import Grid, Sighting, cells_of
from reports import queries
from reports.calendar import Week, date_bounds_ms, week_at, week_of
from reports.patrol.ground import Ground
from reports.patrol.model import Checkpoint, Inspection, PatrolPlan
from reports.patrol.outlook import DRIVE_MAX_S, Shift, midnight_ms
from reports.patrol.plan import LENGTH_MIN, STOPS, live_on, place_candidates, plan_between, yield_on
from reports.store import Store


@dataclass(frozen=True)
class Held:
    """What two plans met on dates that were held back: violations and points, of how many in all."""

    name: str
    planned: tuple[int, int]
    naive: tuple[int, int]
    total: int
    possible: int  # the most that any plan by the same rules could have met
    any_day: tuple[float, float]  # violations that plan and naive plan meet were they held on any of the dates


def naive_plan(
    store: Store, ground: Ground, week: Week, dates: Sequence[date], days: Sequence[date], asked: int
) -> PatrolPlan:
    """The hottest cells, in the hours and on the weekdays that saw most violations."""
    policy = ground.registry.policy
    rows = live_on(store, dates, policy)
    places, _ = place_candidates(store, rows, _no_trips(store), ground)
    seen = [Sighting(r["lon"], r["lat"], r["rule"], r["points"], ()) for r in rows.iter_rows(named=True)]
    grid = Grid(round(ground.roads.plane.lat_deg))
    hot = sorted(cells_of(seen, grid), key=lambda c: (-c.points, -c.count, c.key))
    travel_s = ground.roads.travel_s(places.positions)
    at_ms = rows["start_time"].dt.epoch("ms").to_list()
    bounds = date_bounds_ms(sorted(dates), policy)
    minutes, weekdays = [], Counter[int]()
    for ms in at_ms:
        day = next(d for d, start, end in bounds if start <= ms < end)
        minutes.append((ms - midnight_ms(day, policy)) / 60_000)
        weekdays[day.weekday()] += 1
    first = -(-policy.day.spans_min[0][0] // 60) * 60
    starts = range(first, first + 1440 - LENGTH_MIN + 1, 60)
    start = max(starts, key=lambda s: (sum(s <= m < s + LENGTH_MIN for m in minutes), -s))
    nights = sorted(days, key=lambda d: (-weekdays[d.weekday()], d))[:asked]
    made = []
    for n, day in enumerate(sorted(nights)):
        shift, stops = Shift(day, start, STOPS, LENGTH_MIN), []
        at: int | None = None
        for cell in hot[n::asked]:
            if (k := len(stops)) == STOPS:
                break
            west, south, east, north = grid.box(cell.key)
            middle = np.array([[(west + east) / 2, (south + north) / 2]])
            px, py = ground.roads.plane.to_m(places.positions[:, 0], places.positions[:, 1])
            cx, cy = ground.roads.plane.to_m(middle[:, 0], middle[:, 1])
            i = int(np.hypot(px - cx, py - cy).argmin())
            if at is not None and travel_s[at, i] > DRIVE_MAX_S:
                continue  # the team has to get there, as that of the plan has
            at = i
            a, b = (midnight_ms(day, policy) + m * 60_000 for m in shift.slot(k))
            lon, lat = places.positions[i].tolist()
            stops.append(Checkpoint(k + 1, places.names[i], "", lon, lat, a, b, 0, 0.0, 0.0, 0, 0, (), (), ""))
        if stops:
            made.append(Inspection(n + 1, day, stops[0].start_ms, stops[-1].end_ms, tuple(stops)))
    return PatrolPlan(week, tuple(made), asked)


def _no_trips(store: Store) -> pl.DataFrame:
    return queries.trips_between(store, 0, 0).with_columns(row=pl.lit(0, pl.Int64), ended_at="loaded_at")


def held_back(store: Store, name: str, past: Sequence[date], days: Sequence[date], asked: int = 2) -> Held:
    """Both plans from `past`, tried on `days`."""
    ground = Ground.of(store)
    week = week_of(days[0])
    plan = plan_between(store, ground, week, (week.back(1),), past, days, asked)
    met = yield_on(store, plan, days, ground)
    rival = naive_plan(store, ground, week, past, days, asked)
    against = yield_on(store, rival, days, ground)
    total = live_on(store, days, ground.registry.policy).height
    mean = (_any_day(store, plan, days, ground), _any_day(store, rival, days, ground))
    possible = most_possible(store, ground, days, asked)
    return Held(name, (met.violations, met.points), (against.violations, against.points), total, possible, mean)


def _any_day(store: Store, plan: PatrolPlan, days: Sequence[date], ground: Ground) -> float:
    """What the inspections meet in the mean over all dates held back: with few cases, one date is much luck."""
    policy, met = ground.registry.policy, 0
    for inspection in plan.inspections:
        for day in days:
            shift_ms = midnight_ms(day, policy) - midnight_ms(inspection.day, policy)
            stops = [
                replace(c, start_ms=c.start_ms + shift_ms, end_ms=c.end_ms + shift_ms) for c in inspection.checkpoints
            ]
            moved = replace(inspection, day=day, checkpoints=tuple(stops))
            met += yield_on(store, replace(plan, inspections=(moved,)), days, ground).violations
    return met / len(days)


def dates_of(store: Store) -> list[date]:
    """Whole operating dates of a store."""
    span, registry = queries.span_ms(store), queries.registry_of(store)
    assert span
    first = week_at(span[0], registry.policy).back(1)
    days = [d for n in range(8) for d in week_of(date.fromordinal(first.monday.toordinal() + 7 * n)).dates]
    bounds = date_bounds_ms(days, registry.policy)
    margin_ms = 8 * 3_600_000  # the sample begins at a midnight and ends when the last truck is at home
    return [d for d, start, end in bounds if start >= span[0] - margin_ms and end <= span[1] + margin_ms]


def splits(store: Store) -> list[tuple[str, list[date], list[date]]]:
    """What to hold back: whole weeks after at least one, or, of a single week, every date by the others."""
    days = dates_of(store)
    weeks = sorted({week_of(d) for d in days})
    whole = [w for w in weeks if len(set(w.dates) & set(days)) >= 6]
    found = [(str(w), [d for d in days if week_of(d) < w][-28:], [d for d in w.dates if d in days]) for w in whole]
    found = [(name, past, own) for name, past, own in found if len(past) >= 6]
    if len(whole) == 2:  # and the other way round, since there are so few
        found.append((f"{whole[0]} (by the later)", [d for d in days if week_of(d) == whole[1]], list(whole[0].dates)))
    if found:
        return found
    half = len(days) // 2
    return [(f"{days[half]:%m-%d}..{days[-1]:%m-%d}", days[:half], days[half:])]


def made_city(folder: Path, seed: int, weeks: int) -> Path:
    """A store of some weeks of an invented city that nobody has looked at."""
    from rich.console import Console

    from bench.trials import TRACKS, Trial
    from reports.run import run_stored
    from sample_tracks.fleet import Knobs
    from sample_tracks.generate import arrange, make_world, run_fleet
    from sample_tracks.registry_files import write_registry

    trial = Trial(seed, seed + 1, Knobs(), weeks=tuple(f"2026-W{44 + n}" for n in range(weeks)))
    world = make_world(list(trial.weeks), trial.seed, trial.city_seed, trial.knobs)
    frames, _ = run_fleet(world, trial.knobs, trial.seed, trial.honest)
    arrange(frames, trial.knobs.noise, trial.seed).drop("arrives").write_parquet(folder / TRACKS, compression="lz4")
    write_registry(world, folder / "registry")
    now_ms = world.clock.epoch_ms + (world.clock.end_s + 3600) * 1000
    tracks = [str(folder / TRACKS)]
    run_stored(folder / "registry", tracks, folder / "store", console=Console(quiet=True), now_ms=now_ms)
    return folder / "store"


def main() -> None:
    """Prints a line a held-back week."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--store", type=Path, action="append", default=[])
    parser.add_argument("--cities", type=int, default=0)
    parser.add_argument("--weeks", type=int, default=3)
    parser.add_argument("--keep", type=Path)
    told = parser.parse_args()
    rows: list[Held] = []
    with tempfile.TemporaryDirectory() as name:
        stores = list(told.store)
        for n in range(told.cities):
            folder = (told.keep or Path(name)) / f"city{n}"
            folder.mkdir(parents=True, exist_ok=True)
            made = (folder / "store").exists()
            stores.append(folder / "store" if made else made_city(folder, 7000 + 13 * n, told.weeks))
        for path in stores:
            whose = path.parent.name if path.name == "store" else path.name
            with Store.read(path) as store:
                for label, past, days in splits(store):
                    rows.append(held_back(store, f"{whose} {label}", past, days))
                    print(_line(rows[-1]), flush=True)
    print(_line(_sum(rows)))


def _sum(rows: Sequence[Held]) -> Held:
    planned, naive = (tuple(sum(getattr(r, kind)[k] for r in rows) for k in (0, 1)) for kind in ("planned", "naive"))
    any_day = tuple(sum(r.any_day[k] for r in rows) for k in (0, 1))
    return Held("all", planned, naive, sum(r.total for r in rows), sum(r.possible for r in rows), any_day)  # type: ignore[arg-type]


def _line(held: Held) -> str:
    more = f"{held.planned[0] / held.naive[0] - 1:+.0%}" if held.naive[0] else "-"
    mean = f"{held.any_day[0]:.1f} against {held.any_day[1]:.1f}"
    mean += f" ({held.any_day[0] / held.any_day[1] - 1:+.0%})" if held.any_day[1] else ""
    return (
        f"{held.name:28} plan {held.planned[0]:4} ({held.planned[1]:5} points)  naive {held.naive[0]:4} "
        f"({held.naive[1]:5} points)  {more:>6}  possible {held.possible:4} "
        f"of {held.total:5}; on any date {mean}"
    )


if __name__ == "__main__":
    main()
