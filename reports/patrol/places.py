"""Where an inspection may stand: middles of road pieces, or, where no roads are known, places that trucks drove over.

Never a cell's centre: without roads a place is a fix of a moving truck, so it lies where a truck truly was.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
import shapely
from numpy.typing import NDArray

from reports.roads import Roads
from rules.plane import Plane
from rules.registry import Registry

Floats = NDArray[np.float64]

#: Without roads: one place a square of this side, and only where so many violations passed.
SQUARE_M = 150.0
SQUARE_MIN = 2
#: Legs slower than this are of a truck that stands or manoeuvres: no road is inferred from them.
_DRIVING_MS = 4.0
#: Landmarks further away than this do not help to find a place.
_LANDMARK_M = 2_500.0
_COMPASS = ("北", "东北", "东", "东南", "南", "西南", "西", "西北")


@dataclass(frozen=True)
class Places:
    """Candidate places: positions (degrees, shape (n, 2)), what each is called and the district that it lies in."""

    positions: Floats
    names: tuple[str, ...]
    districts: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.positions)

    def kept(self, rows: NDArray[np.int64]) -> Places:
        """Only some of them."""
        names, districts = ([text[i] for i in rows.tolist()] for text in (self.names, self.districts))
        return Places(self.positions[rows], tuple(names), tuple(districts))


def road_places(roads: Roads, registry: Registry) -> tuple[Floats, list[str]]:
    """The middles of pieces on which a checkpoint may stand, outside sites, and the roads' names."""
    pieces = [piece for piece in roads.pieces if piece.road.stoppable]
    positions = np.array([piece.middle for piece in pieces]).reshape(-1, 2)
    outside = ~_in_sites(positions, registry)
    return positions[outside], [piece.road.spoken for piece, keep in zip(pieces, outside, strict=True) if keep]


def track_places(tracks: pl.DataFrame, plane: Plane, registry: Registry) -> tuple[Floats, list[str]]:
    """Of each square that several violating trucks drove through, the driven fix nearest to their middle.

    Args:
        tracks: columns of `passing.TRACK_SCHEMA`, sorted.
        plane: metres.
        registry: its sites are left out.
    """
    if tracks.is_empty():
        return np.empty((0, 2)), []
    x, y = plane.to_m(tracks["lon"].to_numpy(), tracks["lat"].to_numpy())
    fixes = tracks.with_columns(x=pl.Series(x), y=pl.Series(y), at=pl.Series(np.arange(len(x))))
    same = (pl.col("row").diff() == 0) & (pl.col("terminal") == pl.col("terminal").shift())
    speed = (pl.col("x").diff() ** 2 + pl.col("y").diff() ** 2).sqrt() / (pl.col("time_ms").diff() / 1000)
    driven = fixes.filter((same & speed.is_finite() & (speed > _DRIVING_MS) & (speed < 40)).fill_null(False))
    squares = driven.with_columns(
        (pl.col("x") / SQUARE_M).floor().cast(pl.Int64).alias("i"),
        (pl.col("y") / SQUARE_M).floor().cast(pl.Int64).alias("j"),
    )
    own = squares.with_columns(
        mx=pl.col("x").median().over("i", "j"), my=pl.col("y").median().over("i", "j"),
        rows=pl.col("row").n_unique().over("i", "j"),
    ).filter(pl.col("rows") >= SQUARE_MIN)  # fmt: skip
    near = own.with_columns(off=(pl.col("x") - pl.col("mx")) ** 2 + (pl.col("y") - pl.col("my")) ** 2)
    chosen = near.sort("i", "j", "off", "at").unique(["i", "j"], keep="first", maintain_order=True)
    positions = chosen.select("lon", "lat").to_numpy().reshape(-1, 2)
    positions = positions[~_in_sites(positions, registry)]
    return positions, ["渣土车常行路段"] * len(positions)


def called(positions: Floats, roads: list[str], plane: Plane, registry: Registry) -> Places:
    """The places with names that a squad leader finds: road, and distance and direction from the nearest site."""
    x, y = plane.to_m(positions[:, 0], positions[:, 1])
    marks = [(site.name, plane.flatten(site.polygon).centroid) for site in registry.sites if site.name]
    names = []
    for px, py, road in zip(x.tolist(), y.tolist(), roads, strict=True):
        near = min(((float(np.hypot(c.x - px, c.y - py)), n, c) for n, c in marks), key=lambda m: m[:2], default=None)
        if near is None or near[0] > _LANDMARK_M:
            names.append(road)
            continue
        metres, name, centre = near
        turn = round(np.degrees(np.arctan2(px - centre.x, py - centre.y)) / 45) % 8
        names.append(f"{road}（{name}{_COMPASS[turn]}侧约 {max(50, round(metres / 50) * 50)} 米）")
    return Places(positions, tuple(names), tuple(_district(positions, registry)))


def _district(positions: Floats, registry: Registry) -> list[str]:
    found = [""] * len(positions)
    for district in registry.districts:
        for i in np.flatnonzero(shapely.contains_xy(district.polygon, positions[:, 0], positions[:, 1])).tolist():
            found[i] = found[i] or district.name
    return found


def _in_sites(positions: Floats, registry: Registry) -> NDArray[np.bool_]:
    inside = np.zeros(len(positions), dtype=bool)
    for site in registry.sites:
        inside |= shapely.contains_xy(site.polygon, positions[:, 0], positions[:, 1])
    return inside
