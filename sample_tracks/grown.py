"""What a grown city has beyond its streets: carriageways, ramps, villages, service roads, zones beside roads."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import shapely
import shapely.ops
from shapely.geometry.base import BaseGeometry

from sample_tracks.carriageways import beside
from sample_tracks.plane import Floats
from sample_tracks.roads import Network

#: Half of what lies between the middles of two carriageways, metres: from, to.
_HALVES_M = {"ring": (8.0, 12.0), "arterial": (7.0, 10.0), "bridge": (6.5, 8.0), "street": (1.5, 3.5)}
_SERVICE_M = (25.0, 40.0)  # how far beside the main road's middle
_VILLAGES = 8
#: How far a zone's edge keeps from the middle of the road that it runs along, and how deep the zone is, metres.
_HUG_M, _HUG_DEEP_M = (24.0, 34.0), 260.0
#: Tolerances and shifts with which a clerk may draw a route, the coarsest first, metres.
_STROKES_M = ((25.0, 22.0), (18.0, 15.0), (12.0, 10.0), (6.0, 6.0), (2.0, 3.0))
_SLIP_MAX_M = 90.0  # of driving that such a line may leave outside its corridor at one place: a loop, a U-turn


@dataclass(frozen=True)
class Air:
    """Where positions are worse: tall streets (metres, and how many times the drift), and tunnels without any."""

    tall: BaseGeometry | None = None
    times: float = 1.0
    tunnels: BaseGeometry | None = None


@dataclass(frozen=True)
class Settings:
    """What a city lays down for itself, metres, and where it lies, degrees."""

    corridor_m: float = 50.0
    site_margin_m: float = 30.0
    centre_deg: tuple[float, float] = (118.9, 31.9)
    near_zone_m: float = 40.0  # whoever drives so near a zone is neither asked for nor accused


#: Lowlands of the south, the middle and the north-east, degrees.
_CENTRES_DEG = ((113.3, 23.0), (108.4, 22.8), (104.1, 30.7), (116.4, 39.9), (126.6, 45.8), (87.6, 43.8))


def settings_of(rng: np.random.Generator) -> Settings:
    """Draws a city's latitude, its corridor and its margin."""
    return Settings(
        float(rng.choice([40.0, 50.0, 50.0, 60.0, 80.0])),
        float(rng.choice([20.0, 30.0, 30.0, 40.0])),
        _CENTRES_DEG[int(rng.integers(len(_CENTRES_DEG)))],
        8.0,
    )


def widen(network: Network, rng: np.random.Generator, centre: tuple[float, float], reach_m: float) -> None:
    """Gives roads two carriageways, junctions their shapes, some arterials another name; adds villages."""
    network.grown = True
    for number in network.living():
        road = network.road(number)
        road.line = np.array(shapely.segmentize(shapely.LineString(road.line), 40.0).coords)
        road.half_m = float(rng.uniform(*_HALVES_M[road.kind]))
        far = np.hypot(*(road.line.mean(axis=0) - centre)) > reach_m
        if road.kind == "arterial" and far and rng.random() < 0.4:
            road.kind, road.half_m = "expressway", 12.0
    for node in range(len(network.nodes)):
        kinds = [network.road(n).kind for n in network.at(node)]
        main = sum(kind in _HALVES_M and kind != "street" for kind in kinds)
        if len(kinds) >= 4 and main >= 3 and rng.random() < 0.6:
            network.flyovers.add(node)
        elif len(kinds) >= 3 and main <= 2 and rng.random() < 0.15:
            network.radius_m[node] = float(rng.uniform(22, 40))
    network.lights -= network.flyovers | set(network.radius_m)
    _add_villages(network, rng, centre, reach_m)


def _add_villages(network: Network, rng: np.random.Generator, centre: tuple[float, float], reach_m: float) -> None:
    """Dead ends with hairpins, outwards from junctions beyond the ring."""
    outer = [n for n in range(len(network.nodes)) if np.hypot(*(np.array(network.nodes[n]) - centre)) > 1.2 * reach_m]
    for node in rng.permutation(outer)[:_VILLAGES]:
        at = np.array(network.nodes[int(node)])
        taken = [network.road(n) for n in network.at(int(node))]
        ways = [np.arctan2(*((r.line[3] if r.a == node else r.line[-4]) - at)[::-1]) for r in taken]
        turn = max(np.linspace(0, 2 * np.pi, 24), key=lambda t: min(abs(np.angle(np.exp(1j * (t - w)))) for w in ways))
        ahead, side = np.array([np.cos(turn), np.sin(turn)]), np.array([-np.sin(turn), np.cos(turn)])
        length, u = rng.uniform(600, 1300), np.linspace(0, 1, 60)[:, None]
        line = at + u * length * ahead + rng.uniform(25, 55) * np.sin(u * np.pi * int(rng.integers(4, 9))) * side
        end = network.add_node(*line[-1])
        network.add_road(int(node), end, "village", line)


