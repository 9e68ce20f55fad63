"""Puts fixes into the one order everything downstream relies on, and lets what was said twice count once."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ingest.fix import FIX_IDENTITY, FIX_SCHEMA

Rows = NDArray[np.int64]

#: Columns in which two rows of one identity may differ, in the order in which they are compared.
_CONTENTS = tuple(name for name in FIX_SCHEMA if name not in FIX_IDENTITY)


def arrange(frame: pl.DataFrame) -> tuple[pl.DataFrame, int]:
    """Sorts fixes by plate, time and terminal and drops repeats.

    The result depends on which rows there are, never on their order. Of rows with one identity but different contents
    the one that says most (fewest nulls) is kept, of equally telling ones the smallest by its values.

    Args:
        frame: fixes, columns `FIX_SCHEMA` or `CODED_SCHEMA`.

    Returns:
        The fixes in order, each once, and how many repeats were dropped.
    """
    if frame.height < 2:
        return frame, 0
    order, same = _order(_ranks(frame["plate"]), frame["time_ms"].to_numpy())
    dropped = 0
    if same.any():
        order, dropped = _settle_ties(frame, order, same)
    if dropped == 0 and bool((order[1:] > order[:-1]).all()):
        return frame, 0
    return frame.rechunk()[order], dropped  # gathering from one piece is several times faster than from many


def _ranks(names: pl.Series) -> NDArray[np.unsignedinteger]:
    """The place of each name among the distinct names in order, as the smallest fitting unsigned integers."""
    distinct = names.unique()
    if isinstance(names.dtype, pl.Categorical):
        code = distinct.to_physical().to_numpy()
        rank: NDArray[np.unsignedinteger] = np.zeros(
            int(code.max()) + 1, np.uint16 if len(distinct) <= 1 << 16 else np.uint32
        )
        rank[code[distinct.cast(pl.String).arg_sort().to_numpy()]] = np.arange(len(code))
        ranks: NDArray[np.unsignedinteger] = rank[names.to_physical().to_numpy()]
        return ranks
    codes = names.cast(pl.Enum(distinct.sort())).to_physical().to_numpy()
    return codes.astype(np.uint16) if len(distinct) <= 1 << 16 else codes


def _order(plate: NDArray[np.unsignedinteger], time_ms: Rows) -> tuple[Rows, NDArray[np.bool_]]:
    """Rows by plate and time, ties in any order; and which of them have the plate and time of the one before.

    A counting sort by plate leaves each truck's fixes in the order they came in, which is by time but for a few late
    ones; only the trucks where it is not are sorted.
    """
    order = np.argsort(plate, kind="stable")
    plates, times = plate[order], time_ms[order]
    same_plate = plates[1:] == plates[:-1]
    starts = np.concatenate(([0], np.flatnonzero(~same_plate) + 1, [len(order)]))
    late = np.flatnonzero((times[1:] < times[:-1]) & same_plate)
    for group in np.unique(np.searchsorted(starts, late, side="right") - 1):
        span = slice(starts[group], starts[group + 1])
        within = np.argsort(times[span], kind="stable")
        order[span], times[span] = order[span][within], times[span][within]
    return order, np.concatenate(([False], (times[1:] == times[:-1]) & same_plate))


def _settle_ties(frame: pl.DataFrame, order: Rows, same: NDArray[np.bool_]) -> tuple[Rows, int]:
    """Orders the rows that share plate and time by terminal and contents, and drops repeats."""
    tied = same.copy()
    tied[:-1] |= same[1:]
    places = np.flatnonzero(tied)
    ties = frame[order[places]].with_columns(
        pl.col("terminal").cast(pl.String),
        _group=pl.Series(np.cumsum(~same)[places]),
        _row=pl.Series(order[places]),
        _nulls=pl.sum_horizontal(pl.col(name).is_null() for name in _CONTENTS),
    )
    ties = ties.sort("_group", "terminal", "_nulls", *_CONTENTS, nulls_last=True)
    first = (
        ties.select(
            (pl.col("_group") != pl.col("_group").shift(1)) | (pl.col("terminal") != pl.col("terminal").shift(1))
        )
        .to_series()
        .fill_null(True)
        .to_numpy()
    )
    kept = np.ones(len(order), np.bool_)
    kept[places] = first
    settled = order.copy()
    settled[places] = ties["_row"].to_numpy()
    return settled[kept], int((~first).sum())
