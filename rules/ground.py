"""The registry laid out on the plane once: prepared sites, zones and corridors, ready for columns of points."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import Point
from shapely.geometry.base import BaseGeometry

from ingest.second_look import Extent
from rules.corridor import Corridor
from rules.extent import extent_of
from rules.plane import Floats, Plane
from rules.raster import Ints, PolygonIndex
from rules.registry import MAX_PERMITS_OF_PLATE, Permit, Registry, Site

DISTRICT_CELL_M = 500.0  # districts are large, and few points ask for them
NOWHERE = -1  # the site index of a place that is at no site
DRIFTED_M = 25.0  # so near a site beside, drift makes one site of the other
UNSEEN_REACH_M = 200.0  # a place for muck so near to where nobody saw the truck may be where it left its load


@dataclass(frozen=True)
class PermitGround:
    """A permit's routes in metres: the joined corridor and, for measuring, the joined lines."""

    permit: Permit
    corridor: Corridor
    lines: BaseGeometry
    disposal: frozenset[int]  # the sites that it names, by index


class Ground:
    """Everything geometric that the engine asks of a registry."""

    def __init__(self, registry: Registry) -> None:
        """Projects, buffers and prepares; about a second for thousands of routes."""
        self.registry = registry
        self.policy = registry.policy
        shapes = [s.polygon for s in registry.sites] + [r.line for p in registry.permits for r in p.routes]
        self.plane = Plane.around(shapes + [z.polygon for z in registry.zones])
        flat = self.plane.flatten
        self.site_polygons = [flat(s.polygon) for s in registry.sites]
        self._sites = PolygonIndex([shapely.buffer(p, registry.policy.site_margin_m) for p in self.site_polygons])
        takes = [p for p, s in zip(self.site_polygons, registry.sites, strict=True) if s.takes_muck]
        self._disposal = PolygonIndex([shapely.buffer(p, UNSEEN_REACH_M * 1.02) for p in takes])  # chords cut corners
        self._site_from_ms = np.array([s.validity.from_ms for s in registry.sites], dtype=np.int64)
        self._site_to_ms = np.array([s.validity.to_ms for s in registry.sites], dtype=np.int64)
        self.zone_polygons = [flat(z.polygon) for z in registry.zones]
        self._zones = PolygonIndex(self.zone_polygons)
        named = defaultdict(list)
        for k, site in enumerate(registry.sites):
            named[site.site_id].append(k)
        self.permit_ground = {p.permit_no: self._lay(p, named) for p in registry.permits}
        self._districts = PolygonIndex([flat(d.polygon) for d in registry.districts], DISTRICT_CELL_M)
        self._lines_of: dict[tuple[str, ...], BaseGeometry] = {}
        self._corridors_of: dict[tuple[str, ...], BaseGeometry] = {}
        self._permits_of: dict[str, tuple[PermitGround, ...]] = {}
        self._doubtful_edges: dict[int, BaseGeometry | None] = {}

    def _lay(self, permit: Permit, named: Mapping[str, list[int]]) -> PermitGround:
        lines = [self.plane.flatten(r.line) for r in permit.routes]
        corridor = Corridor(lines, [r.corridor_m for r in permit.routes])
        disposal = frozenset(k for site_id in permit.disposal_sites for k in named[site_id])
        return PermitGround(permit, corridor, shapely.union_all(lines), disposal)

    def site(self, index: int) -> Site | None:
        """The site at an index that `sites_at` gave, None for nowhere."""
        return self.registry.sites[index] if index >= 0 else None

    def permits_of(self, plate: str) -> tuple[PermitGround, ...]:
        """The permits that cover a truck; their order numbers the bits of `corridors_at`."""
        found = self._permits_of.get(plate)
        if found is None:
            found = tuple(self.permit_ground[p.permit_no] for p in self.registry.permits_of(plate))[
                :MAX_PERMITS_OF_PLATE
            ]
            self._permits_of[plate] = found
        return found

    def lines_of(self, permits: Sequence[tuple[int, PermitGround]]) -> BaseGeometry:
        """The routes of some permits (each with its bit) as one geometry, prepared for distances."""
        return _joined(permits, lambda laid: laid.lines, self._lines_of)

    def corridors_of(self, permits: Sequence[tuple[int, PermitGround]]) -> BaseGeometry:
        """The land within the corridors of some permits, the same way."""
        if len(permits) == 1:
            return permits[0][1].corridor.polygon
        return _joined(permits, lambda laid: laid.corridor.polygon, self._corridors_of)

    @cached_property
    def extent(self) -> Extent | None:
        """The box around everything in the registry, `rules.extent.extent_of`."""
        return extent_of(self.registry)

    @cached_property
    def roads(self) -> NDArray[np.object_]:
        """Every permitted route of the registry as single lines: where trucks are known to drive."""
        lines = [self.plane.flatten(r.line) for p in self.registry.permits for r in p.routes]
        return np.asarray(shapely.get_parts(lines), dtype=np.object_)

    def sites_at(self, x_m: Floats, y_m: Floats, time_ms: Ints) -> NDArray[np.int32]:
        """The site each point is at, `NOWHERE` for none. Of several one in force wins, then the nearest."""
        found = np.full(len(x_m), NOWHERE, dtype=np.int32)
        point, owner = self._sites.pairs(x_m, y_m)
        if not len(point):
            return found
        found[point] = owner
        several = np.flatnonzero(np.r_[False, point[1:] == point[:-1]])
        for p in np.unique(point[several]).tolist():
            owners = owner[point == p] if len(several) < 64 else owner[slice(*np.searchsorted(point, [p, p + 1]))]
            here, at = Point(x_m[p], y_m[p]), time_ms[p]
            found[p] = min(
                (not self._site_from_ms[k] <= at < self._site_to_ms[k], self.site_polygons[k].distance(here), k)
                for k in owners.tolist()
            )[2]
        return found

    def doubtful_edge(self, index: int) -> BaseGeometry | None:
        """The edge of a construction site where drift may show a truck that is at another kind of site beside it."""
        if index not in self._doubtful_edges:
            polygon = self.site_polygons[index]
            beside = [
                shapely.buffer(other, DRIFTED_M)
                for site, other in zip(self.registry.sites, self.site_polygons, strict=True)
                if site.kind != "construction" and shapely.dwithin(polygon, other, 2 * DRIFTED_M)
            ]
            edge = shapely.difference(shapely.union_all(beside), shapely.buffer(polygon, -DRIFTED_M))
            shapely.prepare(edge)
            self._doubtful_edges[index] = None if edge.is_empty else edge
        return self._doubtful_edges[index]

    def near_disposal(self, x_m: Floats, y_m: Floats) -> NDArray[np.bool_]:
        """Whether points lie within `UNSEEN_REACH_M` of a site that may take muck at some time; a few more do."""
        near = np.zeros(len(x_m), dtype=bool)
        near[self._disposal.pairs(x_m, y_m)[0]] = True
        return near

    def zones_at(self, x_m: Floats, y_m: Floats) -> tuple[Ints, Ints]:
        """(point, zone) pairs, whatever the hours."""
        return self._zones.pairs(x_m, y_m)

    def corridors_at(self, plate: str, x_m: Floats, y_m: Floats) -> Ints:
        """A word per point: bit k is set inside the corridor of `permits_of(plate)[k]`."""
        return self.corridors_of_all([plate], np.array([0, len(x_m)]), x_m, y_m)

    def corridors_of_all(self, plates: Sequence[str], starts: Ints, x_m: Floats, y_m: Floats) -> Ints:
        """The words of many trucks' points, of which `starts` has each truck's first, and their end.

        A corridor is asked once for all the trucks that it is permitted to.
        """
        word = np.zeros(len(x_m), dtype=np.int64)
        asked: dict[str, list[tuple[int, int, int]]] = defaultdict(list)
        for plate, first, end in zip(plates, starts[:-1].tolist(), starts[1:].tolist(), strict=True):
            for k, laid in enumerate(self.permits_of(plate) if first < end else ()):
                asked[laid.permit.permit_no].append((k, first, end))
        for permit_no, spans in asked.items():
            x, y = (np.concatenate([v[first:end] for _, first, end in spans]) for v in (x_m, y_m))
            inside = self.permit_ground[permit_no].corridor.holds(x, y).astype(np.int64)
            for k, first, end in spans:
                word[first:end] |= inside[: end - first] << k
                inside = inside[end - first :]
        return word

    def districts_at(self, x_m: Floats, y_m: Floats) -> list[str | None]:
        """The district that holds each point; of several the first in the registry."""
        found: list[str | None] = [None] * len(x_m)
        point, owner = self._districts.pairs(x_m, y_m)
        for p, k in zip(point[::-1].tolist(), owner[::-1].tolist(), strict=True):
            found[p] = self.registry.districts[k].district_id
        return found


def _joined(
    permits: Sequence[tuple[int, PermitGround]],
    shape_of: Callable[[PermitGround], BaseGeometry],
    kept: dict[tuple[str, ...], BaseGeometry],
) -> BaseGeometry:
    """One shape of each permit, all as one, prepared; made once for the same permits and `kept`."""
    key = tuple(laid.permit.permit_no for _, laid in permits)
    found = kept.get(key)
    if found is None:
        found = kept[key] = shapely.union_all([shape_of(laid) for _, laid in permits])
        shapely.prepare(found)
    return found
