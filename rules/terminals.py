"""One terminal's fixes as arrays, the form in which what a terminal says is held against what its truck did."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ingest.datum import from_wgs84, to_wgs84
from ingest.fix import DATUMS
from rules.plane import Floats
from rules.raster import Ints

METRES_PER_DEG = 111_200.0  # of a meridian: near enough for a speed


@dataclass(frozen=True)
class Terminal:
    """One terminal's fixes as arrays. `told` indexes `DATUMS`; sensors are 1, 0 or -1 for nothing said."""

    plate: str
    time_ms: Ints
    lon: Floats
    lat: Floats
    told: Ints
    speed_kmh: Floats
    load: Ints
    lift: Ints
    cover: Ints
    valid: NDArray[np.bool_]
    ignition_off: NDArray[np.bool_]

    def at(self, rows: Ints | slice) -> Terminal:
        """Some of the fixes."""
        return Terminal(self.plate, *(getattr(self, name)[rows] for name in list(self.__dataclass_fields__)[1:]))

    def read_in(self, datum: str) -> tuple[Floats, Floats]:
        """Degrees in WGS 84 if the numbers had been in `datum`, whatever the terminal said."""
        return read_in(self.lon, self.lat, self.told, DATUMS.index(datum))


def terminals_of(fixes: pl.DataFrame) -> list[tuple[str, Terminal]]:
    """Every terminal of every plate with its fixes."""
    whole = Terminal(
        "",
        fixes["time_ms"].to_numpy(),
        fixes["lon"].to_numpy(),
        fixes["lat"].to_numpy(),
        fixes["datum"].to_physical().to_numpy(),
        fixes["speed_kmh"].cast(pl.Float64).to_numpy(),
        np.minimum(_word(fixes["load"].to_physical()), 1),
        _word(fixes["lift"]),
        _word(fixes["cover"]),
        fixes["valid"].to_numpy(),
        _word(fixes["acc"]) != 1,
    )
    found: list[tuple[str, Terminal]] = []
    distinct = fixes["terminal"].unique().sort()
    codes = fixes["terminal"].cast(pl.Enum(distinct)).to_physical().to_numpy()
    start = 0
    runs = fixes["plate"].rle().struct.unnest()
    for length, plate in zip(runs["len"].to_list(), runs["value"].to_list(), strict=True):
        here = codes[start : start + length]
        alone = bool((here == here[0]).all())
        for code in [int(here[0])] if alone else np.unique(here).tolist():
            rows = slice(start, start + length) if alone else start + np.flatnonzero(here == code)
            found.append((distinct[code], _with_speeds(replace(whole.at(rows), plate=plate))))
        start += length
    return found


def _with_speeds(own: Terminal) -> Terminal:
    """The terminal with a speed at each fix: where it tells none, that of the way from its fix before."""
    silent = np.isnan(own.speed_kmh)
    if not silent.any():
        return own
    east = np.diff(own.lon, prepend=own.lon[0]) * np.cos(np.radians(own.lat))
    way_m = METRES_PER_DEG * np.hypot(east, np.diff(own.lat, prepend=own.lat[0]))
    lead_s = np.maximum(np.diff(own.time_ms, prepend=own.time_ms[0] - 1000) / 1000, 1.0)
    return replace(own, speed_kmh=np.where(silent, 3.6 * way_m / lead_s, own.speed_kmh))


def _word(column: pl.Series) -> Ints:
    """What a sensor says, -1 for nothing."""
    return column.cast(pl.Int64).fill_null(-1).to_numpy()


def read_in(lon: Floats, lat: Floats, told: Ints, meant: Ints | int) -> tuple[Floats, Floats]:
    """Degrees in WGS 84 if the numbers had been in the datum meant, whatever was told; both as places in `DATUMS`."""
    if bool((told == meant).all()):
        return lon, lat
    lon, lat = lon.copy(), lat.copy()
    for pair in np.unique(told * len(DATUMS) + meant).tolist():
        said, datum = divmod(pair, len(DATUMS))
        if said != datum:
            rows = np.flatnonzero((told == said) & (meant == datum))
            lon[rows], lat[rows] = to_wgs84(*from_wgs84(lon[rows], lat[rows], DATUMS[said]), DATUMS[datum])
    return lon, lat


def thinned(rows: Ints, most: int) -> Ints:
    """Evenly fewer of many rows: at most twice `most`."""
    return rows[:: max(1, len(rows) // most)]
