"""Which of many polygons hold which of many points: a coarse raster answers most points, prepared polygons the rest."""

from __future__ import annotations

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from rules.plane import Floats

Ints = NDArray[np.int64]


class PolygonIndex:
    """An index over polygons in metres. Built once, asked with whole columns of points."""

    def __init__(self, polygons: list[BaseGeometry], cell_m: float = 100.0) -> None:
        """Rasterises the polygons; `cell_m` grows where their extent would need more than 4 million cells."""
        self.polygons = polygons
        shapely.prepare(polygons)
        self._lay_out([()])
        if not polygons:
            self._grid = np.zeros((1, 1), dtype=np.int32)
            self._west = self._south = 0.0
            self._cell_m = cell_m
            return
        west, south, east, north = shapely.total_bounds(np.array(polygons, dtype=object))
        self._cell_m = max(cell_m, float(np.sqrt((east - west) * (north - south) / 4e6)))
        self._west, self._south = west - self._cell_m, south - self._cell_m
        shape = (int((north - self._south) / self._cell_m) + 2, int((east - self._west) / self._cell_m) + 2)
        self._grid = np.zeros(shape, dtype=np.int32)
        self._fill()

    def _lay_out(self, sets: list[tuple[tuple[int, bool], ...]]) -> None:
        """Puts the sets of polygons that cells may hold end to end; a cell's number in the grid is that of its set."""
        self._sizes = np.array([len(members) for members in sets], dtype=np.int64)
        self._firsts = np.cumsum(self._sizes) - self._sizes
        self._owners = np.array([k for members in sets for k, _ in members], dtype=np.int64)
        self._full = np.array([full for members in sets for _, full in members], dtype=bool)

    def _fill(self) -> None:
        held: dict[tuple[int, int], list[tuple[int, bool]]] = {}
        for k, polygon in enumerate(self.polygons):
            west, south, east, north = polygon.bounds
            cols = np.arange(int((west - self._west) / self._cell_m), int((east - self._west) / self._cell_m) + 1)
            rows = np.arange(int((south - self._south) / self._cell_m), int((north - self._south) / self._cell_m) + 1)
            col, row = (a.ravel() for a in np.meshgrid(cols, rows))
            x, y = self._west + col * self._cell_m, self._south + row * self._cell_m
            boxes = shapely.box(x, y, x + self._cell_m, y + self._cell_m)
            touched = shapely.intersects(polygon, boxes)
            full = np.zeros(len(boxes), dtype=bool)
            full[touched] = shapely.contains_properly(polygon, boxes[touched])
            for i in np.flatnonzero(touched).tolist():
                held.setdefault((int(row[i]), int(col[i])), []).append((k, bool(full[i])))
        ids: dict[tuple[tuple[int, bool], ...], int] = {(): 0}
        for cell, members in held.items():
            self._grid[cell] = ids.setdefault(tuple(members), len(ids))
        self._lay_out(list(ids))

    def pairs(self, x_m: Floats, y_m: Floats) -> tuple[Ints, Ints]:
        """Every (point, polygon) pair in which the polygon holds the point, sorted by point, then polygon."""
        col = (x_m - self._west) / self._cell_m
        row = (y_m - self._south) / self._cell_m
        rows, cols = self._grid.shape
        near = np.flatnonzero((col >= 0) & (row >= 0) & (col < cols) & (row < rows))
        ids = self._grid[row[near].astype(np.int64), col[near].astype(np.int64)]
        hit = np.flatnonzero(ids)
        point, ids = near[hit], ids[hit]
        at, sizes = self._firsts[ids], self._sizes[ids]
        if len(ids) and sizes.max() > 1:
            ends = np.cumsum(sizes)
            point, at = np.repeat(point, sizes), np.repeat(at - ends + sizes, sizes) + np.arange(ends[-1])
        owner, holds = self._owners[at], self._full[at]
        doubtful = np.flatnonzero(~holds)
        if not len(doubtful):
            return point, owner
        doubtful = doubtful[np.argsort(owner[doubtful], kind="stable")]
        cuts = np.flatnonzero(np.diff(owner[doubtful])) + 1
        for asked in np.split(doubtful, cuts):
            members = point[asked]
            holds[asked] = shapely.contains_xy(self.polygons[owner[asked[0]]], x_m[members], y_m[members])
        return point[holds], owner[holds]
