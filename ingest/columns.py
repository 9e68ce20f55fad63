"""Reads whole columns of any fair type (text, numbers, flags, timestamps) as what a fix needs.

Every reader takes a column as it came and gives a column of the wanted type, together with a mask of the values that
were there and could not be read, or None where there were none. What already has the right type passes uncopied;
only values that the quick way cannot read go through slower code.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ingest.instants import READ, WITHOUT_OFFSET, parse_instants

Mask = NDArray[np.bool_]

_CONTROL = r"\p{Cc}"

#: Words for flags; odd places are true.
_FLAG_WORDS = pl.Enum(["false", "true", "0", "1", "False", "True", "FALSE", "TRUE"])


@dataclass
class Times:
    """Epoch milliseconds (no nulls; 0 where there is none) and masks of what was wrong with the others."""

    ms: pl.Series
    readable: Mask
    missing: Mask | None = None
    unreadable: Mask | None = None
    without_offset: Mask | None = None


@dataclass
class Names:
    """Texts, "" where there is none, and masks: of those that are missing, and of those with control characters."""

    texts: pl.Series
    missing: Mask | None
    unreadable: Mask | None


@dataclass(frozen=True)
class Coded:
    """A column of texts that repeat, as somebody who has told them apart knows it.

    Attributes:
        codes: of each row.
        texts: of each code; null for none.
    """

    codes: NDArray[np.uint32]
    texts: pl.Series

    @cached_property
    def names(self) -> tuple[pl.Series, Mask]:
        """The texts as names, "" for none, and which of them have control characters."""
        text = pl.lit(self.texts).fill_null("").str.strip_chars()
        wrong = text.str.contains(_CONTROL)
        found = pl.select(right=pl.when(~wrong).then(text).otherwise(pl.lit("")), wrong=wrong)
        return found["right"], found["wrong"].to_numpy()

    def spread(self, by_code: pl.Series) -> pl.Series:
        """A column of what belongs to the text of each row."""
        return by_code[pl.Series(self.codes)]

    def spread_mask(self, by_code: Mask | None) -> Mask | None:
        """Which rows a mask of the texts is about; None for none."""
        if by_code is None or not by_code.any():
            return None
        mask: Mask = by_code[self.codes]
        return mask if mask.any() else None


def as_text(column: pl.Series) -> pl.Series:
    """A column of text, categories or whole numbers as String."""
    return column if column.dtype == pl.String else column.cast(pl.String)


def read_names(column: pl.Series, dtype: pl.DataType, coded: Coded | None = None) -> Names:
    """Texts without blanks around them, as String or Categorical.

    Names repeat, so the distinct ones are looked at and the column is only touched if one of them needs it.
    """
    if coded is not None:
        names, unfit = coded.names
        absent: Mask = (names == "").to_numpy() & ~unfit
        return Names(coded.spread(names.cast(dtype)), coded.spread_mask(absent), coded.spread_mask(unfit))
    if column.dtype != dtype:
        column = as_text(column).cast(dtype)
    if column.null_count():
        column = column.cast(pl.String).fill_null("").cast(dtype)
    distinct = column.unique().cast(pl.String)
    stripped = distinct.str.strip_chars()
    wrong = stripped.str.contains(_CONTROL)
    if wrong.any() or (distinct != stripped).any():
        texts = column.cast(pl.String)
        unreadable = texts.is_in(distinct.filter(wrong).implode()).to_numpy() if wrong.any() else None
        right = pl.select(pl.when(~wrong).then(stripped).otherwise(pl.lit(""))).to_series()
        column = texts.replace(distinct, right).cast(dtype)
    else:
        unreadable = None
    if unreadable is None and not (stripped == "").any():
        return Names(column, None, None)
    none: Mask = (column.cast(pl.String) == "").to_numpy()
    return Names(column, none if unreadable is None else none & ~unreadable, unreadable)


def read_choices(column: pl.Series, choices: pl.DataType, coded: Coded | None = None) -> tuple[pl.Series, Mask | None]:
    """Texts as one of the choices of an Enum, whatever their case; null for none."""
    if coded is not None:
        read, wrong = read_choices(coded.texts, choices)
        return coded.spread(read), coded.spread_mask(wrong)
    if column.dtype == choices:
        return column, None
    column = as_text(column)
    read = column.cast(choices, strict=False)
    rest = _unread(column, read)
    if rest is None:
        return read, None
    texts = column.gather(rest).str.strip_chars().str.to_lowercase()
    read = _mend(read, rest, texts.cast(choices, strict=False))
    return read, _still_unread(column, read, rest, texts)


def read_flags(column: pl.Series) -> tuple[pl.Series, Mask | None]:
    """Booleans, 0 and 1, or the words for them, as Boolean; null for none."""
    if column.dtype == pl.Boolean:
        return column, None
    if column.dtype.is_numeric():
        numbers, _ = read_numbers(column)
        numbers = numbers.fill_nan(None)
        flags = pl.select(pl.when(numbers.is_in([0.0, 1.0])).then(numbers == 1.0)).to_series()
        return flags, _some(numbers.is_not_null() & flags.is_null())
    words, unreadable = read_choices(column, _FLAG_WORDS)
    return (words.to_physical() % 2).cast(pl.Boolean), unreadable


def read_numbers(column: pl.Series) -> tuple[pl.Series, Mask | None]:
    """Numbers, or texts of numbers, as Float64 (NaN and infinity stay); null for none."""
    if column.dtype == pl.Float64:
        return column, None
    if column.dtype.is_numeric() or column.dtype == pl.Null:
        return column.cast(pl.Float64), None
    column = as_text(column)
    read = column.cast(pl.Float64, strict=False)
    rest = _unread(column, read)
    if rest is None:
        return read, None
    texts = column.gather(rest).str.strip_chars()
    read = _mend(read, rest, texts.cast(pl.Float64, strict=False))
    return read, _still_unread(column, read, rest, texts)


def read_bounded(column: pl.Series, low: float, high: float) -> tuple[pl.Series, Mask | None]:
    """Numbers from `low` to `high`; null for none and NaN; those outside count as unreadable."""
    read, unreadable = read_numbers(column)
    if read.is_nan().any():
        read = read.fill_nan(None)
    least, most = read.min(), read.max()
    if least is None or most is None or (least >= low and most <= high):  # type: ignore[operator]
        return read, unreadable
    outside = ~read.is_between(low, high)
    read = pl.select(pl.when(~outside).then(read)).to_series()
    mask = outside.fill_null(False).to_numpy()
    return read, mask if unreadable is None else mask | unreadable


def read_times(column: pl.Series) -> Times:
    """Timestamps with a zone, epoch milliseconds, or texts of either, as epoch milliseconds."""
    if isinstance(column.dtype, pl.Datetime):
        column = column.dt.epoch("ms")
    if column.dtype.is_integer():
        column = column.cast(pl.Int64, strict=False)
        if not column.null_count():
            return Times(column, np.ones(len(column), np.bool_))
        return _times(column, column.is_null())
    if column.dtype.is_numeric():
        whole = column.cast(pl.Float64).fill_nan(None)
        ms = whole.floor().cast(pl.Int64, strict=False)
        return _times(ms, whole.is_null(), _some(whole.is_not_null() & ms.is_null()))
    return _read_time_texts(as_text(column))


def _read_time_texts(column: pl.Series) -> Times:
    """Texts as epoch milliseconds; blank ones count as missing."""
    texts = column.fill_null("")
    found = parse_instants(texts)
    readable = found.state == READ
    if readable.all():
        return Times(pl.Series(found.ms), readable)
    missing = (texts.str.strip_chars() == "").to_numpy()
    without_offset = found.state == WITHOUT_OFFSET
    return Times(pl.Series(found.ms), readable, missing, ~readable & ~missing & ~without_offset, without_offset)


def _times(ms: pl.Series, missing: pl.Series, unreadable: Mask | None = None) -> Times:
    readable = ms.is_not_null().to_numpy()
    return Times(ms.fill_null(0), readable, _some(missing), unreadable)


def _some(mask: pl.Series) -> Mask | None:
    """The mask for numpy, or None if nothing is in it."""
    return mask.fill_null(False).to_numpy() if mask.any() else None


def _unread(column: pl.Series, read: pl.Series) -> pl.Series | None:
    """Rows that had a value and lost it, or None."""
    if read.null_count() == column.null_count():
        return None
    return (read.is_null() & column.is_not_null()).arg_true()


def _mend(read: pl.Series, rows: pl.Series, values: pl.Series) -> pl.Series:
    """Puts values into some rows."""
    place = np.full(len(read), -1, np.int64)
    place[rows.to_numpy()] = np.arange(len(rows))
    other = values.gather(pl.Series(place).replace(-1, None))
    return pl.select(pl.coalesce(read, other)).to_series()


def _still_unread(column: pl.Series, read: pl.Series, rows: pl.Series, texts: pl.Series) -> Mask | None:
    """Of the rows that the quick way lost, those that the slow way could not read either; blank ones are missing."""
    mask = np.zeros(len(column), np.bool_)
    mask[rows.to_numpy()] = (texts != "").to_numpy() & read.gather(rows).is_null().to_numpy()
    return mask if mask.any() else None
