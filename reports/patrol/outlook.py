"""What may be met where and when: violations of recent weeks as a forecast for every place and every hour of a week.

Every past operating date stands for those to come: a violation that passed a place at 22:10 is expected there around
that time, on busy weekdays more than on quiet ones; older weeks count less. No model is fitted, so that a squad leader
can follow every figure back to cases.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

import numpy as np
import polars as pl
from numpy.typing import NDArray

from reports.calendar import date_start_ms
from rules.policy import Policy

Floats = NDArray[np.float64]

#: Half-width, minutes, of the triangle that spreads a passing over the clock. Two hours met more than one on weeks held
#: back: with few cases the next one is seldom at the minute of the last.
SPREAD_MIN = 120.0
#: So much of what is expected comes from where trucks drive at all, the rest from where violations passed: few cases
#: say little about the next ones, and where most trucks pass most of these will, too.
TRAFFIC_SHARE = 0.15
#: What a violation is worth to a plan: so much for being one, the rest by its points. By points alone a plan waits for
#: the few gravest, which are too few to be forecast, and meets fewer of them, too.
COUNT_SHARE = 0.5
#: A weekday differs from the mean by its trips and violations, as if so many of each had been as on any day.
PRIOR_TRIPS, PRIOR_CASES = 30.0, 30.0
#: From one stop to the next: the drive and setting up, minutes; what is further than `DRIVE_MAX_S` does not follow.
MOVE_MIN = 20
DRIVE_MAX_S = 900.0
_MIN_MS = 60_000


@dataclass(frozen=True)
class Shift:
    """The hours of one inspection: the operating date and the minute of it at which the inspection begins."""

    day: date
    start_min: int
    stops: int
    length_min: int

    def slot(self, n: int, moved: bool = True) -> tuple[int, int]:
        """Start and end of stop `n` in minutes of the operating date; one that was driven to begins later."""
        each = self.length_min / self.stops
        late = MOVE_MIN if n and moved else 0
        return self.start_min + round(n * each) + late, self.start_min + round((n + 1) * each)


@dataclass(frozen=True)
class Outlook:
    """Violations of past operating dates with the places that they passed.

    `cases` has one row a live violation, and one a trip of a sample: `row`, `plate`, `rule` (null of a trip), `night`
    (a number for each truck and operating date), `date` (index into `dates`), `count` and `points` (once an act; both
    as far as they are expected again), `worth` (to a plan, of the size of points) and `trip`. `passes` has `row`,
    `place` and `minute`, of the operating date. `weights` says how much each of `dates` counts, `busy` how each weekday
    compares with the mean
    (shape (7,), Monday first).
    """

    cases: pl.DataFrame
    passes: pl.DataFrame
    dates: tuple[date, ...]
    weights: Floats
    busy: Floats

    def share(self, day: date) -> Floats:
        """How much of what happened on each past date is expected on a day to come."""
        return np.asarray(self.weights / self.weights.sum() * self.busy[day.weekday()])

    def met(self, start_min: float, end_min: float) -> pl.DataFrame:
        """`row`, `place` and `chance` (0–1) that the violation, were it to come again, passes within the hours."""
        near = self.passes.filter(pl.col("minute").is_between(start_min - SPREAD_MIN, end_min + SPREAD_MIN))
        minute = near["minute"].to_numpy()
        chance = chance_within(minute, start_min, end_min)
        told = near.select("row", "place").with_columns(chance=pl.Series(chance))
        return told.group_by("row", "place", maintain_order=True).agg(pl.col("chance").sum().clip(0.0, 1.0))


def outlook_of(
    violations: pl.DataFrame, trips: pl.DataFrame, passes: pl.DataFrame, dates: Sequence[date], until: date,
    half_life_days: float, policy: Policy,
) -> Outlook:  # fmt: skip
    """The outlook from live violations, a sample of trips, and the places that both passed.

    Args:
        violations: columns of the view, with `row`, all of these dates.
        trips: columns of the view, with `row`: violating or not.
        passes: as `passing.passes` gives them, of the rows of both.
        dates: past operating dates of which there is data.
        until: the first date to come.
        half_life_days: what is so much older counts half.
        policy: the clock.
    """
    days = sorted(dates)
    starts = np.array([date_start_ms(d, policy) for d in days], dtype=np.int64)
    act = pl.coalesce(pl.when(pl.col("scored_under") != "").then("scored_under"), "violation_id")
    carries = pl.col("points") == pl.col("points").max().over(act)
    first = carries & (pl.col("row") == pl.col("row").filter(carries).min().over(act))
    told = violations.select(
        "row", "plate", "rule", at="start_time", trip=pl.coalesce("trip_id", "violation_id"),
        count=pl.lit(1.0 - TRAFFIC_SHARE), points=pl.when(first).then("points").otherwise(0) * (1.0 - TRAFFIC_SHARE),
    )  # fmt: skip
    rate = TRAFFIC_SHARE * _rate(passes, violations["row"], trips["row"])
    each = float(violations["points"].mean() or 0.0)  # type: ignore[arg-type]
    plain = trips.select(
        "row", "plate", rule=pl.lit(None, pl.String), at="loaded_at", trip="trip_id", count=pl.lit(rate),
        points=pl.lit(rate * each),
    )  # fmt: skip
    cases = pl.concat([told, plain], how="vertical_relaxed")
    cases = cases.with_columns(worth=COUNT_SHARE * each * pl.col("count") + (1.0 - COUNT_SHARE) * pl.col("points"))
    on = _index(starts, cases["at"].dt.epoch("ms").to_numpy())
    cases = cases.drop("at").with_columns(date=pl.Series(on))
    cases = cases.with_columns(night=pl.struct("plate", "date").rank("dense").cast(pl.Int64))
    midnights = np.array([midnight_ms(d, policy) for d in days], dtype=np.int64)
    passed_ms = passes["time_ms"].to_numpy()
    minutes = (passed_ms - midnights[_index(starts, passed_ms)]) / _MIN_MS
    weights = np.array([0.5 ** ((until - d).days / half_life_days) for d in days])
    passed = passes.select("row", "place").with_columns(minute=pl.Series(minutes, dtype=pl.Float64))
    real = cases["rule"].is_not_null().to_numpy()
    return Outlook(cases, passed, tuple(days), weights, _busy(days, weights, on[real], on[~real]))


def _rate(passes: pl.DataFrame, violations: pl.Series, trips: pl.Series) -> float:
    """Violating passes for each pass of a sampled trip: what traffic alone would lead one to expect."""
    counts = [int(passes["row"].is_in(rows.implode()).sum()) for rows in (violations, trips)]
    return counts[0] / counts[1] if counts[1] else 0.0


def _index(starts: NDArray[np.int64], at_ms: NDArray[np.int64]) -> NDArray[np.int64]:
    """The date that each instant falls on."""
    return np.asarray(np.clip(np.searchsorted(starts, at_ms, side="right") - 1, 0, len(starts) - 1), dtype=np.int64)


def _busy(days: Sequence[date], weights: Floats, of_cases: NDArray[np.int64], of_trips: NDArray[np.int64]) -> Floats:
    """Each weekday against the mean: by its trips, and, as far as they are many, by its violations; shape (7,)."""
    weekday = np.array([d.weekday() for d in days])
    held = np.array([weights[weekday == w].sum() for w in range(7)])
    found = []
    for of in (of_cases, of_trips):
        counts = np.bincount(of, minlength=len(days)) * weights
        mean = counts.sum() / weights.sum()
        sums = np.array([counts[weekday == w].sum() for w in range(7)])
        found.append((sums, mean))
    (cases, mean_cases), (trips, mean_trips) = found
    by_trips = (trips + PRIOR_TRIPS) / (held * mean_trips + PRIOR_TRIPS)
    expected = held * mean_cases * by_trips
    return np.asarray(by_trips * (cases + PRIOR_CASES) / (expected + PRIOR_CASES))


def midnight_ms(day: date, policy: Policy) -> int:
    """The local midnight at which a date begins, epoch ms."""
    return int(datetime(day.year, day.month, day.day, tzinfo=policy.zone).timestamp() * 1000)


def chance_within(minute: Floats, start_min: float, end_min: float) -> Floats:
    """The chance that what passed at a minute passes within some hours were it to come again."""
    return _below((end_min - minute) / SPREAD_MIN) - _below((start_min - minute) / SPREAD_MIN)


def _below(z: Floats) -> Floats:
    """The share of the triangle on [-1, 1] that lies below z."""
    z = np.clip(z, -1.0, 1.0)
    return np.where(z < 0, (1 + z) ** 2 / 2, 1 - (1 - z) ** 2 / 2)
