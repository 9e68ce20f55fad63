"""Trucks drive as trucks can, in every city drawn."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

from sample_tracks.acts import deal
from sample_tracks.city import City, build_city
from sample_tracks.driving import Leg, drive
from sample_tracks.fleet import Knobs
from sample_tracks.generate import make_world
from sample_tracks.roads import Network, Path
from sample_tracks.shift import simulate

MAX_MS, MAX_MS2 = 110 / 3.6, 3.5


@pytest.mark.parametrize("seed", [1, 47])
def test_true_tracks_are_plausible(seed: int) -> None:
    """Whole weeks of three trucks: no leap, no rocket start, the load only between loading and dumping."""
    world = make_world(["2026-W47"], seed, seed, Knobs(trucks=3))
    plan = deal(world.fleet, world.clock, world.bans, seed)
    for number, truck in enumerate(world.fleet.trucks):
        truth = simulate(world, number, truck, plan, seed, honest=False)
        step = np.hypot(*np.diff(truth.xy.astype(float), axis=0).T)
        assert len(truth.xy) == world.clock.end_s
        assert step.max() <= MAX_MS
        assert truth.speed.max() <= MAX_MS
        assert np.abs(np.diff(truth.speed)).max() <= MAX_MS2
        assert (truth.speed > 0.3).sum() > 10 * 3600
        assert not truth.lift[truth.speed > 0.5].any()
        for haul in truth.hauls:
            if haul.dumped_s > 0:
                assert haul.loaded_s < haul.arrived_s < haul.dumped_s < haul.left_s
                assert 60 <= haul.left_s - haul.arrived_s <= 540
                assert (truth.carrying[haul.loaded_s : haul.dumped_s] == haul.number).all()
                assert truth.carrying[haul.dumped_s] == 0


def straight(length_m: float) -> tuple[Network, Path]:
    network = Network()
    a, b = network.add_node(0, 0), network.add_node(length_m, 0)
    network.add_road(a, b, "arterial")
    path = network.path(a, b)
    assert path is not None
    return network, path


def test_a_drive_starts_and_ends_at_rest_and_arrives() -> None:
    network, path = straight(2000)
    xy, speed = drive(network, path, Leg(), np.random.default_rng(1))
    assert speed[0] == 0 and speed[-1] < 1.5
    assert xy[0].tolist() == [0, 0] and xy[-1] == pytest.approx([2000, 0])
    assert 40 / 3.6 < speed.max() <= 53 / 3.6


def test_a_laden_truck_pulls_away_slower() -> None:
    network, path = straight(2000)
    laden, empty = (drive(network, path, Leg(laden=laden), np.random.default_rng(1))[1] for laden in (True, False))
    assert laden[:15].sum() < 0.75 * empty[:15].sum()


def test_halts_last_as_long_as_told() -> None:
    network, path = straight(3000)
    _, speed = drive(network, path, Leg(halts=[(0.5, 400.0)]), np.random.default_rng(1))
    assert abs(int((speed[20:-20] < 0.1).sum()) - 400) <= 4


@pytest.fixture(scope="module", params=[2, 9, 14])
def city(request: pytest.FixtureRequest) -> City:
    return build_city(request.param)


def test_sites_keep_clear_of_roads_and_of_each_other(city: City) -> None:
    sites = [p for p in city.places.values() if p.polygon is not None]
    for place in sites:
        own = [i for i in city.network.living() if place.node in (city.network.road(i).a, city.network.road(i).b)]
        near = set(city.roads_in(place.polygon, 40.0)) - set(own)
        assert not near, place.place_id
        assert all(place is p or place.polygon.distance(p.polygon) > 100 for p in sites)


def test_lawful_ways_enter_no_zone(city: City) -> None:
    depot = city.of_kind("depot")[0]
    for place in city.places.values():
        if place is not depot:
            line = shapely.LineString(city.network.line_of(city.route(depot, place)))
            assert not any(line.intersects(z.polygon) for z in city.zones)


def test_streets_share_borders_and_cover_the_city(city: City) -> None:
    polygons = [d for _, d in city.districts]
    assert len(polygons) == 6
    whole = shapely.union_all(polygons)
    assert whole.area == pytest.approx(sum(d.area for d in polygons), rel=1e-9)
    assert all(whole.contains(shapely.Point(p)) for p in city.network.nodes)


def test_the_river_has_two_bridges(city: City) -> None:
    river = shapely.LineString(city.river)
    over = [i for i in city.network.living() if shapely.LineString(city.network.road(i).line).intersects(river)]
    assert len(over) == 2 and all(city.network.road(i).kind == "bridge" for i in over)
