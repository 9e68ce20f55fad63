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

    def to_m(self, lon_deg: Floats, lat_deg: Floats) -> tuple[Floats, Floats]:
        """Degrees to metres; what lies a quarter of the globe away becomes a far but finite place."""
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
