"""What a patrol plan says, as plain data: inspections, their checkpoints in order, and why each was chosen."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from reports.calendar import Week, parse_week

Counts = tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class Checkpoint:
    """One stop of an inspection. Instants are epoch ms, positions WGS 84 degrees.

    `expected` and `expected_points` are violations and their points that may be met here beyond what earlier stops
    of the inspection meet. `seen` counts violations of the weeks looked at that passed here in these hours on any day,
    `trucks` their plates, and `rules` the violations by rule, most frequent first.
    """

    number: int
    place: str
    district: str
    lon: float
    lat: float
    start_ms: int
    end_ms: int
    travel_s: int
    expected: float
    expected_points: float
    seen: int
    trucks: int
    rules: Counts
    agencies: tuple[str, ...]
    reason: str

    def hours(self, zone: ZoneInfo) -> str:
        """Local `20:00–21:10`."""
        return hours_text(self.start_ms, self.end_ms, zone)


@dataclass(frozen=True)
class Inspection:
    """One joint inspection: `day` is the operating date (a night belongs to the date on which it began)."""

    number: int
    day: date
    start_ms: int
    end_ms: int
    checkpoints: tuple[Checkpoint, ...]

    @property
    def expected(self) -> float:
        """Violations that may be met."""
        return sum(c.expected for c in self.checkpoints)

    @property
    def expected_points(self) -> float:
        """The points of these."""
        return sum(c.expected_points for c in self.checkpoints)

    @property
    def agencies(self) -> tuple[str, ...]:
        """Every agency that takes part, the leading one first."""
        return tuple(dict.fromkeys(agency for c in self.checkpoints for agency in c.agencies))

    def hours(self, zone: ZoneInfo) -> str:
        """Local `20:00–24:00`."""
        return hours_text(self.start_ms, self.end_ms, zone)


@dataclass(frozen=True)
class PatrolPlan:
    """The inspections suggested for a week, from the weeks before it.

    `looked_at` are the weeks of which violations were weighed, latest first; `violations` how many there were,
    `passing` how many of them passed at least one of the `places` that were weighed. `note` says why a plan has fewer
    inspections than asked for ("" if not); `gap` is how far at most the optimum may lie above it (0: exact).
    """

    week: Week
    inspections: tuple[Inspection, ...]
    asked: int
    looked_at: tuple[Week, ...] = ()
    violations: int = 0
    passing: int = 0
    places: int = 0
    roads_known: bool = False
    gap: float = 0.0
    note: str = ""

    @property
    def checkpoints(self) -> tuple[Checkpoint, ...]:
        """The stops of all inspections."""
        return tuple(c for i in self.inspections for c in i.checkpoints)

    @property
    def expected(self) -> float:
        """Violations that may be met."""
        return sum(i.expected for i in self.inspections)

    def as_json(self) -> str:
        """Text from which `plan_from_json` makes the same plan."""
        told = {**asdict(self), "week": str(self.week), "looked_at": [str(w) for w in self.looked_at]}
        for inspection in told["inspections"]:
            inspection["day"] = inspection["day"].isoformat()
        return json.dumps(told, ensure_ascii=False, sort_keys=True, allow_nan=False)


@dataclass(frozen=True)
class StopYield:
    """What happened at one stop's place within its hours: violations that passed, by rule, their plates and points."""

    inspection: int
    checkpoint: Checkpoint
    violations: int
    points: int
    trucks: int
    rules: Counts


@dataclass(frozen=True)
class PlanYield:
    """What a suggested plan would have met, by the tracks of its own week; each violation counts once.

    `share` is of all live violations of the week (0–1; 0 of none). Whether people stood there is not known to tracks.
    """

    week: Week
    stops: tuple[StopYield, ...]
    violations: int
    points: int
    trucks: int
    share: float


def hours_text(start_ms: int, end_ms: int, zone: ZoneInfo) -> str:
    """Local `22:00–次日 02:00`: the end's day is told where it is another."""
    a, b = (datetime.fromtimestamp(ms / 1000, zone) for ms in (start_ms, end_ms))
    if b.date() == a.date():
        return f"{a:%H:%M}–{b:%H:%M}"
    if (b.date() - a.date()).days == 1 and f"{b:%H:%M}" == "00:00":
        return f"{a:%H:%M}–24:00"
    return f"{a:%H:%M}–次日 {b:%H:%M}"


def plan_from_json(text: str) -> PatrolPlan:
    """The plan that `PatrolPlan.as_json` wrote."""
    told: dict[str, Any] = json.loads(text)
    inspections = []
    for one in told.pop("inspections"):
        stops = []
        for stop in one["checkpoints"]:
            rules = tuple((str(rule), int(count)) for rule, count in stop.pop("rules"))
            stops.append(Checkpoint(**{**stop, "rules": rules, "agencies": tuple(stop["agencies"])}))
        day = date.fromisoformat(one["day"])
        inspections.append(Inspection(one["number"], day, one["start_ms"], one["end_ms"], tuple(stops)))
    week, looked_at = parse_week(told.pop("week")), tuple(parse_week(w) for w in told.pop("looked_at"))
    return PatrolPlan(**told, week=week, looked_at=looked_at, inspections=tuple(inspections))
