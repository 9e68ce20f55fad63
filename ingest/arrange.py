"""Puts fixes into the one order everything downstream relies on, and lets what was said twice count once."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ingest.fix import FIX_IDENTITY, FIX_SCHEMA

Rows = NDArray[np.int64]
Ranks = NDArray[np.unsignedinteger]

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
    order, _ = order_of(frame, ranks_of(frame["plate"])[1])
    dropped = frame.height - len(order)
    if dropped == 0 and bool((order[1:] > order[:-1]).all()):
        return frame, 0
    return frame.rechunk()[order], dropped  # gathering from one piece is several times faster than from many


def order_of(frame: pl.DataFrame, plate: Ranks) -> tuple[Rows, Ranks]:
    """The rows of `frame` as `arrange` puts them, those that are no repeats, and the rank of each one's plate.

    Args:
        frame: fixes, columns `FIX_SCHEMA` or `CODED_SCHEMA`.
        plate: the rank of each row's plate.
    """
    order, plates, same = _order(plate, frame["time_ms"].to_numpy())
    if not same.any():
        return order, plates
    order, kept = _settle_ties(frame, order, same)
    return order[kept], plates[kept]


def ranks_of(names: pl.Series) -> tuple[list[str], Ranks]:
    """The distinct names in order, and each row's place among them, as the smallest fitting unsigned integers."""
    distinct = names.unique()
    ordered = distinct.cast(pl.String).sort()
    small = np.uint16 if len(ordered) <= 1 << 16 else np.uint32
    if isinstance(names.dtype, pl.Categorical) and len(names):
        code = distinct.to_physical().to_numpy()
        rank: Ranks = np.zeros(int(code.max()) + 1, small)
        rank[code[distinct.cast(pl.String).arg_sort().to_numpy()]] = np.arange(len(code))
        ranks: Ranks = rank[names.to_physical().to_numpy()]
    else:
        ranks = names.cast(pl.Enum(ordered)).to_physical().to_numpy().astype(small, copy=False)
    return ordered.to_list(), ranks


def _order(plate: Ranks, time_ms: Rows) -> tuple[Rows, Ranks, NDArray[np.bool_]]:
    """Rows by plate and time, ties in any order; their plates; which have the plate and time of the one before.

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
    same = np.zeros(len(order), np.bool_)
    same[1:] = (times[1:] == times[:-1]) & same_plate
    return order, plates, same


def _settle_ties(frame: pl.DataFrame, order: Rows, same: NDArray[np.bool_]) -> tuple[Rows, NDArray[np.bool_]]:
    """Orders the rows that share plate and time by terminal and contents; which of them all are no repeats."""
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
    return settled, kept