def add_service_roads(network: Network, rng: np.random.Generator) -> None:
    """Lays a service road beside every other long stretch of a main road, on one side, joined at both ends."""
    for number in network.living():
        road = network.road(number)
        if road.kind not in ("ring", "arterial") or road.length_m < 300 or rng.random() < 0.5:
            continue
        along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(road.line, axis=0).T))])
        taper = np.clip(np.minimum(along, along[-1] - along) / 70.0, 0, 1)
        off = rng.uniform(*_SERVICE_M) * rng.choice([-1.0, 1.0])
        dense = np.linspace(0, along[-1], max(12, int(along[-1] / 15)))
        line = np.column_stack([np.interp(dense, along, road.line[:, k]) for k in (0, 1)])
        made = network.add_road(road.a, road.b, "service", beside(line, off * np.interp(dense, along, taper)))
        network.beside[number] = made


def winding(rng: np.random.Generator, at: Floats, centre: Floats) -> Floats:
    """The road from a gate's junction to where trucks stand inside."""
    u = np.linspace(0, 1, 40)[:, None]
    side = np.array([-(centre - at)[1], (centre - at)[0]])
    return np.asarray(at + u * (centre - at) + side * rng.uniform(-0.22, 0.22) * np.sin(2 * np.pi * u))


def hugging(network: Network, rng: np.random.Generator, number: int) -> BaseGeometry:
    """A zone along one side of a road, its edge beside the carriageway."""
    road = network.road(number)
    side = float(rng.choice([-1.0, 1.0]))
    line = road.line[len(road.line) // 6 : -max(1, len(road.line) // 6)]
    near, far = rng.uniform(*_HUG_M) + road.half_m, _HUG_DEEP_M
    edge, back = beside(line, side * near), beside(line, side * far)
    return shapely.Polygon(np.vstack([edge, back[::-1]])).buffer(0)


def bad_air(network: Network, rng: np.random.Generator, centre: tuple[float, float]) -> Air:
    """Tall streets round the old town and below elevated main roads, and two tunnels."""
    main = [n for n in network.living() if network.road(n).kind in ("ring", "arterial") and n in network.beside]
    below = [shapely.LineString(network.road(network.beside[n]).line).buffer(10.0) for n in main]
    tall = shapely.union_all([shapely.Point(centre).buffer(1500.0), *below])
    tunnels = []
    long = [
        n for n in network.living() if network.road(n).kind in ("arterial", "ring") and network.road(n).length_m > 700
    ]
    for number in rng.permutation(long)[:2]:
        line = shapely.LineString(network.road(int(number)).line)
        tunnels.append(shapely.ops.substring(line, 0.25, 0.25 + 600 / line.length * 0.6, normalized=True).buffer(16.0))
    return Air(tall, 1.6, shapely.union_all(tunnels) if tunnels else None)


def drawn_line(line: Floats, corridor_m: float, rng: np.random.Generator) -> Floats:
    """A driven line as a clerk draws it: few corners, shifted; never so that an honest driver leaves its corridor."""
    driven = shapely.LineString(line)
    for tolerance_m, shift_m in _STROKES_M:
        off = rng.uniform(0.5, 1.0) * shift_m * rng.choice([-1.0, 1.0])
        few = np.array(shapely.simplify(driven, tolerance_m).coords)
        drawn = np.asarray(_evenly(few, rng))
        shifted = beside(drawn, off) if len(drawn) > 2 else drawn
        room = shapely.LineString(shifted).buffer(corridor_m - 15.0)
        if max((piece.length for piece in _outside(driven, room)), default=0.0) < _SLIP_MAX_M:
            return np.asarray(shifted)
    return line


def _evenly(corners: Floats, rng: np.random.Generator) -> Floats:
    """Corners at most a few hundred metres apart."""
    line = shapely.LineString(corners)
    return np.array(shapely.segmentize(line, float(rng.uniform(250, 500))).coords)


def _outside(driven: BaseGeometry, room: BaseGeometry) -> Iterator[BaseGeometry]:
    rest = driven.difference(room)
    yield from shapely.get_parts(shapely.line_merge(rest) if rest.geom_type == "MultiLineString" else rest)
