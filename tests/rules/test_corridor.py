"""A corridor's raster against its polygon: on, beside and around the routes, and where it is not drawn yet."""

from __future__ import annotations

import numpy as np
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.geometry import LineString, MultiLineString

from rules.corridor import DRAWN_AFTER, Corridor

METRES = st.integers(-300_000, 300_000).map(lambda cm: cm / 100)  # nearer than that, no two places of a route lie
PLACE = st.tuples(METRES, METRES)
ROUTE = st.lists(PLACE, min_size=2, max_size=8, unique=True)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(ROUTE, st.floats(1, 200)), min_size=1, max_size=3), st.integers(0, 10**6))
def test_the_raster_says_what_the_polygon_says(
    routes: list[tuple[list[tuple[float, float]], float]], seed: int
) -> None:
    lines = [LineString(places) for places, _ in routes]
    corridor = Corridor(lines, [half_m for _, half_m in routes])
    rng = np.random.default_rng(seed)
    along = rng.uniform(0, 1, 3000)
    on = shapely.get_coordinates(shapely.line_interpolate_point(lines[0], along, normalized=True))
    near = on + rng.normal(0, routes[0][1], on.shape)
    x, y = np.concatenate([near, rng.uniform(-4000, 4000, (1000, 2)), [[1e7, -1e7]]]).T
    expected = shapely.contains_xy(corridor.polygon, x, y)
    for _ in range(DRAWN_AFTER // len(x) + 2):
        told = corridor.holds(x, y)
        if (told != expected).any():
            break
    assert (told == expected).all()
    assert expected[:3000].any() and not expected[-1]


def test_routes_of_several_lines_are_drawn_too() -> None:
    line = MultiLineString([[(0, 0), (900, 0)], [(2000, 0), (2900, 0)]])
    corridor = Corridor([line], [50.0])
    x = np.tile(np.array([450.0, 1500.0, 2500.0, 450.0]), DRAWN_AFTER // 4)
    y = np.tile(np.array([10.0, 0.0, -49.0, 60.0]), DRAWN_AFTER // 4)
    assert corridor.holds(x, y)[:4].tolist() == [True, False, True, False]


def test_a_permit_without_routes_has_no_corridor() -> None:
    assert not Corridor([], []).holds(np.zeros(DRAWN_AFTER), np.zeros(DRAWN_AFTER)).any()
