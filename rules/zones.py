"""Passages through zones, for the rules that forbid them.

Trucks drive lawfully along the edges of zones, and positions drift and leap. So a passage must go deeper into the zone
than drift does. And a moment inside that one shift puts back on a way past the zone is a reflection: the straight way
from the fix before to the fix after, or a permitted route between them.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry
from shapely.ops import substring

from rules.ground import Ground
from rules.intervals import Span, intersect, total_ms, union
from rules.reflection import LARGEST_M, LONGEST_MS, one_shift_explains
from rules.rule import Breach, EvidenceField, Excused, Outing
from rules.stays import clipped
from rules.stretches import DM_PER_M, Stretch, places_m
from rules.tags import Tag

ZONE_EVIDENCE = (
    EvidenceField("inside_s", "s", "driving inside during the hours"),
    EvidenceField("distance_m", "m", "ground covered inside, between first and last fix"),
    EvidenceField("top_speed_kmh", "km/h", "fastest fix inside"),
    EvidenceField("fixes_inside", "fixes", "fixes inside"),
    EvidenceField("deepest_m", "m", "farthest inside from the zone's edge"),
    EvidenceField("zone_id", "zone_id", "the zone"),
    EvidenceField("zone_hours", "local HH:MM", "its hours"),
)
LEAST_FIXES = 2  # a lone fix inside may be noise, however long the legs that lead to it and away
SURE_FIXES, SURE_MS = 3, 90_000  # so many fixes for so long leave no doubt that the truck was inside
DEEP_SHARE = 0.4  # of the fixes inside lie deeper than drift reaches
NARROW_SHARE = 0.4  # of a zone's area over its outline, half the width of a long one: deep enough where that is less
TOUCH_SHARE = 0.6  # of a run's depth: the way beside a zone is drawn or cut so roughly that it may touch the zone
ROAD_M = 60.0  # routes are drawn so far off the carriageway
ABOUT_SHARE = 0.25  # of the way driven: as long as a route, with a shift at either end
STRAIGHT_MS = 15_000  # in longer legs a truck may have turned a corner: the straight way tells nothing
STEP_M = 20.0  # between places at which a way's depth is measured


def passages(outing: Outing, kind: str, ground: Ground) -> list[Breach | Excused]:
    """Driving in zones of a kind during their hours; stretches in one zone less than five minutes apart are one."""
    found: list[Breach | Excused] = []
    for k in sorted({k for row in outing.rows["zone"] for k in row.key}):
        if ground.registry.zones[k].kind == kind:
            found += _through(outing, k, ground)
    return found


def _through(outing: Outing, k: int, ground: Ground) -> list[Breach | Excused]:
    zone, policy = ground.registry.zones[k], ground.policy
    polygon = ground.zone_polygons[k]
    enough_m = min(policy.zone_depth_m, NARROW_SHARE * polygon.area / polygon.length)
    shifted = _reflected(outing.rows["zone"], k, enough_m, ground)
    within = [
        (row, start, end)
        for row, start, end in clipped(outing.rows["zone"], outing.start_ms, outing.end_ms)
        if k in row.key and row not in shifted
    ]
    in_hours: list[Span] = []
    for _, start, end in within:
        start, end = max(start, zone.validity.from_ms), min(end, zone.validity.to_ms)
        in_hours += zone.hours.between(start, end, ground.registry.zone)
    driven = intersect(union(in_hours), outing.drives)
    breaches: list[Breach | Excused] = [Excused(Tag.REFLECTED, r.start_ms, r.end_ms, r.n) for r in shifted]
    for start, end in union(driven, policy.zone_merge_s * 1000):
        inside_ms = total_ms(intersect(driven, [(start, end)]))
        if inside_ms < policy.zone_min_s * 1000:
            continue
        rows: list[Stretch] = [r for r, a, b in within if b > start and a < end]
        fixes = sum(r.n for r in rows)
        deepest_m, deep = _depth(rows, polygon, enough_m)
        if fixes < LEAST_FIXES or deep < DEEP_SHARE * fixes:
            continue
        x, y = rows[0].mean_m
        evidence = {
            "inside_s": inside_ms // 1000,
            "distance_m": sum(r.length_mm for r in rows) // 1000,
            "top_speed_kmh": round(max(r.top_kmh for r in rows), 1),
            "fixes_inside": fixes,
            "deepest_m": round(deepest_m),
            "zone_id": zone.zone_id,
            "zone_hours": str(zone.hours),
        }
        sure = round(0.85 + 0.13 * min(1.0, fixes / SURE_FIXES) * min(1.0, inside_ms / SURE_MS), 3)
        breaches.append(Breach(start, end, x, y, sure, evidence))
    return breaches


def _depth(rows: list[Stretch], zone: BaseGeometry, enough_m: float) -> tuple[float, int]:
    """How far from the zone's edge the truck came, metres, and how many fixes lie deeper than drift reaches."""
    edge, deepest_m, deep = zone.boundary, 0.0, 0
    for row in rows:
        whole = len(row.trail) == row.n
        places = places_m([row]) if whole else [row.mean_m]
        depths = shapely.distance(edge, shapely.points(places))
        deepest_m = max(deepest_m, float(depths.max()))
        deep += int((depths >= enough_m).sum()) if whole else row.n * int(depths[0] >= enough_m)
    return deepest_m, deep


