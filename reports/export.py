"""Any public view as CSV, JSON, Parquet or XLSX, whole or not at all; large ones go through in batches.

Text from outside stays text: in CSV a cell that a spreadsheet would run gets a leading apostrophe, in XLSX every
string is a typed string. CSV, JSON and XLSX give times in the policy's zone, Parquet gives instants.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

import polars as pl
import pyarrow.parquet as pq
import xlsxwriter

from reports.archive import read_file
from reports.errors import StoreError, StoreUnusable
from reports.store import Store

#: The views that may be exported, and the order of their rows; the archive keeps its own order, by truck within a day.
ORDERS = {
    "violations": "start_time, plate, rule, violation_id",
    "trips": "loaded_at, plate, trip_id",
    "stops": "start_time, plate, lon, lat",
    "suspected_sites": "confidence DESC, visits DESC, suspect_id",
    "scores": "subject, points DESC, subject_id",
    "terminal_health": "plate, terminal",
    "fix_tags": "plate, terminal, tag",
    "rejected_fixes": "reason",
    "fixes": "",
}
FORMATS = ("csv", "json", "parquet", "xlsx")
BATCH_ROWS = 100_000
#: What a sheet and a cell of Excel hold; the first row is the heading.
XLSX_ROWS = 1_048_576 - 1
XLSX_CELL_CHARACTERS = 32_767
_CUT = " …[cut to fit a cell]"
#: Spreadsheets read a cell that begins so as a formula, also in full width.
_RUNS_AS_FORMULA = r"^[=+\-@\t\r\n＝＋－＠]"
_JSON_COLUMNS = ("evidence", "faults")
_ISO = "%Y-%m-%dT%H:%M:%S%.3f%:z"


@dataclass(frozen=True)
class _Rows:
    """A view on its way out: its batches, its number of rows and the zone of its times."""

    table: str
    batches: Iterator[pl.DataFrame]
    columns: dict[str, pl.DataType]
    count: int
    zone: str


def export(store: Store, table: str, fmt: str, out: Path | BinaryIO) -> int:
    """Writes a view to a file (replaced only when the export is complete) or a binary stream.

    Returns:
        The number of rows written.

    Raises:
        StoreUnusable: for a view that is not in `ORDERS`, a format that is not in `FORMATS`, or more rows than a
            sheet holds.
        StoreError: if the store cannot be read or the file not written.
    """
    if table not in ORDERS:
        raise StoreUnusable(f"{table!r} is no view to export; allowed: {', '.join(ORDERS)}")
    if fmt not in FORMATS:
        raise StoreUnusable(f"{fmt!r} is no format; allowed: {', '.join(FORMATS)}")
    rows = _rows(store, table)
    if fmt == "xlsx" and rows.count > XLSX_ROWS:
        raise StoreUnusable(f"{table} has {rows.count} rows and a sheet holds {XLSX_ROWS}; export csv or parquet")
    write = {"csv": _csv, "json": _json, "parquet": _parquet, "xlsx": _xlsx}[fmt]
    if not isinstance(out, Path):
        write(rows, out)
        return rows.count
    with _whole(out) as target:
        write(rows, target)
    return rows.count


def _rows(store: Store, table: str) -> _Rows:
    order = f"ORDER BY {ORDERS[table]}" if ORDERS[table] else ""
    sql = f"SELECT * FROM {table} {order}"
    count = int(store.query(f"SELECT count(*) FROM {table}").item())
    columns = dict(store.query(f"SELECT * FROM {table} LIMIT 0").schema)
    zone = store.query("SELECT timezone FROM kept.settings")
    batches = _archived(store) if table == "fixes" else store.batches(sql, BATCH_ROWS)
    return _Rows(
        table, (batch for batch in batches if len(batch)), columns, count, str(zone.item()) if len(zone) else "UTC"
    )


def _archived(store: Store) -> Iterator[pl.DataFrame]:
    """The view `fixes` file by file, so that it comes in one order; its join with the manifest keeps none."""
    names = store.query("FROM fixes LIMIT 0").columns
    time = pl.from_epoch("time_ms", "ms").dt.cast_time_unit("us").dt.replace_time_zone("UTC").alias("time")
    for file in store.manifest():
        fixes = read_file(store.path, file)
        for part in fixes.iter_slices(BATCH_ROWS):
            yield part.with_columns(time).with_columns(pl.col(pl.Enum).cast(pl.String)).select(names)


def _csv(rows: _Rows, out: BinaryIO) -> None:
    pl.DataFrame(schema=rows.columns).write_csv(out, include_bom=True)
    for batch in rows.batches:
        spreadsheet_safe(batch).with_columns(_local_text(rows.zone)).write_csv(out, include_header=False)


def spreadsheet_safe(frame: pl.DataFrame) -> pl.DataFrame:
    """The frame with an apostrophe before each text that a spreadsheet would run as a formula."""
    text = pl.col(pl.String)
    return frame.with_columns(pl.when(text.str.contains(_RUNS_AS_FORMULA)).then("'" + text).otherwise(text).name.keep())


def _json(rows: _Rows, out: BinaryIO) -> None:
    """JSON columns become part of the object, not text within it."""
    nested = [name for name in _JSON_COLUMNS if name in rows.columns]
    before = b"[\n"
    for batch in rows.batches:
        flat = batch.drop(nested).with_columns(_local_text(rows.zone))
        objects = flat.write_ndjson().encode().splitlines()
        for n, values in enumerate(batch.select(nested).iter_rows() if nested else ()):
            inner = "".join(f',"{name}":{value or "null"}' for name, value in zip(nested, values, strict=True))
            objects[n] = objects[n][:-1] + inner.encode() + b"}"
        out.write(before + b",\n".join(objects))
        before = b",\n"
    out.write(b"[]\n" if before == b"[\n" else b"\n]\n")


def _parquet(rows: _Rows, out: BinaryIO) -> None:
    with pq.ParquetWriter(out, pl.DataFrame(schema=rows.columns).to_arrow().schema, compression="zstd") as writer:
        for batch in rows.batches:
            writer.write_table(batch.to_arrow())


def write_sheet(frame: pl.DataFrame, name: str, out: BinaryIO, zone: str = "UTC") -> None:
    """Writes a frame as a workbook of one sheet, every text a typed string; instants as the wall clock of the zone."""
    _xlsx(_Rows(name, iter([frame]), dict(frame.schema), len(frame), zone), out)


def _xlsx(rows: _Rows, out: BinaryIO) -> None:
    book = xlsxwriter.Workbook(
        out,
        {
            "constant_memory": True,
            "strings_to_formulas": False,
            "strings_to_urls": False,
            "strings_to_numbers": False,
            "default_date_format": "yyyy-mm-dd hh:mm:ss",
        },
    )
    # A fixed date, so that the same rows give the same bytes.
    book.set_properties(
        {"title": rows.table, "comments": f"times: {rows.zone}", "created": datetime(2000, 1, 1, tzinfo=UTC)}
    )
    sheet = book.add_worksheet(rows.table)
    sheet.freeze_panes(1, 0)
    sheet.autofilter(0, 0, rows.count, len(rows.columns) - 1)
    bold = book.add_format({"bold": True})
    for number, name in enumerate(rows.columns):
        sheet.write_string(0, number, name, bold)
        sheet.set_column(number, number, 20 if rows.columns[name].is_temporal() else 14)
    date_format = book.add_format({"num_format": "yyyy-mm-dd"})
    writers = [_cell_writer(sheet, dtype, date_format) for dtype in rows.columns.values()]
    row = 0
    for batch in rows.batches:
        for values in batch.with_columns(_local_clock(rows.zone), _finite()).iter_rows():
            row += 1
            for number, (value, write) in enumerate(zip(values, writers, strict=True)):
                if value is not None:
                    write(row, number, value)
    book.close()


def _cell_writer(sheet: Any, dtype: pl.DataType, date_format: Any) -> Callable[[int, int, Any], Any]:
    """How the values of a column become typed cells."""
    if dtype == pl.Boolean:
        return lambda row, column, value: sheet.write_boolean(row, column, value)
    if dtype == pl.Date:
        return lambda row, column, value: sheet.write_datetime(row, column, value, date_format)
    if dtype.is_temporal():
        return lambda row, column, value: sheet.write_datetime(row, column, value)
    if dtype.is_numeric():
        return lambda row, column, value: sheet.write_number(row, column, value)
    return lambda row, column, value: sheet.write_string(row, column, _fitting(str(value)))


def _fitting(text: str) -> str:
    """Text that a cell holds; a longer one is cut and says so."""
    return text if len(text) <= XLSX_CELL_CHARACTERS else text[: XLSX_CELL_CHARACTERS - len(_CUT)] + _CUT


def _local_text(zone: str) -> pl.Expr:
    """Instants as RFC 3339 text with the offset of the zone."""
    return pl.col(pl.Datetime).dt.convert_time_zone(zone).dt.strftime(_ISO)


def _local_clock(zone: str) -> pl.Expr:
    """Instants as the wall clock of the zone, for Excel knows no offsets."""
    return pl.col(pl.Datetime).dt.convert_time_zone(zone).dt.replace_time_zone(None)


def _finite() -> pl.Expr:
    """Figures that are none as blanks, for a sheet has no NaN."""
    figures = pl.col(pl.Float32, pl.Float64)
    return pl.when(figures.is_finite()).then(figures).name.keep()


@contextmanager
def _whole(out: Path) -> Iterator[BinaryIO]:
    """A file that takes its name only once it is complete; a device or a pipe is written as it is, never replaced."""
    regular = out.is_file() or not out.exists()
    aside = out.with_name(f".{out.name}.{os.getpid()}.tmp") if regular else out
    try:
        with aside.open("wb") as target:
            yield target
            target.flush()
            if regular:
                os.fsync(target.fileno())
        if regular:
            aside.replace(out)
    except OSError as error:
        raise StoreError(f"{out}: cannot be written: {error.strerror or error}") from error
    finally:
        if regular:
            aside.unlink(missing_ok=True)
