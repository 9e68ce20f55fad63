"""Hot road pieces by rate: of the trips that passed a piece of road in a week, how many passed it while violating."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import polars as pl

from maps.layers import Layer, Line, lines_of
from maps.styles import HOT_STEPS
from maps.tell import Row, to_ms
from maps.track import Track
from reports.passing import PASS_SCHEMA, TRACK_SCHEMA, PlaceIndex, passes
from reports.roads import Piece
from rules.plane import Plane

#: A piece is hot from this rate on, and only if more than one violation passed.
_VIOLATING_MIN = 2
#: Fixes of one track nearer in time than this say nothing more about where it passed.
_THIN_MS = 5_000


@dataclass
class RoadRates:
    """Counts of passes by piece, gathered truck by truck. `few` passes are too few for a rate."""

    pieces: Sequence[Piece]
    few: int
    plane: Plane
    passed: Counter[int] = field(default_factory=Counter)
    violating: Counter[int] = field(default_factory=Counter)

    def fresh(self) -> RoadRates:
        """The same pieces with nothing counted yet."""
        other = RoadRates(self.pieces, self.few, self.plane)
        other.__dict__["_middles"] = self._middles  # the index is made once a week
        return other

    def take(self, passed: Mapping[int, int], violating: Mapping[int, int]) -> None:
        """Takes in what another counted of the same pieces."""
        self.passed.update(passed)
        self.violating.update(violating)

    def add(self, track: Track, trips: Iterable[Row], cases: Iterable[Row]) -> None:
        """Takes in one truck's week: each trip passes a piece once, violating if a violation was going on there."""
        if not self.pieces or not len(track):
            return
        spans = [(to_ms(c["start_time"]), to_ms(c["end_time"])) for c in cases]
        legs = [(to_ms(t["loaded_at"]), to_ms(t["dumped_at"] or t["left_at"] or t["loaded_at"])) for t in trips]
        # A violation outside every trip passes by itself, and so counts as a pass of its own.
        legs += [span for span in spans if not any(a <= span[1] and span[0] <= b for a, b in legs)]
        found = self._passes(track, legs)
        places, at_ms, rows = (found[name].to_numpy() for name in ("place", "time_ms", "row"))
        offending = np.zeros(len(at_ms), dtype=bool)
        for start, end in spans:
            offending |= (at_ms >= start) & (at_ms <= end)
        count = len(self.pieces)
        for counted, own in ((self.passed, slice(None)), (self.violating, offending)):
            once = np.unique(rows[own] * count + places[own])
            counted.update(dict(zip(*(v.tolist() for v in np.unique(once % count, return_counts=True)), strict=True)))

    def layer(self) -> Layer:
        """The hot pieces, a line each class of rate, the hottest last."""
        lines = []
        for low, key in HOT_STEPS:
            high = min((other for other, _ in HOT_STEPS if other > low), default=float("inf"))
            own = [n for n in self.passed if low <= self.percent(n) < high and self.violating[n] >= _VIOLATING_MIN]
            for piece, n in ((self.pieces[n], n) for n in sorted(own)):
                lines.append(Line(key, lines_of(piece.line), piece.road.spoken, self._text(n)))
        return Layer("hot", "高发路段（按比率）", tuple(lines))

    def percent(self, piece: int) -> float:
        """Violating passes of a hundred; -1 where passes are too few to say."""
        return 100 * self.violating[piece] / self.passed[piece] if self.passed[piece] >= self.few else -1.0

    def _text(self, piece: int) -> tuple[str, ...]:
        bad, of = self.violating[piece], self.passed[piece]
        return (f"{of} 趟途经，其中 {bad} 趟途经时涉嫌违规（{100 * bad / of:.0f}%）",)

    def _passes(self, track: Track, legs: list[tuple[int, int]]) -> pl.DataFrame:
        rows, parts = [], []
        for row, (start, end) in enumerate(legs):
            part = track.between(start, end)
            if len(part) > 1:
                keep = np.unique(part.time_ms // _THIN_MS, return_index=True)[1]
                rows.append(np.full(len(keep), row))
                parts.append((part.time_ms[keep], part.lon[keep], part.lat[keep]))
        if not parts:
            return pl.DataFrame(schema=PASS_SCHEMA)
        time_ms, lon, lat = map(np.concatenate, zip(*parts, strict=True))
        told = {"row": np.concatenate(rows), "time_ms": time_ms, "lon": lon, "lat": lat}
        fixes = pl.DataFrame(told).with_columns(terminal=pl.lit("")).select(*TRACK_SCHEMA).cast(pl.Schema(TRACK_SCHEMA))
        return passes(fixes, self._middles)

    @cached_property
    def _middles(self) -> PlaceIndex:
        return PlaceIndex(np.array([piece.middle for piece in self.pieces]), self.plane)
