"""A local plane in metres: transverse Mercator through the middle of the registry, so that shapely measures ground."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyproj
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

Floats = NDArray[np.float64]

NEAR_DEG = 0.6  # some 60 km; a city and its outskirts
DEGREE = 5
TERMS = [(i, j) for i in range(DEGREE + 1) for j in range(DEGREE + 1 - i)]
CHUNK = 8192  # fixes whose powers fit into the cache


def _powers(values: Floats) -> list[Floats]:
    found = [np.ones_like(values)]
    for _ in range(DEGREE):
        found.append(found[-1] * values)
    return found


@dataclass(frozen=True)
class Plane:
    """Metres east and north of `(lon_deg, lat_deg)`; scale error below 2e-5 within 40 km of it."""

    lon_deg: float
    lat_deg: float

    @classmethod
    def around(cls, geometries: list[BaseGeometry]) -> Plane:
        """The plane through the middle of what the geometries (WGS 84 degrees) span."""
        west, south, east, north = shapely.total_bounds(np.array(geometries, dtype=object))
        return cls(round((west + east) / 2, 4), round((south + north) / 2, 4))

    @cached_property
    def _transformer(self) -> pyproj.Transformer:
        local = pyproj.CRS.from_proj4(
            f"+proj=tmerc +lat_0={self.lat_deg} +lon_0={self.lon_deg} +k=1 +ellps=WGS84 +units=m"
        )
        return pyproj.Transformer.from_crs("EPSG:4326", local, always_xy=True)

    @cached_property
    def _series(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Coefficients of x and y as polynomials in degrees from the middle, fitted to PROJ within `NEAR_DEG`."""
        side = NEAR_DEG * np.cos(np.linspace(0, np.pi, 25))  # Chebyshev's places keep the edges in order
        u, v = (a.ravel() for a in np.meshgrid(side, side))
        x, y = self._transformer.transform(self.lon_deg + u, self.lat_deg + v)
        terms = np.stack([u**i * v**j for i, j in TERMS], axis=1)
        fitted = np.linalg.lstsq(terms, np.stack([x, y], axis=1), rcond=None)[0]
        return fitted[:, 0], fitted[:, 1]

    def to_m(self, lon_deg: Floats, lat_deg: Floats) -> tuple[Floats, Floats]:
        """Degrees to metres; what lies a quarter of the globe away becomes a far but finite place.

        Near the middle by a series that agrees with PROJ to a millimetre and is several times as fast, else by PROJ.
        """
        u, v = lon_deg - self.lon_deg, lat_deg - self.lat_deg
        near = (np.abs(u) <= NEAR_DEG) & (np.abs(v) <= NEAR_DEG)
        if near.all():
            return self._by_series(u, v)
        x, y = np.empty_like(u), np.empty_like(v)
        x[near], y[near] = self._by_series(u[near], v[near])
        x[~near], y[~near] = self._by_proj(lon_deg[~near], lat_deg[~near])
        return x, y

    def _by_series(self, u: Floats, v: Floats) -> tuple[Floats, Floats]:
        x, y = np.empty_like(u), np.empty_like(v)
        for start in range(0, len(u), CHUNK):
            part = slice(start, start + CHUNK)
            powers_u, powers_v = _powers(u[part]), _powers(v[part])
            products = np.stack([powers_u[i] * powers_v[j] for i, j in TERMS])
            for out, series in zip((x, y), self._series, strict=True):
                total = products[0] * series[0]
                for product, coefficient in zip(products[1:], series[1:], strict=True):
                    total += product * coefficient
                out[part] = total
        return x, y

    def _by_proj(self, lon_deg: Floats, lat_deg: Floats) -> tuple[Floats, Floats]:
        x, y = self._transformer.transform(lon_deg, lat_deg)
        far = 2.0e7
        return np.nan_to_num(x, nan=far, posinf=far, neginf=-far), np.nan_to_num(y, nan=far, posinf=far, neginf=-far)

    def to_deg(self, x_m: Floats, y_m: Floats) -> tuple[Floats, Floats]:
        """Metres to degrees."""
        lon, lat = self._transformer.transform(x_m, y_m, direction="INVERSE")
        return lon, lat

    def flatten(self, geometry: BaseGeometry) -> BaseGeometry:
        """A geometry in degrees as one in metres."""
        return shapely.transform(geometry, lambda c: np.column_stack(self.to_m(c[:, 0], c[:, 1])))
