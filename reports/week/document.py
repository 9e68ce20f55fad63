"""What every face of the weekly report shows, before any face draws it: sections of typed tables, words and pictures.

The five faces are drawn from one `Document`, so a number is put into words once: pages print a cell by `printed`, the
workbook and JSON keep its value.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, tzinfo
from functools import cached_property

from reports.names import WEEKDAY_NAMES
from reports.visible import shown

_ORDER = "一二三四五六七八九十"


@dataclass(frozen=True)
class Rate:
    """A rate per hundred trips; `small` marks one of too few trips to be ranked by."""

    value: float
    small: bool


@dataclass(frozen=True)
class Amount:
    """A figure with its own decimals: `digits` 0 or 1; `share` makes it a percentage of a value 0-1."""

    value: float
    digits: int = 0
    share: bool = False


#: `int` counts; a cell of a `time` column is epoch ms, of a `day` column a date, of a `share` column 0-1.
Cell = str | int | float | date | Rate | Amount | None


@dataclass(frozen=True)
class Column:
    """A column: `key` names it in JSON; `kind` is text, plate, int, num1, num2, deg, share, rate, amount, time or day.

    `on_page` is False for what only the workbook and JSON have room for; `wide` asks for more room on a page.
    """

    key: str
    head: str
    kind: str = "text"
    on_page: bool = True
    wide: bool = False

    @property
    def is_number(self) -> bool:
        """Whether the column is set flush right."""
        return self.kind not in ("text", "plate", "time", "day")


@dataclass(frozen=True)
class Table:
    """A table: pages show the first `top` rows (None: all, 0: the workbook and JSON alone have it).

    `sheet` is the workbook's sheet; `form` is `plain` or `heat` (numbers shaded by their size; the first column names
    the row, the last adds up). A cell's row may be marked `bold` by its number.
    """

    key: str
    title: str
    sheet: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    top: int | None = None
    note: str = ""
    empty: str = "无。"
    form: str = "plain"
    bold: frozenset[int] = frozenset()

    @property
    def page_columns(self) -> list[int]:
        """The numbers of the columns that pages show."""
        return [n for n, column in enumerate(self.columns) if column.on_page]

    @property
    def page_rows(self) -> Sequence[tuple[Cell, ...]]:
        """The rows that pages show."""
        return self.rows if self.top is None else self.rows[: self.top]

    @property
    def more(self) -> str:
        """What a page says of rows that it leaves out."""
        if self.top is None or len(self.rows) <= self.top:
            return ""
        return f"共 {len(self.rows):,} 项，此处列出前 {self.top} 项，全部见同名工作簿“{self.sheet}”表。"


@dataclass(frozen=True)
class Words:
    """A paragraph: `body`, `note` (small), `warning` or `good`."""

    text: str
    style: str = "body"


@dataclass(frozen=True)
class Subhead:
    """A heading of the second level; faces number them within the section."""

    text: str


@dataclass(frozen=True)
class Card:
    """A headline figure as the screen shows it: all texts but `key`."""

    key: str
    name: str
    value: str
    unit: str
    previous: str
    change: str
    mean4: str


@dataclass(frozen=True)
class Cards:
    """Headline figures for the screen; papers have the same in a table."""

    cards: tuple[Card, ...]


@dataclass(frozen=True)
class Chart:
    """A drawing in SVG without fonts of its own; papers ask for it by `key`."""

    key: str
    title: str
    svg: str


@dataclass(frozen=True)
class Picture:
    """A picture from outside the report, a map say: PNG for papers and pages alike; `width` is of the text's."""

    key: str
    title: str
    png: bytes
    width: float = 1.0


Block = Table | Words | Subhead | Cards | Chart | Picture


@dataclass(frozen=True)
class Section:
    """A part of the report under one heading."""

    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Document:
    """The whole report. `facts` stand under the title; `made_at` is the data's cut-off, the date files carry."""

    title: str
    subtitle: str
    number: str
    office: str
    week: str
    facts: tuple[tuple[str, str], ...]
    warnings: tuple[str, ...]
    sections: tuple[Section, ...]
    zone: tzinfo
    made_at: datetime
    annexes: tuple[Table, ...] = field(default=())

    @cached_property
    def tables(self) -> tuple[Table, ...]:
        """Every table, those of the annex last."""
        own = tuple(b for section in self.sections for b in section.blocks if isinstance(b, Table))
        return own + self.annexes

    def table(self, key: str) -> Table:
        """One table by key."""
        return next(t for t in self.tables if t.key == key)


def heading(number: int, text: str) -> str:
    """`十二、数据质量`, from 1."""
    tens, ones = divmod(number, 10)
    order = ("" if tens < 2 else _ORDER[tens - 1]) + ("十" if tens else "") + (_ORDER[ones - 1] if ones else "")
    return f"{order}、{text}"


def subheading(number: int, text: str) -> str:
    """`（一）出土工地`."""
    return f"（{heading(number, '')[:-1]}）{text}"


def printed(column: Column, cell: Cell, zone: tzinfo) -> str:
    """A cell as pages print it; a dash where a number is missing, nothing where a text is."""
    if cell is None:
        return "—" if column.is_number else ""
    if isinstance(cell, Rate):
        return f"{cell.value:,.1f}" + ("*" if cell.small else "")
    if isinstance(cell, Amount):
        return f"{100 * cell.value:.1f}%" if cell.share else f"{cell.value:,.{cell.digits}f}"
    if isinstance(cell, str):
        return shown(cell)
    if isinstance(cell, date):
        return f"{WEEKDAY_NAMES[cell.weekday()]} {cell.month}月{cell.day}日"
    return _number(column.kind, cell, zone)


def _number(kind: str, value: float, zone: tzinfo) -> str:
    if kind == "time":
        at = datetime.fromtimestamp(value / 1000, zone)
        return f"{at.month}月{at.day}日 {at:%H:%M}"
    digits = {"num1": 1, "num2": 2, "deg": 5}.get(kind, 0)
    return f"{100 * value:.1f}%" if kind == "share" else f"{value:,.{digits}f}"
