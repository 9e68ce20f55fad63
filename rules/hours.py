"""Daily hours such as `21:00-00:30;01:30-05:30`: parsed once, asked as spans of time by what the wall clock shows."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property, lru_cache
from zoneinfo import ZoneInfo

from rules.intervals import Span, intersect, union

_SPAN = re.compile(r"^\s*([0-9]{1,2}):([0-9]{2})\s*-\s*([0-9]{1,2}):([0-9]{2})\s*$")
_DASHES = str.maketrans(dict.fromkeys("–—−~至到", "-"))
_DAY_MIN = 24 * 60
_MIN_MS = 60_000
_DAY_MS = _DAY_MIN * _MIN_MS


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
                raise ValueError(f"{part.strip()!r} is not HH:MM-HH:MM{_meant(part)}")
            h1, m1, h2, m2 = map(int, found.groups())
            if m1 > 59 or m2 > 59 or (h1, m1) >= (24, 0) or (h2, m2) > (24, 0):
                raise ValueError(f"{part.strip()!r}: hours run from 00:00 to 24:00")
            start, end = h1 * 60 + m1, h2 * 60 + m2
            if start == end:
                raise ValueError(f"{part.strip()!r} is empty: it starts when it ends")
            spans.append((start, end if end > start else end + _DAY_MIN))
        return cls(tuple(sorted(spans)) or ((0, _DAY_MIN),))

    @cached_property
    def always(self) -> bool:
        """Whether every minute of the day is inside."""
        return any(end - start >= _DAY_MIN for start, end in self.spans_min)

    def between(self, start_ms: int, end_ms: int, zone: ZoneInfo) -> list[Span]:
        """The instants of `[start_ms, end_ms)` at which the wall clock of `zone` is inside the hours.

        An hour that the clock shows twice when summer time ends is inside both times; one that it skips is not there.

        Returns:
            Sorted spans that neither overlap nor touch, epoch ms.
        """
        if start_ms >= end_ms:
            return []
        if self.always:
            return [(start_ms, end_ms)]
        inside = _of_utc_days(self, start_ms // _DAY_MS, (end_ms - 1) // _DAY_MS, zone)
        return intersect(inside, [(start_ms, end_ms)])

    def __str__(self) -> str:
        return ";".join(f"{_clock(a)}-{_clock(b)}" for a, b in self.spans_min)


ALWAYS = Hours(((0, _DAY_MIN),))


def _clock(minute: int) -> str:
    return "24:00" if minute == _DAY_MIN else f"{minute // 60 % 24:02d}:{minute % 60:02d}"


def _meant(part: str) -> str:
    """A hint for hours in full-width characters or with another dash, with a leading blank, or an empty string."""
    plain = unicodedata.normalize("NFKC", part).translate(_DASHES).strip()
    return f" (write {plain})" if plain != part.strip() and all(map(_SPAN.match, plain.split(";"))) else ""


@lru_cache(maxsize=8192)
def _of_utc_days(hours: Hours, first: int, last: int, zone: ZoneInfo) -> list[Span]:
    """The spans of some UTC days, both ends inclusive, that lie inside the hours, epoch ms; not to be changed."""
    return union(span for day in range(first, last + 1) for span in _of_utc_day(hours, day, zone))


@lru_cache(maxsize=8192)
def _of_utc_day(hours: Hours, day: int, zone: ZoneInfo) -> tuple[Span, ...]:
    """The spans of one UTC day (days since 1970-01-01) that lie inside the hours, epoch ms."""
    return tuple(span for piece in _pieces(day * _DAY_MS, zone) for span in _of_piece(hours, *piece))


def _of_piece(hours: Hours, start_ms: int, end_ms: int, offset_ms: int) -> list[Span]:
    """The same for a piece of time in which local time runs `offset_ms` ahead of UTC throughout."""
    first = (start_ms + offset_ms) // _DAY_MS - 1  # what began the day before may cross midnight
    last = (end_ms + offset_ms) // _DAY_MS
    midnights = [day * _DAY_MS - offset_ms for day in range(first, last + 1)]
    spans = union((m + a * _MIN_MS, m + b * _MIN_MS) for m in midnights for a, b in hours.spans_min)
    return intersect(spans, [(start_ms, end_ms)])


def _pieces(start_ms: int, zone: ZoneInfo) -> list[tuple[int, int, int]]:
    """The 24 hours from `start_ms` cut where the zone's offset changes: (start, end, offset), all in ms."""
    end_ms = start_ms + _DAY_MS
    before, after = _offset_ms(start_ms, zone), _offset_ms(end_ms, zone)
    if before == after:
        return [(start_ms, end_ms, before)]
    low, high = start_ms, end_ms  # the change comes after `low`, at `high` at the latest
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if _offset_ms(middle, zone) == before else (low, middle)
    return [(start_ms, high, before), (high, end_ms, after)]


def _offset_ms(at_ms: int, zone: ZoneInfo) -> int:
    offset = datetime.fromtimestamp(at_ms / 1000, zone).utcoffset() or timedelta()
    return offset // timedelta(milliseconds=1)
