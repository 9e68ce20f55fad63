"""Clocks that may be hours off where the order of arrival proves nothing: told to who decides, never put right.

A truck all of whose driving lies outside the hours that it has leave for, and all inside them eight hours earlier or
later, has a clock that is off, or a driver who breaks the rules by the clock. Nobody can tell which from fixes alone:
to say nothing would excuse whoever hauls by day alone. So it is judged as told, and the terminal's health, which stands
on every case's page, says to look at the clock first.
"""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from rules.fleet import CLOCK_OFF_MS
from rules.ground import Ground
from rules.raster import Ints
from rules.sensors import DRIVING_KMH

DAY_MIN, MIN_MS = 1440, 60_000
PADDING_MIN = 30  # trucks leave the depot before their hours begin, and are back after they end
MOST_HOURS = 16  # whose leave covers more of the day fits whatever the clock says
LEAST_FIXES = 100  # while driving
IN_HOURS, OUT_OF_HOURS = 0.98, 0.02


def clock_doubt(plate: str, time_ms: Ints, speed_kmh: NDArray[np.float64], ground: Ground) -> str:
    """Why a terminal's clock is doubted, or nothing.

    Args:
        plate: the truck.
        time_ms: of the terminal's fixes with a position, as told.
        speed_kmh: of the same.
        ground: the registry on the plane.
    """
    allowed = _allowed(plate, ground)
    if allowed is None:
        return ""
    driven_ms = time_ms[speed_kmh > DRIVING_KMH]
    if len(driven_ms) < LEAST_FIXES:
        return ""
    offset = datetime.fromtimestamp(int(driven_ms[0]) / 1000, UTC).astimezone(ground.registry.zone).utcoffset()
    local_min = driven_ms // MIN_MS + (int(offset.total_seconds()) // 60 if offset else 0)
    if len(np.unique(local_min // DAY_MIN)) < ground.policy.clock_doubt_days:
        return ""
    if allowed[local_min % DAY_MIN].mean() > OUT_OF_HOURS:
        return ""
    off_min = CLOCK_OFF_MS // MIN_MS
    for way, shift_min in (("behind", off_min), ("ahead", -off_min)):
        fit = float(allowed[(local_min + shift_min) % DAY_MIN].mean())
        if fit >= IN_HOURS:
            said = f"no driving within the permitted hours as told, {fit:.0%} if it is"
            return f"clock may be 8 h {way}: {said}; judged as told, look at the terminal first"
    return ""


def _allowed(plate: str, ground: Ground) -> NDArray[np.bool_] | None:
    """The local minutes of a day at which the truck ever has leave to drive; None where that tells nothing."""
    registry = ground.registry
    hours = [p.hours for p in registry.permits_of(plate)] + [e.hours for e in registry.whitelist_of.get(plate, ())]
    allowed = np.zeros(DAY_MIN, bool)
    for begin, end in (span for each in hours for span in each.spans_min):
        allowed[np.arange(begin - PADDING_MIN, end + PADDING_MIN) % DAY_MIN] = True
    return allowed if hours and allowed.sum() <= MOST_HOURS * 60 else None
