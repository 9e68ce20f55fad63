"""A handful of fixes that no program can use, so that rejections are seen in the sample too."""

from __future__ import annotations

from datetime import UTC, datetime

import polars as pl


def spoilt_rows(fixes: pl.DataFrame) -> pl.DataFrame:
    """The fixes with eight spoilt copies of some of them put in: README.md lists them.

    Positions at (0, 0), latitude and longitude exchanged, years 1970 and 2106, and no plate.
    """
    rows = [fixes.height * i // 9 for i in range(1, 9)]
    spoil = [
        {"lon": 0.0, "lat": 0.0},
        {"lon": 0.0, "lat": 0.0},
        {"exchanged": True},
        {"exchanged": True},
        {"time": datetime(1970, 1, 1, 0, 0, 7, tzinfo=UTC)},
        {"time": datetime(2106, 2, 7, 6, 28, 15, tzinfo=UTC)},
        {"plate": None},
        {"plate": ""},
    ]
    pieces, last = [], 0
    for row, fault in zip(rows, spoil, strict=True):
        bad = fixes.slice(row, 1)
        if "exchanged" in fault:
            bad = bad.with_columns(lon=pl.col("lat"), lat=pl.col("lon"))
        else:
            bad = bad.with_columns(**{k: pl.lit(v).cast(fixes.schema[k]) for k, v in fault.items()})
        pieces += [fixes.slice(last, row - last), bad]
        last = row
    return pl.concat([*pieces, fixes.slice(last)])
