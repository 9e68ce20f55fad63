"""Frames from JSON Lines that are simple, several times faster than by any library; what is not simple is refused.

The pass over the bytes is compiled (`ingest/json_columns.pyx`). Where nobody compiled it, every block is refused here
and read by polars, to the same result.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

from ingest.columns import Coded

#: What this module expects of the compiled one; raised with it.
_VERSION = 3
try:
    from ingest.json_columns import NO_FLAG, NO_TIME, VERSION, Columns, Reader
except ImportError:
    COMPILED = False
else:
    COMPILED = VERSION == _VERSION


@dataclass(frozen=True)
class Simple:
    """What is simple among pieces of lines, a row a line.

    Attributes:
        frame: the rows.
        coded: what is known of its columns of texts.
        ends: the place just after each line, without its line end, in the pieces read, a line end between each two.
        refused: which pieces are not simple; nothing of them is in the rows.
    """

    frame: pl.DataFrame
    coded: dict[str, Coded]
    ends: NDArray[np.int64]
    refused: NDArray[np.bool_]


class SimpleLines:
    """Reads lines of objects.

    Args:
        schema: names with String, Float64 and Boolean, in the order of the frame's columns; others are passed over.
        time: the one name whose values are whole numbers or else texts, as it happens.
    """

    def __init__(self, schema: dict[str, pl.DataType], time: str) -> None:
        self._schema, self._time = schema, time

        def named(kind: pl.DataType) -> list[str]:
            return [name for name in schema if schema[name] == kind and name != time]

        self._reader = Reader(named(pl.String()), named(pl.Float64()), named(pl.Boolean()), time)

    def read(self, pieces: Sequence[bytes], most_bytes: int = sys.maxsize) -> Simple:
        """What polars would read in the lines of pieces, but for those refused; so are empty and too large ones."""
        found = self._reader.read(pieces, most_bytes)
        rows, nulls = found.rows, found.nulls
        coded = {name: _coded(codes, distinct, rows) for name, (codes, distinct) in found.texts.items()}
        columns = {
            **{name: texts.spread(texts.texts) for name, texts in coded.items()},
            **{name: _numbers(values, rows, nulls[name]) for name, values in found.numbers.items()},
            **{name: _flags(values, rows, nulls[name]) for name, values in found.flags.items()},
            self._time: _times(found, nulls[self._time]),
        }
        frame = pl.DataFrame({name: columns[name] for name in self._schema})
        ends = np.frombuffer(found.ends, np.int64, rows)
        return Simple(frame, coded, ends, np.frombuffer(found.refused, np.bool_))


def _coded(codes: bytes, distinct: list[bytes], rows: int) -> Coded:
    texts = pl.Series([None, *(text.decode() for text in distinct)], dtype=pl.String)
    return Coded(np.frombuffer(codes, np.uint32, rows), texts)


def _numbers(values: bytes, rows: int, nulls: int) -> pl.Series:
    numbers = pl.Series(np.frombuffer(values, np.float64, rows))
    return numbers.fill_nan(None) if nulls else numbers


def _flags(values: bytes, rows: int, nulls: int) -> pl.Series:
    if not nulls:
        return pl.Series(np.frombuffer(values, np.bool_, rows))
    flags = pl.Series(np.frombuffer(values, np.uint8, rows))
    return pl.select(pl.when(flags != NO_FLAG).then(flags == 1)).to_series()


def _times(found: Columns, nulls: int) -> pl.Series:
    times = np.frombuffer(found.times, np.int64, found.rows)
    there = times != NO_TIME if nulls else None
    if found.stamps is None:
        column = pl.Series(times)
    else:
        ends = times if there is None else np.maximum.accumulate(np.where(there, times, 0))
        offsets = pa.py_buffer(np.concatenate([np.zeros(1, np.int64), ends]))
        column = pl.Series(pa.LargeStringArray.from_buffers(len(times), offsets, pa.py_buffer(found.stamps)))
    return column if there is None else pl.select(pl.when(pl.Series(there)).then(column)).to_series()
