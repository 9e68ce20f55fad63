"""From rows as they came to usable fixes: what cannot be used is set aside with its reason and counted."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ingest.columns import (
    Coded,
    Mask,
    Times,
    read_bounded,
    read_choices,
    read_flags,
    read_names,
    read_numbers,
    read_times,
)
from ingest.datum import to_wgs84
from ingest.fix import CODED_SCHEMA, DATUMS, FIX_SCHEMA
from ingest.second_look import AXES, KEPT_EXAMPLES, WAYS, WEEKS, Held, exchanged, rolled_on
from ingest.tally import EXAMPLE_CHARS, REASONS, Ignored, Rejection, Tally

#: The columns a file of fixes may have, and those it must have.
FIELDS = ("plate", "time", *(name for name in FIX_SCHEMA if name not in ("plate", "time_ms")))
REQUIRED = ("plate", "time", "lon", "lat")

OLDEST_MS = 1_262_304_000_000  # 2010-01-01T00:00:00Z: no terminal in service is older
AHEAD_MS = 10 * 60_000  # a terminal's clock may run ahead of ours by this much
ZERO_DEG = 1e-3  # a receiver without a fix reports (0, 0), or next to it

#: What optional numbers may be; values outside are ignored, not clipped.
_BOUNDS = {"speed_kmh": (0.0, 1000.0), "heading_deg": (0.0, 360.0), "mileage_km": (0.0, 1e8)}
_FLAGS = ("lift", "cover", "acc", "valid")
_HELD = 255  # of a row that may be usable when read otherwise
_CODES = {reason: code for code, reason in enumerate(REASONS, start=1)}


@dataclass(frozen=True)
class RawBatch:
    """Rows as a reader found them: any of `FIELDS`, of any fair type, and where each row stands in its source.

    `row_of` gives a row's number in the source (1-based; for text the line number), `text_of` the row as it was
    written; both take a row of `frame` and are only asked for examples. `coded` is what the reader knows of columns of
    texts.
    """

    source: str
    frame: pl.DataFrame
    row_of: Callable[[int], int]
    text_of: Callable[[int], str]
    coded: Mapping[str, Coded] = field(default_factory=dict)


@dataclass
class _Faults:
    """Which rows are unusable: a code for the reason (0: none); of several reasons the first in `REASONS` counts."""

    rows: int
    codes: NDArray[np.uint8] | None = field(default=None)

    def mark(self, reason: str, mask: Mask | None) -> None:
        if mask is None or not mask.any():
            return
        if self.codes is None:
            self.codes = np.zeros(self.rows, np.uint8)
        code = _CODES[reason]
        self.codes[mask & ((self.codes == 0) | (self.codes > code))] = code


#: Takes a reason and the rows of the batch that are set aside for it.
SetAside = Callable[[str, NDArray[np.int64]], None]


def clean(
    raw: RawBatch,
    *,
    now_ms: int,
    tally: Tally,
    set_aside: SetAside | None = None,
    coded: bool = False,
    held: list[Held] | None = None,
) -> pl.DataFrame:
    """Turns raw rows into fixes.

    Args:
        raw: the rows; columns other than `FIELDS` must be gone.
        now_ms: epoch milliseconds; fixes more than `AHEAD_MS` later are set aside.
        tally: receives what became of every row.
        set_aside: is told of the rows that cannot be used.
        coded: whether names stay codes.
        held: takes in what another reading makes usable, which then is counted as received and no more; without it
            such rows are set aside.

    Returns:
        The usable fixes in their order, columns exactly `FIX_SCHEMA` (`CODED_SCHEMA`), positions in WGS 84.
    """
    schema = CODED_SCHEMA if coded else FIX_SCHEMA
    rows = raw.frame.height
    faults, unread = _Faults(rows), dict[str, Mask]()
    columns = {name: _column(raw.frame, name) for name in FIELDS}
    read: dict[str, pl.Series] = {}
    plates = read_names(columns["plate"], schema["plate"], raw.coded.get("plate"))
    faults.mark("no_plate", plates.missing)
    faults.mark("bad_plate", plates.unreadable)
    read["plate"] = plates.texts
    times = read_times(columns["time"])
    _judge_times(times, now_ms, faults)
    read["time_ms"] = times.ms
    read["lon"], read["lat"] = _judge_positions(columns["lon"], columns["lat"], faults)
    read["datum"], wrong = read_choices(columns["datum"], schema["datum"], raw.coded.get("datum"))
    faults.mark("unknown_datum", wrong)
    read["datum"] = _or_default(read["datum"], DATUMS[0])
    terminals = read_names(columns["terminal"], schema["terminal"], raw.coded.get("terminal"))
    read["terminal"] = terminals.texts
    if terminals.unreadable is not None:
        unread["terminal"] = terminals.unreadable
    _read_optional(columns, raw.coded, read, unread)
    tally.received += rows
    frame = pl.DataFrame([read[name].cast(dtype).rename(name) for name, dtype in schema.items()])
    if faults.codes is not None:
        if held is not None:
            held += _read_otherwise(raw, times, read, faults.codes, now_ms, coded)
        _count_rejected(raw, times, faults.codes, tally, set_aside)
        frame = frame.filter(pl.Series(faults.codes == 0))
    _count_ignored(raw, columns, unread, faults.codes, tally)
    tally.usable += frame.height
    return _in_wgs84(frame)


def _column(frame: pl.DataFrame, name: str) -> pl.Series:
    """A column, or one of nulls where there is none."""
    return frame[name] if name in frame.columns else pl.repeat(None, frame.height, dtype=pl.String, eager=True)


def _or_default(column: pl.Series, value: str | bool) -> pl.Series:
    """The column with its nulls filled."""
    if column.null_count() == 0:
        return column
    return pl.select(pl.coalesce(column, pl.lit(value, dtype=column.dtype))).to_series()


def _judge_times(times: Times, now_ms: int, faults: _Faults) -> None:
    faults.mark("no_time", times.missing)
    faults.mark("bad_time", times.unreadable)
    faults.mark("time_without_offset", times.without_offset)
    ms = times.ms.to_numpy()
    faults.mark("time_too_old", (ms < OLDEST_MS) & times.readable)
    faults.mark("time_in_future", (ms > now_ms + AHEAD_MS) & times.readable)


def _judge_positions(lon: pl.Series, lat: pl.Series, faults: _Faults) -> tuple[pl.Series, pl.Series]:
    """Reads longitudes and latitudes (in their own datum) and marks those that cannot be."""
    lon_deg, lon_wrong = read_numbers(lon)
    lat_deg, lat_wrong = read_numbers(lat)
    x, y = lon_deg.to_numpy(), lat_deg.to_numpy()  # null becomes NaN
    if _plainly_on_earth(x, y):
        return lon_deg, lat_deg
    near_zero = (np.abs(x) < ZERO_DEG) & (np.abs(y) < ZERO_DEG)
    inside = (np.abs(x) <= 180.0) & (np.abs(y) <= 90.0)
    if inside.all() and not near_zero.any():
        return lon_deg, lat_deg
    unread = np.zeros(len(x), np.bool_)
    for wrong in (lon_wrong, lat_wrong):
        unread |= False if wrong is None else wrong
    absent = (lon_deg.is_null() | lat_deg.is_null()).to_numpy()
    faults.mark("no_position", absent & ~unread)
    faults.mark("bad_position", unread | (~absent & ~(np.isfinite(x) & np.isfinite(y))))
    faults.mark("position_out_of_range", ~absent & ~inside & np.isfinite(x) & np.isfinite(y))
    faults.mark("zero_position", near_zero)
    return lon_deg, lat_deg


def _plainly_on_earth(x: NDArray[np.float64], y: NDArray[np.float64]) -> bool:
    """Whether the extremes alone tell that all are in range and none is near (0, 0); with a NaN they never do."""
    if not x.size:
        return True
    west, east, south, north = x.min(), x.max(), y.min(), y.max()
    far = west >= ZERO_DEG or east <= -ZERO_DEG or south >= ZERO_DEG or north <= -ZERO_DEG
    return bool(far and west >= -180.0 and east <= 180.0 and south >= -90.0 and north <= 90.0)


def _read_optional(
    columns: dict[str, pl.Series], coded: Mapping[str, Coded], read: dict[str, pl.Series], unread: dict[str, Mask]
) -> None:
    """Reads what a fix may have; unreadable values become null and are noted in `unread`."""
    wrongs: dict[str, Mask | None] = {}
    read["load"], wrongs["load"] = read_choices(columns["load"], FIX_SCHEMA["load"], coded.get("load"))
    for name, (low, high) in _BOUNDS.items():
        read[name], wrongs[name] = read_bounded(columns[name], low, high)
    for name in _FLAGS:
        read[name], wrongs[name] = read_flags(columns[name])
    read["valid"] = _or_default(read["valid"], True)
    unread.update({name: wrong for name, wrong in wrongs.items() if wrong is not None})


def _in_wgs84(frame: pl.DataFrame) -> pl.DataFrame:
    """Converts the positions of the fixes that are given in another datum; the others stay where they are."""
    codes = frame["datum"].to_physical().to_numpy()
    if not (codes >= DATUMS.index("gcj02")).any():
        return frame
    lon, lat = frame["lon"].to_numpy().copy(), frame["lat"].to_numpy().copy()
    for code, datum in enumerate(DATUMS):
        at = np.flatnonzero(codes == code) if datum in ("gcj02", "bd09") else np.empty(0, np.int64)
        if at.size:
            lon[at], lat[at] = to_wgs84(lon[at], lat[at], datum)
    return frame.with_columns(lon=pl.Series(lon), lat=pl.Series(lat))


def _read_otherwise(
    raw: RawBatch, times: Times, read: dict[str, pl.Series], codes: NDArray[np.uint8], now_ms: int, coded: bool
) -> list[Held]:
    """What is usable with its axes exchanged or its week rolled on; marks those rows in `codes`."""
    ms = times.ms.to_numpy()
    rows_of = {
        AXES: (codes == _CODES[WAYS[AXES]]) & exchanged(read["lon"].to_numpy(), read["lat"].to_numpy()),
        WEEKS: codes == _CODES[WAYS[WEEKS]],
    }
    found: list[Held] = []
    for way, mask in rows_of.items():
        rows = np.flatnonzero(mask)
        if not rows.size:
            continue
        frame = raw.frame[rows]
        if way == AXES:
            frame = frame.rename({"lon": "lat", "lat": "lon"})
        else:
            frame = frame.with_columns(time=pl.Series(rolled_on(ms[rows], OLDEST_MS)))
        usable = np.ones(rows.size, np.bool_)

        def drop(_: str, at: NDArray[np.int64], usable: Mask = usable) -> None:
            usable[at] = False

        other = replace(raw, frame=frame, coded={})
        fixes = clean(other, now_ms=now_ms, tally=Tally(), set_aside=drop, coded=coded)
        rows = rows[usable]
        if rows.size:
            examples = tuple(_example(raw, row) for row in rows[:KEPT_EXAMPLES].tolist())
            found.append(Held(way, fixes, ms[rows], examples))
            codes[rows] = _HELD
    return found


def _example(raw: RawBatch, row: int) -> str:
    return f"{raw.source}:{raw.row_of(row)}: {raw.text_of(row)}"[:EXAMPLE_CHARS]


def _count_rejected(
    raw: RawBatch, times: Times, codes: NDArray[np.uint8], tally: Tally, set_aside: SetAside | None
) -> None:
    ms = times.ms.to_numpy()
    for reason, code in _CODES.items():
        at = np.flatnonzero(codes == code)
        if not at.size:
            continue
        known = ms[at][times.readable[at]]
        first_ms, last_ms = (int(known.min()), int(known.max())) if known.size else (None, None)
        tally.reject(reason, Rejection(at.size, first_ms, last_ms, _example(raw, int(at[0]))))
        if set_aside:
            set_aside(reason, at)


def _count_ignored(
    raw: RawBatch,
    columns: dict[str, pl.Series],
    unread: dict[str, Mask],
    codes: NDArray[np.uint8] | None,
    tally: Tally,
) -> None:
    """Counts unreadable optional values of the fixes that are kept."""
    for name, mask in unread.items():
        at = np.flatnonzero(mask if codes is None else mask & (codes == 0))
        if at.size:
            row = int(at[0])
            value = json.dumps(columns[name][row], ensure_ascii=False, default=str)
            tally.ignore(name, Ignored(at.size, f"{raw.source}:{raw.row_of(row)}: {name} {value}"[:EXAMPLE_CHARS]))
