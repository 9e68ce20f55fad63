"""Makes the patrol plan of a week from what the weeks before it saw, and tells what a plan yielded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl

from reports import queries
from reports.calendar import Week, date_bounds_ms
from reports.names import OUTCOME_OF_STATUS
from reports.passing import PASS_SCHEMA, PlaceIndex, passes, tracks_in
from reports.patrol.choose import SAME_PLACE_S, Chosen, choose
from reports.patrol.ground import Ground
from reports.patrol.model import Checkpoint, Inspection, PatrolPlan, PlanYield, StopYield
from reports.patrol.outlook import Outlook, Shift, midnight_ms, outlook_of
from reports.patrol.places import Places, called, road_places, track_places
from reports.patrol.words import agencies_of, no_plan_text, reason_of
from reports.store import Store
from rules.plane import Plane
from rules.policy import Policy

#: Weeks looked at, and after how many a violation counts half.
WEEKS_BACK = 4
HALF_LIFE_DAYS = 14.0
#: Stops of an inspection and how long it lasts, minutes.
STOPS = 3
LENGTH_MIN = 240
#: Of all trips so many are enough to tell where trucks drive.
TRIPS_SAMPLED = 3_000
_DAY_MIN = 24 * 60
_MIN_MS = 60_000


def plan_patrol(store: Store, week: Week, *, roads: Path | None = None, inspections: int | None = None) -> PatrolPlan:
    """The plan of a week from the weeks before it; nothing of the week itself is looked at.

    Args:
        store: open for reading or writing.
        week: the week to plan for.
        roads: a GeoJSON file of roads instead of the registry's.
        inspections: how many; default: the policy's `inspections_per_week`.

    Raises:
        StoreError: the store cannot be read.
        ValueError: a file of roads that is none.
    """
    ground = Ground.of(store, roads)
    policy = ground.registry.policy
    asked = min(7, inspections if inspections is not None else policy.inspections_per_week)
    back = [week.back(n) for n in range(1, WEEKS_BACK + 1)]
    dates = _with_data(store, [day for w in back for day in w.dates], policy)
    looked_at = tuple(w for w in back if set(w.dates) & set(dates))
    return plan_between(store, ground, week, looked_at, dates, week.dates, asked)


def plan_between(
    store: Store, ground: Ground, week: Week, looked_at: tuple[Week, ...], dates: Sequence[date],
    days: Sequence[date], asked: int,
) -> PatrolPlan:  # fmt: skip
    """The plan for some days to come from some past operating dates.

    Args:
        store: an open store.
        ground: as `Ground.of` reads it.
        week: the week that the plan is told of.
        looked_at: the weeks of `dates`, latest first, for words.
        dates: past operating dates with data.
        days: those on which an inspection may be.
        asked: how many inspections.
    """
    policy = ground.registry.policy
    violations = live_on(store, dates, policy)
    if violations.is_empty():
        return PatrolPlan(week, (), asked, looked_at, note=no_plan_text(looked_at))
    trips = _sample_of_trips(store, dates, policy, violations.height)
    places, passed = place_candidates(store, violations, trips, ground)
    outlook = outlook_of(violations, trips, passed, dates, min(days), HALF_LIFE_DAYS, policy)
    travel_s = ground.roads.travel_s(places.positions) if len(places) else np.empty((0, 0))
    choice = choose(outlook, travel_s, asked, _shifts(days, policy.day.spans_min[0][0]))
    told = _Telling(ground, looked_at, outlook, places, travel_s)
    made = tuple(
        told.inspection(n, shift, stops, choice.shifts[: n - 1]) for n, (shift, stops) in enumerate(choice.shifts, 1)
    )
    passing = passed.filter(pl.col("row") < violations.height)["row"].n_unique()
    note = "" if len(made) == asked else no_plan_text(looked_at) if not made else f"数据只够排 {len(made)} 次。"
    return PatrolPlan(
        week, made, asked, looked_at, violations.height, passing, len(places),
        bool(ground.roads.pieces), round(choice.gap, 6), note,
    )  # fmt: skip


def yield_of(store: Store, plan: PatrolPlan) -> PlanYield:
    """What a plan would have met in its own week: violations that passed its places within their hours."""
    return yield_on(store, plan, plan.week.dates, Ground.of(store))


def yield_on(store: Store, plan: PatrolPlan, days: Sequence[date], ground: Ground) -> PlanYield:
    """The same, of the violations of some dates."""
    violations = live_on(store, days, ground.registry.policy)
    stops = [(i.number, c) for i in plan.inspections for c in i.checkpoints]
    met = _met(store, violations, [c for _, c in stops], ground.roads.plane)
    rows, seen = [], set[int]()
    for n, (number, checkpoint) in enumerate(stops):
        new = [row for row in met.filter(pl.col("place") == n)["row"].to_list() if row not in seen]
        seen |= set(new)
        own = violations.filter(pl.col("row").is_in(new))
        rows.append(
            StopYield(number, checkpoint, own.height, int(own["points"].sum()), own["plate"].n_unique(), _by_rule(own))
        )
    caught = violations.filter(pl.col("row").is_in(list(seen)))
    share = caught.height / violations.height if violations.height else 0.0
    return PlanYield(
        plan.week, tuple(rows), caught.height, int(caught["points"].sum()), caught["plate"].n_unique(), share
    )


@dataclass(frozen=True)
class _Telling:
    """Puts what was chosen into instants, figures and words."""

    ground: Ground
    looked_at: tuple[Week, ...]
    outlook: Outlook
    places: Places
    travel_s: np.ndarray  # seconds, shape (places, places)

    def inspection(self, number: int, shift: Shift, stops: tuple[int, ...], earlier: Chosen) -> Inspection:
        """One inspection, after earlier ones; stops at one place in a row are one."""
        runs: list[list[int]] = []
        for n, place in enumerate(stops):
            if runs and stops[runs[-1][-1]] == place:
                runs[-1].append(n)
            else:
                runs.append([n])
        midnight = midnight_ms(shift.day, self.ground.registry.policy)
        left: dict[int, float] = {}
        made: list[Checkpoint] = []
        for k, run in enumerate(runs):
            place = stops[run[0]]
            span = (shift.slot(run[0], moved=k > 0)[0], shift.slot(run[-1])[1])
            before = stops[runs[k - 1][0]] if k else None
            travel = 0 if before is None else round(float(self.travel_s[before, place]))
            again = next((n for n, (_, held) in enumerate(earlier, 1) if self._beside(place, held)), 0)
            made.append(self._checkpoint(k + 1, place, span, midnight, shift, travel, left, again))
        return Inspection(number, shift.day, made[0].start_ms, made[-1].end_ms, tuple(made))

    def _beside(self, place: int, held: tuple[int, ...]) -> bool:
        return min(float(self.travel_s[place, other]) for other in held) <= SAME_PLACE_S

    def _checkpoint(
        self, number: int, place: int, span: tuple[int, int], midnight: int, shift: Shift, travel_s: int,
        left: dict[int, float], again: int,
    ) -> Checkpoint:  # fmt: skip
        """One stop; `left` (how much of each truck's night earlier stops have not met) is brought up to date."""
        passed = self.outlook.passes.filter((pl.col("place") == place) & pl.col("minute").is_between(*span))
        of_rule = self.outlook.cases.filter(pl.col("rule").is_not_null())
        cases = of_rule.filter(pl.col("row").is_in(passed["row"].implode()))
        rules = _by_rule(cases)
        met = self.outlook.met(*span).filter(pl.col("place") == place).join(self.outlook.cases, on="row")
        expected = points = 0.0
        expected_on = self.outlook.share(shift.day)
        nights = met.group_by("night", "date").agg(
            (pl.col("chance") * pl.col("count")).sum().alias("count"),
            (pl.col("chance") * pl.col("points")).sum().alias("points"), pl.col("chance").max().alias("stopped"),
        )  # fmt: skip
        for row in nights.sort("night").iter_rows(named=True):
            share = left.get(row["night"], 1.0)
            weight = float(expected_on[row["date"]]) * share
            expected += weight * row["count"]
            points += weight * row["points"]
            left[row["night"]] = share * (1.0 - row["stopped"])
        start_ms, end_ms = (midnight + minute * _MIN_MS for minute in span)
        name = self.places.names[place]
        lon, lat = (float(v) for v in self.places.positions[place])
        hours = f"{_clock(span[0])}–{_clock(span[1])}"
        trucks = cases["plate"].n_unique()
        reason = reason_of(self.looked_at, hours, cases.height, trucks, rules, expected, travel_s, again)
        return Checkpoint(
            number, name, self.places.districts[place], lon, lat, start_ms, end_ms, travel_s, expected, points,
            cases.height, trucks, rules, agencies_of(rules), reason,
        )  # fmt: skip


def place_candidates(
    store: Store, violations: pl.DataFrame, trips: pl.DataFrame, ground: Ground
) -> tuple[Places, pl.DataFrame]:
    """Candidate places that violations passed, and all passes of them."""
    plane = ground.roads.plane
    spans = [violations.select("row", "plate", start_ms=_ms("start_time"), end_ms=_ms("end_time"))]
    spans.append(trips.select("row", "plate", start_ms=_ms("loaded_at"), end_ms=_ms("ended_at")))
    tracks = tracks_in(store, pl.concat(spans))
    if ground.roads.pieces:
        positions, roads = road_places(ground.roads, ground.registry)
    else:
        own = tracks.filter(pl.col("row") < violations.height)
        positions, roads = track_places(own, plane, ground.registry)
    passed = passes(tracks, PlaceIndex(positions, plane))
    used = np.unique(passed.filter(pl.col("row") < violations.height)["place"].to_numpy())
    passed = passed.filter(pl.col("place").is_in(used))
    places = called(positions[used], [roads[i] for i in used.tolist()], plane, ground.registry)
    return places, passed.with_columns(place=pl.Series(np.searchsorted(used, passed["place"].to_numpy())))


def _sample_of_trips(store: Store, days: Sequence[date], policy: Policy, first_row: int) -> pl.DataFrame:
    """Up to `TRIPS_SAMPLED` trips of these operating dates, the same ones every time, numbered from `first_row`."""
    spans = [(start, end) for _, start, end in date_bounds_ms(sorted(days), policy)]
    found = pl.concat([queries.trips_between(store, *span) for span in spans]).sort("trip_id")
    found = found.gather_every(max(1, -(-found.height // TRIPS_SAMPLED)))
    rows = found.with_row_index("row", offset=first_row).with_columns(
        pl.col("row").cast(pl.Int64), ended_at=pl.coalesce("dumped_at", "left_at", "loaded_at")
    )
    return rows.filter(pl.col("ended_at") >= pl.col("loaded_at"))


def _met(store: Store, violations: pl.DataFrame, stops: list[Checkpoint], plane: Plane) -> pl.DataFrame:
    """Which violations passed which stops within their hours: `row`, `place` (the stop's index) and `time_ms`."""
    if violations.is_empty() or not stops:
        return pl.DataFrame(schema=PASS_SCHEMA)
    spans = violations.select("row", "plate", start_ms=_ms("start_time"), end_ms=_ms("end_time"))
    first, last = min(c.start_ms for c in stops), max(c.end_ms for c in stops)
    near = spans.filter((pl.col("start_ms") <= last) & (pl.col("end_ms") >= first))
    passed = passes(tracks_in(store, near), PlaceIndex(np.array([(c.lon, c.lat) for c in stops]), plane))
    within = [passed.filter((pl.col("place") == n) & pl.col("time_ms").is_between(c.start_ms, c.end_ms - 1))
              for n, c in enumerate(stops)]  # fmt: skip
    return pl.concat(within).unique(["row", "place"], keep="first", maintain_order=True)


def _with_data(store: Store, days: Sequence[date], policy: Policy) -> list[date]:
    """The operating dates that the store has fixes of from beginning to end, by the span of everything recorded."""
    span = queries.span_ms(store)
    if span is None:
        return []
    bounds = date_bounds_ms(sorted(days), policy)
    whole = [day for day, start, end in bounds if start >= span[0] - _DAY_MIN * _MIN_MS // 4 and start <= span[1]]
    return whole or [day for day, start, end in bounds if end > span[0] and start <= span[1]]


def live_on(store: Store, days: Sequence[date], policy: Policy) -> pl.DataFrame:
    """Violations of these operating dates that no reviewer has dismissed, numbered by `row`."""
    dismissed = [status for status, outcome in OUTCOME_OF_STATUS.items() if outcome == "dismissed"]
    spans = [(start, end) for _, start, end in date_bounds_ms(sorted(days), policy)] or [(0, 0)]
    found = pl.concat([queries.violations_between(store, *span) for span in spans])
    live = found.filter(~pl.col("status").is_in(dismissed)).with_row_index("row")
    return live.with_columns(pl.col("row").cast(pl.Int64))


def _shifts(days: Sequence[date], day_start_min: int) -> list[Shift]:
    """Every whole hour at which an inspection can begin and end within an operating date."""
    first = -(-day_start_min // 60)
    starts = range(first, first + (_DAY_MIN - LENGTH_MIN) // 60 + 1)
    return [Shift(day, hour * 60, STOPS, LENGTH_MIN) for day in days for hour in starts]


def _by_rule(cases: pl.DataFrame) -> tuple[tuple[str, int], ...]:
    counted = cases.group_by("rule").len().sort(pl.col("len"), pl.col("rule"), descending=[True, False])
    return tuple((str(rule), int(count)) for rule, count in counted.iter_rows())


def _ms(column: str) -> pl.Expr:
    return pl.col(column).dt.epoch("ms")


def _clock(minute: int) -> str:
    return f"{minute // 60 % 24:02d}:{minute % 60:02d}" if minute != _DAY_MIN else "24:00"
