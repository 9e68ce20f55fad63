"""The simulation's clock: seconds from the first Monday's local midnight, and masks and spans on it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Bools = NDArray[np.bool_]
Spans = list[tuple[int, int]]

LOCAL = timezone(timedelta(hours=8))
DAY_S = 86_400
DAY_HOURS = "06:00-20:00"


@dataclass(frozen=True)
class Clock:
    """Whole weeks in a row, from a Monday."""

    monday: datetime
    weeks: int

    @classmethod
    def of(cls, weeks: list[str]) -> Clock:
        """Reads ISO weeks such as `2026-W46`, which must follow one another.

        Raises:
            ValueError: naming the week that does not parse or does not follow.
        """
        mondays = []
        for week in weeks:
            found = re.fullmatch(r"(\d{4})-W(\d{2})", week)
            if not found:
                raise ValueError(f"{week!r} is not an ISO week such as 2026-W46")
            mondays.append(datetime.fromisocalendar(int(found[1]), int(found[2]), 1).replace(tzinfo=LOCAL))
        for before, after in pairwise(mondays):
            if after - before != timedelta(days=7):
                raise ValueError("weeks must follow one another")
        return cls(mondays[0], len(weeks))

    @property
    def days(self) -> int:
        """How many days there are."""
        return 7 * self.weeks

    @property
    def end_s(self) -> int:
        """The end of the last week."""
        return self.days * DAY_S

    @property
    def epoch_ms(self) -> int:
        """Epoch milliseconds of second 0."""
        return int(self.monday.astimezone(UTC).timestamp() * 1000)

    def iso(self, second: float) -> str:
        """RFC 3339 local time of a second."""
        return (self.monday + timedelta(seconds=round(second))).isoformat()

    def date(self, day: int) -> str:
        """The local date of a day, counted from the first Monday."""
        return (self.monday + timedelta(days=day)).date().isoformat()

    def daily(self, hours: str) -> Spans:
        """Every instance of `;`-separated daily hours that touches the weeks; empty text means always."""
        if not hours:
            return [(-DAY_S, self.end_s + DAY_S)]
        spans = []
        for day in range(-1, self.days + 1):
            for part in hours.split(";"):
                (h1, m1), (h2, m2) = (map(int, p.split(":")) for p in part.split("-"))
                a, b = h1 * 3600 + m1 * 60, h2 * 3600 + m2 * 60
                spans.append((day * DAY_S + a, day * DAY_S + (b if b > a else b + DAY_S)))
        return sorted(spans)


def mask_of(spans: Spans, size: int) -> Bools:
    """Seconds 0..size that lie in half-open spans."""
    mask = np.zeros(size, dtype=bool)
    for a, b in spans:
        mask[max(a, 0) : max(b, 0)] = True
    return mask


def spans_of(mask: Bools) -> Spans:
    """The runs of True, half-open."""
    if not len(mask):
        return []
    edges = (np.flatnonzero(mask[1:] != mask[:-1]) + 1).tolist()
    edges = [0, *edges] if mask[0] else edges
    edges = [*edges, len(mask)] if mask[-1] else edges
    return list(zip(edges[::2], edges[1::2], strict=True))


def join(spans: Spans, gap_s: float) -> Spans:
    """Joins neighbours that are less than a gap apart."""
    joined: Spans = []
    for a, b in sorted(spans):
        if joined and a - joined[-1][1] < gap_s:
            joined[-1] = (joined[-1][0], max(b, joined[-1][1]))
        else:
            joined.append((a, b))
    return joined


def cut(spans: Spans, away: Spans) -> Spans:
    """What is left of spans without the parts in `away`."""
    left: Spans = []
    for a, b in spans:
        for c, d in sorted(away):
            if d <= a or c >= b:
                continue
            if c > a:
                left.append((a, c))
            a = d
        if a < b:
            left.append((a, b))
    return left
