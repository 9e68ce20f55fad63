"""Suspected places: unregistered construction sites and black dumping grounds, from repeated stays off every site.

One load left by one truck is a violation; where several trucks, or one truck again and again, leave or take on loads
is a place. Stays with a sign (`rules.suspect_visits`) that lie near each other are one place. It is dropped where more
trucks merely pass their time than act, and where reviewers rejected as much as is left. Pure and independent of the
order of what it is given. Cannot see: a place used once, and one that only trucks without sensors use, unless they
come back to it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from math import prod
from typing import Any

import numpy as np
import shapely
from shapely.geometry import Point

from rules.findings import Stop, SuspectedSite, Trip, Violation
from rules.plane import Plane
from rules.policy import Policy
from rules.registry import Registry
from rules.suspect_visits import DUMPING, LOADING, Visit, visits_of

DAY_MS = 86_400_000
PATTERN_VISITS_MIN = 3  # also of several trucks, where no sensor spoke and the engine judged no two of them
GATE_M = 100.0  # so near a site in force, a stay without a sensor's word is a queue at its gate
#: The share of all stays at a place that must have a sign, by grade: a meal place sees many that have none.
SIGNED_SHARE_MIN = {"A": 0.2, "B": 0.34, "C": 0.6}
#: How likely one truck's best sign is right: two sensors, one, the engine's inference, the order of stays alone.
TRUST = (0.9, 0.8, 0.5, 0.3)
SUREST = 0.99
OUTLINE_M = 40.0  # the outline keeps so far from the stays
EVIDENCE_VISITS = 100  # the latest so many are listed
_KINDS = {DUMPING: "unauthorised_dumping", LOADING: "no_permit"}


def suspects(
    trips: Iterable[Trip],
    stops: Iterable[Stop],
    violations: Iterable[Violation],
    registry: Registry,
    rejected: Iterable[Violation] = (),
) -> list[SuspectedSite]:
    """The places at which loads are left, or taken on, that no registry tells of; surest first.

    Args:
        trips: what the engine recorded, any order.
        stops: the same.
        violations: the same, without those that a reviewer rejected.
        registry: sites and districts.
        rejected: violations that a reviewer rejected.
    """
    refused = sorted({v.violation_id: v for v in rejected}.values(), key=lambda v: (v.start_ms, v.violation_id))
    visits, passing = visits_of(trips, stops, violations, registry, refused)
    if not visits:
        return []
    lie = _Lie(visits, passing, registry)
    found = []
    for kind, rule in _KINDS.items():
        of_kind = lie.clear_of_gates([v for v in visits if v.kind == kind])
        against = lie.placed([(v.lon, v.lat) for v in refused if v.rule == rule])
        for members in lie.clusters(of_kind):
            place = _place(kind, members, against, lie)
            if place is not None:
                found.append(place)
    sensed = lie.placed([(s.lon, s.lat) for s in found if s.evidence_grade != "C"])
    kept = [
        s
        for s, p in zip(found, lie.placed([(s.lon, s.lat) for s in found]), strict=True)
        if s.evidence_grade != "C" or all(p.distance(q) > 2 * lie.reach_m for q in sensed)
    ]
    return sorted(kept, key=lambda s: (-s.confidence, s.kind, s.lon, s.lat))


class _Lie:
    """Where everything lies, in metres."""

    def __init__(self, visits: Sequence[Visit], passing: Sequence[Stop], registry: Registry) -> None:
        self.reach_m = registry.policy.suspect_reach_m
        self.plane = Plane.around([Point(v.lon, v.lat) for v in visits])
        self.registry = registry
        self._sites = shapely.STRtree([self.plane.flatten(s.polygon) for s in registry.sites])
        self._districts = [(d.district_id, d.polygon) for d in registry.districts]
        self.passing = passing
        self._passing = shapely.STRtree(self.placed([(s.lon, s.lat) for s in passing]))

    def placed(self, lonlat: Sequence[tuple[float, float]]) -> list[Point]:
        """Degrees as points in metres."""
        if not lonlat:
            return []
        lon, lat = np.array(lonlat, dtype=np.float64).T
        return list(shapely.points(*self.plane.to_m(lon, lat)))

    def clear_of_gates(self, visits: Sequence[Visit]) -> list[Visit]:
        """The visits without those that only their order tells of, within `GATE_M` of a site."""
        points = self.placed([(v.lon, v.lat) for v in visits])
        if not points:
            return []
        near = set(self._sites.query(points, predicate="dwithin", distance=GATE_M)[0].tolist())
        return [v for i, v in enumerate(visits) if v.sensed or v.site_id or i not in near]

    def clusters(self, visits: Sequence[Visit]) -> list[list[Visit]]:
        """Visits of which each is within two reaches of another; in the order of their first."""
        if not visits:
            return []
        points = self.placed([(v.lon, v.lat) for v in visits])
        areas = shapely.get_parts(shapely.union_all(shapely.buffer(points, self.reach_m, quad_segs=8)))
        area_of, member = shapely.STRtree(points).query(areas, predicate="intersects")
        found: dict[int, list[Visit]] = {}
        for area, i in sorted(zip(area_of.tolist(), member.tolist(), strict=True)):
            found.setdefault(area, []).append(visits[i])
        return sorted(sorted(members) for members in found.values())

    def passing_at(self, points: Sequence[Point]) -> list[Stop]:
        """The stays without a sign within reach of any of the points."""
        hits = self._passing.query(list(points), predicate="dwithin", distance=self.reach_m)[1]
        return [self.passing[i] for i in sorted(set(hits.tolist()))]

    def district_at(self, lon: float, lat: float) -> str | None:
        """The district that holds a place."""
        here = Point(lon, lat)
        return next((i for i, polygon in self._districts if polygon.intersects(here)), None)

    def outline(self, points: Sequence[Point]) -> str:
        """What the stays span, with a margin, as GeoJSON text."""
        hull = shapely.buffer(shapely.convex_hull(shapely.multipoints(points)), OUTLINE_M, quad_segs=4)
        ring = np.column_stack(self.plane.to_deg(*np.array(shapely.normalize(hull).exterior.coords).T)).round(6)
        return json.dumps({"type": "Polygon", "coordinates": [ring.tolist()]}, separators=(",", ":"))


def _place(kind: str, visits: list[Visit], against: Sequence[Point], lie: _Lie) -> SuspectedSite | None:
    """The place that these visits make, None where they make none."""
    if not _often_enough(visits, lie.registry.policy):
        return None
    points = lie.placed([(v.lon, v.lat) for v in visits])
    grade = _grade(visits)
    resting = lie.passing_at(points)
    signed_share = len(visits) / (len(visits) + len(resting))
    here = shapely.MultiPoint(points)
    refused = sum(here.distance(p) <= GATE_M for p in against)
    if signed_share < SIGNED_SHARE_MIN[grade] or refused >= (len(visits) if grade != "C" else 1):
        return None
    middle = visits[_medoid(points)]
    best: dict[str, float] = {}
    for v in visits:
        best[v.plate] = max(best.get(v.plate, 0.0), _trust(v))
    sure = (1 - prod(1 - p for _, p in sorted(best.items()))) * len(visits) / (len(visits) + refused)
    return SuspectedSite(
        kind=kind,
        polygon=lie.outline(points),
        lon=middle.lon,
        lat=middle.lat,
        trucks=len(best),
        visits=len(visits),
        first_ms=min(v.start_ms for v in visits),
        last_ms=max(v.end_ms for v in visits),
        evidence_grade=grade,
        confidence=round(min(SUREST, sure), 2),
        district_id=lie.district_at(middle.lon, middle.lat),
        evidence=_evidence(visits, resting, signed_share, refused),
    )


def _often_enough(visits: Sequence[Visit], policy: Policy) -> bool:
    """Whether enough trucks, or visits, came within one window of days."""
    judged = len({v.plate for v in visits if v.violation_id}) >= policy.suspect_trucks_min or any(
        v.sensed for v in visits
    )
    for i, first in enumerate(visits):
        within = [v for v in visits[i:] if v.start_ms - first.start_ms <= policy.suspect_days * DAY_MS]
        several = len({v.plate for v in within}) >= policy.suspect_trucks_min
        if len(within) >= policy.suspect_visits_min or (several and (judged or len(within) >= PATTERN_VISITS_MIN)):
            return True
    return False


def _grade(visits: Sequence[Visit]) -> str:
    """A: two sensors of one truck, or sensors of two trucks; B: one sensor; C: patterns."""
    sensing = {v.plate for v in visits if v.sensed}
    return "A" if len(sensing) > 1 or any(v.sensed > 1 for v in visits) else "B" if sensing else "C"


def _trust(visit: Visit) -> float:
    if visit.sensed:
        return TRUST[0] if visit.sensed > 1 else TRUST[1]
    return TRUST[2] if visit.violation_id else TRUST[3]


def _medoid(points: Sequence[Point]) -> int:
    """Which point is nearest to all the others; of several the first."""
    xy = shapely.get_coordinates(points)
    sums = [round(float(np.hypot(*(xy - at).T).sum()), 3) for at in xy]
    return sums.index(min(sums))


def _evidence(visits: Sequence[Visit], resting: Sequence[Stop], signed_share: float, refused: int) -> dict[str, Any]:
    signs: dict[str, int] = {}
    for v in visits:
        for sign in v.signs or ("trip_end",):
            signs[sign] = signs.get(sign, 0) + 1
    return {
        "signs": dict(sorted(signs.items())),
        "sensing_trucks": len({v.plate for v in visits if v.sensed}),
        "passing_stays": len(resting),
        "signed_share": round(signed_share, 3),
        "rejected_here": refused,
        "sites": sorted({v.site_id for v in visits if v.site_id}),
        "stays": [_told(v) for v in visits[-EVIDENCE_VISITS:]],
    }


def _told(v: Visit) -> dict[str, Any]:
    row: dict[str, Any] = {"plate": v.plate, "start_ms": v.start_ms, "end_ms": v.end_ms, "lon": v.lon, "lat": v.lat}
    names = (("trip_id", v.trip_id), ("violation_id", v.violation_id), ("site_id", v.site_id))
    return {**row, "signs": list(v.signs), **{name: value for name, value in names if value}}
