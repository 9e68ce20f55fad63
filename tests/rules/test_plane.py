"""The plane against PROJ."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rules.plane import NEAR_DEG, Plane


@settings(max_examples=25, deadline=None)
@given(lon=st.floats(75, 134), lat=st.floats(19, 52), seed=st.integers(0, 10**6))
def test_the_series_agrees_with_proj_to_a_millimetre(lon: float, lat: float, seed: int) -> None:
    plane = Plane(round(lon, 4), round(lat, 4))
    u, v = np.random.default_rng(seed).uniform(-NEAR_DEG, NEAR_DEG, (2, 2000))
    x, y = plane.to_m(plane.lon_deg + u, plane.lat_deg + v)
    x0, y0 = plane._transformer.transform(plane.lon_deg + u, plane.lat_deg + v)
    assert np.hypot(x - x0, y - y0).max() < 1e-3
    back = plane.to_deg(x, y)
    assert np.abs(back[0] - plane.lon_deg - u).max() < 2e-8 and np.abs(back[1] - plane.lat_deg - v).max() < 2e-8


def test_far_places_are_far_and_finite() -> None:
    x, y = Plane(118.8, 32.0).to_m(np.array([118.8, 120.0, -61.2, 0.0]), np.array([32.0, 32.0, -32.0, 0.0]))
    assert (x[0], y[0]) == pytest.approx((0, 0), abs=1e-3)
    assert x[1] == pytest.approx(113_400, rel=0.01)
    assert np.isfinite(x).all() and np.isfinite(y).all() and np.hypot(x, y)[2:].min() > 5e6


def test_where_a_column_is_cut_changes_nothing() -> None:
    lon, lat = np.random.default_rng(3).uniform(-0.5, 0.5, (2, 30_001)) + np.array([[118.8], [32.0]])
    plane = Plane(118.8, 32.0)
    whole, one = plane.to_m(lon, lat), plane.to_m(lon[777:778], lat[777:778])
    assert whole[0][777] == one[0][0] and whole[1][777] == one[1][0]
