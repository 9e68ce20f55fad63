"""Reflections between towers told from detours.

A reflection shifts the truck by one constant vector of 60 to 140 m for up to two minutes and leaps at either end, round
corners too. So a short excursion is one if some shift of that size puts every one of its fixes back on the route. A
detour along other streets comes and goes: its fixes ask for different shifts. That the legs at the ends are longer than
driven was tried as a second sign and is none: at a corner, and with fixes far apart, a leap may shorten the way, too.
"""

from __future__ import annotations

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from rules.stretches import Stretch, places_m

LONGEST_MS = 150_000  # reflections last up to two minutes; half a leg at either end
SMALLEST_M, LARGEST_M = 40.0, 190.0  # shifts are 60 to 140 m; noise and a route drawn off the carriageway apart
STEP_M = 15.0  # of the shifts tried
BACK_ON_ROUTE_M = 30.0  # a fix shifted back lies this near
DRIFT_M = 25.0  # no farther beyond a corridor or a zone's edge drift alone takes a truck


def is_reflection(row: Stretch, lines: BaseGeometry, corridor: BaseGeometry) -> bool:
    """Whether a stretch outside every corridor is a reflection; fixes that drift explains do not count.

    Args:
        row: the stretch outside.
        lines: the permitted routes on the plane, metres.
        corridor: the land within their corridors.
    """
    if row.end_ms - row.start_ms > LONGEST_MS or len(row.trail) != row.n:
        return False
    places = places_m([row])
    far = places[~shapely.dwithin(corridor, shapely.points(places), DRIFT_M)]
    return one_shift_explains(far if len(far) else places, lines)


def one_shift_explains(places: NDArray[np.float64], lines: BaseGeometry) -> bool:
    """Whether some shift that a reflection makes puts every place (n, 2) back on lines, all metres on the plane."""
    off_m = shapely.distance(lines, shapely.points(places))
    if off_m.max() > LARGEST_M:
        return False
    shifts = _SHIFTS
    for place in places[np.argsort(-off_m)]:  # the farther off, the more shifts fall out
        shifts = shifts[shapely.distance(lines, shapely.points(place + shifts)) <= BACK_ON_ROUTE_M]
        if not len(shifts):
            return False
    return True


def _shifts() -> NDArray[np.float64]:
    """The shifts that are tried, metres east and north, one a row."""
    side = np.arange(-LARGEST_M, LARGEST_M + 1, STEP_M)
    dx, dy = (a.ravel() for a in np.meshgrid(side, side))
    size_m = np.hypot(dx, dy)
    shifts: NDArray[np.float64] = np.stack([dx, dy], axis=1)[(size_m >= SMALLEST_M) & (size_m <= LARGEST_M)]
    return shifts


_SHIFTS = _shifts()
