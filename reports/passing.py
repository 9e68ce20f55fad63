"""Which places trucks passed, and when: violations' tracks out of the archive, laid over points on roads."""

from __future__ import annotations

import json

import numpy as np
import polars as pl
import shapely
from numpy.typing import NDArray

from ingest.datum import from_wgs84, to_wgs84
from reports.archive import FIXES_FOLDER
from reports.store import Store
from rules.plane import Plane

Floats = NDArray[np.float64]

#: A truck passed a place if its track came this near: GNSS error and the width of a road.
REACH_M = 45.0
#: Two fixes further apart than this are not joined: nobody knows which way the truck took.
JOIN_MAX_S = 180.0
JOIN_MAX_M = 2_000.0
#: One truck is at one place once within this time.
_ONCE_MS = 600_000

TRACK_SCHEMA = {"row": pl.Int64, "time_ms": pl.Int64, "lon": pl.Float64, "lat": pl.Float64, "terminal": pl.String}
PASS_SCHEMA = {"row": pl.Int64, "place": pl.Int64, "time_ms": pl.Int64}


def tracks_in(store: Store, spans: pl.DataFrame) -> pl.DataFrame:
    """The archived fixes within spans of trucks, as the engine read them, by row, terminal and time.

    Args:
        store: an open store.
        spans: `row` (any whole number), `plate`, `start_ms` and `end_ms` (inclusive).

    Returns:
        Columns of `TRACK_SCHEMA`. A device that tells a wrong datum is read in the one that fits.
    """
    if spans.is_empty():
        return pl.DataFrame(schema=TRACK_SCHEMA)
    listed = store.query(
        "SELECT path FROM kept.archive WHERE first_ms <= $2 AND last_ms >= $1 AND rows > 0 ORDER BY path",
        [int(spans["start_ms"].min()), int(spans["end_ms"].max())],  # type: ignore[arg-type]
    )
    paths = [str(store.path / FIXES_FOLDER / path) for path in listed["path"]]
    if not paths:
        return pl.DataFrame(schema=TRACK_SCHEMA)
    with store.lending({"spans": spans.select("row", "plate", "start_ms", "end_ms")}):
        found = store.query(
            "SELECT s.row, f.time_ms, f.lon, f.lat, f.terminal, f.plate, f.datum::VARCHAR AS datum "
            "FROM read_parquet($1, hive_partitioning = false) f JOIN new_spans s "
            "ON f.plate = s.plate AND f.time_ms BETWEEN s.start_ms AND s.end_ms "
            "WHERE f.valid IS NOT false ORDER BY s.row, f.terminal, f.time_ms",
            [paths],
        )
    return _as_found(store, found).select(pl.col(name).cast(kind) for name, kind in TRACK_SCHEMA.items())


class PlaceIndex:
    """Places that tracks are held against more than once, indexed once.

    Args:
        places: degrees, shape (n, 2).
        plane: metres.
    """

    def __init__(self, places: Floats, plane: Plane) -> None:
        self.plane = plane
        self.points = shapely.points(*plane.to_m(places[:, 0], places[:, 1])) if len(places) else np.empty(0, object)
        self.tree = shapely.STRtree(self.points)


def passes(tracks: pl.DataFrame, places: PlaceIndex, reach_m: float = REACH_M) -> pl.DataFrame:
    """Which tracks passed which places, each pass once.

    Args:
        tracks: columns of `TRACK_SCHEMA`, sorted by row, terminal and time.
        places: where.
        reach_m: how near is there.

    Returns:
        `row`, `place` (its index) and `time_ms` (interpolated along the leg), by row, place and time.
    """
    if tracks.height == 0 or not len(places.points):
        return pl.DataFrame(schema=PASS_SCHEMA)
    x, y = places.plane.to_m(tracks["lon"].to_numpy(), tracks["lat"].to_numpy())
    row, time_ms = tracks["row"].to_numpy(), tracks["time_ms"].to_numpy()
    terminal = tracks["terminal"].fill_null("").to_numpy()
    far = np.hypot(np.diff(x), np.diff(y)) > JOIN_MAX_M
    apart = (np.diff(row) != 0) | (terminal[1:] != terminal[:-1]) | (np.diff(time_ms) > JOIN_MAX_S * 1000) | far
    first = np.flatnonzero(~apart)
    begins, ends = np.column_stack([x[first], y[first]]), np.column_stack([x[first + 1], y[first + 1]])
    legs = shapely.linestrings(np.stack([begins, ends], axis=1))
    leg, place = places.tree.query(legs, "dwithin", distance=reach_m)
    share = shapely.line_locate_point(legs[leg], places.points[place], normalized=True)
    share = np.nan_to_num(share)
    start = first[leg]
    at_ms = (time_ms[start] + share * (time_ms[start + 1] - time_ms[start])).astype(np.int64)
    found = pl.DataFrame({"row": row[start], "place": place, "time_ms": at_ms}, schema=PASS_SCHEMA)
    found = found.sort("row", "place", "time_ms")
    again = (pl.col("time_ms").diff() < _ONCE_MS) & (pl.col("row").diff() == 0) & (pl.col("place").diff() == 0)
    return found.filter(~again.fill_null(False))


def _as_found(store: Store, fixes: pl.DataFrame) -> pl.DataFrame:
    """Positions of terminals that tell a wrong datum, read in the one that their stops fit."""
    health = store.query("SELECT plate, terminal, datum_found, faults FROM terminal_health ORDER BY plate, terminal")
    lying = [(p, t, d) for p, t, d, faults in health.iter_rows() if d and "datum" in json.loads(faults or "{}")]
    if not lying:
        return fixes
    lon, lat = fixes["lon"].to_numpy().copy(), fixes["lat"].to_numpy().copy()
    for plate, terminal, datum in lying:
        own = fixes.select((pl.col("plate") == plate) & (pl.col("terminal") == terminal)).to_series()
        for told in fixes.filter(own)["datum"].unique().to_list():
            if told and told != datum:
                rows = (own & (fixes["datum"] == told)).fill_null(False).to_numpy()
                lon[rows], lat[rows] = to_wgs84(*from_wgs84(lon[rows], lat[rows], told), datum)
    return fixes.with_columns(lon=pl.Series(lon), lat=pl.Series(lat))
