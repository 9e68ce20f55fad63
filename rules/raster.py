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
        self._sets: list[tuple[tuple[int, bool], ...]] = [()]
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
        ids: dict[tuple[tuple[int, bool], ...], int] = {}
        for cell, members in held.items():
            key = tuple(members)
            if key not in ids:
                ids[key] = len(self._sets)
                self._sets.append(key)
            self._grid[cell] = ids[key]

    def pairs(self, x_m: Floats, y_m: Floats) -> tuple[Ints, Ints]:
        """Every (point, polygon) pair in which the polygon holds the point, sorted by point, then polygon."""
        col = (x_m - self._west) / self._cell_m
        row = (y_m - self._south) / self._cell_m
        rows, cols = self._grid.shape
        near = np.flatnonzero((col >= 0) & (row >= 0) & (col < cols) & (row < rows))
        ids = self._grid[row[near].astype(np.int64), col[near].astype(np.int64)]
        hit = ids > 0
        near, ids = near[hit], ids[hit]
        order = np.argsort(ids, kind="stable")
        near, ids = near[order], ids[order]
        if not len(ids):
            return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
        starts = np.flatnonzero(np.r_[True, ids[1:] != ids[:-1]])
        points: list[Ints] = []
        owners: list[Ints] = []
        for start, end in zip(starts, np.r_[starts[1:], len(ids)], strict=True):
            members = near[start:end]
            for k, full in self._sets[ids[start]]:
                inside = members if full else members[shapely.contains_xy(self.polygons[k], x_m[members], y_m[members])]
                points.append(inside)
                owners.append(np.full(len(inside), k, dtype=np.int64))
        point, owner = np.concatenate(points), np.concatenate(owners)
        order = np.lexsort((owner, point))
        return point[order], owner[order]
