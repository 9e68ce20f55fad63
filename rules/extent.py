"""Where a city's trucks are, and fixes that lie there only with longitude and latitude exchanged."""

from __future__ import annotations

import numpy as np
import polars as pl
import shapely

from ingest.datum import from_wgs84, to_wgs84
from ingest.fix import DATUMS
from ingest.second_look import AXES, LEAST_FIXES, Extent, Otherwise, inside
from rules.registry import Registry

MARGIN_DEG = 0.5  # some 50 km around all that the registry knows


def extent_of(registry: Registry) -> Extent | None:
    """The box around everything in the registry, degrees in WGS 84; None where it knows no place."""
    shapes = [s.polygon for s in registry.sites] + [r.line for p in registry.permits for r in p.routes]
    shapes += [z.polygon for z in registry.zones] + [d.polygon for d in registry.districts]
    if not shapes:
        return None
    west, south, east, north = shapely.total_bounds(np.array(shapes, dtype=object)).tolist()
    return west - MARGIN_DEG, south - MARGIN_DEG, east + MARGIN_DEG, north + MARGIN_DEG


def turned(fixes: pl.DataFrame, extent: Extent | None) -> tuple[pl.DataFrame, list[Otherwise]]:
    """The fixes with the axes of those put right that lie in the city only the other way round.

    Where a longitude is also a latitude (west of 90° E), a fix with exchanged axes can be read as it is, far away. A
    terminal with `LEAST_FIXES` of them is read the right way round; a truck that truly left is not in the city then.

    Args:
        fixes: `FIX_SCHEMA`, any order.
        extent: where the city's trucks are.

    Returns:
        The fixes in their order, and whose were read otherwise.
    """
    if extent is None or not fixes.height:
        return fixes, []
    far = np.flatnonzero(~inside(fixes, extent))
    if len(far) < LEAST_FIXES:
        return fixes, []
    lon, lat = fixes["lon"].to_numpy().copy(), fixes["lat"].to_numpy().copy()
    told = fixes["datum"].to_physical().to_numpy()
    for code in np.unique(told[far]).tolist():
        rows = far[told[far] == code]
        as_told = from_wgs84(lon[rows], lat[rows], DATUMS[code])
        lon[rows], lat[rows] = to_wgs84(*as_told[::-1], DATUMS[code])
    other = fixes[far].with_columns(lon=pl.Series(lon[far]), lat=pl.Series(lat[far]))
    fits = other.select("plate", "terminal", "time_ms").with_columns(row=pl.Series(far)).filter(inside(other, extent))
    many = (
        fits.group_by("plate", "terminal")
        .agg(pl.len().alias("fixes"), pl.col("time_ms").min().alias("first"), pl.col("time_ms").max().alias("last"))
        .filter(pl.col("fixes") >= LEAST_FIXES)
        .sort("plate", "terminal")
    )
    rows = fits.join(many, on=["plate", "terminal"], how="semi")["row"].to_numpy()
    if not len(rows):
        return fixes, []
    mended = np.zeros(fixes.height, bool)
    mended[rows] = True
    right = {
        name: pl.Series(np.where(mended, other, fixes[name].to_numpy())) for name, other in (("lon", lon), ("lat", lat))
    }
    return fixes.with_columns(**right), [Otherwise(p, t, AXES, *said) for p, t, *said in many.iter_rows()]
