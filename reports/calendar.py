"""ISO weeks in local time, cut so that a night belongs whole to the date on which it began.

Night is what lies outside the policy's `day_hours`. With 06:00-20:00, Monday 02:00 is still Sunday's night and so the
week before; Monday 06:00 is Monday's. Operating dates never go back as time goes on, so an operating date and a week
are half-open spans of instants, and a query needs no more than two bounds.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from rules.hours import Hours

_WEEK = re.compile(r"(\d{4})-?W(\d{2})", re.IGNORECASE | re.ASCII)
_DAY_MS = 86_400_000
#: The years that a track can be of: GPS started in 1980, and the registry's open spans end in 2100.
_YEARS = range(1980, 2100)


class Clock(Protocol):
    """What the calendar asks of a policy."""

    @property
    def zone(self) -> ZoneInfo:
        """The bureau's time zone."""

    @property
    def day(self) -> Hours:
        """The hours that are day."""


@dataclass(frozen=True, order=True)
class Week:
    """An ISO week: `year` is the ISO year, which around New Year is not always the calendar's."""

    year: int
    number: int

    @property
    def monday(self) -> date:
        """The first operating date."""
        return date.fromisocalendar(self.year, self.number, 1)

    @property
    def sunday(self) -> date:
        """The last operating date; its night runs on into Monday."""
        return date.fromisocalendar(self.year, self.number, 7)

    @property
    def dates(self) -> tuple[date, ...]:
        """The seven operating dates, Monday first."""
        return tuple(self.monday + timedelta(days=n) for n in range(7))

    def dates_of(self, times_ms: npt.NDArray[np.int64], policy: Clock) -> list[date]:
        """The operating date of each instant (epoch ms, shape (n,)), all inside the week's span."""
        return [self.dates[row] for row in _rows(times_ms, self, policy)]

    def back(self, weeks: int = 1) -> Week:
        """The week that many weeks before."""
        return week_of(self.monday - timedelta(weeks=weeks))

    def span_ms(self, policy: Clock) -> tuple[int, int]:
        """The instants of the week, `[start_ms, end_ms)`, epoch milliseconds."""
        return date_start_ms(self.monday, policy), date_start_ms(self.sunday + timedelta(days=1), policy)

    def __str__(self) -> str:
        return f"{self.year:04d}-W{self.number:02d}"


def parse_week(text: str) -> Week:
    """Reads `2026-W47` (or `2026W47`).

    Raises:
        ValueError: saying what was given and what is allowed.
    """
    found = _WEEK.fullmatch(text.strip())
    if not found:
        raise ValueError(f"{text!r} is no ISO week: write the year and the week as in 2026-W47")
    year, number = int(found[1]), int(found[2])
    if year not in _YEARS:
        raise ValueError(f"{text!r}: the year must be from {_YEARS.start} to {_YEARS.stop - 1}")
    last = weeks_in(year)
    if not 1 <= number <= last:
        raise ValueError(f"{text!r}: ISO year {year} has the weeks W01 to W{last}")
    return Week(year, number)


def weeks_in(year: int) -> int:
    """How many weeks the ISO year has: 52 or 53 (28 December is always in the last one)."""
    return date(year, 12, 28).isocalendar().week


def week_of(day: date) -> Week:
    """The week that holds an operating date."""
    year, number, _ = day.isocalendar()
    return Week(year, number)


def week_at(at_ms: int, policy: Clock) -> Week:
    """The week that an instant (epoch ms) belongs to."""
    return week_of(night_date(at_ms, policy))


def night_date(at_ms: int, policy: Clock) -> date:
    """The operating date of an instant (epoch ms): by day its own local date, by night the date the night began on."""
    own = datetime.fromtimestamp(at_ms / 1000, policy.zone).date()
    if policy.day.always or policy.day.between(at_ms, at_ms + 1, policy.zone):
        return own
    # The night began where the last day span before the instant ended: yesterday's at the earliest.
    before = policy.day.between(at_ms - 2 * _DAY_MS, at_ms, policy.zone)
    return datetime.fromtimestamp(before[-1][1] / 1000, policy.zone).date() if before else own


def date_start_ms(day: date, policy: Clock) -> int:
    """The first instant (epoch ms) of an operating date: midnight, or the end of the night before that runs on."""
    midnight = datetime(day.year, day.month, day.day, tzinfo=policy.zone).astimezone(UTC)
    start_ms = int(midnight.timestamp() * 1000)
    if night_date(start_ms, policy) == day:
        return start_ms
    return policy.day.between(start_ms, start_ms + 2 * _DAY_MS, policy.zone)[0][0]


def date_bounds_ms(days: Iterable[date], policy: Clock) -> list[tuple[date, int, int]]:
    """Each operating date with its span `[start_ms, end_ms)`."""
    return [(day, date_start_ms(day, policy), date_start_ms(day + timedelta(days=1), policy)) for day in days]


def weekday_and_hour(times_ms: npt.NDArray[np.int64], week: Week, policy: Clock) -> npt.NDArray[np.int64]:
    """Counts instants of the week by operating weekday and local hour.

    Args:
        times_ms: epoch ms, shape (n,), all inside the week's span.
        week: the week.
        policy: time zone and day hours.

    Returns:
        Counts, shape (7, 24): Monday first, hour by the wall clock. Monday 02:00 is in Sunday's row of the week before.
    """
    counts = np.zeros((7, 24), dtype=np.int64)
    hours = [datetime.fromtimestamp(int(t) / 1000, policy.zone).hour for t in times_ms]
    np.add.at(counts, (_rows(times_ms, week, policy), np.array(hours, dtype=np.int64)), 1)
    return counts


def _rows(times_ms: npt.NDArray[np.int64], week: Week, policy: Clock) -> npt.NDArray[np.int64]:
    starts = np.array([start for _, start, _ in date_bounds_ms(week.dates, policy)], dtype=np.int64)
    return np.searchsorted(starts, times_ms, side="right") - 1
