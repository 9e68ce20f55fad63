"""When a terminal reports that goes by events: every so many metres, at turns and changes, seldom while it stands."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sample_tracks.timeline import Truth

_EVERY_M, _TURN_DEG = 300.0, 35.0
_LEAST_S, _DRIVING_MAX_S, _STANDING_S, _OFF_S = 5, 60, 180, 600


def by_events(truth: Truth, rng: np.random.Generator) -> NDArray[np.int64]:
    """Seconds of the reports, in order: after 300 m, a turn of 35 degrees, or a minute; standing, every 3 to 10 min."""
    size = len(truth.speed)
    speed = truth.speed.astype(np.float64)
    step = np.diff(truth.xy.astype(np.float64), axis=0, prepend=truth.xy[:1].astype(np.float64))
    moving = speed > 0.5
    held = np.maximum.accumulate(np.where(moving, np.arange(size), 0))
    heading = np.degrees(np.arctan2(step[:, 0], step[:, 1]))[held]
    gone = np.cumsum(speed)
    marks = [truth.word, truth.lift, truth.acc, moving]
    changes = np.flatnonzero(np.any([np.diff(m.astype(np.int8), prepend=m[0]) != 0 for m in marks], axis=0))
    times = [int(rng.integers(0, 20))]
    due = iter(changes.tolist())
    change = next(due, size)
    now = times[0]
    while now < size:
        ahead = np.arange(now + 1, min(now + _OFF_S, size - 1) + 1)
        if not len(ahead):
            break
        while change <= now:
            change = next(due, size)
        turn = np.abs((heading[ahead] - heading[now] + 180) % 360 - 180) > _TURN_DEG
        drove = (gone[ahead] - gone[now] > _EVERY_M) | (turn & moving[ahead] & (ahead - now >= _LEAST_S))
        rest = np.where(moving[ahead], _DRIVING_MAX_S, np.where(truth.acc[ahead], _STANDING_S, _OFF_S))
        fires = drove | (ahead - now >= rest)
        first = int(ahead[np.argmax(fires)]) if fires.any() else int(ahead[-1])
        now = min(first, change + int(rng.integers(0, 3)) if change < first else first)
        times.append(now)
    return np.unique(np.array([t for t in times if t < size], dtype=np.int64))
