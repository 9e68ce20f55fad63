"""How places lie to each other: far from all others, in the wrong order, one over another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from rules.registry.features import Feature
from rules.registry.model import Validity

FAR_KM = 500.0  # wider than any city; a place beyond is a slip of the pen
TOUCHING_M = 2.0  # boundaries drawn by hand: neighbours that overlap no deeper than this only touch
SLIVER_M = 20.0  # the same for districts, whose common boundary two offices may have drawn

_EARTH_KM = 6371.0
_M_PER_DEG = 111_320.0

Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Place:
    """A feature with its geometry (degrees, None after a fault) and when it is in force."""

    feature: Feature
    shape: BaseGeometry | None
    validity: Validity


def check_distances(places: Sequence[Place]) -> None:
    """Tells a place that lies more than `FAR_KM` from the median of all, or that would not if its order were right."""
    sound = [place for place in places if place.shape is not None]
    if len(sound) < 3:
        return
    bounds = shapely.bounds(np.array([place.shape for place in sound], dtype=object))
    lon, lat = (bounds[:, 0] + bounds[:, 2]) / 2, (bounds[:, 1] + bounds[:, 3]) / 2
    middle = float(np.median(lon)), float(np.median(lat))
    away_km, swapped_km = _distance_km(lon, lat, *middle), _distance_km(lat, lon, *middle)
    for k in np.flatnonzero(away_km > FAR_KM).tolist():
        feature, told = sound[k].feature, f"[{lon[k]:.7g}, {lat[k]:.7g}]"
        if swapped_km[k] <= FAR_KM:
            problem = f"{told} is in the wrong order: latitude comes first"
            feature.error("geometry", problem, "[lon, lat]; the other way round it lies among the others")
        else:
            problem = f"lies {away_km[k]:.0f} km from the middle of all others, [{middle[0]:.7g}, {middle[1]:.7g}]"
            feature.warn("geometry", problem, f"at most {FAR_KM:g} km")


def _distance_km(lon: Numbers, lat: Numbers, lon0: float, lat0: float) -> Numbers:
    """Great-circle distance; a latitude beyond ±90 gives infinity."""
    a, b = np.radians(lat), np.radians(lat0)
    haversine = np.sin((a - b) / 2) ** 2 + np.cos(a) * np.cos(b) * np.sin(np.radians(lon - lon0) / 2) ** 2
    away: Numbers = 2 * _EARTH_KM * np.arcsin(np.sqrt(np.clip(haversine, 0, 1)))
    return np.where(np.abs(lat) <= 90, away, np.inf)


def check_overlaps(places: Sequence[Place], depth_m: float, *, grave: bool) -> None:
    """Tells places that overlap deeper than `depth_m`.

    Args:
        places: of one file.
        depth_m: an overlap no deeper than this counts as touching, metres.
        grave: whether an overlap of two in force at once is an error, not a warning.
    """
    sound = [place for place in places if place.shape is not None]
    if len(sound) < 2:
        return
    flat = _in_metres(np.array([place.shape for place in sound], dtype=object))
    one, other = shapely.STRtree(flat).query(flat, predicate="intersects")
    one, other = one[one < other], other[one < other]
    shared = shapely.intersection(flat[one], flat[other])
    deep = ~shapely.is_empty(shapely.buffer(shared, -depth_m / 2))
    order = np.lexsort((one[deep], other[deep]))
    for a, b, area in zip(one[deep][order], other[deep][order], shapely.area(shared[deep][order]), strict=True):
        first, second = sound[a], sound[b]
        both = first.validity.from_ms < second.validity.to_ms and second.validity.from_ms < first.validity.to_ms
        problem = f"overlaps {first.feature.where} by {area:.0f} m², " + ("both" if both else "never both")
        tell = second.feature.error if both and grave else second.feature.warn
        tell("geometry", f"{problem} in force at once", "places that at most touch")


def _in_metres(shapes: NDArray[np.object_]) -> NDArray[np.object_]:
    """Degrees as metres on a plane true at the shapes' median latitude; good to a few percent over a city."""
    middle_deg = np.median(shapely.bounds(shapes)[:, 1])
    scale = np.array([_M_PER_DEG * np.cos(np.radians(middle_deg)), _M_PER_DEG])
    moved: NDArray[np.object_] = shapely.transform(shapes, lambda positions: positions * scale)
    return moved
