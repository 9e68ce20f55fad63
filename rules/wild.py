"""Where a truck without sensors left its load, told from the stands of a trip that reached no place for it.

Signs add up: the stand is off the roads that the fleet drives; it lasted longer than any light; the truck went back the
way it came, near the far end of the trip; it stood before the gate of a place that takes muck and never went in; other
trucks are known to leave loads there. Who then goes back to load again has left a load somewhere; of who goes home more
is asked, and so it is where the load may have been delivered unseen.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from math import hypot
from operator import attrgetter

import numpy as np
import shapely

from rules.annotate import FAST
from rules.fleet import Fleet
from rules.ground import NOWHERE, Ground
from rules.stays import Stay, turned_back
from rules.stretches import DM_PER_M, Rows, Stretch

FAR_END_SHARE = 0.85  # of the trip's farthest distance from where it loaded
SIGNS_AGAIN, SIGNS_HOME = 2.0, 2.5  # of four and more signs, each at most 1;
SIGNS_AGAIN_OFF_ROAD = 1.75  # who stood off the roads, where they are known, and loads again, was at no light
SIGNS_UNSEEN = 3.5  # where a delivery may have gone unseen
CREPT = 0.8  # what a stand off the roads counts when the truck was at speed right before or after it
PARKED_SHARE = 0.5  # of a stand's fixes with the ignition off; a late word at either end is none
JAMMED = 0.3  # what creeping to a stand and away from it counts on a road


@dataclass(frozen=True)
class Wild:
    """The likeliest stand, how many signs tell of it, and by which words."""

    stay: Stay
    signs: float
    off_road: bool
    words: tuple[str, ...]


def likeliest(
    stands: list[tuple[Stay, int]],
    left_ms: int,
    until_ms: int,
    rows: Rows,
    ground: Ground,
    fleet: Fleet,
    unseen: bool = False,
) -> Wild | None:
    """The stand at which the load was left, None where no stand has signs enough.

    Args:
        stands: the trip's stands, each with the site it was at.
        left_ms: when the truck pulled away laden, epoch ms.
        until_ms: when it loaded again, or was last seen.
        rows: its stretches.
        ground: the registry on the plane.
        fleet: roads and places known.
        unseen: whether it may have delivered while nobody saw.
    """
    policy, motion = ground.policy, rows["motion"]
    x0, y0 = _place(rows, left_ms)
    on_the_way = motion[bisect_left(motion, left_ms, key=_end) : bisect_left(motion, until_ms, key=_end)]
    away = [hypot(r.x1_dm / DM_PER_M - x0, r.y1_dm / DM_PER_M - y0) for r in on_the_way]
    far = max(away, default=0.0)
    weighed: list[Wild] = []
    for stay, index in stands:
        if index != NOWHERE or not policy.dump_stand_min_s <= stay.still_ms / 1000 <= policy.dump_stand_max_s:
            continue
        if stay.off > PARKED_SHARE * stay.n:
            continue  # the engine's pump raises the body: who has switched off rests
        near_end = hypot(stay.x_m - x0, stay.y_m - y0) >= FAR_END_SHARE * far
        long = stay.still_ms >= policy.dump_stand_long_s * 1000
        off, place = _off_road(stay, rows, ground, fleet)
        gate = long and not unseen and _at_gate(stay, ground)
        back = turned_back(stay, motion)
        if fleet.roads and off >= CREPT and stay.n > 1:
            back = max(back, 0.0)  # a track may lead on to another road; going straight on tells of lights, on a road
        signs = off + long + back + near_end + gate + place
        words = tuple(w for w, told in (("turned_back", True), ("gate", gate), ("known_place", place)) if told)
        weighed.append(Wild(stay, round(signs, 3), off >= CREPT, words))
    if not weighed:
        return None
    best = max(weighed, key=lambda w: (w.signs, w.stay.start_ms))
    home = any((site := ground.site(index)) and site.kind == "depot" for _, index in stands)
    again = SIGNS_AGAIN_OFF_ROAD if fleet.roads and best.off_road else SIGNS_AGAIN
    least = SIGNS_UNSEEN if unseen else SIGNS_HOME if home else again
    return best if best.signs >= least else None


def _off_road(stay: Stay, rows: Rows, ground: Ground, fleet: Fleet) -> tuple[float, bool]:
    """How far the stand tells of being off the road, 0 to 1, and whether it is a place where bodies are raised."""
    crept = crept_to_and_fro(stay, rows)
    lon, lat = (float(v[0]) for v in ground.plane.to_deg(np.array([stay.x_m]), np.array([stay.y_m])))
    on_road = fleet.on_road(lon, lat)
    if on_road is None:
        return float(crept), fleet.known_place(lon, lat)
    if on_road:
        return (JAMMED if crept else 0.0), fleet.known_place(lon, lat)
    return (1.0 if crept else CREPT), fleet.known_place(lon, lat)


def crept_to_and_fro(stay: Stay, rows: Rows) -> bool:
    """Whether the truck crept to the stand and away from it, as one does off the road."""
    motion = rows["motion"]
    i = bisect_left(motion, stay.first_fix_ms, key=_start)
    j = bisect_right(motion, stay.last_fix_ms, key=_start)
    return i > 0 and j < len(motion) and motion[i - 1].key != FAST and motion[j].key != FAST


def _at_gate(stay: Stay, ground: Ground) -> bool:
    """Whether the stand is before a site that takes muck and is in force then."""
    here = shapely.Point(stay.x_m, stay.y_m)
    return any(
        site.takes_muck and site.validity.holds(stay.start_ms) and polygon.distance(here) <= ground.policy.gate_m
        for site, polygon in zip(ground.registry.sites, ground.site_polygons, strict=True)
    )


_start: Callable[[Stretch], int] = attrgetter("start_ms")
_end: Callable[[Stretch], int] = attrgetter("end_ms")


def _place(rows: Rows, at_ms: int) -> tuple[float, float]:
    motion = rows["motion"]
    row = motion[min(bisect_left(motion, at_ms, key=_end), len(motion) - 1)]
    return row.x0_dm / DM_PER_M, row.y0_dm / DM_PER_M
