"""How a laden truck drives a path: acceleration, corners, lights, jams, halts; where it is at every second."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from sample_tracks.plane import Floats
from sample_tracks.roads import Network, Path

_STEP_M = 5.0
_SIDEWAYS_MS2 = 1.4
_PULL_MS2 = {True: 0.45, False: 0.75}  # laden, empty
_BRAKE_MS2 = 1.0


@dataclass
class Leg:
    """What is out of the ordinary about one drive; fractions are of the path's length.

    `halts` are (fraction, seconds) stops at the roadside; `crawls` (from, to, km/h) jams; `race_kmh` is a speed that
    the driver holds from `race[0]` to `race[1]`, corners and lights allowing; `laden` trucks pull away slower.
    """

    laden: bool = False
    halts: list[tuple[float, float]] = field(default_factory=list)
    crawls: list[tuple[float, float, float]] = field(default_factory=list)
    race: tuple[float, float] = (0.0, 0.0)
    race_kmh: float = 0.0
    red_share: float = 0.35


def drive(network: Network, path: Path, leg: Leg, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Positions (n, 2) in metres and speeds (n,) in m/s at every second, from standstill to standstill."""
    line, along = _resample(network.line_of(path))
    cap = _free_speed(network, path, line, along, rng)
    length = along[-1]
    racing = (along >= leg.race[0] * length) & (along < leg.race[1] * length)
    if leg.race_kmh:
        cap[racing] = np.minimum(leg.race_kmh / 3.6, 1.6 * _corner_speed(line)[racing])
    for a, b, kmh in leg.crawls:
        slow = (along >= a * length) & (along < b * length)
        cap[slow] = np.minimum(cap[slow], kmh / 3.6 * rng.uniform(0.5, 1.5, int(slow.sum())))
    waits = np.zeros(len(along))
    for index, seconds in _reds(network, path, along, leg, rng):
        if not (leg.race_kmh and racing[index]):
            cap[index], waits[index] = 0.0, waits[index] + seconds
    for fraction, seconds in leg.halts:
        index = int(np.clip(round(fraction * (len(along) - 1)), 2, len(along) - 3))
        cap[index], waits[index] = 0.0, waits[index] + seconds
    cap[0] = cap[-1] = 0.0
    return _clocked(line, along, _pace(cap, leg.laden), waits)


def _resample(line: Floats) -> tuple[Floats, Floats]:
    """Points every few metres along a line, corners slightly rounded, and their distance along it."""
    along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(line, axis=0).T))])
    at = np.linspace(0.0, along[-1], max(6, int(along[-1] / _STEP_M)))
    dense = np.column_stack([np.interp(at, along, line[:, 0]), np.interp(at, along, line[:, 1])])
    smooth = dense.copy()
    smooth[1:-1] = 0.25 * dense[:-2] + 0.5 * dense[1:-1] + 0.25 * dense[2:]
    return smooth, np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(smooth, axis=0).T))])


def _corner_speed(line: Floats) -> Floats:
    """What the bend at each point allows, m/s."""
    step = np.diff(line, axis=0)
    turn = np.abs(np.diff(np.unwrap(np.arctan2(step[:, 1], step[:, 0]))))
    spread = np.convolve(np.concatenate([[0.0], turn, [0.0]]), np.ones(3), "same")
    radius = 3 * _STEP_M / np.maximum(spread, 1e-3)
    return np.maximum(np.sqrt(_SIDEWAYS_MS2 * radius), 2.2)


def _free_speed(network: Network, path: Path, line: Floats, along: Floats, rng: np.random.Generator) -> Floats:
    """What this driver would drive with nobody in the way, m/s."""
    ends, cruise = network.cruise_of(path)
    on = np.minimum(np.searchsorted(ends, along * ends[-1] / along[-1]), len(cruise) - 1)
    knots = np.arange(0.0, along[-1] + 900, 450)
    mood = np.interp(along, knots, rng.uniform(0.82, 1.0, len(knots)))
    return np.asarray(np.minimum(cruise[on] * mood, _corner_speed(line)))


def _reds(network: Network, path: Path, along: Floats, leg: Leg, rng: np.random.Generator) -> list[tuple[int, float]]:
    """Lights that are red: index along the path, just before the junction, and seconds waited."""
    ends, _ = network.cruise_of(path)
    found = []
    for node, end in zip(path.nodes[1:-1], ends[:-1], strict=True):
        if node in network.lights and rng.random() < leg.red_share:
            at = (end - 14.0) * along[-1] / ends[-1]
            found.append((int(np.clip(np.searchsorted(along, at), 2, len(along) - 3)), float(rng.uniform(6, 65))))
    return found


def _pace(cap: Floats, laden: bool) -> Floats:
    """The fastest speeds under the caps that acceleration and braking allow."""
    metres = np.arange(len(cap)) * _STEP_M
    pull = 2 * _PULL_MS2[laden] * metres
    square = np.minimum.accumulate(cap**2 - pull) + pull
    brake = 2 * _BRAKE_MS2 * metres
    back = square[::-1]
    square = (np.minimum.accumulate(back - brake) + brake)[::-1]
    return np.asarray(np.sqrt(np.maximum(square, 0.0)))


def _clocked(line: Floats, along: Floats, speed: Floats, waits: Floats) -> tuple[Floats, Floats]:
    """Turns speeds at places into places at seconds; a wait holds the truck where it is."""
    mean = np.maximum((speed[1:] + speed[:-1]) / 2, 0.6)
    arrive = np.concatenate([[0.0], np.cumsum(np.diff(along) / mean + waits[:-1])])
    times = np.column_stack([arrive, arrive + waits]).ravel()
    places = np.repeat(along, 2)
    seconds = np.arange(0, int(np.ceil(times[-1])) + 1, dtype=np.float64)
    keep = np.concatenate([[True], np.diff(times) > 1e-9])
    at = np.interp(seconds, times[keep], places[keep])
    xy = np.column_stack([np.interp(at, along, line[:, 0]), np.interp(at, along, line[:, 1])])
    return xy, np.concatenate([[0.0], np.diff(at)])
