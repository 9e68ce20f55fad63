"""Joint inspections as people record them: one by one or from a CSV file; the weekly report counts them."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

import polars as pl

from reports.store import Store
from rules.hours import Hours

COLUMNS = ("date", "hours", "agencies", "place", "checked", "found", "filed", "note")
_NEEDED = ("date", "agencies", "place", "checked", "found")
_SEPARATORS = "；;、，,"
_COUNT_MAX = 100_000
_KEPT: dict[str, pl.DataType] = {
    "inspection_id": pl.String(),
    "day": pl.Date(),
    "hours": pl.String(),
    "agencies": pl.List(pl.String),
    "place": pl.String(),
    "checked": pl.Int32(),
    "found": pl.Int32(),
    "filed": pl.Int32(),
    "note": pl.String(),
}


class InspectionFault(ValueError):
    """A record that cannot be used; the message says where, what is wrong and what is allowed."""


@dataclass(frozen=True)
class InspectionRecord:
    """One inspection: `day` is the operating date, `checked` trucks, `found` offenders, `filed` cases, if told."""

    day: date
    hours: str
    agencies: tuple[str, ...]
    place: str
    checked: int
    found: int
    filed: int | None = None
    note: str = ""

    @property
    def joint(self) -> bool:
        """Whether two agencies or more took part."""
        return len(self.agencies) > 1

    @property
    def inspection_id(self) -> str:
        """The same inspection always has the same id: date, hours and place."""
        return hashlib.sha256(repr((self.day.isoformat(), self.hours, self.place)).encode()).hexdigest()[:20]


def read_record(row: dict[str, str], where: str) -> InspectionRecord:
    """Reads a record from texts by the names of `COLUMNS`.

    Args:
        row: the texts; `hours`, `filed` and `note` may be missing or empty.
        where: what to call the record in an error, `inspections.csv row 3`.

    Raises:
        InspectionFault: saying what is wrong and what is allowed.
    """
    told = {name: (row.get(name) or "").strip() for name in COLUMNS}
    for name in _NEEDED:
        if not told[name]:
            raise InspectionFault(f"{where}: {name} is empty; needed are {', '.join(_NEEDED)}")
    try:
        day = date.fromisoformat(told["date"])
    except ValueError:
        raise InspectionFault(f"{where}: date {told['date']!r} is no date; write 2026-11-20") from None
    try:
        hours = str(Hours.parse(told["hours"])) if told["hours"] else ""
    except ValueError as error:
        raise InspectionFault(f"{where}: hours: {error}; write 20:00-23:30") from None
    names = told["agencies"].translate(dict.fromkeys(map(ord, _SEPARATORS), ";")).split(";")
    agencies = tuple(dict.fromkeys(name.strip() for name in names if name.strip()))
    counts = {name: _count(told[name], f"{where}: {name}") for name in ("checked", "found", "filed")}
    record = InspectionRecord(day, hours, agencies, told["place"], counts["checked"] or 0, counts["found"] or 0)
    if record.found > record.checked:
        raise InspectionFault(f"{where}: found {record.found} of {record.checked} checked; at most all of them")
    return replace(record, filed=counts["filed"], note=told["note"])


def read_csv(text: str, name: str) -> list[InspectionRecord]:
    """Reads `inspections.csv`: UTF-8 with a header of `COLUMNS`; all of it or nothing.

    Raises:
        InspectionFault: naming the file, row and field.
    """
    reader = csv.DictReader(io.StringIO(text.removeprefix("\ufeff")))
    lacking = [column for column in _NEEDED if column not in (reader.fieldnames or [])]
    if lacking:
        raise InspectionFault(f"{name}: no column {lacking[0]}; the header is {','.join(COLUMNS)}")
    return [read_record(row, f"{name} row {n}") for n, row in enumerate(reader, 2)]


def keep(store: Store, records: Sequence[InspectionRecord], recorded_ms: int) -> int:
    """Keeps records in a store open for writing; one of the same date, hours and place replaces the earlier.

    Returns:
        How many of them are new.
    """
    own = {record.inspection_id: record for record in records}
    rows = [(i, r.day, r.hours, list(r.agencies), r.place, r.checked, r.found, r.filed, r.note) for i, r in own.items()]
    frame = pl.DataFrame(rows, schema=pl.Schema(_KEPT), orient="row").with_columns(recorded_ms=pl.lit(recorded_ms))
    with store.transaction(), store.lending({"inspections": frame}):
        gone = store.execute(
            "DELETE FROM kept.inspections WHERE inspection_id IN (SELECT inspection_id FROM new_inspections)"
        )
        store.execute("INSERT INTO kept.inspections BY NAME SELECT * FROM new_inspections")
    return len(own) - gone


def held_between(store: Store, first: date, last: date) -> list[InspectionRecord]:
    """The inspections of some operating dates, in order; none for a store older than their table."""
    if not store.query("SELECT count(*) FROM duckdb_views() WHERE view_name = 'inspections'").item():
        return []
    found = store.query(
        "SELECT day, hours, agencies, place, checked, found, filed, note FROM inspections "
        "WHERE day BETWEEN ? AND ? ORDER BY day, hours, place, inspection_id",
        [first, last],
    )
    return [InspectionRecord(**{**row, "agencies": tuple(row["agencies"])}) for row in found.iter_rows(named=True)]


def _count(text: str, where: str) -> int | None:
    if not text:
        return None
    if not text.isascii() or not text.isdigit() or int(text) > _COUNT_MAX:
        raise InspectionFault(f"{where} {text!r} is no number; allowed is 0 to {_COUNT_MAX}")
    return int(text)
