"""Roads: what of a file is one, where a team may stand, and how long the way is."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from shapely.geometry import LineString

from reports.roads import CAR_KMH, DETOUR, Roads, permitted_ways, read_roads
from rules.plane import Plane
from rules.registry import Registry

PLANE = Plane(118.7, 32.0)
M = 1 / 111_195


def write(folder: Path, *lines: tuple[dict[str, Any], list[tuple[float, float]]]) -> Path:
    """Lines in metres from the middle."""
    features = []
    for told, points in lines:
        lon, lat = PLANE.to_deg(*np.array(points, dtype=float).T)
        shape = {"type": "LineString", "coordinates": np.column_stack([lon, lat]).tolist()}
        features.append({"type": "Feature", "properties": told, "geometry": shape})
    file = folder / "roads.geojson"
    file.write_text(json.dumps({"type": "FeatureCollection", "features": features}), encoding="utf-8")
    return file


@pytest.mark.parametrize(
    ("told", "drivable", "stoppable"),
    [
        ({"kind": "arterial"}, True, True),
        ({"highway": "primary", "name": "中山路"}, True, True),
        ({"highway": "primary", "bridge": "yes"}, True, False),
        ({"highway": "primary", "bridge": "no", "tunnel": ""}, True, True),
        ({"fclass": "motorway"}, True, False),
        ({"kind": "river"}, False, False),
        ({"waterway": "canal"}, False, False),
        ({"railway": "light_rail"}, False, False),
        ({"highway": "footway"}, False, False),
        ({}, True, True),
        ({"kind": 7, "name": None}, True, True),
    ],
)
def test_what_is_a_road(tmp_path: Path, told: dict[str, Any], drivable: bool, stoppable: bool) -> None:
    road = read_roads(write(tmp_path, (told, [(0, 0), (100, 0)])))[0]
    assert (road.drivable, road.stoppable) == (drivable, stoppable)


def test_pieces_are_short_and_lie_on_the_road(tmp_path: Path) -> None:
    roads = Roads(PLANE, read_roads(write(tmp_path, ({"kind": "street"}, [(0, 0), (0, 1000)]))))
    middles = np.array([piece.middle for piece in roads.pieces])
    x, y = PLANE.to_m(middles[:, 0], middles[:, 1])
    assert np.abs(x).max() < 0.2 and y == pytest.approx([125, 375, 625, 875], abs=0.2)


def test_the_way_leads_along_roads_and_not_across_the_river(tmp_path: Path) -> None:
    """Two banks 400 m apart, one bridge 2 km away: the way is 4.4 km."""
    file = write(
        tmp_path,
        ({"kind": "street"}, [(0, 0), (2000, 0)]),
        ({"kind": "street"}, [(0, 400), (2000, 400)]),
        ({"kind": "bridge"}, [(2000, 0), (2000, 400)]),
        ({"kind": "river"}, [(0, 0), (0, 400)]),
    )
    lon, lat = PLANE.to_deg(np.array([0.0, 0.0]), np.array([0.0, 400.0]))
    travel = Roads(PLANE, read_roads(file)).travel_s(np.column_stack([lon, lat]))
    assert travel[0, 1] == pytest.approx(4400 / (CAR_KMH / 3.6), rel=0.01) and travel[0, 0] == 0
    straight = Roads(PLANE).travel_s(np.column_stack([lon, lat]))
    assert straight[0, 1] == pytest.approx(400 * DETOUR / (CAR_KMH / 3.6), rel=0.01)


@pytest.mark.parametrize("text", ["", "[]", '{"features": 1}', '{"features": [{"geometry": {"type": "LineString"}}]}'])
def test_what_is_no_geojson_is_named(tmp_path: Path, text: str) -> None:
    file = tmp_path / "bad.geojson"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=r"bad\.geojson: not a GeoJSON"):
        read_roads(file)


def test_permitted_routes_are_ways_and_what_they_share_is_one() -> None:
    """Two permits share the first kilometre; the second goes on for another."""
    line = lambda *points: LineString(np.column_stack(PLANE.to_deg(*np.array(points, dtype=float).T)))
    routes = (line((0, 0), (0, 1000)), line((2, 0), (2, 2000)), line((0, 0), (0, 1000)))
    permits = tuple(SimpleNamespace(routes=(SimpleNamespace(line=route),)) for route in routes)
    ways = permitted_ways(cast(Registry, SimpleNamespace(permits=permits)))
    lengths = [PLANE.flatten(way.line).length for way in ways]
    assert lengths == [pytest.approx(1000, abs=5), pytest.approx(980, abs=10)]
    assert len(Roads(PLANE, ways).pieces) == 8 and ways[0].spoken == "核准路线"
