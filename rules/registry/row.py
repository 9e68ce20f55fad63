"""One row of a CSV or the properties of one GeoJSON feature, read field by field.

Every reader returns a usable value. After a fault it is a stand-in, which no one ever sees, because a folder with an
error yields no registry; so one pass finds every fault.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from rules.hours import ALWAYS, Hours
from rules.registry.faults import FileFaults, guess, shown
from rules.registry.model import FOREVER_MS, Validity

_DATE = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})")
_LOOSE_DATE = re.compile(r"([0-9]{4})[-/.年]([0-9]{1,2})[-/.月]([0-9]{1,2})日?")
_EPOCH_MS = re.compile(r"[0-9]{11,13}")
_CLOCK = r"[0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]+)?)?(Z|z|[+-][0-9]{2}:[0-9]{2})?"
_INSTANT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ]" + _CLOCK)
_DAY = timedelta(days=1)

_ALLOWED_HOURS = "';'-separated HH:MM-HH:MM such as 21:00-00:30;01:30-05:30, or empty for always"
_ALLOWED_MOMENT = "YYYY-MM-DD, or an instant with an offset such as 2026-11-10T01:00:00+08:00"

#: Characters that may stand in no text: control characters, lone surrogates, line and paragraph separators.
_BARRED = frozenset({"Cc", "Cs", "Zl", "Zp"})


@dataclass(frozen=True)
class Row:
    """Named values from outside: text in a CSV, any JSON value in a feature; a missing name is as an empty value."""

    where: str
    values: Mapping[str, Any]
    faults: FileFaults

    def text(self, field: str) -> str:
        """Free text without surrounding blanks; may be empty."""
        return self._told(field) or ""

    def _told(self, field: str) -> str | None:
        """The text, or None after a fault."""
        value = self.values.get(field)
        if value is None:
            return ""
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            self.error(field, f"{shown(value)} is not text", "text")
            return None
        text = str(value).strip()
        if not text.isprintable() and (bad := [c for c in text if unicodedata.category(c) in _BARRED]):
            self.error(field, f"{shown(text)} holds the control character U+{ord(bad[0]):04X}", "printable characters")
            return None
        return text

    def identity(self, field: str) -> str:
        """What names a thing: not empty, and nothing that cannot be seen."""
        text = self._told(field)
        if text == "":
            self.error(field, "is empty", "a name")
        return self._visible(field, text or "")

    def names(self, field: str, *, at_least_one: bool = False) -> tuple[str, ...]:
        """A `;`-separated list of identities, each once; a faulty one is left out."""
        told = self._told(field)
        listed = [self._visible(field, part.strip()) for part in (told or "").split(";") if part.strip()]
        if at_least_one and not listed and told is not None:
            self.error(field, "is empty", "names separated by ';', at least one")
        times = Counter(filter(None, listed))
        for name, count in times.items():
            if count > 1:
                self.warn(field, f"{shown(name)} is listed {count} times", "each once")
        return tuple(times)

    def _visible(self, field: str, text: str) -> str:
        if text.isprintable():
            return text
        bad = next(c for c in text if not c.isprintable())
        self.error(field, f"{shown(text)} holds the invisible character U+{ord(bad):04X}", "printable characters")
        return ""

    def choice(self, field: str, allowed: Collection[str], otherwise: str = "") -> str:
        """One of `allowed`, or an empty string after a fault; with `otherwise` any other word is read as that."""
        text = self._told(field)
        if text is None or text in allowed:
            return text or ""
        problem = f"{shown(text)} is unknown{guess(text, allowed)}" if text else "is empty"
        if otherwise:
            self.warn(field, f"{problem}; read as {otherwise}", ", ".join(allowed))
            return otherwise
        self.error(field, problem, ", ".join(allowed))
        return ""

    def hours(self, field: str) -> Hours:
        """Daily hours; empty means always."""
        try:
            return _hours(self.text(field))
        except ValueError as error:
            self.error(field, str(error), _ALLOWED_HOURS)
            return ALWAYS

    def number(self, field: str, default: float, low: float, high: float) -> float:
        """A finite number within `[low, high]`; empty gives the default."""
        text = self._told(field)
        if not text:
            return default
        try:
            number = float(text)
        except ValueError:
            number = math.nan
        if not low <= number <= high:
            problem = f"{shown(text)} is {'not a number' if math.isnan(number) else 'out of bounds'}"
            self.error(field, problem, f"{low:g} to {high:g}")
            return default
        return number

    def validity(self, zone: ZoneInfo) -> Validity:
        """`valid_from` and `valid_to`: dates (both inclusive) in the zone, or instants; empty is open."""
        start, end = self.moment("valid_from", zone), self.moment("valid_to", zone, last=True)
        if start is not None and end is not None and start >= end:
            problem = f"{self.text('valid_from')} to {self.text('valid_to')} ends before it begins"
            self.error("valid_to", problem, "valid_from not after valid_to")
        begins, ends = (0 if start is None else start), (FOREVER_MS if end is None else end)
        return Validity(min(max(begins, 0), FOREVER_MS), min(max(ends, 0), FOREVER_MS))

    def moment(self, field: str, zone: ZoneInfo, *, last: bool = False, required: bool = False) -> int | None:
        """A local date or an instant as epoch ms, None where empty or faulty; with `last` a date means its end."""
        text = self._told(field)
        if not text:
            if required and text is not None:
                self.error(field, "is empty", _ALLOWED_MOMENT)
            return None
        try:
            return _moment(text, zone, last)
        except ValueError as error:
            self.error(field, str(error), _ALLOWED_MOMENT)
            return None

    def error(self, field: str, problem: str, allowed: str = "") -> None:
        """Notes an error here."""
        self.faults.error(self.where, field, problem, allowed)

    def warn(self, field: str, problem: str, allowed: str = "") -> None:
        """Notes a warning here."""
        self.faults.warn(self.where, field, problem, allowed)


@lru_cache(maxsize=4096)
def _hours(text: str) -> Hours:
    return Hours.parse(text)


@lru_cache(maxsize=4096)
def _moment(text: str, zone: ZoneInfo, last: bool) -> int:
    if _EPOCH_MS.fullmatch(text):
        return int(text)
    if found := _DATE.fullmatch(text):
        try:
            day = date(*map(int, found.groups()))
        except ValueError as error:
            raise ValueError(f"{shown(text)} is not a date: {error}") from None
        return _midnight_ms(day + _DAY if last and day < date.max else day, zone)
    if found := _LOOSE_DATE.fullmatch(text):
        year, month, on = found.groups()
        raise ValueError(f"{shown(text)} is not written as a date; write {year}-{int(month):02d}-{int(on):02d}")
    if not _INSTANT.fullmatch(text):
        raise ValueError(f"{shown(text)} is neither a date nor an instant")
    try:
        instant = datetime.fromisoformat(text.upper())
    except ValueError as error:
        raise ValueError(f"{shown(text)} is not an instant: {error}") from None
    if instant.tzinfo is None:
        meant = instant.replace(tzinfo=zone).isoformat()
        raise ValueError(f"{shown(text)} has no offset; for local time in {zone.key} write {meant}")
    return _ms(instant)


def _midnight_ms(day: date, zone: ZoneInfo) -> int:
    return _ms(datetime(day.year, day.month, day.day, tzinfo=zone))


def _ms(instant: datetime) -> int:
    """Epoch ms, whatever the year; `astimezone` would overflow at the ends of the calendar."""
    offset = instant.utcoffset() or timedelta()
    return (instant.replace(tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC) - offset) // timedelta(milliseconds=1)
