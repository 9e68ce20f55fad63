"""Grown cities: two carriageways, ramps, coarse routes that honest drivers keep to, terminals that report by events."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

from sample_tracks.driver import World
from sample_tracks.events import by_events
from sample_tracks.fleet import Knobs
from sample_tracks.generate import make_world
from sample_tracks.roads import Path
from sample_tracks.style import GROWN
from sample_tracks.timeline import Timeline

SEEDS = (7001, 7005)


def world_of(seed: int) -> World:
    return make_world(["2026-W47"], seed, seed, Knobs(trucks=8, style=GROWN))


@pytest.fixture(scope="module", params=SEEDS)
def world(request: pytest.FixtureRequest) -> World:
    return world_of(request.param)


def test_the_same_seed_grows_the_same_city_and_another_seed_another() -> None:
    one, again, other = (world_of(seed).city for seed in (SEEDS[0], SEEDS[0], SEEDS[1]))
    assert (one.settings, one.network.nodes) == (again.settings, again.network.nodes)
    assert one.network.nodes != other.network.nodes


def test_both_ways_of_a_main_road_are_driven_apart(world: World) -> None:
    net = world.city.network
    number = max((n for n in net.living() if net.road(n).kind == "arterial"), key=lambda n: net.road(n).length_m)
    road = net.road(number)
    there = shapely.LineString(net.line_of(Path((road.a, road.b), ((number, True),))))
    back = shapely.LineString(net.line_of(Path((road.b, road.a), ((number, False),))))
    apart = there.interpolate(0.5, normalized=True).distance(back)
    assert apart == pytest.approx(2 * road.half_m, abs=1.5) and road.half_m >= 7


def test_whoever_keeps_to_a_permitted_route_leaves_its_corridor_only_for_a_ramp(world: World) -> None:
    net, usual_m = world.city.network, world.city.settings.corridor_m
    for permit in world.fleet.permits:
        for path, line in zip(permit.routes, permit.lines, strict=True):
            corridor = shapely.LineString(line).buffer(permit.corridor_m or usual_m)
            rest = shapely.LineString(net.line_of(path)).difference(corridor)
            assert max((part.length for part in shapely.get_parts(rest)), default=0.0) < 120


def test_routes_are_drawn_off_the_carriageway_with_few_corners(world: World) -> None:
    net = world.city.network
    off, corners = [], []
    for permit in world.fleet.permits:
        for path, line in zip(permit.routes, permit.lines, strict=True):
            driven = net.line_of(path)
            off.append(np.median(shapely.distance(shapely.LineString(driven), shapely.points(line))))
            corners.append(len(line) / len(driven))
    assert np.median(off) > 4 and np.median(corners) < 0.5


def test_zones_run_along_roads_that_trucks_may_take(world: World) -> None:
    hugging = [z for z in world.city.zones if not z.clear_m]
    assert hugging
    for zone in hugging:
        roads = [shapely.LineString(world.city.network.road(n).line) for n in world.city.network.living()]
        nearest = min(roads, key=zone.polygon.distance)
        assert 15 < zone.polygon.distance(nearest) < 50


def test_a_terminal_that_reports_by_events_is_nearly_silent_while_it_stands() -> None:
    line = Timeline(np.zeros(2))
    line.acc = True
    line.hold(1200)
    line.move(np.column_stack([np.arange(0, 6001, 12.0), np.zeros(501)]), np.full(501, 12.0))
    line.hold(1200)
    times = by_events(line.finish(3000), np.random.default_rng(1))
    steps = np.diff(times)
    driving = (times[:-1] > 1200) & (times[1:] < 1700)
    assert (steps[driving] <= 26).all() and driving.sum() >= 18
    assert np.median(steps[times[:-1] < 1000]) >= 170
