"""What the terminal says of the truth: sampled, noisy, now and then silent, reflected, frozen, late or lying."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from ingest.datum import from_wgs84
from sample_tracks.city import City
from sample_tracks.clock import Spans, join, mask_of, spans_of
from sample_tracks.events import by_events
from sample_tracks.fleet import Knobs, Truck
from sample_tracks.plane import Floats, to_degrees
from sample_tracks.timeline import FULL, Truth

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Noise:
    """How bad positions and links are: metres, and events an hour of driving."""

    sigma_m: tuple[float, float]
    reflections_h: float
    silences_h: float
    lone_errors: float  # share of fixes whose sensor word is wrong
    repeats: float
    late_h: float


NOISE = {
    "clean": Noise((0.0, 0.0), 0.0, 0.0, 0.0, 0.0, 0.0),
    "urban": Noise((5.0, 8.0), 0.10, 0.15, 0.001, 0.002, 0.05),
    "harsh": Noise((8.0, 14.0), 0.45, 0.40, 0.004, 0.010, 0.20),
}
_DRIFT_S = 60.0
_OFF_S, _IDLE_S = 285, 30


@dataclass
class Fixes:
    """One terminal's fixes in the order of their time; seconds of the simulation, degrees in the true datum."""

    second: Ints
    lonlat: Floats
    speed_kmh: Floats
    heading_deg: Ints
    word: Ints
    lift: NDArray[np.bool_]
    cover: NDArray[np.bool_]
    acc: NDArray[np.bool_]
    valid: NDArray[np.bool_]
    arrives: Floats
    sound: NDArray[np.bool_]  # the position can be believed: valid and not frozen
    reflected: Spans


def report(truth: Truth, truck: Truck, knobs: Knobs, rng: np.random.Generator, city: City) -> Fixes:
    """Samples a truth as the truck's terminal does."""
    noise = NOISE[knobs.noise]
    size = len(truth.speed)
    near_driving = mask_of(join(spans_of(truth.speed > 0.3), 45), size)
    hours = near_driving.sum() / 3600
    silences_h = noise.silences_h if knobs.silence_rate is None else knobs.silence_rate
    reflections_h = noise.reflections_h if knobs.reflection_rate is None else knobs.reflection_rate
    quiet = _random_spans(rng, near_driving, silences_h * hours, (60, 480))
    quiet = [
        (a, b + (420 if not truth.carrying[a : b + 420].any() and i % 3 == 0 else 0)) for i, (a, b) in enumerate(quiet)
    ]
    held = quiet[::3]
    dark = [s for i, s in enumerate(quiet) if i % 3] + [(a, b) for a, b, why in truth.silences if why != "frozen"]
    frozen = [(a, b) for a, b, why in truth.silences if why == "frozen"]
    reflected = _random_spans(rng, near_driving, reflections_h * hours, (20, 115))
    second = by_events(truth, rng) if truck.by_events else _times(truth, truck, near_driving, rng)
    keep = mask_of(truth.on_air, size)[second] & ~mask_of(dark, size)[second]
    if noise.sigma_m[1]:
        keep &= rng.random(len(second)) > 0.003
        keep &= ~_within(city.air.tunnels, truth, second)
    second = second[keep]
    drift = _drift(second, truth, rng.uniform(*noise.sigma_m), rng)
    drift[_within(city.air.tall, truth, second)] *= city.air.times
    xy = truth.xy[second].astype(np.float64) + drift
    for a, b in reflected:
        turn, shift = rng.uniform(0, 2 * np.pi), rng.uniform(60, 140)
        xy[(second >= a) & (second < b)] += shift * np.array([np.cos(turn), np.sin(turn)])
    stuck = _hold(xy, second, frozen)
    unfixed = _hold(xy, second, held)
    speed, heading = _motion(truth, second, stuck | unfixed, noise, rng)
    word, lift, cover = _sensors(truth, truck, second, noise, rng)
    degrees = to_degrees(xy, city.settings.centre_deg)
    lon, lat = from_wgs84(degrees[:, 0], degrees[:, 1], truck.true_datum)
    lonlat: Floats = np.column_stack([lon, lat]).round(6)
    return Fixes(
        second, lonlat, speed, heading, word, lift, cover, truth.acc[second], ~unfixed,
        _arrivals(second, noise, hours, rng), ~(stuck | unfixed), reflected,
    )  # fmt: skip


def _random_spans(rng: np.random.Generator, driving: NDArray[np.bool_], mean: float, length: tuple[int, int]) -> Spans:
    """A Poisson number of spans that begin while driving and do not overlap."""
    moments = np.flatnonzero(driving)
    count = int(rng.poisson(mean)) if mean > 0 and len(moments) else 0
    spans: Spans = []
    for start in sorted(rng.choice(moments, count).tolist()) if count else ():
        if not spans or start > spans[-1][1] + 120:
            spans.append((start, int(start + rng.uniform(*length))))
    return spans


