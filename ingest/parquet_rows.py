"""Rows of Parquet files, in batches, with only the columns that a fix has."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from ingest.clean import FIELDS, REQUIRED, RawBatch
from ingest.tally import Tally, TracksError

_TEXT = "strings"
_NUMBERS = "integers, floats, decimals or strings"
_FLAGS = "booleans, 0 and 1, or strings"
_ALLOWED = {
    "plate": _TEXT,
    "time": "timestamps with a zone, integer epoch milliseconds, or RFC 3339 strings with an offset",
    "terminal": "strings or integers",
    "datum": _TEXT,
    "load": _TEXT,
    **dict.fromkeys(("lon", "lat", "speed_kmh", "heading_deg", "mileage_km"), _NUMBERS),
    **dict.fromkeys(("lift", "cover", "acc", "valid"), _FLAGS),
}


def parquet_batches(
    path: Path, source: str, batch_rows: int, tally: Tally
) -> Iterator[tuple[Callable[[Tally], RawBatch], float]]:
    """Cuts a file into batches: yields, in order, what reads one, and the share of the file (0 to 1) that it ends at.

    What reads a batch may be called in any thread; it raises TracksError if the file is damaged there.

    Raises:
        TracksError: if the file is no Parquet, or columns are missing or of a type that cannot be read.
    """
    try:
        scan = pl.scan_parquet(path)
        schema = scan.collect_schema()
        rows = int(scan.select(pl.len()).collect().item())
        groups = _row_groups(path)
    except (pl.exceptions.PolarsError, OSError, pa.ArrowException) as error:
        raise TracksError(f"{source}: cannot be read as Parquet: {str(error).splitlines()[0]}") from error
    _check_types(schema, source)
    if rows == 0:
        tally.warn(f"{source}: has no fixes")
    scan = scan.select([name for name in FIELDS if name in schema])
    for start, length in _cut(groups, batch_rows):
        yield partial(_read, scan, source, start, length), (start + length) / rows


def _read(scan: pl.LazyFrame, source: str, start: int, length: int, _: Tally) -> RawBatch:
    try:
        frame = scan.slice(start, length).collect()
    except (pl.exceptions.PolarsError, OSError) as error:
        raise TracksError(
            f"{source}: is damaged after {start} good rows: {str(error).splitlines()[0]}; get the file again whole"
        ) from error
    row_of, text_of = _places(frame, start)
    return RawBatch(source, frame, row_of, text_of)


def _row_groups(path: Path) -> list[int]:
    """How many rows each row group has."""
    metadata = pq.read_metadata(path)
    return [metadata.row_group(n).num_rows for n in range(metadata.num_row_groups)]


def _cut(groups: Sequence[int], batch_rows: int) -> Iterator[tuple[int, int]]:
    """Ranges (start, length) of about `batch_rows` that begin and end with row groups, unless those are far larger.

    What reads across their ends decodes parts of them twice.
    """
    start = end = 0
    for rows in groups:
        if end > start and end + rows - start > batch_rows:
            yield start, end - start
            start = end
        end += rows
        while end - start >= 2 * batch_rows:
            yield start, batch_rows
            start += batch_rows
    if end > start:
        yield start, end - start


def _places(frame: pl.DataFrame, start: int) -> tuple[Callable[[int], int], Callable[[int], str]]:
    def text_of(row: int) -> str:
        return json.dumps(frame.row(row, named=True), ensure_ascii=False, default=str)

    return (lambda row: start + row + 1), text_of


def _check_types(schema: pl.Schema, source: str) -> None:
    """Raises TracksError unless every required column is there and every known one can be read."""
    missing = [name for name in REQUIRED if name not in schema]
    if missing:
        raise TracksError(
            f"{source}: required columns {', '.join(missing)} are missing; found: {', '.join(schema)[:300]};"
            f" allowed: {', '.join(FIELDS)}"
        )
    for name in FIELDS:
        dtype = schema.get(name)
        if dtype is None or dtype == pl.Null or _readable(name, dtype):
            continue
        kind = "timestamps without a zone" if isinstance(dtype, pl.Datetime) and name == "time" else str(dtype)
        raise TracksError(f"{source}: column {name} holds {kind}; allowed: {_ALLOWED[name]}")


def _readable(name: str, dtype: pl.DataType) -> bool:
    if dtype in (pl.String, pl.Categorical, pl.Enum):
        return True
    if name == "time":
        return dtype.is_numeric() or (isinstance(dtype, pl.Datetime) and dtype.time_zone is not None)
    allowed = _ALLOWED[name]
    return (
        (allowed == _NUMBERS and dtype.is_numeric())
        or (allowed == _FLAGS and (dtype == pl.Boolean or dtype.is_numeric()))
        or (name == "terminal" and dtype.is_integer())
    )
