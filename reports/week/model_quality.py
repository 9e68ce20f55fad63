"""The figures of a weekly report and what it says of its own data; instants are epoch ms UTC, shares 0-1."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True)
class Figure:
    """A headline figure; `previous` is None without data of the week before, `mean4` without two of the four before."""

    key: str
    name: str
    unit: str
    value: float
    previous: float | None = None
    mean4: float | None = None

    @property
    def change(self) -> float | None:
        """The difference from the week before."""
        return None if self.previous is None else self.value - self.previous

    @property
    def change_ratio(self) -> float | None:
        """The difference as a part of the week before; None where that was nothing."""
        return None if not self.previous else (self.value - self.previous) / self.previous


@dataclass(frozen=True)
class TrackDay:
    """Fixes and trucks of one operating date; `previous_fixes` of the same weekday the week before."""

    day: date
    fixes: int
    trucks: int
    previous_fixes: int | None


@dataclass(frozen=True)
class TerminalLine:
    """How complete one truck's tracks were: `completeness` of the week, `health` as the engine judged the terminal."""

    plate: str
    terminal: str
    company: str
    fixes: int
    days: int
    completeness: float | None
    health: float | None
    datum_found: str
    faults: tuple[str, ...]


@dataclass(frozen=True)
class SilentTruck:
    """A registered truck without one usable fix in the week; `last_ms` is when it was last heard."""

    plate: str
    company: str
    terminal: str
    last_ms: int | None


@dataclass(frozen=True)
class FaultLine:
    """Something ill with a terminal, found by the engine."""

    plate: str
    terminal: str
    fault: str
    why: str
    since_ms: int | None


@dataclass(frozen=True)
class RejectedLine:
    """Unusable fixes of one reason, over the whole store: they have no trustworthy time to cut a week by."""

    reason: str
    count: int
    first_ms: int | None
    last_ms: int | None
    example: str


@dataclass(frozen=True)
class TagLine:
    """Fixes that bear one tag, of how many terminals, by the runs that touch the week."""

    tag: str
    fixes: int
    terminals: int
    first_ms: int
    last_ms: int


@dataclass(frozen=True)
class Quality:
    """How far the week's tracks can be relied on; `falls` are keys of figures that fell."""

    figures: tuple[Figure, ...]
    registered: int
    days: tuple[TrackDay, ...]
    empty_days: tuple[date, ...]
    terminals: tuple[TerminalLine, ...]
    silent: tuple[SilentTruck, ...]
    unregistered: tuple[str, ...]
    rejected: tuple[RejectedLine, ...]
    tagged: tuple[TagLine, ...]
    repeats: int
    faults: tuple[FaultLine, ...]
    falls: tuple[str, ...]
    fewer_clues: bool
    slot_s: int

    def figure(self, key: str) -> Figure:
        """One figure by key."""
        return next(f for f in self.figures if f.key == key)
