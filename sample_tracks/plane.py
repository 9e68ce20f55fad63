"""Between degrees (WGS 84) and metres east and north of the invented city's centre, and seeds by name."""

from __future__ import annotations

import zlib

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

CENTRE_DEG = (118.9, 31.9)

#: Metres per degree at the centre, by the radii of curvature of the WGS 84 ellipsoid.
_SIN2 = np.sin(np.radians(CENTRE_DEG[1])) ** 2
_BEND = 1.0 - 0.00669437999014 * _SIN2
M_PER_LON = float(np.radians(6378137.0 / np.sqrt(_BEND)) * np.cos(np.radians(CENTRE_DEG[1])))
M_PER_LAT = float(np.radians(6378137.0 * (1.0 - 0.00669437999014) / _BEND**1.5))


def to_degrees(xy_m: Floats) -> Floats:
    """Turns an (n, 2) array of metres east and north of the centre into longitudes and latitudes, degrees."""
    return np.asarray(xy_m, dtype=np.float64) / (M_PER_LON, M_PER_LAT) + CENTRE_DEG


def to_metres(lonlat_deg: Floats) -> Floats:
    """Turns an (n, 2) array of longitudes and latitudes into metres east and north of the centre."""
    return (np.asarray(lonlat_deg, dtype=np.float64) - CENTRE_DEG) * (M_PER_LON, M_PER_LAT)


def stream(seed: int, *names: object) -> np.random.Generator:
    """A random stream of its own for a named purpose, so that one more draw in one place moves nothing elsewhere."""
    return np.random.default_rng([seed, *(zlib.crc32(str(name).encode()) for name in names)])
