"""What a map shows, as plain data: lines, areas and places with a style and texts, in named layers.

Nothing here knows how it is drawn. Coordinates are WGS 84 degrees (lon, lat) and leave as whole millionths of a degree
(11 cm), each as the difference from the one before, which is a third of the size of decimal text.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
from shapely.geometry.base import BaseGeometry

from maps.styles import style_of

DEGREE_UNITS = 1_000_000
Path = Sequence[tuple[float, float]]
Path6 = tuple[int, ...]  # first lon, lat, then differences; millionths of a degree
Bounds = tuple[float, float, float, float]  # west, south, east, north, degrees
#: What a page of nothing opens on.
WORLD: Bounds = (-180.0, -60.0, 180.0, 75.0)


def encode(points: Path | npt.NDArray[np.float64]) -> Path6:
    """Delta-codes a path of shape (n, 2) in degrees; rounding is of positions, so errors do not add up."""
    whole = np.rint(np.asarray(points, dtype=np.float64).reshape(-1, 2) * DEGREE_UNITS).astype(np.int64)
    return tuple(np.diff(whole, axis=0, prepend=np.zeros((1, 2), dtype=np.int64)).ravel().tolist())


def decode(path: Path6) -> list[tuple[float, float]]:
    """The positions of a coded path, degrees."""
    whole = np.cumsum(np.asarray(path, dtype=np.int64).reshape(-1, 2), axis=0)
    return [(float(x) / DEGREE_UNITS, float(y) / DEGREE_UNITS) for x, y in whole]


@dataclass(frozen=True)
class Line:
    """One or more paths of one look. `title` and `text` (one string a line of text) show when it is pointed at."""

    style: str
    paths: tuple[Path6, ...]
    title: str = ""
    text: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """JSON-ready, without empty fields."""
        return _trim(
            {"t": "line", "s": self.style, "p": [list(p) for p in self.paths], "h": self.title, "x": list(self.text)}
        )


@dataclass(frozen=True)
class Area:
    """Polygons (each a tuple of rings, the first the outer one). `label` is written at `at` where it has room.

    `values` are numbers that the page may colour it by (`count`, `rate`); `fill` overrides the style's.
    """

    style: str
    polygons: tuple[tuple[Path6, ...], ...]
    title: str = ""
    text: tuple[str, ...] = ()
    label: str = ""
    at: tuple[float, float] | None = None
    fill: str = ""
    priority: int = 0
    values: tuple[tuple[str, float], ...] = ()

    def as_json(self) -> dict[str, Any]:
        """JSON-ready, without empty fields."""
        at = list(encode([self.at])) if self.at else None
        rings = [[list(ring) for ring in polygon] for polygon in self.polygons]
        return _trim(
            {
                "t": "area",
                "s": self.style,
                "p": rings,
                "h": self.title,
                "x": list(self.text),
                "l": self.label,
                "at": at,
                "f": self.fill,
                "r": self.priority,
                "v": dict(self.values),
            }
        )


@dataclass(frozen=True)
class Place:
    """A mark at a position. `page` is the file name of another page of the same folder that it leads to."""

    style: str
    lon: float
    lat: float
    title: str = ""
    text: tuple[str, ...] = ()
    label: str = ""
    priority: int = 0
    page: str = ""

    def as_json(self) -> dict[str, Any]:
        """JSON-ready, without empty fields."""
        return _trim(
            {
                "t": "place",
                "s": self.style,
                "p": list(encode([(self.lon, self.lat)])),
                "h": self.title,
                "x": list(self.text),
                "l": self.label,
                "r": self.priority,
                "g": self.page,
            }
        )


Feature = Line | Area | Place


@dataclass(frozen=True)
class Layer:
    """Features that are shown and hidden together. `key` is for code, `name` for people; `toggle` offers the choice."""

    key: str
    name: str
    features: tuple[Feature, ...]
    toggle: bool = True
    shown: bool = True

    def __post_init__(self) -> None:
        for feature in self.features:
            style_of(feature.style)

    @cached_property
    def json(self) -> dict[str, Any]:
        """JSON-ready; made once, since many pages share a layer."""
        features = [feature.as_json() for feature in self.features]
        head = {"key": self.key, "name": self.name, "toggle": self.toggle, "shown": self.shown}
        return {**head, "features": features}


def lines_of(geometry: BaseGeometry) -> tuple[Path6, ...]:
    """The paths of a LineString or MultiLineString, or of a polygon's boundary."""
    if geometry.geom_type in ("Polygon", "MultiPolygon"):
        geometry = geometry.boundary
    return tuple(
        encode(np.asarray(part.coords)[:, :2])
        for part in _parts(geometry)
        if part.geom_type in ("LineString", "LinearRing")
    )


def rings_of(geometry: BaseGeometry) -> tuple[tuple[Path6, ...], ...]:
    """The polygons of a Polygon or MultiPolygon as coded rings; other parts are left out."""
    return tuple(
        tuple(encode(np.asarray(ring.coords)[:, :2]) for ring in (part.exterior, *part.interiors))
        for part in _parts(geometry)
        if part.geom_type == "Polygon" and not part.is_empty
    )


def bounds_of(layers: Iterable[Layer]) -> Bounds | None:
    """The box around everything that the layers hold, degrees; None of nothing."""
    boxes = [_box(path) for layer in layers for feature in layer.features for path in _paths(feature)]
    if not boxes:
        return None
    low, high = np.min([b[:2] for b in boxes], axis=0), np.max([b[2:] for b in boxes], axis=0)
    return (float(low[0]), float(low[1]), float(high[0]), float(high[1]))


def touches(feature: Feature, view: Bounds) -> bool:
    """Whether the box around any path of a feature touches a view, degrees."""
    return any(
        w <= view[2] and e >= view[0] and s <= view[3] and n >= view[1] for w, s, e, n in map(_box, _paths(feature))
    )


def _paths(feature: Feature) -> Iterator[Path6]:
    if isinstance(feature, Place):
        yield encode([(feature.lon, feature.lat)])
    elif isinstance(feature, Line):
        yield from feature.paths
    else:
        yield from (polygon[0] for polygon in feature.polygons)


def _box(path: Path6) -> Bounds:
    whole = np.cumsum(np.asarray(path, dtype=np.int64).reshape(-1, 2), axis=0) / DEGREE_UNITS
    low, high = whole.min(axis=0), whole.max(axis=0)
    return (float(low[0]), float(low[1]), float(high[0]), float(high[1]))


def _parts(geometry: BaseGeometry) -> Iterator[BaseGeometry]:
    for part in getattr(geometry, "geoms", (geometry,)):
        if hasattr(part, "geoms"):
            yield from _parts(part)
        elif not part.is_empty:
            yield part


def _trim(fields: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in fields.items() if value not in ("", None, [], {}, 0)}
