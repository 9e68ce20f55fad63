"""Between degrees (WGS 84) and metres east and north of the invented city's centre, and seeds by name."""

from __future__ import annotations

import zlib

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

CENTRE_DEG = (118.9, 31.9)


def metres_per_degree(lat_deg: float) -> tuple[float, float]:
    """Metres per degree of longitude and of latitude, by the radii of curvature of the WGS 84 ellipsoid."""
    bend = 1.0 - 0.00669437999014 * np.sin(np.radians(lat_deg)) ** 2
    per_lon = float(np.radians(6378137.0 / np.sqrt(bend)) * np.cos(np.radians(lat_deg)))
    return per_lon, float(np.radians(6378137.0 * (1.0 - 0.00669437999014) / bend**1.5))


def to_degrees(xy_m: Floats, centre_deg: tuple[float, float] = CENTRE_DEG) -> Floats:
    """Turns an (n, 2) array of metres east and north of the centre into longitudes and latitudes, degrees."""
    return np.asarray(xy_m, dtype=np.float64) / metres_per_degree(centre_deg[1]) + centre_deg


def to_metres(lonlat_deg: Floats, centre_deg: tuple[float, float] = CENTRE_DEG) -> Floats:
    """Turns an (n, 2) array of longitudes and latitudes into metres east and north of the centre."""
    return (np.asarray(lonlat_deg, dtype=np.float64) - centre_deg) * metres_per_degree(centre_deg[1])


def stream(seed: int, *names: object) -> np.random.Generator:
    """A random stream of its own for a named purpose, so that one more draw in one place moves nothing elsewhere."""
    return np.random.default_rng([seed, *(zlib.crc32(str(name).encode()) for name in names)])
