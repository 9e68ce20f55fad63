"""The raster index against one `covers` a pair."""

from __future__ import annotations

import numpy as np
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.geometry import MultiPolygon, Point, box

from rules.raster import PolygonIndex


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**9), cell_m=st.sampled_from([20.0, 100.0, 1000.0]))
def test_pairs_are_those_of_brute_force(seed: int, cell_m: float) -> None:
    rng = np.random.default_rng(seed)
    polygons = [shapely.buffer(Point(*rng.uniform(0, 2000, 2)), rng.uniform(5, 400), quad_segs=3) for _ in range(8)]
    polygons.append(MultiPolygon([box(0, 0, 50, 50), box(1900, 1900, 1950, 1960)]))
    x, y = rng.uniform(-300, 2300, (2, 400))
    point, owner = PolygonIndex(polygons, cell_m).pairs(x, y)
    expected = [(i, k) for i in range(400) for k, p in enumerate(polygons) if shapely.contains_xy(p, x[i], y[i])]
    assert list(zip(point.tolist(), owner.tolist(), strict=True)) == expected


def test_without_polygons_nothing_is_held() -> None:
    point, owner = PolygonIndex([]).pairs(np.zeros(3), np.zeros(3))
    assert len(point) == len(owner) == 0


def test_points_far_off_are_held_by_nothing() -> None:
    point, _ = PolygonIndex([box(0, 0, 10, 10)]).pairs(np.array([2e7, -2e7, 5.0]), np.array([0.0, 2e7, 5.0]))
    assert point.tolist() == [2]
