"""What the engine says: violations, trips, stops and the health of terminals, as plain records.

Those of which there are many are structs: made in a fifth of a frozen dataclass's time.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import floor
from typing import Any, ClassVar

import msgspec

from rules.tags import Mark


def stable_id(*parts: object) -> str:
    """A 20-hex-digit id that depends on nothing but its parts, so saying a thing twice changes nothing."""
    return hashlib.sha256("\x1f".join(map(str, parts)).encode()).hexdigest()[:20]


class Violation(msgspec.Struct, frozen=True):
    """One continuous breach of one rule by one truck.

    Times are epoch ms; `lon`, `lat` (degrees, WGS 84) is where it was worst. `evidence` is JSON-ready: the figures
    that the rule judged by (units in the names), the fixes it rests on, rule version, policy digest and the registry
    rows in force. `points` is what the rule carries; `scored_under` names the graver violation that carries the points
    of the same act, or is empty.
    """

    rule: str
    plate: str
    start_ms: int
    end_ms: int
    lon: float
    lat: float
    confidence: float
    points: int
    company_id: str | None = None
    permit_no: str | None = None
    trip_id: str | None = None
    district_id: str | None = None
    site_id: str | None = None
    scored_under: str = ""
    evidence: Mapping[str, Any] = msgspec.field(default_factory=dict)

    @property
    def violation_id(self) -> str:
        """Stable: the same fixes always give the same id."""
        return stable_id("violation", self.rule, self.plate, self.start_ms)


class Trip(msgspec.Struct, frozen=True):
    """A haul from loading to leaving the load. `disposal_site` is None where the load was left at no known site."""

    plate: str
    loaded_ms: int
    left_ms: int
    dumped_ms: int | None
    origin_site: str | None
    disposal_site: str | None
    permit_no: str | None
    distance_m: int
    dump_lon: float | None = None
    dump_lat: float | None = None

    @property
    def trip_id(self) -> str:
        """Stable: by truck and loading."""
        return stable_id("trip", self.plate, self.loaded_ms)


class Stop(msgspec.Struct, frozen=True):
    """A stay of a truck at one place. `kind` is the site's kind, or `unknown` off every site."""

    plate: str
    start_ms: int
    end_ms: int
    lon: float
    lat: float
    site_id: str | None
    kind: str


@dataclass(frozen=True)
class TerminalHealth:
    """How far a terminal is to be believed.

    `faults` maps what is ill to `{"why": ..., "since_ms": ...}`; `tags` the word of a tag to `{"fixes": ...,
    "first_ms": ..., "last_ms": ...}` of the fixes that bear it.
    """

    plate: str
    terminal: str
    first_ms: int
    last_ms: int
    fixes: int
    completeness: float
    datum_found: str
    faults: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    tags: Mapping[str, Mapping[str, int]] = field(default_factory=dict)


@dataclass
class Findings:
    """What one step of the engine settled, and which fixes it found odd (`marks`); joined by `+=`."""

    violations: list[Violation] = field(default_factory=list)
    trips: list[Trip] = field(default_factory=list)
    stops: list[Stop] = field(default_factory=list)
    health: list[TerminalHealth] = field(default_factory=list)
    marks: list[Mark] = field(default_factory=list)

    def __iadd__(self, other: Findings) -> Findings:
        self.violations += other.violations
        self.trips += other.trips
        self.stops += other.stops
        self.health += other.health
        self.marks += other.marks
        return self


@dataclass(frozen=True)
class SuspectedSite:
    """A place that is in no registry: `loading` (an unregistered construction site) or `dumping` (a black ground).

    `polygon` is GeoJSON text in WGS 84; `lon`, `lat` (degrees) is the visit in its middle. `trucks` and `visits` count
    the stays with a sign, `first_ms` and `last_ms` (epoch ms) span them. `evidence_grade` is A (two independent signs),
    B (one sensor) or C (pattern only). `evidence` is JSON-ready: the stays, trips and violations it rests on.
    """

    kind: str
    polygon: str
    lon: float
    lat: float
    trucks: int
    visits: int
    first_ms: int
    last_ms: int
    evidence_grade: str
    confidence: float
    district_id: str | None = None
    evidence: Mapping[str, Any] = field(default_factory=dict)

    #: Side of the cells that ids go by, degrees: two places of a kind are never so close that they share one.
    CELL_DEG: ClassVar[float] = 0.0009

    @property
    def suspect_id(self) -> str:
        """Stable by place: the kind, and the cell of about 100 m that the middle lies in."""
        return stable_id("suspect", self.kind, floor(self.lon / self.CELL_DEG), floor(self.lat / self.CELL_DEG))
