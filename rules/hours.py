"""Daily hours such as `21:00-00:30;01:30-05:30`: parsed once, asked as minutes of a local day or as spans of time."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from rules.intervals import Span, union

_SPAN = re.compile(r"^\s*(\d{1,2}):(\d{2})\s*-\s*(\d{1,2}):(\d{2})\s*$")
_DAY_MIN = 24 * 60


@dataclass(frozen=True)
class Hours:
    """Local daily hours as `(start_min, end_min)` pairs, 0 ≤ start < 1440; end > 1440 crosses midnight."""

    spans_min: tuple[tuple[int, int], ...]

    @classmethod
    def parse(cls, text: str) -> Hours:
        """Reads a `;`-separated list of `HH:MM-HH:MM`; empty means always.

        Raises:
            ValueError: naming the span that does not parse and what is allowed.
        """
        spans = []
        for part in filter(str.strip, text.split(";")):
            found = _SPAN.match(part)
            if not found:
                raise ValueError(f"{part.strip()!r} is not HH:MM-HH:MM")
            h1, m1, h2, m2 = map(int, found.groups())
            if m1 > 59 or m2 > 59 or (h1, m1) >= (24, 0) or (h2, m2) > (24, 0):
                raise ValueError(f"{part.strip()!r}: hours run from 00:00 to 24:00")
            start, end = h1 * 60 + m1, h2 * 60 + m2
            if start == end:
                raise ValueError(f"{part.strip()!r} is empty: it starts when it ends")
            spans.append((start, end if end > start else end + _DAY_MIN))
        return cls(tuple(sorted(spans)) or ((0, _DAY_MIN),))

    @property
    def always(self) -> bool:
        """Whether every minute of the day is inside."""
        return any(end - start >= _DAY_MIN for start, end in self.spans_min)

    def between(self, start_ms: int, end_ms: int, zone: ZoneInfo) -> list[Span]:
        """The instants of `[start_ms, end_ms)` that lie inside the hours, as sorted spans (epoch ms)."""
        if self.always:
            return [(start_ms, end_ms)] if start_ms < end_ms else []
        day = datetime.fromtimestamp(start_ms / 1000, zone).date() - timedelta(days=1)
        last = datetime.fromtimestamp(end_ms / 1000, zone).date()
        found: list[Span] = []
        while day <= last:
            for a, b in _day_spans(self, day, zone):
                if a < end_ms and b > start_ms:
                    found.append((max(a, start_ms), min(b, end_ms)))
            day += timedelta(days=1)
        return union(found)

    def __str__(self) -> str:
        clock = lambda m: f"{m // 60 % 24:02d}:{m % 60:02d}" if m != _DAY_MIN else "24:00"
        return ";".join(f"{clock(a)}-{clock(b)}" for a, b in self.spans_min)


ALWAYS = Hours(((0, _DAY_MIN),))


@lru_cache(maxsize=8192)
def _day_spans(hours: Hours, day: date, zone: ZoneInfo) -> tuple[Span, ...]:
    midnight = datetime(day.year, day.month, day.day)  # noqa: DTZ001 - given its zone below, once wall time is known
    instant = lambda minute: int((midnight + timedelta(minutes=minute)).replace(tzinfo=zone).astimezone(UTC).timestamp() * 1000)
    return tuple((instant(a), instant(b)) for a, b in hours.spans_min)
