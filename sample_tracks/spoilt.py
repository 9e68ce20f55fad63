"""A handful of fixes that no program can use, so that rejections are seen in the sample too."""

from __future__ import annotations

from datetime import UTC, datetime

import polars as pl

_NOWHERE = {"lon": pl.lit(0.0), "lat": pl.lit(0.0)}
_EXCHANGED = {"lon": pl.col("lat"), "lat": pl.col("lon")}


def _at(year: int) -> pl.Expr:
    return pl.lit(datetime(year, 1, 1, 0, 0, 7, tzinfo=UTC)).cast(pl.Datetime("ms", "UTC"))


_FAULTS: list[dict[str, pl.Expr]] = [
    _NOWHERE,
    _NOWHERE,
    _EXCHANGED,
    _EXCHANGED,
    {"time": _at(1970)},
    {"time": _at(2106)},
    {"plate": pl.lit(None, dtype=pl.String)},
    {"plate": pl.lit("")},
]


def spoilt_rows(fixes: pl.DataFrame) -> pl.DataFrame:
    """The fixes with eight spoilt copies of some of them put in: README.md lists them.

    Positions at (0, 0), latitude and longitude exchanged, years 1970 and 2106, and no plate.
    """
    rows = [fixes.height * i // 9 for i in range(1, 9)]
    pieces, last = [], 0
    for row, fault in zip(rows, _FAULTS, strict=True):
        bad = fixes.slice(row, 1).with_columns(**fault)
        pieces += [fixes.slice(last, row - last), bad]
        last = row
    return pl.concat([*pieces, fixes.slice(last)])
