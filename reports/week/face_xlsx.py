"""The weekly report as a workbook: every row of every table, typed, in local time; same report, same bytes."""

from __future__ import annotations

import unicodedata
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Any

from reports.week.document import Amount, Cell, Document, Rate, Table, Words, heading
from reports.xlsx_sheet import Book, Column, Kinded, Sheet

#: How the workbook shows a kind of column; what is not named here is shown as it is called.
_KINDS = {"plate": "text", "rate": "num1", "amount": "num1"}
_WIDTHS = {"time": 19.0, "day": 12.0, "deg": 12.0}
_NARROW, _WIDE, _PORTRAIT = 7.0, 46.0, 95.0
_HEAT_WIDTH = 5.0
#: Of rows measured for a column's width.
_MEASURED = 200


def write_xlsx(document: Document, path: Path) -> None:
    """Writes the workbook: the overview first, then a sheet for each kind of table, the details last.

    Raises:
        OSError: if the file cannot be written.
    """
    created = document.made_at.replace(tzinfo=None, microsecond=0)
    book = Book(path, f"{document.title}{document.number}", created)
    for name, tables in _sheets(document).items():
        _sheet(document, book, name, tables)
    book.close()


def _sheets(document: Document) -> dict[str, list[Table]]:
    found: dict[str, list[Table]] = {}
    for table in document.tables:
        found.setdefault(table.sheet, []).append(table)
    return found


def _sheet(document: Document, book: Book, name: str, tables: list[Table]) -> None:
    columns = [_columns(table) for table in tables]
    widest = [
        max((own[n] for own in columns if n < len(own)), key=lambda c: c.width) for n in range(max(map(len, columns)))
    ]
    first = next(iter(_sheets(document))) == name
    sheet = book.sheet(name, widest, landscape=sum(c.width for c in widest) > _PORTRAIT)
    if first:
        facts = [f"{term}：{text}" for term, text in (*document.facts, ("单位", document.office)) if text]
        remarks = [f"{document.number}　{document.subtitle}", *facts]
        sheet.title(document.title, remarks, document.warnings)
        for text in _said(document, 0):
            sheet.line(text)
    else:
        notes = [tables[0].note] if len(tables) == 1 and tables[0].note else []
        sheet.title(f"{name}　{document.subtitle}", notes)
    for n, (table, own) in enumerate(zip(tables, columns, strict=True)):
        if len(tables) > 1:
            sheet.section(table.title)
        else:
            sheet.freeze(2 if own[0].kind == "int" else 1)
        _table(document, sheet, table, own, filtered=n == 0)
    if first:
        _notes(document, sheet)


def _table(document: Document, sheet: Sheet, table: Table, columns: list[Column], *, filtered: bool) -> None:
    top = sheet.row + 1
    zone = document.zone
    kinds = [column.kind for column in table.columns]
    sheet.table(
        ([_value(kind, cell, zone) for kind, cell in zip(kinds, row, strict=True)] for row in table.rows),
        columns,
        filtered=filtered,
    )
    if table.form == "heat" and table.rows:
        sheet.colour_scale(top, top + len(table.rows) - 1, 1, len(columns) - 2)


def _columns(table: Table) -> list[Column]:
    if table.form == "heat":
        inner = [Column(c.head, "heat", _HEAT_WIDTH) for c in table.columns[1:-1]]
        return [Column(table.columns[0].head, "text", 10), *inner, Column(table.columns[-1].head, "int", 8)]
    found = []
    for n, column in enumerate(table.columns):
        kind = _KINDS.get(column.kind, column.kind)
        width = _WIDTHS.get(column.kind)
        if width is None:
            texts = [row[n] for row in table.rows[:_MEASURED]]
            letters = max((_units(t) if isinstance(t, str) else 7 for t in texts if t is not None), default=0)
            width = min(max(letters + 2.0, _units(column.head) + 3.0, _NARROW), _WIDE)
        found.append(Column(column.head, kind, width))
    return found


def _value(kind: str, cell: Cell, zone: tzinfo) -> Any:
    """A cell as the workbook holds it: local wall time without zone, and a rate's star as its format."""
    if isinstance(cell, Rate):
        return Kinded(cell.value, "small" if cell.small else "num1")
    if isinstance(cell, Amount):
        return Kinded(cell.value, "share" if cell.share else "num1" if cell.digits else "int")
    if kind == "time" and isinstance(cell, int):
        return datetime.fromtimestamp(cell / 1000, zone).replace(tzinfo=None)
    return cell


def _said(document: Document, section: int) -> list[str]:
    return [b.text for b in document.sections[section].blocks if isinstance(b, Words)]


def _notes(document: Document, sheet: Sheet) -> None:
    """What the other sections say in words."""
    for n, section in list(enumerate(document.sections, 1))[1:]:
        said = _said(document, n - 1)
        if said:
            sheet.section(heading(n, section.title))
            for text in said:
                sheet.line(text)


def _units(text: str) -> float:
    return sum(2.0 if unicodedata.east_asian_width(c) in "WFA" else 1.1 for c in text)
