"""Geometry of features: from JSON to shapely, with every fault of form, range, order and topology."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from ingest.datum import in_china_box, to_wgs84
from rules.registry.faults import shown
from rules.registry.features import Feature

AREAS = ("Polygon", "MultiPolygon")
LINES = ("LineString", "MultiLineString")

_RING_MIN = 4  # RFC 7946: a triangle, and back to its first position
_FIELD = "geometry"
_WGS84_ORDER = "[lon, lat] in degrees, lon within ±180, lat within ±90"
_REASON = re.compile(r"(.*?)\[([-0-9.e+]+) ([-0-9.e+]+)")
_REASONS = {
    "Self-intersection": "crosses itself",
    "Ring Self-intersection": "touches itself",
    "Hole lies outside shell": "has a hole outside its outer ring",
    "Holes are nested": "has a hole within a hole",
    "Interior is disconnected": "falls into parts that only touch",
    "Nested shells": "has a part within another part",
    "Duplicate Rings": "has the same ring twice",
    "Too few points in geometry component": "shrinks to a point",
}

Positions = NDArray[np.float64]


class _Misshapen(Exception):
    """A geometry that is not one: the problem, and what is allowed."""

    def __init__(self, problem: str, allowed: str = "") -> None:
        super().__init__(problem)
        self.problem, self.allowed = problem, allowed


def read_shapes(features: Sequence[Feature], kinds: tuple[str, ...]) -> list[BaseGeometry | None]:
    """Builds the geometries of a file, in the datum that the file is in.

    Args:
        features: as `read_features` gives them; each is told of its geometry's faults.
        kinds: the geometry types that the file may hold.

    Returns:
        One geometry a feature, valid and within the range of degrees; None where there is a fault.
    """
    shapes: list[BaseGeometry | None] = []
    for feature in features:
        try:
            shapes.append(_shape(feature, kinds))
        except _Misshapen as error:
            feature.error(_FIELD, error.problem, error.allowed)
            shapes.append(None)
    valid = shapely.is_valid(np.array(shapes, dtype=object)) if shapes else []
    for number, sound in enumerate(valid):
        shape = shapes[number]
        if shape is not None and not sound:
            features[number].error(_FIELD, _explain(shape), "a boundary that nowhere meets itself")
            shapes[number] = None
    return shapes


def convert(shapes: Sequence[BaseGeometry | None], datum: str) -> list[BaseGeometry | None]:
    """The same geometries in WGS 84."""
    if datum == "wgs84" or not shapes:
        return list(shapes)

    def move(positions: Positions) -> Positions:
        return np.column_stack(to_wgs84(positions[:, 0], positions[:, 1], datum))

    moved = shapely.transform(np.array(shapes, dtype=object), move)
    return list(moved)


def geometry_type(feature: Feature) -> Any:
    """What a feature says its geometry is."""
    return feature.geometry.get("type") if isinstance(feature.geometry, dict) else feature.geometry


def _shape(feature: Feature, kinds: tuple[str, ...]) -> BaseGeometry:
    told, kind = feature.geometry, geometry_type(feature)
    if told is None:
        raise _Misshapen("is missing", " or ".join(kinds))
    if kind not in kinds:
        raise _Misshapen(f"{shown(kind)} is the wrong type of geometry", " or ".join(kinds))
    parts = told.get("coordinates")
    if not isinstance(parts, list) or not parts:
        raise _Misshapen("is empty: it has no coordinates", " or ".join(kinds))
    if kind == "LineString":
        return shapely.linestrings(_line(parts, ""))
    if kind == "Polygon":
        return _polygon(parts, "")
    build = _polygon if kind == "MultiPolygon" else _line
    made = [build(_listed(part, f"part {n}"), f"part {n}, ") for n, part in enumerate(parts, start=1)]
    return shapely.multipolygons(made) if kind == "MultiPolygon" else shapely.multilinestrings(made)


def _listed(part: Any, which: str) -> list[Any]:
    if not isinstance(part, list) or not part:
        raise _Misshapen(f"{which} is empty or not a list of positions", "lists of positions")
    return part


def _line(parts: list[Any], which: str) -> Positions:
    positions = _positions(parts, which)
    if len(positions) < 2 or (positions == positions[0]).all():
        raise _Misshapen(f"{which}has fewer than two different positions", "a line of two or more")
    return positions


def _polygon(parts: list[Any], which: str) -> BaseGeometry:
    rings = [_ring(_listed(ring, f"{which}ring {n}"), f"{which}ring {n}") for n, ring in enumerate(parts, start=1)]
    return shapely.polygons(rings[0], rings[1:] or None)


def _ring(parts: list[Any], which: str) -> BaseGeometry:
    positions = _positions(parts, f"{which}, ")
    if (positions[0] != positions[-1]).any():
        ends = f"{_told(positions[0])} to {_told(positions[-1])}"
        raise _Misshapen(f"{which} is not closed: it runs from {ends}", "a ring that ends where it begins")
    if len(positions) < _RING_MIN:
        raise _Misshapen(f"{which} has {len(positions)} positions", f"at least {_RING_MIN}, the last as the first")
    return shapely.linearrings(positions)


def _positions(parts: list[Any], which: str) -> Positions:
    """Checked positions, shape (n, 2), degrees; a height (and what follows it) is dropped."""
    try:
        positions = np.asarray(parts)
    except ValueError:
        positions = np.empty(0, dtype=object)
    if positions.dtype.kind not in "if" or positions.ndim != 2 or positions.shape[1] < 2:
        return _two_of_each(parts, which)
    positions = positions[:, :2].astype(np.float64)
    _check_range(positions, which)
    return positions


def _two_of_each(parts: list[Any], which: str) -> Positions:
    """Positions that numpy takes for no table: some with a height and some without, or something else than numbers."""
    for number, position in enumerate(parts, start=1):
        numbers = isinstance(position, list) and len(position) >= 2
        if not numbers or not all(isinstance(v, int | float) and not isinstance(v, bool) for v in position):
            raise _Misshapen(f"{which}position {number}, {shown(position)}, is not a pair of numbers", _WGS84_ORDER)
    try:
        positions = np.array([position[:2] for position in parts], dtype=np.float64)
    except OverflowError:
        raise _Misshapen(f"{which}a number is out of all bounds", _WGS84_ORDER) from None
    _check_range(positions, which)
    return positions


def _check_range(positions: Positions, which: str) -> None:
    lon, lat = positions[:, 0], positions[:, 1]
    outside = ~((np.abs(lon) <= 180) & (np.abs(lat) <= 90))  # NaN is outside, too
    if outside.any():
        first = int(np.flatnonzero(outside)[0])
        place = f"{which}position {first + 1}, {_told(positions[first])},"
        if not np.isfinite(positions[first]).all():
            raise _Misshapen(f"{place} is not a finite number", _WGS84_ORDER)
        if abs(lon[first]) <= 90 and abs(lat[first]) <= 180:
            raise _Misshapen(f"{place} is in the wrong order: latitude comes first", _WGS84_ORDER)
        metres = "; these look like metres of a projected system" if np.abs(positions[first]).min() > 1000 else ""
        raise _Misshapen(f"{place} is outside ±180/±90{metres}", _WGS84_ORDER)
    if in_china_box(lat, lon).all() and not in_china_box(lon, lat).any():
        raise _Misshapen(f"{which}{_told(positions[0])} is in the wrong order: latitude comes first", _WGS84_ORDER)


def _told(position: Positions) -> str:
    return "[{:.7g}, {:.7g}]".format(*position.tolist())


def _explain(shape: BaseGeometry) -> str:
    reason = str(shapely.is_valid_reason(shape))
    found = _REASON.match(reason)
    if not found:
        return f"is not valid: {reason}"
    what, x, y = found.groups()
    return f"{_REASONS.get(what, what)} at [{float(x):.7g}, {float(y):.7g}]"
