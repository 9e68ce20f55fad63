"""Layers as plain data: coding of coordinates, boxes, looks."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from shapely.geometry import GeometryCollection, LineString, MultiLineString, MultiPolygon, Point, Polygon, box

from maps.layers import Area, Layer, Line, Place, bounds_of, decode, encode, lines_of, rings_of
from maps.styles import STYLES, rule_style, site_style, style_of, styles_json, zone_style
from reports.names import RULE_NAMES, SITE_KIND_NAMES

degrees = st.tuples(st.floats(-180, 180), st.floats(-90, 90))


@given(st.lists(degrees, min_size=1, max_size=200))
def test_a_coded_path_is_within_half_a_millionth_degree_everywhere(points: list[tuple[float, float]]) -> None:
    back = np.array(decode(encode(points)))
    assert np.abs(back - np.array(points)).max() <= 0.5e-6 + 1e-12


def test_code_is_differences_in_millionths() -> None:
    assert encode([(118.7, 32.0), (118.70001, 31.99999)]) == (118700000, 32000000, 10, -10)


def test_lines_and_rings_of_every_geometry() -> None:
    line = LineString([(0, 0), (1, 1)])
    assert len(lines_of(MultiLineString([line, LineString([(2, 2), (3, 3)])]))) == 2
    assert len(lines_of(box(0, 0, 1, 1))) == 1
    assert lines_of(GeometryCollection([Point(0, 0), line])) == lines_of(line)
    holed = Polygon(box(0, 0, 9, 9).exterior, [box(1, 1, 2, 2).exterior])
    assert [len(rings) for rings in rings_of(MultiPolygon([holed, box(20, 20, 21, 21)]))] == [2, 1]
    assert rings_of(Polygon()) == ()


def test_bounds_hold_everything() -> None:
    layers = [
        Layer("a", "a", (Line("road", (encode([(1, 2), (3, 4)]),)), Place("stop", -5, 6))),
        Layer("b", "b", (Area("cell", ((encode([(0, 0), (9, 0), (9, -7)]),),)),)),
    ]
    assert bounds_of(layers) == (-5, -7, 9, 6)
    assert bounds_of([Layer("c", "c", ())]) is None


def test_a_layer_refuses_a_look_that_is_not_in_the_table() -> None:
    with pytest.raises(KeyError, match="no style 'pink'"):
        Layer("a", "a", (Place("pink", 0, 0),))


def test_everything_is_json() -> None:
    json.dumps(styles_json(), allow_nan=False)
    place = Place("stop", 118.7, 32.0, "t", ("x",), "l", 3, "trip-01.html")
    area = Area("cell", ((encode([(0, 0), (1, 1)]),),), values=(("count", 2.0),))
    told = json.loads(json.dumps(Layer("k", "n", (place, area, Line("road", ()))).json))
    assert told["features"][0] == {
        **{"t": "place", "s": "stop", "p": [118700000, 32000000], "h": "t", "x": ["x"]},
        **{"l": "l", "r": 3, "g": "trip-01.html"},
    }
    assert told["features"][1]["v"] == {"count": 2.0}


def test_every_rule_and_kind_has_a_look_of_its_own() -> None:
    looks = [STYLES[f"rule.{rule}"] for rule in RULE_NAMES]
    # In black and white only dash, width and mark are left, and they tell any two rules apart.
    assert len({(s.dash, s.width, s.shape) for s in looks}) == len(looks)
    kinds = [STYLES[f"site.{kind}"] for kind in SITE_KIND_NAMES if kind != "unknown"]
    assert len({s.shape for s in kinds}) == len(kinds)
    assert {rule_style(r) for r in RULE_NAMES} == {f"rule.{r}" for r in RULE_NAMES}


def test_a_rule_or_kind_of_a_later_version_still_has_a_look() -> None:
    for key in (rule_style("new_rule"), site_style("unknown"), zone_style("new")):
        style_of(key)
