"""Times written as text, to epoch milliseconds: whole columns at once, by their bytes.

RFC 3339 has fixed places for everything but the fraction, so texts of one length share their layout and a column is
parsed as a table of bytes. Allowed: `2026-11-16T22:00:00+08:00`, with a fraction of any length (cut to milliseconds),
`Z` or `+0800` for the offset, a space or `t` for the `T`; or epoch milliseconds as digits.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
Integers = NDArray[np.int64]
Mask = NDArray[np.bool_]

#: What became of one text.
READ, UNREADABLE, WITHOUT_OFFSET = 0, 1, 2

_STAMP_CHARS = 19  # 2026-11-16T22:00:00
_MAX_CHARS = 48
_CACHED_ROWS = 32_768  # tables of this many rows stay in the processor's cache
_DIGITS_AT = (0, 1, 2, 3, 5, 6, 8, 9, 11, 12, 14, 15, 17, 18)
_MARKS_AT = ((4, "-"), (7, "-"), (10, "Tt "), (13, ":"), (16, ":"))
_MONTH_DAYS = np.array([31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31], dtype=np.int64)
_MINUTE_MS = 60_000
_DAY_MS = 86_400_000


@dataclass
class Instants:
    """Epoch milliseconds and, for each text, `READ`, `UNREADABLE` or `WITHOUT_OFFSET`; `ms` is 0 unless read."""

    ms: Integers
    state: NDArray[np.uint8]


def parse_instants(texts: pl.Series) -> Instants:
    """Parses a String column without nulls; see the module for what is allowed."""
    found = Instants(np.zeros(len(texts), np.int64), np.full(len(texts), UNREADABLE, np.uint8))
    for start in range(0, len(texts), _CACHED_ROWS):
        piece = _parse_stamps(texts.slice(start, _CACHED_ROWS))
        found.ms[start : start + _CACHED_ROWS] = piece.ms
        found.state[start : start + _CACHED_ROWS] = piece.state
    rest = np.flatnonzero(found.state == UNREADABLE)
    if rest.size:
        stripped = texts.gather(rest).str.strip_chars()
        again = _parse_stamps(stripped)
        whole = stripped.str.extract(r"^(\d{1,18})(?:\.\d+)?$", 1).cast(pl.Int64)
        digits = whole.is_not_null().to_numpy()
        again.ms[digits] = whole.drop_nulls().to_numpy()
        again.state[digits] = READ
        found.ms[rest], found.state[rest] = again.ms, again.state
    return found


def _parse_stamps(texts: pl.Series) -> Instants:
    """Parses RFC 3339 texts, one length at a time."""
    lengths = texts.str.len_bytes().to_numpy()
    found = Instants(np.zeros(len(texts), np.int64), np.full(len(texts), UNREADABLE, np.uint8))
    for length in np.unique(lengths):
        if not _STAMP_CHARS <= length <= _MAX_CHARS:
            continue
        at = np.flatnonzero(lengths == length)
        same = texts if at.size == len(texts) else texts.gather(at)
        columns = _byte_columns(same, int(length))
        for zone_chars in (1, 6, 5, 0):
            _parse_layout(columns, zone_chars, at, found)
    return found


def _byte_columns(texts: pl.Series, length: int) -> Bytes:
    """The bytes of texts of one length, shape (length, rows): one row of the result for each place in the text."""
    array = texts.rechunk().to_arrow().cast("large_binary")
    offsets = np.frombuffer(array.buffers()[1], dtype=np.int64)
    start = int(offsets[array.offset])
    data = np.frombuffer(array.buffers()[2], dtype=np.uint8)
    return np.ascontiguousarray(data[start : start + len(array) * length].reshape(-1, length).T)


def _parse_layout(columns: Bytes, zone_chars: int, at: Integers, found: Instants) -> None:
    """Parses the texts whose offset takes `zone_chars` places (0: they have none) and notes them in `found`."""
    length = len(columns)
    fraction = columns[_STAMP_CHARS : length - zone_chars]
    if len(fraction) == 1 or length < _STAMP_CHARS + zone_chars:
        return
    zone = columns[length - zone_chars :]
    fits = _zone_fits(zone)
    if len(fraction):
        fits &= (fraction[0] == ord(".")) & _all_digits(fraction[1:])
    if not fits.any():
        return
    if not fits.all():
        columns, fraction, zone, at = columns[:, fits], fraction[:, fits], zone[:, fits], at[fits]
    ms, right = _stamp_ms(columns)
    for place, weight_ms in zip(fraction[1:4], (100, 10, 1), strict=False):
        ms += (place - np.uint8(48)).astype(np.int64) * weight_ms
    offset_min, offset_right = _offset_min(zone, ms.size)
    ms -= offset_min * _MINUTE_MS
    right &= offset_right
    state = READ if zone_chars else WITHOUT_OFFSET
    found.ms[at[right]] = ms[right] if zone_chars else 0
    found.state[at[right]] = state


def _zone_fits(zone: Bytes) -> Mask:
    """Where the last places have the form of an offset: Z, +08:00, +0800, or nothing at all."""
    if len(zone) == 0:
        return np.ones(zone.shape[1], np.bool_)
    if len(zone) == 1:
        return _is_one_of(zone[0], "Zz")
    fits = _is_one_of(zone[0], "+-") & _all_digits(zone[[1, 2, -2, -1]])
    if len(zone) == 6:
        fits &= zone[3] == ord(":")
    return fits


def _offset_min(zone: Bytes, rows: int) -> tuple[Integers, Mask]:
    """Minutes ahead of UTC and whether they are a possible offset."""
    if len(zone) <= 1:
        return np.zeros(rows, np.int64), np.ones(rows, np.bool_)
    hours, minutes = _two_digits(zone[1], zone[2]), _two_digits(zone[-2], zone[-1])
    sign = np.where(zone[0] == ord("-"), -1, 1)
    return sign * (hours * 60 + minutes), (hours < 24) & (minutes < 60)


def _stamp_ms(columns: Bytes) -> tuple[Integers, Mask]:
    """Milliseconds of the first 19 places taken as UTC, and where they are a real date and time of day."""
    right = _all_digits(columns[list(_DIGITS_AT)])
    for place, marks in _MARKS_AT:
        right &= _is_one_of(columns[place], marks)
    year = _two_digits(columns[0], columns[1]) * 100 + _two_digits(columns[2], columns[3])
    month, day = _two_digits(columns[5], columns[6]), _two_digits(columns[8], columns[9])
    hour, minute = _two_digits(columns[11], columns[12]), _two_digits(columns[14], columns[15])
    second = _two_digits(columns[17], columns[18])
    leap = ((year % 4 == 0) & (year % 100 != 0)) | (year % 400 == 0)
    last_day = _MONTH_DAYS[np.clip(month, 1, 12) - 1] + (leap & (month == 2))
    right &= (year >= 1) & (month >= 1) & (month <= 12) & (day >= 1) & (day <= last_day)
    right &= (hour < 24) & (minute < 60) & (second < 60)
    days = _days_since_1970(year, month, day)
    return days * _DAY_MS + ((hour * 60 + minute) * 60 + second) * 1000, right


def _days_since_1970(year: Integers, month: Integers, day: Integers) -> Integers:
    """Days in the proleptic Gregorian calendar; years are counted from March so that 29 February comes last."""
    early = month <= 2
    march_year = year - early
    march_month = np.where(early, month + 9, month - 3)
    before_month = (153 * march_month + 2) // 5
    before_year = 365 * march_year + march_year // 4 - march_year // 100 + march_year // 400
    days: Integers = before_year + before_month + day - 1 - 719_468
    return days


def _two_digits(tens: Bytes, ones: Bytes) -> Integers:
    return (tens - np.uint8(48)).astype(np.int64) * 10 + (ones - np.uint8(48))


def _all_digits(columns: Bytes) -> Mask:
    digits: Mask = np.all((columns - np.uint8(48)) <= 9, axis=0)
    return digits


def _is_one_of(column: Bytes, chars: str) -> Mask:
    found = np.zeros(column.shape, np.bool_)
    for char in chars:
        np.logical_or(found, column == ord(char), out=found)
    return found
