"""Cuts the invented city into streets (街道) along the river, the ring and the arterials."""

from __future__ import annotations

import shapely
from shapely.geometry.base import BaseGeometry

from sample_tracks.plane import Floats
from sample_tracks.roads import MAIN_KINDS, Network

NAMES = ["望川街道", "石塘街道", "柳湾街道", "东洲街道", "云坡街道", "南埠街道"]


def draw_districts(network: Network, river: Floats, half_m: tuple[float, float]) -> list[tuple[str, BaseGeometry]]:
    """Six named polygons (metres) that share their borders and cover the city.

    The faces between river, ring and arterials are joined, smallest first, to the neighbour of the longest
    common border on land.
    """
    box = shapely.box(-half_m[0], -half_m[1], half_m[0], half_m[1])
    cuts = [box.exterior, shapely.LineString(river)]
    for number in network.living():
        road = network.road(number)
        if road.kind in MAIN_KINDS:
            cuts.append(shapely.LineString(road.line).simplify(15.0))
    cuts += [_to_the_edge(network, node, half_m) for node in _dead_ends(network)]
    noded = shapely.set_precision(shapely.union_all(cuts), 1.0)
    banks = shapely.LineString(river).buffer(3.0)
    faces = [f for f in shapely.polygonize([noded]).geoms if box.buffer(1).contains(f)]
    while len(faces) > len(NAMES):
        faces.sort(key=lambda f: (f.area, f.centroid.x))
        small = faces.pop(0)
        shared = [small.boundary.intersection(face.boundary).difference(banks) for face in faces]
        best = max(range(len(faces)), key=lambda i: shared[i].length)
        faces[best] = shapely.union_all([faces[best], small])
    faces.sort(key=lambda f: (-f.centroid.y, f.centroid.x))
    return list(zip(NAMES, faces, strict=False))


def _dead_ends(network: Network) -> list[int]:
    """Junctions at which exactly one arterial ends."""
    count: dict[int, int] = {}
    for number in network.living():
        road = network.road(number)
        if road.kind in MAIN_KINDS:
            for node in (road.a, road.b):
                count[node] = count.get(node, 0) + 1
    return sorted(node for node, roads in count.items() if roads == 1)


def _to_the_edge(network: Network, node: int, half_m: tuple[float, float]) -> BaseGeometry:
    """A straight line from an arterial's end to the nearest side of the city."""
    x, y = network.nodes[node]
    sides = [(half_m[0] * (1 if x > 0 else -1), y), (x, half_m[1] * (1 if y > 0 else -1))]
    edge = min(sides, key=lambda p: abs(p[0] - x) + abs(p[1] - y))
    past = (x + 1.01 * (edge[0] - x), y + 1.01 * (edge[1] - y))
    return shapely.LineString([(x, y), past])