def _times(truth: Truth, truck: Truck, near_driving: NDArray[np.bool_], rng: np.random.Generator) -> Ints:
    """Seconds at which it reports: by its interval, less often when idle, seldom when off, and at every change."""
    size = len(truth.speed)
    state = np.where(near_driving, 2, np.where(truth.acc, 1, 0))
    steps = {0: float(_OFF_S), 1: max(float(_IDLE_S), truck.interval_s), 2: truck.interval_s}
    parts = [np.array([0, size - 1])]
    for which, step in steps.items():
        for a, b in spans_of(state == which):
            parts.append(np.arange(a + rng.uniform(0, min(step, 20)), b, step).astype(np.int64))
    for channel in (truth.word, truth.lift, truth.acc):
        parts.append(np.flatnonzero(np.diff(channel.astype(np.int8))) + int(rng.integers(1, 4)))
    times = np.unique(np.concatenate(parts))
    return np.asarray(times[(times >= 0) & (times < size)], dtype=np.int64)


def _within(area: BaseGeometry | None, truth: Truth, second: Ints) -> NDArray[np.bool_]:
    """Which fixes are sent from within an area, metres."""
    if area is None:
        return np.zeros(len(second), dtype=bool)
    shapely.prepare(area)
    return np.asarray(shapely.contains_xy(area, *truth.xy[second].T.astype(float)))


def _drift(second: Ints, truth: Truth, sigma_m: float, rng: np.random.Generator) -> Floats:
    """AR(1) noise, metres; held while the ignition is off, as terminals do."""
    shocks = rng.normal(0, 1, (len(second), 2)) * sigma_m
    keep = np.exp(-np.diff(second, prepend=second[0]) / _DRIFT_S)
    fresh = np.sqrt(1 - keep**2)
    off = ~truth.acc[second]
    out = np.empty_like(shocks)
    value = shocks[0]
    for i in range(len(second)):
        if not (off[i] and i and off[i - 1]):
            value = keep[i] * value + fresh[i] * shocks[i]
        out[i] = value
    return out


def _hold(xy: Floats, second: Ints, spans: Spans) -> NDArray[np.bool_]:
    """Repeats the last position before each span all through it; returns which fixes that befell."""
    touched = np.zeros(len(second), dtype=bool)
    for a, b in spans:
        inside = (second >= a) & (second < b)
        if inside.any() and inside.argmax() > 0:
            xy[inside] = xy[inside.argmax() - 1]
            touched |= inside
    return touched


def _motion(
    truth: Truth, second: Ints, stuck: NDArray[np.bool_], noise: Noise, rng: np.random.Generator
) -> tuple[Floats, Ints]:
    """Speed over ground and heading; a standing truck keeps its last heading."""
    speed = truth.speed[second].astype(np.float64) * 3.6
    moving = (speed > 1.0) & ~stuck
    error = rng.normal(0, 0.6 if noise.sigma_m[1] else 0.0, len(second))
    speed = np.where(moving, np.maximum(speed + error, 0.0), 0.0)
    after = np.minimum(second + 1, len(truth.speed) - 1)
    before = np.maximum(second - 1, 0)
    step = truth.xy[after].astype(np.float64) - truth.xy[before]
    heading = np.degrees(np.arctan2(step[:, 0], step[:, 1])) % 360
    last = np.maximum.accumulate(np.where(moving, np.arange(len(second)), 0))
    return np.round(speed, 1), np.round(heading[last]).astype(np.int64) % 360


def _sensors(
    truth: Truth, truck: Truck, second: Ints, noise: Noise, rng: np.random.Generator
) -> tuple[Ints, NDArray[np.bool_], NDArray[np.bool_]]:
    """Load word, lift and cover as the sensors, well or ill, say them."""
    word, lift, cover = truth.word[second].astype(np.int64), truth.lift[second].copy(), ~truth.open[second]
    wrong = rng.random(len(second)) < noise.lone_errors
    word[wrong] = 2 - word[wrong]
    if truck.ill == "load_stuck_full":
        word[:] = FULL
    elif truck.ill == "load_stuck_empty":
        word[:] = 0
    elif truck.ill == "lift_stuck_up":
        lift[:] = True
    elif truck.ill == "lift_flicker":
        lift ^= rng.random(len(second)) < 0.04
    return word, lift, cover


def _arrivals(second: Ints, noise: Noise, hours: float, rng: np.random.Generator) -> Floats:
    """When each fix reaches the centre: within seconds, or with a batch after minutes without a link."""
    arrives = second + rng.uniform(0.2, 3.0, len(second))
    for start in rng.choice(second, int(rng.poisson(noise.late_h * hours))):
        end = start + rng.uniform(120, 900)
        late = (second >= start) & (second < end)
        arrives[late] = end + rng.uniform(0, 4, int(late.sum()))
    return np.asarray(arrives)
