"""Own roads as a squad drives them: GeoJSON lines cut into short pieces, and how long it takes from place to place."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import shapely
import shapely.ops
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import dijkstra
from shapely.geometry import shape
from shapely.geometry.base import BaseGeometry

from ingest.datum import to_wgs84
from rules.plane import Plane
from rules.registry import Registry

Floats = NDArray[np.float64]

#: Pieces are about this long: short enough for one to be a place, long enough to be passed often.
PIECE_M = 250.0
#: A patrol car in city traffic at night.
CAR_KMH = 35.0
#: Where no roads are known: how much longer a way is than the straight line.
DETOUR = 1.4
#: Ends of lines nearer than this are one junction.
_JOIN_M = 8.0
#: What a file of roads may hold beside them, by the words of OpenStreetMap and of common exports.
_NO_ROAD = {
    *("river", "stream", "canal", "water", "drain", "rail", "railway", "subway", "boundary", "coastline", "pipeline"),
    *("footway", "cycleway", "path", "steps", "pedestrian", "bridleway", "ferry", "ditch", "proposed", "construction"),
}
_KIND_KEYS = ("kind", "highway", "fclass", "class", "type")
#: Permitted routes nearer than this to each other (some 20 m) are one way.
_SAME_WAY_DEG = 0.0002
_NO_STOPPING = ("bridge", "tunnel")
KIND_NAMES = {
    "motorway": "高速公路", "trunk": "快速路", "ring": "环路", "expressway": "快速路", "primary": "主干路",
    "arterial": "主干路", "secondary": "次干路", "tertiary": "支路", "street": "支路", "residential": "支路",
    "unclassified": "支路", "service": "便道", "bridge": "桥梁", "tunnel": "隧道",
}  # fmt: skip


@dataclass(frozen=True)
class Road:
    """One line of the file: its geometry in WGS 84 degrees, kind and name as told ("" where not)."""

    line: BaseGeometry
    kind: str = ""
    name: str = ""

    @property
    def drivable(self) -> bool:
        """Whether a car may be on it."""
        return self.kind not in _NO_ROAD

    @property
    def stoppable(self) -> bool:
        """Whether a checkpoint may be set up on it: not in a tunnel or on a bridge, nor on a motorway."""
        return self.drivable and self.kind not in (*_NO_STOPPING, "motorway", "motorway_link")

    @property
    def spoken(self) -> str:
        """Its name, or what kind of road it is."""
        return self.name or KIND_NAMES.get(self.kind, "道路")


@dataclass(frozen=True)
class Piece:
    """A short part of a road; `middle` is the place on it (lon, lat in degrees)."""

    road: Road
    line: BaseGeometry
    middle: tuple[float, float]


@dataclass(frozen=True)
class Roads:
    """Roads around a plane in metres. Without any, ways are measured straight and lengthened by `DETOUR`."""

    plane: Plane
    roads: tuple[Road, ...] = ()
    _near: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @cached_property
    def pieces(self) -> tuple[Piece, ...]:
        """Every drivable road in pieces of at most about `PIECE_M`."""
        found = []
        for road in self.roads:
            if not road.drivable:
                continue
            for part in getattr(road.line, "geoms", (road.line,)):
                flat = self.plane.flatten(part)
                count = max(1, round(flat.length / PIECE_M))
                cuts = np.linspace(0.0, flat.length, count + 1)
                for a, b in pairwise(cuts.tolist()):
                    own = shapely.ops.substring(flat, a, b)
                    middle = own.interpolate(0.5, normalized=True)
                    lon, lat = self.plane.to_deg(np.array([middle.x]), np.array([middle.y]))
                    line = shapely.transform(own, lambda c: np.column_stack(self.plane.to_deg(c[:, 0], c[:, 1])))
                    found.append(Piece(road, line, (round(float(lon[0]), 6), round(float(lat[0]), 6))))
        return tuple(found)

    def travel_s(self, places: Floats) -> Floats:
        """Seconds by car from each place (degrees, shape (n, 2)) to each other, shape (n, n)."""
        x, y = self.plane.to_m(places[:, 0], places[:, 1])
        flat = np.column_stack([x, y])
        straight_m = np.hypot(*(flat[:, None, :] - flat[None, :, :]).transpose(2, 0, 1))
        per_m = 3.6 / CAR_KMH
        if not self.pieces:
            return np.asarray(straight_m * DETOUR * per_m)
        nodes, graph = self._graph
        nearest = shapely.STRtree(shapely.points(nodes)).nearest(shapely.points(flat))
        to_road_m = np.hypot(*(flat - nodes[nearest]).T)
        used, back = np.unique(nearest, return_inverse=True)
        along_m = dijkstra(graph, directed=False, indices=used)[:, nearest][back]
        way_m = np.where(np.isfinite(along_m), along_m, straight_m * DETOUR)
        way_m = np.maximum(way_m + to_road_m[:, None] + to_road_m[None, :], straight_m)
        np.fill_diagonal(way_m, 0.0)
        return np.asarray(way_m * per_m)

    @cached_property
    def _graph(self) -> tuple[Floats, Any]:
        """Nodes (ends and middles of pieces, metres) and the lengths between them."""
        ends: list[tuple[float, float]] = []
        edges: list[tuple[int, int, float]] = []
        for piece in self.pieces:
            flat = self.plane.flatten(piece.line)
            first = len(ends)
            ends += [flat.coords[0][:2], tuple(flat.interpolate(0.5, normalized=True).coords[0]), flat.coords[-1][:2]]
            edges += [(first, first + 1, flat.length / 2), (first + 1, first + 2, flat.length / 2)]
        nodes = np.array(ends)
        # Lines that cross or begin at another's inside join it there as well: every end to the nodes beside it.
        pairs = shapely.STRtree(shapely.points(nodes)).query(shapely.points(nodes), "dwithin", distance=_JOIN_M)
        near = pairs[:, pairs[0] < pairs[1]]
        rows = np.array([e[0] for e in edges] + near[0].tolist())
        columns = np.array([e[1] for e in edges] + near[1].tolist())
        lengths = np.array([max(e[2], 1e-3) for e in edges] + [1e-3] * near.shape[1])
        return nodes, coo_array((lengths, (rows, columns)), shape=(len(nodes),) * 2).tocsr()


def permitted_ways(registry: Registry) -> tuple[Road, ...]:
    """The permitted routes as roads, each way once: where no roads are known, trucks at least drive there."""
    found: list[BaseGeometry] = []
    for line in dict.fromkeys(route.line.wkb for permit in registry.permits for route in permit.routes):
        new = shapely.from_wkb(line)
        if found:  # a way that several permits share is driven once
            new = new.difference(shapely.unary_union(found).buffer(_SAME_WAY_DEG))
        found += [part for part in getattr(new, "geoms", (new,)) if part.length > _SAME_WAY_DEG]
    return tuple(Road(line, name="核准路线") for line in found)


def read_roads(file: Path, datum: str = "wgs84") -> tuple[Road, ...]:
    """The lines of a GeoJSON file of roads.

    Args:
        file: a FeatureCollection of LineString and MultiLineString; other features are left out. Of the properties,
            `name` and the first of `kind`, `highway`, `fclass`, `class`, `type` are read.
        datum: what its coordinates are given in.

    Raises:
        ValueError: naming the file, if it is not GeoJSON.
    """
    try:
        features = json.loads(file.read_text(encoding="utf-8"))["features"]
        told = [(shape(f["geometry"]), f.get("properties") or {}) for f in features if f.get("geometry")]
    except (ValueError, KeyError, TypeError, AttributeError, shapely.errors.ShapelyError) as error:
        raise ValueError(f"{file}: not a GeoJSON FeatureCollection of lines: {error}") from error
    found = []
    for geometry, properties in told:
        if geometry.geom_type in ("LineString", "MultiLineString") and not geometry.is_empty:
            line = shapely.transform(
                shapely.force_2d(geometry), lambda c: np.column_stack(to_wgs84(c[:, 0], c[:, 1], datum))
            )
            found.append(Road(line, _kind(properties), _text(properties.get("name"))))
    return tuple(found)


def _kind(properties: dict[str, Any]) -> str:
    for key in _NO_STOPPING:
        if _text(properties.get(key)) not in ("", "no", "F", "0", "False"):
            return key
    for key in ("waterway", "railway"):
        if _text(properties.get(key)):
            return _text(properties.get(key)) if _text(properties.get(key)) in _NO_ROAD else "water"
    return next((_text(properties[key]) for key in _KIND_KEYS if _text(properties.get(key))), "")


def _text(value: Any) -> str:
    return str(value).strip() if isinstance(value, str | int | bool) else ""
