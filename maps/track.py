"""A truck's track as a map draws it: every fix, and the runs between them by violation and silence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from maps.layers import encode
from rules.annotate import POSITION_SLACK_M, ROAD_SPEED_MS

#: Speeds leave as whole tenths of a km/h.
SPEED_UNITS = 10
_M_PER_DEG = 111_195.0  # of latitude, on the mean sphere


@dataclass(frozen=True, eq=False)
class Track:
    """Every fix of one truck over a time, in order. Arrays of shape (n,): epoch ms, degrees, km/h (NaN: not sent)."""

    time_ms: npt.NDArray[np.int64]
    lon: npt.NDArray[np.float64]
    lat: npt.NDArray[np.float64]
    speed_kmh: npt.NDArray[np.float64]

    def __post_init__(self) -> None:
        if not len(self.time_ms) == len(self.lon) == len(self.lat) == len(self.speed_kmh):
            raise ValueError("a track's columns differ in length")
        if len(self.time_ms) > 1 and bool((np.diff(self.time_ms) < 0).any()):
            raise ValueError("a track's fixes are not in order of time")

    def __len__(self) -> int:
        return len(self.time_ms)

    def between(self, start_ms: int, end_ms: int) -> Track:
        """The fixes of `[start_ms, end_ms]`."""
        a, b = np.searchsorted(self.time_ms, [start_ms, end_ms + 1])
        return Track(self.time_ms[a:b], self.lon[a:b], self.lat[a:b], self.speed_kmh[a:b])

    def positions(self) -> npt.NDArray[np.float64]:
        """Positions, shape (n, 2), lon and lat in degrees."""
        return np.column_stack([self.lon, self.lat])

    def nearest_in_time(self, at_ms: int) -> int:
        """The index of the fix nearest to an instant."""
        return int(np.abs(self.time_ms - at_ms).argmin())

    def as_json(self) -> dict[str, Any]:
        """Times (first, then differences, ms), a coded path and speeds in tenths of km/h (null: not sent)."""
        times = np.diff(self.time_ms, prepend=np.int64(0)).tolist() if len(self) else []
        speeds = [None if np.isnan(v) else round(float(v) * SPEED_UNITS) for v in self.speed_kmh]
        return {"t": times, "p": list(encode(self.positions())) if len(self) else [], "v": speeds}


@dataclass(frozen=True)
class Run:
    """Legs of like kind, from fix `first` to fix `last` (inclusive). `cases` are indices of violations that hold."""

    first: int
    last: int
    cases: tuple[int, ...]
    gap: bool

    def as_json(self) -> list[Any]:
        """JSON-ready: first, last, gap, cases."""
        return [self.first, self.last, int(self.gap), list(self.cases)]


def jumps(track: Track) -> npt.NDArray[np.bool_]:
    """Legs that no truck can have driven: longer than road speed and two positions' noise allow; shape (n - 1,)."""
    return _too_far(track, slice(None, -1), slice(1, None))


def set_aside(track: Track) -> tuple[Track, Track]:
    """A track without single fixes at which the truck cannot have been, and those fixes.

    A fix is stray if neither the leg to it nor the leg from it can have been driven, but the way past it can.
    """
    if len(track) < 3:
        return track, _only(track, np.zeros(len(track), dtype=bool))
    leg = jumps(track)
    stray = np.zeros(len(track), dtype=bool)
    stray[1:-1] = leg[:-1] & leg[1:] & ~_too_far(track, slice(None, -2), slice(2, None))
    stray[1:] &= ~stray[:-1]
    return _only(track, ~stray), _only(track, stray)


def runs(track: Track, spans_ms: list[tuple[int, int]], gap_ms: int) -> list[Run]:
    """Splits a track into runs.

    A leg (from a fix to the next) belongs to a violation whose span holds its middle, and is a gap where it lasts
    longer than `gap_ms` or cannot have been driven: nobody knows where the truck was, so it is never drawn as a path.

    Args:
        track: the fixes.
        spans_ms: start and end of each violation, epoch ms; a violation's number is its place in the list.
        gap_ms: the longest time between two fixes that still joins them.
    """
    if len(track) < 2:
        return []
    middle = (track.time_ms[:-1] + track.time_ms[1:]) / 2
    gap = (np.diff(track.time_ms) > gap_ms) | jumps(track)
    within = np.array([(start <= middle) & (middle <= end) for start, end in spans_ms], dtype=bool).reshape(
        len(spans_ms), len(middle)
    )
    changes = (gap[1:] != gap[:-1]) | (within[:, 1:] != within[:, :-1]).any(axis=0)
    starts = [0, *(np.flatnonzero(changes) + 1).tolist()]
    ends = [*starts[1:], len(middle)]
    return [
        Run(a, b, tuple(np.flatnonzero(within[:, a]).tolist()), bool(gap[a])) for a, b in zip(starts, ends, strict=True)
    ]


def _too_far(track: Track, a: slice, b: slice) -> npt.NDArray[np.bool_]:
    north_m = (track.lat[b] - track.lat[a]) * _M_PER_DEG
    east_m = (track.lon[b] - track.lon[a]) * _M_PER_DEG * np.cos(np.radians((track.lat[a] + track.lat[b]) / 2))
    reach_m = ROAD_SPEED_MS * (track.time_ms[b] - track.time_ms[a]) / 1000 + POSITION_SLACK_M
    return np.asarray(np.hypot(north_m, east_m) > reach_m)


def _only(track: Track, keep: npt.NDArray[np.bool_]) -> Track:
    return Track(track.time_ms[keep], track.lon[keep], track.lat[keep], track.speed_kmh[keep])
