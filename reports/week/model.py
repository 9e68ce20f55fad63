"""What a weekly report says: plain frozen records; how it looks is not decided here.

Instants are epoch milliseconds UTC, distances metres, shares 0-1. A *clue* is a violation that the machine flagged; it
is *live* until a reviewer dismisses it. Counts and points are of live clues unless a name says otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, tzinfo

from reports.calendar import Week
from reports.week.suspects import SuspectLine

#: A store that ends this close to the week's end holds the whole week: parked trucks report seldom.
_PARKED_MS = 3_600_000


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
class Outcomes:
    """Clues by what the review has said so far."""

    open: int = 0
    upheld: int = 0
    dismissed: int = 0

    @property
    def live(self) -> int:
        """Those that stand."""
        return self.open + self.upheld

    @property
    def all(self) -> int:
        """Every clue."""
        return self.live + self.dismissed

    @property
    def reviewed_share(self) -> float:
        """How many of all have been decided (0 where there are none)."""
        return (self.upheld + self.dismissed) / self.all if self.all else 0.0


@dataclass(frozen=True)
class RuleLine:
    """One rule's week. `trucks` is how many plates it flagged; `previous` its live count the week before."""

    rule: str
    name: str
    family: str
    outcomes: Outcomes
    trucks: int
    points: int
    previous: int | None


@dataclass(frozen=True)
class CompanyLine:
    """One company's week; `small` marks a rate of too few trips, `rate_per_100` is None without a trip."""

    company_id: str
    name: str
    registered: int
    seen: int
    trips: int
    outcomes: Outcomes
    rate_per_100: float | None
    small: bool
    points: int
    previous: int | None


@dataclass(frozen=True)
class VehicleLine:
    """One truck's week; `rules` are (rule, live count), most frequent first."""

    plate: str
    company: str
    trips: int
    outcomes: Outcomes
    points: int
    rules: tuple[tuple[str, int], ...]
    previous: int | None


@dataclass(frozen=True)
class SiteLine:
    """A loading place with the clues of the trips from it, or a receiving place with those of the trips to it."""

    site_id: str
    name: str
    kind: str
    trips: int
    flagged_trips: int
    outcomes: Outcomes
    rate_per_100: float | None
    small: bool
    rules: tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class DistrictLine:
    """One street's week; `families` are live counts in the order of RULE_FAMILIES."""

    district_id: str
    name: str
    outcomes: Outcomes
    trucks: int
    points: int
    families: tuple[int, ...]
    previous: int | None


@dataclass(frozen=True)
class TripLine:
    """A trip with live clues; `rules` are (rule, live count) in the contract's order."""

    trip_id: str
    plate: str
    company: str
    origin: str
    destination: str
    loaded_ms: int
    dumped_ms: int | None
    distance_m: float | None
    rules: tuple[tuple[str, int], ...]
    points: int
    count: int


@dataclass(frozen=True)
class ClueLine:
    """One clue as the annex lists it; `day` is the operating date."""

    violation_id: str
    rule: str
    plate: str
    company: str
    day: date
    start_ms: int
    end_ms: int
    district: str
    origin: str
    site: str
    permit_no: str
    trip_id: str
    confidence: float
    points: int
    status: str
    lon: float | None
    lat: float | None


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
    repeats: int
    faults: tuple[FaultLine, ...]
    falls: tuple[str, ...]
    fewer_clues: bool
    slot_s: int

    def figure(self, key: str) -> Figure:
        """One figure by key."""
        return next(f for f in self.figures if f.key == key)


@dataclass(frozen=True)
class WeekReport:
    """Everything a weekly report says; `previous_starts_ms` is set if the store began during the week before."""

    week: Week
    zone: tzinfo
    day_hours: str
    start_ms: int
    end_ms: int
    cutoff_ms: int | None
    registry_digest: str
    policy_digest: str
    rule_versions: tuple[tuple[str, str], ...]
    min_trips_for_rate: int
    has_data: bool
    has_previous: bool
    previous_starts_ms: int | None
    figures: tuple[Figure, ...]
    families: tuple[Figure, ...]
    outcomes: Outcomes
    previous_outcomes: Outcomes | None
    trend: tuple[tuple[Week, int, int], ...]  # (week, trips, live clues), oldest first
    rules: tuple[RuleLine, ...]
    companies: tuple[CompanyLine, ...]
    vehicles: tuple[VehicleLine, ...]
    origins: tuple[SiteLine, ...]
    receivers: tuple[SiteLine, ...]
    districts: tuple[DistrictLine, ...]
    heat: tuple[tuple[int, ...], ...]
    heat_hours: tuple[int, ...]
    trips: tuple[TripLine, ...]
    clues: tuple[ClueLine, ...]
    suspects: tuple[SuspectLine, ...]
    quality: Quality

    @property
    def finished(self) -> bool:
        """Whether the store reaches past the week's end."""
        return self.cutoff_ms is not None and self.cutoff_ms >= self.end_ms - _PARKED_MS

    def figure(self, key: str) -> Figure:
        """One headline figure by key."""
        return next(f for f in self.figures if f.key == key)
