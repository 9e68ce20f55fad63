"""What a fix is: the columns that every reader yields and everything downstream relies on."""

from __future__ import annotations

import numpy as np
import polars as pl

DATUMS = ("wgs84", "cgcs2000", "gcj02", "bd09")
LOADS = ("empty", "half", "full")

#: One usable position report a row. `lon`, `lat` are degrees in WGS 84, converted from the datum that the
#: fix names (`datum`, kept because a terminal may lie about it). `time_ms` is epoch milliseconds UTC.
#: Missing optional values are null, never a sentinel; a missing terminal is "" (it is part of a fix's identity).
FIX_SCHEMA: dict[str, pl.DataType] = {
    "plate": pl.String(),
    "terminal": pl.String(),
    "time_ms": pl.Int64(),
    "lon": pl.Float64(),
    "lat": pl.Float64(),
    "datum": pl.Enum(DATUMS),
    "speed_kmh": pl.Float32(),
    "heading_deg": pl.Float32(),
    "load": pl.Enum(LOADS),
    "lift": pl.Boolean(),
    "cover": pl.Boolean(),
    "acc": pl.Boolean(),
    "valid": pl.Boolean(),
    "mileage_km": pl.Float64(),
}

PLATES, TERMINALS = (pl.Categorical(pl.Categories(name, namespace="muckwatch")) for name in ("plates", "terminals"))
#: polars imports numpy when it first meets an array, and fails where two threads make it do so at once: let it be now.
_MET = pl.Series(np.empty(0))
#: polars forgets codes once no column has them, and gives them anew; these two keep them for as long as the process.
_KEPT = [pl.Series([], dtype=dtype) for dtype in (PLATES, TERMINALS)]

#: The same with names as codes of their dictionary, as which they are cheapest to count, order and keep. Codes are
#: those of this process: names go to another, never codes.
CODED_SCHEMA: dict[str, pl.DataType] = {**FIX_SCHEMA, "plate": PLATES, "terminal": TERMINALS}

#: Two rows with the same identity are one fix said twice.
FIX_IDENTITY = ("plate", "terminal", "time_ms")
