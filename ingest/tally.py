"""What became of the fixes that came in: counts that must add up, and why fixes were set aside."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

#: Why a fix is set aside, in the order in which they are asked: a row counts under the first that holds.
REASONS: dict[str, str] = {
    "bad_row": "a CSV row with more or fewer values than the header has names, or an unclosed quote",
    "not_an_object": "a line that is no JSON object",
    "no_plate": "no licence plate",
    "bad_plate": "a licence plate with control characters",
    "no_time": "no time",
    "bad_time": "a time that is neither RFC 3339 nor epoch milliseconds",
    "time_without_offset": "a time that does not say its zone; allowed: 2026-11-16T22:00:00+08:00",
    "time_too_old": "a time before 2010",
    "time_in_future": "a time more than 10 minutes ahead of now",
    "no_position": "no longitude or no latitude",
    "bad_position": "a longitude or latitude that is not a finite number",
    "position_out_of_range": "a longitude outside ±180 or a latitude outside ±90",
    "zero_position": "a position within 0.001 degrees of (0, 0)",
    "unknown_datum": "a datum that is none of wgs84, cgcs2000, gcj02, bd09",
    "empty_record": "a Kafka record without a value, or with nothing but blanks",
    "record_too_large": "a Kafka record of more than 4 MiB",
    "wrong_partition": "a fix in another partition than the one of its plate (murmur2 of its UTF-8)",
}

EXAMPLE_CHARS = 300


class TracksError(ValueError):
    """Tracks that cannot be read at all; one line: which file, row, field, what is wrong, what is allowed."""


@dataclass
class Rejection:
    """Fixes set aside for one reason; times (epoch ms) are those of the rows whose time could be read."""

    count: int = 0
    first_ms: int | None = None
    last_ms: int | None = None
    example: str = ""

    def __iadd__(self, other: Rejection) -> Rejection:
        firsts = [ms for ms in (self.first_ms, other.first_ms) if ms is not None]
        lasts = [ms for ms in (self.last_ms, other.last_ms) if ms is not None]
        self.count += other.count
        self.first_ms, self.last_ms = min(firsts, default=None), max(lasts, default=None)
        self.example = self.example or other.example
        return self


@dataclass
class Ignored:
    """Values of one optional field that could not be read; the fixes are kept without them."""

    count: int = 0
    example: str = ""

    def __iadd__(self, other: Ignored) -> Ignored:
        self.count += other.count
        self.example = self.example or other.example
        return self


@dataclass
class Tally:
    """The balance of a reading: `received` = `usable` + `repeated` + all `rejected`; joined by `+=`."""

    received: int = 0
    usable: int = 0
    repeated: int = 0
    rejected: dict[str, Rejection] = field(default_factory=dict)
    ignored_values: dict[str, Ignored] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)

    def reject(self, reason: str, rejection: Rejection) -> None:
        """Counts fixes set aside for one of `REASONS`; they must already be in `received`."""
        if reason not in REASONS:
            raise ValueError(f"reason {reason!r} is unknown; allowed: {', '.join(REASONS)}")
        kept = self.rejected.setdefault(reason, Rejection())
        kept += rejection

    def ignore(self, name: str, ignored: Ignored) -> None:
        """Counts unreadable values of the optional field `name`."""
        kept = self.ignored_values.setdefault(name, Ignored())
        kept += ignored

    def warn(self, text: str) -> None:
        """Notes something a person should know, once."""
        if text not in self.warnings:
            self.warnings.append(text)

    def found_repeated(self, count: int) -> None:
        """Moves `count` fixes from `usable` to `repeated`."""
        self.usable -= count
        self.repeated += count

    @property
    def set_aside(self) -> int:
        """How many fixes were rejected, whatever the reason."""
        return sum(rejection.count for rejection in self.rejected.values())

    def check(self) -> None:
        """Raises AssertionError unless the balance closes: a fix lost on the way is a fault of this program."""
        if self.received != self.usable + self.repeated + self.set_aside:
            raise AssertionError(
                f"fixes lost: {self.received} received, but {self.usable} usable + {self.repeated} repeated"
                f" + {self.set_aside} rejected"
            )

    def __iadd__(self, other: Tally) -> Tally:
        self.received += other.received
        self.usable += other.usable
        self.repeated += other.repeated
        for reason, rejection in other.rejected.items():
            self.reject(reason, rejection)
        for name, ignored in other.ignored_values.items():
            self.ignore(name, ignored)
        for warning in other.warnings:
            self.warn(warning)
        return self

    def as_json(self) -> dict[str, Any]:
        """Plain dicts, lists, numbers and strings; `from_json` undoes it."""
        return asdict(self)

    @classmethod
    def from_json(cls, plain: dict[str, Any]) -> Tally:
        """Rebuilds what `as_json` gave."""
        parts = dict(plain)
        parts["rejected"] = {reason: Rejection(**values) for reason, values in plain["rejected"].items()}
        parts["ignored_values"] = {name: Ignored(**values) for name, values in plain["ignored_values"].items()}
        parts["warnings"] = list(plain["warnings"])
        return cls(**parts)
