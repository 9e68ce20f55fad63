"""Paper's share of the report: how wide each column is on a page, and what every paper face prints of a table."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

from reports.week.document import Block, Chart, Document, Picture, Section, Subhead, Table, printed

#: The text of an A4 page after GB/T 9704, and the size of a table's letters in it.
TEXT_MM = 156.0
TABLE_PT = 9.0
_MM_PER_PT = 25.4 / 72
#: A half-width letter, and both paddings of a cell with a hair of reserve.
_UNIT_MM = TABLE_PT / 2 * _MM_PER_PT
_PADDING_MM = 2.6
_MAX_UNITS = {"wide": 30, "text": 20}
_MIN_TEXT_UNITS = 8


@dataclass(frozen=True)
class PaperTable:
    """A table in words: heads, rows and `widths_mm` of the columns that pages show; `right` which are flush right.

    `depths` give each cell of a heat table its shade, 0-5.
    """

    table: Table
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    widths_mm: tuple[float, ...]
    right: tuple[bool, ...]
    depths: tuple[tuple[int, ...], ...] = ()


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
    natural = []
    for n, column in enumerate(columns):
        cells = max((_units(row[n]) for row in rows), default=0)
        head = _units(heads[n])
        if column.is_number or column.kind in ("time", "day", "plate"):
            natural.append(max(cells if column.kind != "plate" else min(cells, 14), min(head, 6), 3))
        else:
            natural.append(min(max(cells, min(head, 8)), _MAX_UNITS["wide" if column.wide else "text"]))
    fixed = [c.kind != "text" for c in columns]
    return PaperTable(table, heads, rows, _fitted(natural, fixed), right)


def captions(section: Section) -> Iterator[tuple[Block, str]]:
    """Each block with its caption: a table that is named as the heading right above it needs none."""
    last = section.title
    for block in section.blocks:
        if isinstance(block, Subhead):
            last = block.text
        title = block.title if isinstance(block, Table | Chart | Picture) else ""
        yield block, "" if title == last else title


def depths_of(table: Table) -> tuple[tuple[int, ...], ...]:
    """The shade of each cell of a heat table: its share of the fullest, in fifths; 0 is white."""
    inner = [[cell if isinstance(cell, int) else 0 for cell in row[1:-1]] for row in table.rows]
    most = max((max(row) for row in inner), default=0) or 1
    return tuple((0, *(-(-5 * value // most) for value in row), 0) for row in inner)


def _fitted(natural: list[int], fixed: list[bool]) -> tuple[float, ...]:
    """Millimetres that fill the page: text gives way first, down to a few letters, and takes what is left over."""
    room = (TEXT_MM - _PADDING_MM * len(natural)) / _UNIT_MM
    want = [float(n) for n in natural]
    over = sum(want) - room
    loose = [n for n, stiff in enumerate(fixed) if not stiff] or list(range(len(want)))
    if over > 0:
        spare = [max(0.0, want[n] - _MIN_TEXT_UNITS) for n in loose]
        share = min(1.0, over / (sum(spare) or 1.0))
        for n, give in zip(loose, spare, strict=True):
            want[n] -= give * share
        scale = min(1.0, room / sum(want))
        want = [w * scale for w in want]
    else:
        base = sum(want[n] for n in loose) or 1.0
        for n in loose:
            want[n] += -over * want[n] / base
    return tuple(round(w * _UNIT_MM + _PADDING_MM, 2) for w in want)


def _units(text: str) -> int:
    """The width of a text in half-width letters; the Latin letters of Chinese fonts are a little wider than half."""
    return math.ceil(sum(2 if unicodedata.east_asian_width(c) in "WFA" else 1.3 if c.isupper() else 1.15 for c in text))
