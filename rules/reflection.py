"""Reflections between towers told from detours: a detour leaves and returns along roads, a reflection leaps.

A reflection shifts the truck by one constant vector for up to two minutes. So an excursion is one if some shift of that
size puts all of its fixes back on the route, and if the legs at its two ends are no shorter than the truck drove: who
turns into a parallel street cuts the corner on the map, while a leap adds to the way.
"""

from __future__ import annotations

from math import hypot

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from rules.stretches import DM_PER_M, Stretch

LONGEST_MS = 150_000  # reflections last up to two minutes; half a leg at either end
SMALLEST_M, LARGEST_M = 40.0, 170.0  # shifts are 60 to 140 m, noise apart
STEP_M = 15.0  # of the shifts tried
BACK_ON_ROUTE_M = 30.0  # a fix shifted back lies this near, in the median
SHORTENED_M = 40.0  # by how much the legs at both ends together may be shorter than driven, through noise
MIN_SPEED_KMH = 8.0  # a truck that stands says nothing of how far it drove


def is_reflection(row: Stretch, before: Stretch | None, after: Stretch | None, lines: BaseGeometry) -> bool:
    """Whether a stretch outside every corridor is a reflection.

    Args:
        row: the stretch outside.
        before: the stretch inside that leads to it, None at the beginning.
        after: the stretch inside that follows, None at the end.
        lines: the permitted routes on the plane, metres.
    """
    if row.end_ms - row.start_ms > LONGEST_MS or len(row.trail) != row.n or before is None or after is None:
        return False
    places = np.array(row.trail, dtype=np.float64) / DM_PER_M
    if not _one_shift_explains(places, lines):
        return False
    gained_m = _gain(before.v1_kmh, row.v0_kmh, row.lead_ms, _gap(before, row))
    gained_m += _gain(row.v1_kmh, after.v0_kmh, after.lead_ms, _gap(row, after))
    return gained_m >= -SHORTENED_M


def _one_shift_explains(places: np.ndarray, lines: BaseGeometry) -> bool:
    if shapely.distance(lines, shapely.points(places)).max() > LARGEST_M:
        return False
    side = np.arange(-LARGEST_M, LARGEST_M + 1, STEP_M)
    dx, dy = (a.ravel() for a in np.meshgrid(side, side))
    size = np.hypot(dx, dy)
    fits = (size >= SMALLEST_M) & (size <= LARGEST_M)
    shifted = places[None, :, :] + np.stack([dx[fits], dy[fits]], axis=1)[:, None, :]
    off = shapely.distance(lines, shapely.points(shifted))
    return bool((np.max(off, axis=1) <= BACK_ON_ROUTE_M).any())


def _gap(a: Stretch, b: Stretch) -> float:
    return hypot(b.x0_dm - a.x1_dm, b.y0_dm - a.y1_dm) / DM_PER_M


def _gain(from_kmh: float, to_kmh: float, lead_ms: int, leg_m: float) -> float:
    """By how many metres a leg is longer than the truck drove it."""
    if min(from_kmh, to_kmh) < MIN_SPEED_KMH:
        return 0.0
    return leg_m - (from_kmh + to_kmh) / 7.2 * lead_ms / 1000
