"""Datum conversion against published points, and there and back over all China."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.datum import CHINA_BOX_DEG, from_wgs84, to_wgs84
from ingest.fix import DATUMS

#: WGS 84 longitude and latitude, and the same place in GCJ-02: the examples that googollee/eviltransform (its tests)
#: and wandergis/coordtransform (its README) publish, both on github.com.
GCJ02_POINTS = [
    (121.5272106, 31.1774276, 121.531541859215, 31.17530398364597),
    (113.912316, 22.543847, 113.9171764808363, 22.540796131694766),
    (116.377817, 39.911954, 116.38404722455657, 39.91334545536069),
    (116.404, 39.915, 116.41024449916938, 39.91640428150164),
]
#: WGS 84 and BD-09 of the same place: wandergis/coordtransform's examples in a row.
BD09_FROM_WGS84 = (116.404, 39.915, 116.41662724378733, 39.922699552216216)
#: BD-09 and WGS 84 of the same place, as published to about a metre by hujiulong/gcoord (its tests). The BD-09 examples
#: of eviltransform are 10 to 40 m off these sources: it takes pi for the wave where all others take 3000 pi / 180.
BD09_TO_WGS84 = (123.0, 45.0, 122.98762210, 44.99171540)
METRES_A_DEGREE = 111_320.0


def apart_m(lon_a, lat_a, lon_b, lat_b):
    return np.hypot((lon_a - lon_b) * np.cos(np.radians(lat_a)), lat_a - lat_b) * METRES_A_DEGREE


@pytest.mark.parametrize(("lon", "lat", "gcj_lon", "gcj_lat"), GCJ02_POINTS)
def test_gcj02_equals_published_points_both_ways(lon, lat, gcj_lon, gcj_lat):
    there = from_wgs84(np.array([lon]), np.array([lat]), "gcj02")
    assert there[0][0] == pytest.approx(gcj_lon, abs=1e-9)
    assert there[1][0] == pytest.approx(gcj_lat, abs=1e-9)
    back = to_wgs84(np.array([gcj_lon]), np.array([gcj_lat]), "gcj02")
    assert apart_m(back[0], back[1], lon, lat)[0] < 1e-3


def test_bd09_equals_published_points():
    lon, lat, bd_lon, bd_lat = BD09_FROM_WGS84
    there = from_wgs84(np.array([lon]), np.array([lat]), "bd09")
    assert there[0][0] == pytest.approx(bd_lon, abs=1e-9)
    assert there[1][0] == pytest.approx(bd_lat, abs=1e-9)


def test_bd09_inverse_equals_published_points():
    lon, lat, bd_lon, bd_lat = BD09_FROM_WGS84
    back = to_wgs84(np.array([bd_lon]), np.array([bd_lat]), "bd09")
    assert apart_m(back[0], back[1], lon, lat)[0] < 1e-3
    bd_lon, bd_lat, lon, lat = BD09_TO_WGS84
    back = to_wgs84(np.array([bd_lon]), np.array([bd_lat]), "bd09")
    assert apart_m(back[0], back[1], lon, lat)[0] < 1.5


@given(
    lon=st.floats(CHINA_BOX_DEG[0] + 0.05, CHINA_BOX_DEG[2] - 0.05),
    lat=st.floats(CHINA_BOX_DEG[1] + 0.05, CHINA_BOX_DEG[3] - 0.05),
    datum=st.sampled_from(DATUMS),
)
def test_there_and_back_is_within_a_millimetre_over_all_china(lon, lat, datum):
    there = from_wgs84(np.array([lon]), np.array([lat]), datum)
    back = to_wgs84(*there, datum)
    assert apart_m(back[0], back[1], lon, lat)[0] < 1e-3
    if datum in ("gcj02", "bd09"):
        assert apart_m(there[0], there[1], lon, lat)[0] > 10


@given(lon=st.floats(-180, 180), lat=st.floats(-90, 90), datum=st.sampled_from(DATUMS))
def test_nothing_moves_outside_china(lon, lat, datum):
    west, south, east, north = CHINA_BOX_DEG
    if west <= lon <= east and south <= lat <= north:
        return
    for convert in (to_wgs84, from_wgs84):
        out = convert(np.array([lon]), np.array([lat]), datum)
        assert (out[0][0], out[1][0]) == (lon, lat)


def test_nan_stays_and_shape_stays_and_input_stays():
    lon, lat = np.array([[np.nan, 118.7], [118.7, 10.0]]), np.array([[32.0, np.nan], [32.0, 150.0]])
    before = lon.copy(), lat.copy()
    out = to_wgs84(lon, lat, "gcj02")
    assert np.array_equal(lon, before[0], equal_nan=True) and np.array_equal(lat, before[1], equal_nan=True)
    assert out[0].shape == (2, 2)
    assert np.isnan(out[0][0, 0]) and np.isnan(out[1][0, 1])
    assert out[0][1, 0] != 118.7 and out[0][1, 1] == 10.0


def test_large_arrays_convert_like_single_points():
    random = np.random.default_rng(7)
    lon, lat = random.uniform(73, 135, 20_000), random.uniform(5, 53, 20_000)
    out = to_wgs84(lon, lat, "bd09")
    for row in (0, 8_191, 8_192, 19_999):
        one = to_wgs84(lon[row : row + 1], lat[row : row + 1], "bd09")
        assert (one[0][0], one[1][0]) == pytest.approx((out[0][row], out[1][row]), abs=1e-12)


def test_unknown_datum_says_what_is_allowed():
    with pytest.raises(ValueError, match=r"gcj2.*wgs84, cgcs2000, gcj02, bd09"):
        to_wgs84(np.array([1.0]), np.array([1.0]), "gcj2")
