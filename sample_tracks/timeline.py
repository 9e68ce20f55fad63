"""What truly happened to one truck, second by second: where it was, what it carried, what its sensors should say."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from sample_tracks.clock import Spans
from sample_tracks.plane import Floats

EMPTY, HALF, FULL = 0, 1, 2


@dataclass
class Haul:
    """One load: where it came from, where and when it went. Seconds of the simulation; places by id."""

    number: int
    origin: str
    loaded_s: int
    act: str = ""
    goal: str = ""
    arrived_s: int = -1
    dumped_s: int = -1
    left_s: int = -1


@dataclass(frozen=True)
class Truth:
    """The channels of a timeline as arrays of one value a second.

    `xy` is (n, 2) metres, `speed` m/s; `carrying` is the number of the haul on board, 0 for none; `word` what a load
    sensor reads; `lift` and `open` whether the body is raised and uncovered; `acc` the ignition.
    """

    xy: NDArray[np.float32]
    speed: NDArray[np.float32]
    carrying: NDArray[np.int16]
    word: NDArray[np.int8]
    lift: NDArray[np.bool_]
    open: NDArray[np.bool_]
    acc: NDArray[np.bool_]
    hauls: list[Haul]
    silences: list[tuple[int, int, str]]
    dry_visits: Spans
    on_air: Spans


@dataclass
class Timeline:
    """Grows second by second; the flags are what holds for the next piece added."""

    at: Floats
    now: int = 0
    carrying: int = 0
    word: int = EMPTY
    lift: bool = False
    open: bool = False
    acc: bool = False
    hauls: list[Haul] = field(default_factory=list)
    silences: list[tuple[int, int, str]] = field(default_factory=list)
    dry_visits: Spans = field(default_factory=list)
    on_air: Spans = field(default_factory=list)
    _pieces: list[tuple[Floats, Floats, tuple[int, int, bool, bool, bool]]] = field(default_factory=list)

    def hold(self, seconds: float) -> None:
        """Stands still."""
        count = max(0, round(seconds))
        self._add(np.repeat(self.at[None], count, axis=0), np.zeros(count))

    def hold_until(self, second: float) -> None:
        """Stands still until a second, or not at all when that is past."""
        self.hold(second - self.now)

    def move(self, xy: Floats, speed: Floats) -> None:
        """Drives along positions given for every second, the first being where it stands."""
        self._add(xy[1:], speed[1:])
        self.at = xy[-1]

    def _add(self, xy: Floats, speed: Floats) -> None:
        if len(speed):
            self._pieces.append((xy, speed, (self.carrying, self.word, self.lift, self.open, self.acc)))
            self.now += len(speed)

    def finish(self, end_s: int) -> Truth:
        """Stands until the end and hands over the arrays, cut there."""
        self.acc = False
        self.hold_until(end_s)
        flags = np.repeat(np.array([p[2] for p in self._pieces]), [len(p[1]) for p in self._pieces], axis=0)[:end_s]
        return Truth(
            np.concatenate([p[0] for p in self._pieces])[:end_s].astype(np.float32),
            np.concatenate([p[1] for p in self._pieces])[:end_s].astype(np.float32),
            flags[:, 0].astype(np.int16),
            flags[:, 1].astype(np.int8),
            flags[:, 2].astype(bool),
            flags[:, 3].astype(bool),
            flags[:, 4].astype(bool),
            self.hauls,
            self.silences,
            self.dry_visits,
            self.on_air or [(0, end_s)],
        )
