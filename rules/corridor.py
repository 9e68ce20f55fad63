"""A permit's corridor, asked with columns of points: a fine raster answers most of them, the prepared polygon the rest.

The raster is drawn along the routes once a corridor has been asked for many points, since drawing takes as long as a
some twenty thousand answers of the polygon. Whatever it answers, the polygon would, too.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from rules.plane import Floats

DRAWN_AFTER = 25_000  # points asked for
LEAST_ASKED = 64  # fewer points at once are quicker asked of the polygon
CELLS_A_WIDTH = 2  # cells in a half-width
LEAST_CELL_M = 5.0
TILE = 32  # the cells of a side of a tile; only tiles on the way are kept
CHORDS = 0.99  # a polygon's round corners cut a little of the half-width
SLACK_M = 0.1

OUTSIDE, DOUBTFUL, INSIDE = 0, 1, 2


class Corridor:
    """The land within a half-width of any route of a permit; metres on the plane."""

    def __init__(self, lines: Sequence[BaseGeometry], half_widths_m: Sequence[float]) -> None:
        """Buffers and joins the routes (lines on the plane), each with its half-width."""
        self._routes = list(zip(lines, half_widths_m, strict=True))
        self.polygon = shapely.union_all([shapely.buffer(line, half_m) for line, half_m in self._routes])
        shapely.prepare(self.polygon)
        self._asked = 0
        self._cell_m = max(LEAST_CELL_M, min(half_widths_m, default=0.0) / CELLS_A_WIDTH)
        self._tile_of: NDArray[np.int32] | None = None

    def holds(self, x_m: Floats, y_m: Floats) -> NDArray[np.bool_]:
        """Whether each point lies in the corridor."""
        self._asked += len(x_m)
        if len(x_m) < LEAST_ASKED or self._asked < DRAWN_AFTER or not self._routes:
            held: NDArray[np.bool_] = shapely.contains_xy(self.polygon, x_m, y_m)
            return held
        tile_of = self._draw() if self._tile_of is None else self._tile_of
        cell_x, cell_y = (x_m - self._west) / self._cell_m, (y_m - self._south) / self._cell_m
        rows, columns = tile_of.shape
        within = np.flatnonzero((cell_x >= 0) & (cell_y >= 0) & (cell_x < columns * TILE) & (cell_y < rows * TILE))
        column, row = cell_x[within].astype(np.int32), cell_y[within].astype(np.int32)
        tile = tile_of[row // TILE, column // TILE]
        told = np.full(len(x_m), OUTSIDE, dtype=np.int8)
        told[within] = self._tiles[tile, row % TILE, column % TILE]
        inside: NDArray[np.bool_] = told == INSIDE
        doubtful = np.flatnonzero(told == DOUBTFUL)
        if len(doubtful):
            inside[doubtful] = shapely.contains_xy(self.polygon, x_m[doubtful], y_m[doubtful])
        return inside

    def _draw(self) -> NDArray[np.int32]:
        """Draws the raster; a tile's number is its place in `_tiles`, of which the first is empty."""
        west, south, east, north = self.polygon.bounds
        side_m = TILE * self._cell_m
        self._west, self._south = west - 2 * self._cell_m, south - 2 * self._cell_m
        shape = (int((north - self._south) / side_m) + 1, int((east - self._west) / side_m) + 1)
        marked = [self._along(line, half_m) for line, half_m in self._routes]
        rows, columns, told = (np.concatenate(part) for part in zip(*marked, strict=True))
        on = (rows >= 0) & (columns >= 0) & (rows < shape[0] * TILE) & (columns < shape[1] * TILE)
        rows, columns, told = rows[on], columns[on], told[on]
        tile_of = np.zeros(shape, dtype=np.int32)
        tile_of[rows // TILE, columns // TILE] = 1
        tile_of[tile_of > 0] = np.arange(1, int(tile_of.sum()) + 1)
        self._tiles = np.zeros((int(tile_of.max()) + 1, TILE, TILE), dtype=np.int8)
        for word in (DOUBTFUL, INSIDE):
            row, column = rows[told == word], columns[told == word]
            self._tiles[tile_of[row // TILE, column // TILE], row % TILE, column % TILE] = word
        self._tile_of = tile_of
        return tile_of

    def _along(
        self, line: BaseGeometry, half_m: float
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int8]]:
        """The cells near a route (row, column), and whether they lie in its corridor wholly.

        A cell's middle is held against points along the route no farther apart than a cell is wide.
        """
        cell_m = self._cell_m
        points = shapely.get_coordinates(shapely.segmentize(line, cell_m))
        x, y = (points[:, 0] - self._west) / cell_m, (points[:, 1] - self._south) / cell_m
        corner_m = cell_m * np.sqrt(0.5)
        far_m = half_m + corner_m + cell_m / 2 + SLACK_M
        near_m = half_m * CHORDS - corner_m - SLACK_M
        reach = np.arange(-int(far_m / cell_m) - 1, int(far_m / cell_m) + 2)
        rows = y.astype(np.int64)[:, None] + reach
        columns = x.astype(np.int64)[:, None] + reach
        north2 = ((rows + 0.5 - y[:, None]) * cell_m) ** 2
        east2 = ((columns + 0.5 - x[:, None]) * cell_m) ** 2
        apart2 = north2[:, :, None] + east2[:, None, :]
        point, i, j = np.nonzero(apart2 <= far_m**2)
        told = np.where(apart2[point, i, j] <= max(near_m, 0.0) ** 2, INSIDE, DOUBTFUL).astype(np.int8)
        return rows[point, i], columns[point, j], told
