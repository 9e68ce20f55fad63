"""What lies under the tracks: roads or boundaries, sites, zones and permitted routes of a registry, as layers."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import shapely
from shapely.geometry import shape
from shapely.geometry.base import BaseGeometry

from ingest.datum import to_wgs84
from maps.layers import Area, Layer, Line, Path6, Place, lines_of, rings_of
from maps.styles import site_style, zone_style
from reports.names import SITE_KIND_NAMES, name_of
from rules.plane import Plane
from rules.registry import FOREVER_MS, Permit, Registry, Site, Validity

ROADS_FILE = "roads.geojson"
#: Corners cut off the roads and boundaries of the base layer, metres: less than a lane.
BASE_TOLERANCE_M = 3.0
_ZONE_KIND_NAMES = {"quiet": "静音区", "no_entry": "禁行区"}
_M_PER_DEG = 111_195.0


def simplified(geometry: BaseGeometry, tolerance_m: float) -> BaseGeometry:
    """A geometry in degrees with corners of less than `tolerance_m` (measured north–south) cut off."""
    return geometry.simplify(tolerance_m / _M_PER_DEG, preserve_topology=False)


def read_roads(file: Path, datum: str = "wgs84") -> tuple[Path6, ...]:
    """The lines of a GeoJSON file of roads, thinned for a base layer.

    Args:
        file: a FeatureCollection of LineString and MultiLineString; other features are left out.
        datum: what its coordinates are given in.

    Raises:
        ValueError: naming the file, if it is not GeoJSON.
    """
    try:
        features = json.loads(file.read_text(encoding="utf-8"))["features"]
        geometries = [shape(f["geometry"]) for f in features if f.get("geometry")]
    except (ValueError, KeyError, TypeError, AttributeError, shapely.errors.ShapelyError) as error:
        raise ValueError(f"{file}: not a GeoJSON FeatureCollection of lines: {error}") from error
    lines = [g for g in geometries if g.geom_type in ("LineString", "MultiLineString")]
    lines = [shapely.transform(line, lambda c: np.column_stack(to_wgs84(c[:, 0], c[:, 1], datum))) for line in lines]
    return tuple(path for line in lines for path in lines_of(simplified(line, BASE_TOLERANCE_M)))


def base_layer(registry: Registry, roads: tuple[Path6, ...]) -> Layer:
    """Own roads where there are any, or else district boundaries and permitted routes, so that no page is empty."""
    borders = shapely.line_merge(shapely.unary_union([d.polygon.boundary for d in registry.districts]))
    lines = [Line("boundary", lines_of(simplified(borders, BASE_TOLERANCE_M)))] if registry.districts else []
    if roads:
        return Layer("roads", "道路与街道界", (*lines, Line("road", roads)))
    routes = tuple(
        path for p in registry.permits for r in p.routes for path in lines_of(simplified(r.line, BASE_TOLERANCE_M))
    )
    return Layer("roads", "街道界与核准线路", (*lines, *([Line("route.faint", routes)] if routes else [])))


def permit_layer(permits: Iterable[Permit], plane: Plane | None) -> Layer:
    """The corridors of permits with the routes within."""
    features: list[Area | Line] = []
    if plane is None:
        return Layer("permit", "许可线路与走廊", ())
    for permit in permits:
        title = f"核准证 {permit.permit_no}"
        for route in permit.routes:
            corridor = _unflatten(plane.flatten(route.line).buffer(route.corridor_m, quad_segs=4), plane)
            text = (f"走廊半宽 {route.corridor_m:g} m", f"核准时段 {permit.hours}")
            features += [Area("corridor", rings_of(corridor), title, text), Line("route", lines_of(route.line))]
    return Layer("permit", "许可线路与走廊", tuple(features))


def site_layer(registry: Registry, at_ms: int) -> Layer:
    """Sites in force at an instant: outline and mark, with a name; where muck is loaded or left comes first."""
    features: list[Area | Place] = []
    for site in registry.sites:
        if site.validity.holds(at_ms):
            middle = site.polygon.representative_point()
            style, text = site_style(site.kind), (name_of(SITE_KIND_NAMES, site.kind), site.site_id)
            rank = 40 if site.takes_muck or site.kind == "construction" else 10
            features += [
                Area(style, rings_of(site.polygon)),
                Place(style, middle.x, middle.y, site.name, text, label=site.name, priority=rank),
            ]
    return Layer("sites", "场所", tuple(features))


def zone_layer(registry: Registry, at_ms: int) -> Layer:
    """Zones in force at an instant, with name and hours."""
    features = []
    for zone in registry.zones:
        if zone.validity.holds(at_ms):
            middle = zone.polygon.representative_point()
            text = (name_of(_ZONE_KIND_NAMES, zone.kind), f"时段 {'全天' if zone.hours.always else zone.hours}")
            features.append(
                Area(
                    zone_style(zone.kind),
                    rings_of(zone.polygon),
                    zone.name,
                    text,
                    zone.name,
                    (middle.x, middle.y),
                    priority=20,
                )
            )
    return Layer("zones", "区域", tuple(features))


def plane_of(registry: Registry) -> Plane | None:
    """The plane in metres through the middle of the registry; None of a registry without geometry."""
    shapes = [r.line for p in registry.permits for r in p.routes]
    shapes += [x.polygon for group in (registry.sites, registry.zones, registry.districts) for x in group]
    return Plane.around(shapes) if shapes else None


def validity_text(validity: Validity, zone: ZoneInfo) -> str:
    """`2026-09-01 至 2027-03-31`; open ends are left open."""
    start = _day(validity.from_ms, zone) if validity.from_ms > 0 else ""
    end = _day(validity.to_ms - 1, zone) if validity.to_ms < FOREVER_MS else ""
    return f"{start or '不限'} 至 {end or '长期'}" if start or end else "长期"


def site_name(registry: Registry, site_id: str | None, nowhere: str) -> str:
    """A site's name with its id, or `nowhere`."""
    site: Site | None = registry.site.get(site_id or "")
    return f"{site.name}（{site.site_id}）" if site else (site_id or nowhere)


def _unflatten(geometry: BaseGeometry, plane: Plane) -> BaseGeometry:
    return shapely.transform(geometry, lambda c: np.column_stack(plane.to_deg(c[:, 0], c[:, 1])))


def _day(at_ms: int, zone: ZoneInfo) -> str:
    return f"{datetime.fromtimestamp(at_ms / 1000, zone):%Y-%m-%d}"
