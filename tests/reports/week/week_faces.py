"""Draws a document's five faces and reads each back, with readers that did not write them."""

from __future__ import annotations

import json
import re
from functools import cached_property
from html.parser import HTMLParser
from io import BytesIO
from pathlib import Path
from typing import Any

import docx
import openpyxl
from pypdf import PdfReader

from reports.week import document_of, write
from reports.week.document import Document, Table, printed
from reports.week.model import WeekReport


class Page(HTMLParser):
    """Tables as rows of cell texts, and everything that could load or run something."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tables: dict[str, list[list[str]]] = {}
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self._rows: list[list[str]] = []
        self._cell: list[str] | None = None
        self._body = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag == "table":
            self._rows = self.tables.setdefault(dict(attrs).get("id") or "", [])
        elif tag in ("tbody", "thead"):
            self._body = tag == "tbody"
        elif tag == "tr" and self._body:
            self._rows.append([])
        elif tag in ("td", "th") and self._body:
            self._cell = []

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th") and self._cell is not None:
            self._rows[-1].append("".join(self._cell).strip())
            self._cell = None

    def handle_data(self, data: str) -> None:
        self.text.append(data)
        if self._cell is not None:
            self._cell.append(data)


class Faces:
    """The faces of one document, as files in a folder and as bytes by format."""

    def __init__(self, report: WeekReport, folder: Path) -> None:
        self.document = document_of(report)
        self.folder = folder
        self.paths = write(report, folder)
        self.bytes = {path.suffix[1:]: path.read_bytes() for path in self.paths}

    @cached_property
    def page(self) -> Page:
        return Page(self.bytes["html"].decode())

    @cached_property
    def json(self) -> Any:
        return json.loads(self.bytes["json"])

    @cached_property
    def book(self) -> openpyxl.Workbook:
        return openpyxl.load_workbook(BytesIO(self.bytes["xlsx"]))

    @cached_property
    def paper(self) -> docx.document.Document:
        return docx.Document(BytesIO(self.bytes["docx"]))

    @cached_property
    def pdf(self) -> str:
        """Every letter of the PDF in reading order, without space."""
        pages = (page.extract_text() for page in PdfReader(BytesIO(self.bytes["pdf"])).pages)
        return squeezed("".join(re.sub(r"—\s*\d+\s*—\s*$", "", text.strip()) for text in pages))

    def sheet(self, table: Table) -> list[dict[str, Any]]:
        """The rows of a table in the workbook, by head: under its title where the sheet has several tables."""
        rows = [[cell.value for cell in row] for row in self.book[table.sheet].iter_rows()]
        several = sum(t.sheet == table.sheet for t in self.document.tables) > 1
        heads = [column.head for column in table.columns]
        fits = [n for n, row in enumerate(rows) if row[: len(heads)] == heads]
        head = next(n for n in fits if not several or rows[n - 1][0] == table.title)
        found = rows[head + 1 : head + 1 + len(table.rows)]
        return [dict(zip(heads, row[: len(heads)], strict=True)) for row in found]


def squeezed(text: str) -> str:
    """A text without spaces, visible or not."""
    return "".join(text.replace("\u200b", "").split())


def said(table: Table, document: Document) -> list[list[str]]:
    """The rows of a table as pages ought to print them."""
    shown = table.page_columns
    return [[printed(table.columns[n], row[n], document.zone) for n in shown] for row in table.page_rows]
