"""Sensors that contradict their own truck: which, why, and since when.

Each is held against what the truck did: the load word against the kind of place it came from, a raised body against
speed, a cover against how often it turns while driving. An illness that begins in the middle of what is stored is dated
to the last moment up to which the sensor was well.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rules.ground import Ground
from rules.plane import Floats
from rules.policy import Policy
from rules.raster import Ints

SENSOR_SAMPLE = 3_000  # fixes of a terminal looked at for its load and cover sensors; more are thinned evenly
AFTER_VISIT_MS = 600_000  # so long after a visit even a truck that dumps on the way is mostly still as it left
NEIGHBOURS_MS = 120_000
DRIVING_KMH = 20.0
STANDING_KMH = 2.0
#: An illness has a beginning only after a time in which the sensor was clearly well, not merely less ill:
LOAD_WELL_CONTRAST = 0.7
RAISED_DRIVING_WELL_SHARE = 0.03
COVER_WELL_OPEN_SHARE = 0.8
COVER_WELL_TURNS_SHARE = 0.01
PARTS = 14  # the stored time is looked at in so many parts to date an illness

Bools = NDArray[np.bool_]
_Word = tuple[float, str, bool]  # how well, the more the better; why ill ("" where it is not); whether clearly well


@dataclass(frozen=True)
class Illness:
    """Why a sensor is not believed, and since when (epoch ms)."""

    why: str
    since_ms: int


def load_illness(time_ms: Ints, load: Ints, road: Bools, after: NDArray[np.int8], policy: Policy) -> Illness | None:
    """Of a load sensor whose word does not tell the way from a loading place from the way from an unloading one.

    Args:
        time_ms: of the fixes.
        load: 1, 0, or -1 for nothing said.
        road: whether the truck drove on the road.
        after: 1 after loading places, 0 after places that take muck, -1 after neither.
        policy: the thresholds in force.
    """
    spoken = load >= 0
    if not spoken.any():
        return None

    def word(rows: Bools) -> _Word | None:
        loaded, emptied = load[rows & road & spoken & (after == 1)], load[rows & road & spoken & (after == 0)]
        if len(loaded) < policy.sensor_min_fixes or len(emptied) < policy.sensor_min_fixes:
            return None
        contrast = float(loaded.mean() - emptied.mean())
        why = f"says loaded in {loaded.mean():.0%} of fixes after loading, {emptied.mean():.0%} after unloading"
        return contrast, why if contrast < policy.load_contrast else "", contrast >= LOAD_WELL_CONTRAST

    words = load[spoken]
    unknown = word(np.ones(len(load), bool)) is None
    if unknown and (road & spoken).sum() >= policy.sensor_min_fixes and words.min() == words.max():
        return Illness(f"always {'loaded' if words[0] else 'empty'}", int(time_ms[0]))
    return _dated(time_ms, word)


def lift_illness(time_ms: Ints, lift: Ints, speed_kmh: Floats, policy: Policy) -> Illness | None:
    """Of a lift sensor that says that the body is up at speed.

    Args:
        time_ms: of the fixes.
        lift: 1, 0, or -1 for nothing said.
        speed_kmh: of the fixes.
        policy: the thresholds in force.
    """
    raised, fast = lift == 1, speed_kmh > DRIVING_KMH
    if not raised.any():
        return None

    def word(rows: Bools) -> _Word | None:
        at_speed, told = int((rows & raised & fast).sum()), int((rows & raised).sum())
        why = f"body up at more than {DRIVING_KMH:.0f} km/h in {at_speed} of {told} raised fixes"
        ill = at_speed >= policy.raised_driving_min and at_speed > policy.raised_driving_share * told
        return (1 - at_speed / told, why if ill else "", at_speed <= RAISED_DRIVING_WELL_SHARE * told) if told else None

    return _dated(time_ms, word)


def cover_illness(time_ms: Ints, cover: Ints, road: Bools, policy: Policy) -> Illness | None:
    """Of a cover sensor that never says closed on the road, or turns again and again at speed.

    Args:
        time_ms: of the fixes.
        cover: 1 closed, 0 open, -1 for nothing said.
        road: whether the truck drove on the road.
        policy: the thresholds in force.
    """
    rows_told = np.flatnonzero(road & (cover >= 0))
    if len(rows_told) < policy.sensor_min_fixes:
        return None

    def word(rows: Bools) -> _Word | None:
        at = rows_told[rows[rows_told]]
        if len(at) < policy.sensor_min_fixes:
            return None
        open_share = float((cover[at] == 0).mean())
        near = np.diff(time_ms[at]) <= NEIGHBOURS_MS
        turns = int((near & (np.diff(cover[at]) != 0)).sum())
        if turns >= policy.cover_turns_min and turns > policy.cover_turns_share * near.sum():
            return 1 - turns / int(near.sum()), f"turns {turns} times in {int(near.sum())} steps while driving", False
        why = f"open in {open_share:.0%} of fixes on the road"
        well = open_share <= COVER_WELL_OPEN_SHARE and turns <= max(1, COVER_WELL_TURNS_SHARE * near.sum())
        return 1 - open_share, why if open_share >= policy.cover_open_share else "", well

    return _dated(time_ms, word)


def _dated(time_ms: Ints, word: Callable[[Bools], _Word | None]) -> Illness | None:
    """An illness of the whole time or of its later part; `word` gives None where nobody knows.

    It is dated to the moment that parts a clearly well sensor from an ill one best, where there is such a moment, else
    to the start: a flicker that shows seldom at first was there all the time.
    """
    whole = word(np.ones(len(time_ms), bool))
    late = word(time_ms >= time_ms[len(time_ms) // 2])
    if not (whole and whole[1]) and not (late and late[1]):
        return None
    begin, end = int(time_ms[0]), int(time_ms[-1])
    parted: list[tuple[float, int, str]] = []
    for k in range(1, PARTS):
        cut_ms = begin + (end - begin) * k // PARTS
        before, after = word(time_ms < cut_ms), word(time_ms >= cut_ms)
        if before and after and after[1] and before[2]:
            parted.append((before[0] - after[0], cut_ms, after[1]))
    if parted:
        _, since_ms, why = max(parted)
        return Illness(why, since_ms)
    return Illness(whole[1], begin) if whole and whole[1] else None


def last_visit(site: NDArray[np.int32], time_ms: Ints, speed_kmh: Floats, ground: Ground) -> NDArray[np.int8]:
    """For each fix the kind of place just left: 1 a construction site, 0 one that takes muck, -1 neither or none."""
    kinds = [1 if s.kind == "construction" else 0 if s.takes_muck else -1 for s in ground.registry.sites]
    here = np.array([*kinds, -1], dtype=np.int8)[site]
    runs = np.flatnonzero(np.r_[True, site[1:] != site[:-1]])
    ends = np.r_[runs[1:], len(site)] - 1
    long = time_ms[ends] - time_ms[runs] >= ground.policy.load_stay_min_s * 1000
    stood = np.minimum.reduceat(speed_kmh, runs) < STANDING_KMH
    marks = np.full(len(site), -1, dtype=np.int64)
    visits = runs[long & stood & (here[runs] >= 0)]
    marks[visits] = visits
    latest = np.maximum.accumulate(marks)
    since_end_ms = time_ms - time_ms[ends[np.searchsorted(runs, np.maximum(latest, 0), "right") - 1]]
    fresh = (latest >= 0) & (since_end_ms <= AFTER_VISIT_MS)
    return np.where(fresh, here[np.maximum(latest, 0)], -1).astype(np.int8)