def _reflected(rows: list[Stretch], k: int, enough_m: float, ground: Ground) -> list[Stretch]:
    """The short runs within a zone that a truck beside it makes when it is seen shifted."""
    found: list[Stretch] = []
    run: list[Stretch] = []
    before: Stretch | None = None
    for row in rows:
        if k in row.key:
            run.append(row)
            continue
        if run and before is not None and _passed_by(before, run, row, ground.zone_polygons[k], enough_m, ground):
            found += run
        run, before = [], row
    return found


def _passed_by(
    before: Stretch, run: list[Stretch], after: Stretch, zone: BaseGeometry, enough_m: float, ground: Ground
) -> bool:
    """Whether one shift puts a run on a way between the fixes around it that keeps out of the zone."""
    if run[-1].end_ms - run[0].start_ms > LONGEST_MS or any(len(row.trail) != row.n for row in run):
        return False
    places = places_m(run)
    depths_m = shapely.distance(zone.boundary, shapely.points(places))
    if not enough_m <= depths_m.max() <= LARGEST_M:
        return False
    deep = places[depths_m >= enough_m]
    allowed_m = max(enough_m, TOUCH_SHARE * float(depths_m.max()))
    return any(
        one_shift_explains(deep, way) and _depth_of(way, zone) < allowed_m
        for way in _ways(before, run, after, ground.roads)
    )


def _ways(before: Stretch, run: list[Stretch], after: Stretch, roads: NDArray[np.object_]) -> Iterator[BaseGeometry]:
    """The straight way from fix to fix, where few turns fit between, and permitted routes about as long as driven.

    Where a silence hides the fix before or after, the run's own end stands for it, which may be shifted.
    """
    ends = [(before.x1_dm, before.y1_dm), (after.x0_dm, after.y0_dm)]
    driven_mm = sum(r.lead_mm + r.length_mm for r in run) + after.lead_mm
    legs_ms = (run[0].lead_ms, after.lead_ms)
    if min(legs_ms) >= 0 and max(legs_ms) <= STRAIGHT_MS:
        yield shapely.LineString(np.array(ends) / DM_PER_M)
    if not 0 <= legs_ms[0] <= LONGEST_MS:
        ends[0], driven_mm = (run[0].x0_dm, run[0].y0_dm), driven_mm - run[0].lead_mm
    elif not 0 <= legs_ms[1] <= LONGEST_MS:
        ends[1], driven_mm = (run[-1].x1_dm, run[-1].y1_dm), driven_mm - after.lead_mm
    a, b = shapely.points(np.array(ends) / DM_PER_M)
    off_m = np.stack([shapely.distance(roads, a), shapely.distance(roads, b)])
    near = roads[(off_m.min(axis=0) < ROAD_M) & (off_m.max(axis=0) < LARGEST_M)]  # one end may be shifted, too
    for road in near:
        way = substring(road, *sorted((road.project(a), road.project(b))))
        if abs(way.length - driven_mm / 1000) < ABOUT_SHARE * driven_mm / 1000 + LARGEST_M:
            yield way


def _depth_of(way: BaseGeometry, zone: BaseGeometry) -> float:
    """How deep into a zone a way leads, metres; 0 where it keeps out."""
    places = shapely.points(shapely.get_coordinates(shapely.segmentize(way, STEP_M)))
    inside = places[shapely.contains(zone, places)]
    return float(shapely.distance(zone.boundary, inside).max()) if len(inside) else 0.0
