"""Reads both faces of a weekly report back: tables of the page by id, sheets of the workbook by name."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import openpyxl


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


def sheet_rows(path: Path, name: str, first_head: str) -> list[dict[str, Any]]:
    """The rows of the table whose head begins with that cell, by head; ends at an empty row."""
    sheet = openpyxl.load_workbook(path)[name]
    rows = [[cell.value for cell in row] for row in sheet.iter_rows()]
    head = next(n for n, row in enumerate(rows) if row[0] == first_head and row[1] is not None)
    found = []
    for row in rows[head + 1 :]:
        if row[0] is None or row[0] == "（无）":
            break
        found.append({key: value for key, value in zip(rows[head], row, strict=True) if key})
    return found


def number(text: str) -> float | None:
    """A printed number; None for a dash."""
    plain = text.replace(",", "").rstrip("*")
    return None if plain in ("—", "") else float(plain.rstrip("%"))
