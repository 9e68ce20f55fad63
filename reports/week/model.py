"""What a weekly report says: plain frozen records; how it looks is not decided here.

Instants are epoch milliseconds UTC, distances metres, shares 0-1. A *clue* is a violation that the machine flagged; it
is *live* until a reviewer dismisses it. Counts and points are of live clues unless a name says otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from zoneinfo import ZoneInfo

from reports.calendar import Week
from reports.inspections import InspectionRecord
from reports.patrol.model import PatrolPlan, PlanYield
from reports.week.model_quality import Figure, Quality
from reports.week.model_work import Correction, Issue, LapseLine, RepeaterLine, WhitelistLine
from reports.week.suspects import SuspectLine
from rules.hours import Hours

#: A store that ends this close to the week's end holds the whole week: parked trucks report seldom.
_PARKED_MS = 3_600_000


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
    rate_per_100: float | None = None
    small: bool = True


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
class WeekReport:
    """Everything a weekly report says; `previous_starts_ms` is set if the store began during the week before."""

    week: Week
    zone: ZoneInfo
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
    issue: Issue
    repeaters: tuple[RepeaterLine, ...] = ()
    whitelist: tuple[WhitelistLine, ...] = ()
    lapses: tuple[LapseLine, ...] = ()
    lapse_days: int = 0
    inspections: tuple[InspectionRecord, ...] = ()
    inspections_due: int = 0
    plan: PatrolPlan | None = None
    yielded: PlanYield | None = None
    corrections: tuple[Correction, ...] = ()
    changed_since_issue: int | None = None  # figures that differ from what this week's own issue said
    pictures: Mapping[str, bytes] = field(default_factory=dict)
    plates_masked: bool = False

    @property
    def day(self) -> Hours:
        """The hours that are day; with `zone` the report is a calendar's clock."""
        return Hours.parse(self.day_hours)

    @property
    def finished(self) -> bool:
        """Whether the store reaches past the week's end."""
        return self.cutoff_ms is not None and self.cutoff_ms >= self.end_ms - _PARKED_MS

    def figure(self, key: str) -> Figure:
        """One headline figure by key."""
        return next(f for f in self.figures if f.key == key)
