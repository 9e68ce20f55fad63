"""Paper's share of the report: how wide each column is on a page, and what every paper face prints of a table."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from reports.week.document import Block, Chart, Column, Document, Picture, Section, Subhead, Table, printed

#: The text of an A4 page after GB/T 9704, and the size of a table's letters in it.
TEXT_MM = 156.0
TABLE_PT = 9.0
_PICTURE_HIGH_MM = 195.0
_MM_PER_PT = 25.4 / 72
#: A half-width letter, and both paddings of a cell with a hair of reserve.
_UNIT_MM = TABLE_PT / 2 * _MM_PER_PT
_PADDING_MM = 2.6
_MIN_TEXT_UNITS, _MIN_WIDE_UNITS, _HEAD_UNITS, _PLATE_UNITS = 8, 13, 6, 14
_STEP = 1.0
_LATIN_RUN, _RUN_UNITS = re.compile(r"[!-~]+"), 15
_NARROW, _BROAD = ".,:;()[]'|!il", "mw%"


@dataclass(frozen=True)
class PaperTable:
    """A table in words: heads, rows and `widths_mm` of the columns that pages show; `right` which are flush right.

    `depths` give each cell of a heat table its shade, 0-5; `lines` is about how many lines all rows take.
    """

    table: Table
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    widths_mm: tuple[float, ...]
    right: tuple[bool, ...]
    depths: tuple[tuple[int, ...], ...] = ()
    lines: int = 0


def paper_table(table: Table, document: Document) -> PaperTable:
    """Puts the part of a table that pages show into words, and measures it."""
    shown = table.page_columns
    columns = [table.columns[n] for n in shown]
    rows = tuple(tuple(printed(table.columns[n], row[n], document.zone) for n in shown) for row in table.page_rows)
    heads = tuple(column.head for column in columns)
    right = tuple(column.is_number for column in columns)
    if table.form == "heat":
        depths = depths_of(table)
        blank = tuple(
            tuple(text if n in (0, len(row) - 1) or text != "0" else "" for n, text in enumerate(row)) for row in rows
        )
        inner = (TEXT_MM - 2 * 12.0) / (len(heads) - 2)
        return PaperTable(table, heads, blank, (12.0, *[inner] * (len(heads) - 2), 12.0), right, depths)
    measured = [_Measured.of(column, heads[n], [row[n] for row in rows]) for n, column in enumerate(columns)]
    widths = _fitted(measured)
    lines = sum(max(m.lines(at, width) for m, width in zip(measured, widths, strict=True)) for at in range(len(rows)))
    padded = tuple(round(w * _UNIT_MM + _PADDING_MM, 2) for w in widths)
    return PaperTable(table, heads, rows, padded, right, lines=lines)


@dataclass(frozen=True)
class _Measured:
    """What a column asks for, in half-width letters: `least` it needs, `cells` what each row would take in one line."""

    least: float
    cells: tuple[int, ...]
    loose: bool

    @classmethod
    def of(cls, column: Column, head: str, texts: list[str]) -> _Measured:
        cells = tuple(map(_units, texts))
        most = max(cells, default=0)
        if column.is_number or column.kind in ("time", "day", "plate"):
            widest = min(most, _PLATE_UNITS) if column.kind == "plate" else most
            return cls(max(widest, min(_units(head), _HEAD_UNITS), 3), cells, False)
        runs = [_units(run) for text in texts for run in _LATIN_RUN.findall(text)]  # an id does not break
        floor = max(_MIN_WIDE_UNITS if column.wide else _MIN_TEXT_UNITS, min(max(runs, default=0), _RUN_UNITS))
        return cls(min(max(most, min(_units(head), _HEAD_UNITS)), floor), cells, True)

    def lines(self, row: int, width: float) -> int:
        """How many lines a row's cell takes."""
        return max(1, math.ceil(self.cells[row] / max(1.0, width - 0.5)))

    def height(self, width: float) -> float:
        """What all rows' cells take, long ones counted double: the tallest cell makes the row."""
        return sum(self.lines(n, width) ** 2 for n in range(len(self.cells)))


def captions(section: Section) -> Iterator[tuple[Block, str]]:
    """Each block with its caption: a table that is named as the heading right above it needs none."""
    last = section.title
    for block in section.blocks:
        if isinstance(block, Subhead):
            last = block.text
        title = block.title if isinstance(block, Table | Chart | Picture) else ""
        yield block, "" if title == last else title


def width_mm(block: Chart | Picture) -> float:
    """How wide a drawing is on paper, so that it and its caption fit on a page: PNG tells its size in its head."""
    if isinstance(block, Chart):
        return TEXT_MM
    wide, high = (int.from_bytes(block.png[at : at + 4], "big") or 1 for at in (16, 20))
    return min(TEXT_MM * block.width, _PICTURE_HIGH_MM * wide / high)


def depths_of(table: Table) -> tuple[tuple[int, ...], ...]:
    """The shade of each cell of a heat table: its share of the fullest, in fifths; 0 is white."""
    inner = [[cell if isinstance(cell, int) else 0 for cell in row[1:-1]] for row in table.rows]
    most = max((max(row) for row in inner), default=0) or 1
    return tuple((0, *(-(-5 * value // most) for value in row), 0) for row in inner)


def _fitted(columns: list[_Measured]) -> list[float]:
    """Half-width letters that fill the page: numbers get what they need, and text in turn where it saves most lines."""
    room = (TEXT_MM - _PADDING_MM * len(columns)) / _UNIT_MM
    widths = [column.least for column in columns]
    if sum(widths) > room:
        return [width * room / sum(widths) for width in widths]
    loose = [n for n, column in enumerate(columns) if column.loose] or list(range(len(columns)))
    while (left := room - sum(widths)) >= _STEP:
        gain = {n: columns[n].height(widths[n]) - columns[n].height(widths[n] + _STEP) for n in loose}
        tallest = max(loose, key=lambda n: (gain[n], columns[n].height(widths[n]), -widths[n]))
        if not gain[tallest] and all(columns[n].height(widths[n]) <= len(columns[n].cells) for n in loose):
            return [width + (left / len(loose) if n in loose else 0) for n, width in enumerate(widths)]
        widths[tallest] += _STEP
    widths[loose[-1]] += room - sum(widths)
    return widths


def _units(text: str) -> int:
    """The width of a text in half-width letters; capitals of Chinese fonts are wider than half, points narrower.

    Typst and Word set a quarter of a letter between Chinese and Latin.
    """
    wide = [unicodedata.east_asian_width(c) in "WFA" for c in text]
    letters = sum(2 if is_wide else _latin_units(c) for c, is_wide in zip(text, wide, strict=True))
    return math.ceil(letters + 0.5 * sum(a != b for a, b in pairwise(wide)))


def _latin_units(letter: str) -> float:
    return 0.6 if letter in _NARROW else 1.4 if letter.isupper() or letter in _BROAD else 1.1
