"""Sheets of a printed workbook: a title, remarks, a table with a frozen head and a filter. Text is never a formula."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import xlsxwriter

from reports.visible import shown

#: What a column holds, and how Excel shows it.
NUMBER_FORMATS = {
    "text": "@",
    "int": "#,##0",
    "num1": "#,##0.0",
    "num2": "0.00",
    "deg": "0.000000",
    "small": '#,##0.0"*"',
    "share": "0.0%",
    "time": "yyyy-mm-dd hh:mm:ss",
    "day": "yyyy-mm-dd",
    "heat": "0;-0;;@",
}
FONT = "微软雅黑"
_TEXT_MAX = 32_767
_ROWS_MAX = 1_048_576
_A4 = 9
_TITLE_HEIGHT, _REMARK_CHARS_PER_LINE = 26, 2.2


@dataclass(frozen=True)
class Column:
    """A column: its head, what it holds (a key of `NUMBER_FORMATS`) and its width in characters."""

    head: str
    kind: str
    width: float


@dataclass(frozen=True)
class Kinded:
    """A value that is shown otherwise than its column."""

    value: Any
    kind: str


class Book:
    """A workbook whose bytes depend on nothing but what is written to it."""

    def __init__(self, path: Path, title: str, created: datetime) -> None:
        """Opens the workbook; `created` is the local time without zone that its properties give."""
        typed = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
        self._book = xlsxwriter.Workbook(str(path), {**typed, "in_memory": True})
        self._book.set_properties({"title": title, "created": created})
        base = {"font_name": FONT, "font_size": 10, "valign": "vcenter"}
        line = {**base, "border": 1, "border_color": "#C9D1D8"}
        self.cell = {
            kind: self._book.add_format({**line, "num_format": shape, "text_wrap": kind == "text"})
            for kind, shape in NUMBER_FORMATS.items()
        }
        self.head = self._book.add_format(
            {**line, "bold": True, "bg_color": "#E3EAF1", "align": "center", "text_wrap": True}
        )
        self.title = self._book.add_format({**base, "bold": True, "font_size": 14})
        self.remark = self._book.add_format({**base, "font_color": "#5B6770", "text_wrap": True})
        self.warning = self._book.add_format({**base, "bold": True, "font_color": "#A4161A", "text_wrap": True})
        self.section = self._book.add_format({**base, "bold": True, "font_size": 11})

    def sheet(self, name: str, columns: Sequence[Column], *, landscape: bool = False) -> Sheet:
        """Adds a sheet with these columns."""
        return Sheet(self, self._book.add_worksheet(name), columns, landscape=landscape)

    def close(self) -> None:
        """Writes the file.

        Raises:
            OSError: if it cannot be written.
        """
        try:
            self._book.close()
        except xlsxwriter.exceptions.FileCreateError as error:
            raise OSError(str(error)) from error


class Sheet:
    """A sheet that is written from top to bottom."""

    def __init__(self, book: Book, sheet: Any, columns: Sequence[Column], *, landscape: bool) -> None:
        """Sets widths and print."""
        self._book, self._sheet, self._columns, self._row = book, sheet, columns, 0
        for n, column in enumerate(columns):
            sheet.set_column(n, n, column.width)
        sheet.set_paper(_A4)
        if landscape:
            sheet.set_landscape()
        sheet.set_margins(left=0.5, right=0.5, top=0.6, bottom=0.7)
        sheet.fit_to_pages(1, 0)
        sheet.center_horizontally()
        sheet.set_footer("&C第 &P 页，共 &N 页")
        sheet.hide_gridlines(2)

    def title(self, text: str, remarks: Iterable[str] = (), warnings: Iterable[str] = ()) -> None:
        """Writes the title and lines under it."""
        self._sheet.set_row(self._row, _TITLE_HEIGHT)
        self._sheet.write_string(self._row, 0, _fit(text), self._book.title)
        self._sheet.freeze_panes(1, 0)
        self._row += 1
        for line in remarks:
            self.line(line)
        for line in warnings:
            self.line(f"请注意：{line}", warning=True)

    def line(self, text: str, *, warning: bool = False) -> None:
        """Writes one line across the table's width, as high as it needs."""
        chars = sum(column.width for column in self._columns) / _REMARK_CHARS_PER_LINE
        self._sheet.set_row(self._row, 16 * max(1, -(-len(text) // int(chars))) + 2)
        style = self._book.warning if warning else self._book.remark
        self._sheet.merge_range(self._row, 0, self._row, max(1, len(self._columns) - 1), "", style)
        self._sheet.write_string(self._row, 0, _fit(text), style)
        self._row += 1

    def section(self, text: str) -> None:
        """Writes the heading of a further table, after an empty row."""
        self._row += 1
        self._sheet.write_string(self._row, 0, text, self._book.section)
        self._row += 1

    def table(
        self, rows: Iterable[Sequence[Any]], columns: Sequence[Column] | None = None, *, filtered: bool = True
    ) -> None:
        """Writes a table of the sheet's columns or of others; one table a sheet may have the filter."""
        columns = columns or self._columns
        head = self._row
        for n, column in enumerate(columns):
            self._sheet.write_string(head, n, column.head, self._book.head)
        self._row += 1
        for values in rows:
            if self._row >= _ROWS_MAX - 1:
                self._sheet.write_string(self._row, 0, "（超出工作表行数，其余未列）", self._book.cell["text"])
                break
            for n, (column, value) in enumerate(zip(columns, values, strict=True)):
                self._put(n, column.kind, value)
            self._row += 1
        if self._row == head + 1:
            self._sheet.write_string(self._row, 0, "（无）", self._book.cell["text"])
            self._row += 1
        if filtered:
            self._sheet.autofilter(head, 0, self._row - 1, len(columns) - 1)

    def freeze(self, columns: int = 0) -> None:
        """Keeps what is written so far, and the row after it, in sight and on every printed page."""
        self._sheet.freeze_panes(self._row + 1, columns)
        self._sheet.repeat_rows(self._row)

    def colour_scale(self, first_row: int, last_row: int, first_column: int, last_column: int) -> None:
        """Colours a block of numbers from white to red."""
        scale = {"type": "2_color_scale", "min_color": "#FFFFFF", "max_color": "#EF9F6D"}
        self._sheet.conditional_format(first_row, first_column, last_row, last_column, scale)

    @property
    def row(self) -> int:
        """The row that is written next, from 0."""
        return self._row

    def _put(self, column: int, kind: str, value: Any) -> None:
        if isinstance(value, Kinded):
            kind, value = value.kind, value.value
        style = self._book.cell[kind]
        if value is None or value == "":
            self._sheet.write_blank(self._row, column, None, style)
        elif isinstance(value, str):
            self._sheet.write_string(self._row, column, _fit(value), self._book.cell["text"])
        elif isinstance(value, date):  # a datetime is one too; local time, without zone
            self._sheet.write_datetime(self._row, column, value, style)
        else:
            self._sheet.write_number(self._row, column, value, style)


def _fit(text: str) -> str:
    text = shown(text)
    return text if len(text) <= _TEXT_MAX else text[: _TEXT_MAX - 1] + "…"
