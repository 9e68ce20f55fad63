"""Fixes that only another reading makes usable: longitude and latitude exchanged, or the GPS week rolled over.

One such fix is a slip and stays set aside. A terminal that sends many, all of which lie in the city (and in the time of
the other fixes) once they are read otherwise, always writes so, and nothing else explains it: no latitude is above 90°,
and no terminal in service is from before 2010. Which fixes are read otherwise does not depend on their order.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ingest.tally import Rejection, Tally

ROLLOVER_MS = 1024 * 7 * 86_400_000  # a receiver counts weeks to 1,023
LEAST_FIXES = 20  # of a terminal that only another reading makes usable; fewer are slips
IN_TIME_MS = 86_400_000  # so far outside the time of all other fixes they may lie then
KEPT_EXAMPLES = 50  # of a batch
AXES, WEEKS = "axes", "weeks"
#: The ways of reading otherwise, with the reason for which such fixes are set aside.
WAYS = {AXES: "position_out_of_range", WEEKS: "time_too_old"}

#: West, south, east, north; degrees in WGS 84.
Extent = tuple[float, float, float, float]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Held:
    """Fixes of a batch as they are when read otherwise, and as they were told: times, and the rows of the first few."""

    way: str
    fixes: pl.DataFrame
    told_ms: NDArray[np.int64]
    examples: tuple[str, ...] = field(repr=False)


@dataclass(frozen=True)
class Otherwise:
    """A terminal whose fixes were read otherwise: how, how many, from when to when (epoch ms, as read)."""

    plate: str
    terminal: str
    way: str
    fixes: int
    first_ms: int
    last_ms: int


def exchanged(lon_deg: NDArray[np.float64], lat_deg: NDArray[np.float64]) -> Mask:
    """Which positions can only be meant the other way round."""
    return (np.abs(lon_deg) <= 90.0) & (np.abs(lat_deg) > 90.0) & (np.abs(lat_deg) <= 180.0)


def rolled_on(time_ms: NDArray[np.int64], oldest_ms: int) -> NDArray[np.int64]:
    """Times as many roll-overs later as bring them to `oldest_ms` or after."""
    return time_ms + -(-(oldest_ms - time_ms) // ROLLOVER_MS) * ROLLOVER_MS


def inside(frame: pl.DataFrame, extent: Extent) -> Mask:
    """Which positions lie in the extent."""
    west, south, east, north = extent
    lon, lat = frame["lon"].to_numpy(), frame["lat"].to_numpy()
    return np.asarray((lon >= west) & (lon <= east) & (lat >= south) & (lat <= north))


class SecondLook:
    """Holds such fixes while tracks are read, and says at their end which are usable.

    Args:
        extent: where the city's trucks are; nothing is read otherwise without one.
    """

    def __init__(self, extent: Extent | None) -> None:
        self._extent = extent
        self._held: list[Held] = []
        self._first_ms, self._last_ms = np.iinfo(np.int64).max, np.iinfo(np.int64).min
        self.found: list[Otherwise] = []

    def note(self, fixes: pl.DataFrame) -> None:
        """Takes note of when usable fixes are from."""
        if fixes.height:
            self._first_ms = min(self._first_ms, int(fixes["time_ms"].min()))  # type: ignore[arg-type]
            self._last_ms = max(self._last_ms, int(fixes["time_ms"].max()))  # type: ignore[arg-type]

    def hold(self, held: list[Held]) -> None:
        """Takes in what a batch held, in the order of the batches."""
        self._held += held

    def usable(self, tally: Tally) -> Iterator[pl.DataFrame]:
        """The fixes that are usable when read otherwise; the others are counted as set aside."""
        for way, reason in WAYS.items():
            held = [h for h in self._held if h.way == way]
            if not held:
                continue
            whole = pl.concat([h.fixes for h in held]).with_columns(fits=pl.Series(self._fits(way, held)))
            by_terminal = (
                whole.filter("fits")
                .group_by("plate", "terminal")
                .agg(
                    pl.col("time_ms").n_unique().alias("fixes"),
                    pl.col("time_ms").min().alias("first"),
                    pl.col("time_ms").max().alias("last"),
                )
            )
            many = by_terminal.filter(pl.col("fixes") >= LEAST_FIXES)
            for plate, terminal, *told in many.iter_rows():
                self.found.append(Otherwise(str(plate), str(terminal), way, *told))
            taken = whole.join(many, on=["plate", "terminal"], how="left", maintain_order="left")
            usable = (taken["fits"] & taken["fixes"].is_not_null()).to_numpy()
            self._reject(held, reason, ~usable, tally)
            if usable.any():
                tally.usable += int(usable.sum())
                yield whole.drop("fits").filter(pl.Series(usable))
        self.found.sort(key=lambda one: (one.plate, one.terminal, one.way))
        self._held = []

    def _fits(self, way: str, held: list[Held]) -> Mask:
        fits = []
        for h in held:
            mask = np.zeros(h.fixes.height, bool) if self._extent is None else inside(h.fixes, self._extent)
            if way == WEEKS:
                time_ms = h.fixes["time_ms"].to_numpy()
                mask &= (time_ms >= self._first_ms - IN_TIME_MS) & (time_ms <= self._last_ms + IN_TIME_MS)
            fits.append(mask)
        return np.concatenate(fits)

    @staticmethod
    def _reject(held: list[Held], reason: str, gone: Mask, tally: Tally) -> None:
        start = 0
        for h in held:
            rows = np.flatnonzero(gone[start : start + h.fixes.height])
            start += h.fixes.height
            if len(rows):
                told_ms = h.told_ms[rows]
                example = next((h.examples[row] for row in rows.tolist() if row < len(h.examples)), "")
                tally.reject(reason, Rejection(len(rows), int(told_ms.min()), int(told_ms.max()), example))
