"""The weekly report as one page: no script, no foreign host, nothing to fetch; the same report gives the same bytes."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import jinja2
from markupsafe import Markup

from reports.visible import shown
from reports.week import words
from reports.week.document import (
    Block,
    Cards,
    Cell,
    Chart,
    Column,
    Document,
    Picture,
    Section,
    Subhead,
    Table,
    Words,
    heading,
    printed,
    subheading,
)
from reports.week.paper import captions, depths_of

#: Shown folded: the cards above it say the same.
_FOLDED = "overview"
_SHORT_PLATE = 10
_SHORT_TEXT = 6


def render_html(document: Document, trip_maps: Mapping[str, str] | None = None) -> str:
    """Draws the page.

    Args:
        document: what to say.
        trip_maps: trip id -> path of its map page, relative to where the page will lie; such trips become links.
    """
    maps = {trip_id: quote(path, safe="/") for trip_id, path in (trip_maps or {}).items()}
    sections = [
        {"title": heading(n, section.title), "blocks": _blocks(section, document, maps)}
        for n, section in enumerate(document.sections, 1)
    ]
    template = _environment().get_template("week.html")
    return template.render(d=document, sections=sections, NEW=words.NEW)


def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.PackageLoader("reports"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=_visible,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _visible(value: Any) -> Any:
    """Every text that the template prints goes through here: nothing invisible, and None prints nothing."""
    if value is None:
        return ""
    return shown(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _blocks(section: Section, document: Document, maps: Mapping[str, str]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    subheads = 0
    for block, caption in captions(section):
        if isinstance(block, Subhead):
            subheads += 1
            found.append({"form": "subhead", "text": subheading(subheads, block.text)})
        elif not (isinstance(block, Table) and block.top == 0):
            found.append(_block(block, caption, document, maps))
    return found


def _block(block: Block, caption: str, document: Document, maps: Mapping[str, str]) -> dict[str, Any]:
    if isinstance(block, Table):
        return _table(block, caption, document, maps)
    if isinstance(block, Cards):
        return {"form": "cards", "cards": block.cards}
    if isinstance(block, Chart):  # made by charts.py, which escapes every text in it
        return {"form": "chart", "svg": Markup(block.svg)}
    if isinstance(block, Picture):
        source = "data:image/png;base64," + base64.b64encode(block.png).decode()
        return {"form": "picture", "title": block.title, "src": source}
    assert isinstance(block, Words)
    return {"form": block.style, "text": block.text}


def _table(table: Table, caption: str, document: Document, maps: Mapping[str, str]) -> dict[str, Any]:
    numbers, heat = table.page_columns, table.form == "heat"
    columns: list[dict[str, Any]] = [
        {"head": table.columns[n].head, "style": "n" if table.columns[n].is_number else ""} for n in numbers
    ]
    depths = depths_of(table) if heat else ()
    rows = [
        [_cell(table.columns[n], row[n], document, depths[at][n] if heat else None) for n in numbers]
        for at, row in enumerate(table.page_rows)
    ]
    keys = [column.key for column in table.columns]
    if maps and "trip_id" in keys and table.key == "trips":
        columns.append({"head": "地图", "style": ""})
        for row, told in zip(table.page_rows, rows, strict=True):
            path = maps.get(str(row[keys.index("trip_id")]))
            told.append({"text": "查看" if path else "", "style": "k", "href": path, "change": False})
    return {
        **{"form": "table", "key": table.key, "caption": caption, "columns": columns, "rows": rows, "heat": heat},
        **{"bold": table.bold, "more": table.more, "note": table.note, "empty": table.empty},
        "folded": table.key == _FOLDED,
    }


def _cell(column: Column, cell: Cell, document: Document, depth: int | None) -> dict[str, Any]:
    text = printed(column, cell, document.zone)
    if depth is not None:
        return {"text": "" if text == "0" else text, "style": f"d{depth}", "href": None, "change": False}
    if column.kind == "plate":
        style = "plate k" if len(text) <= _SHORT_PLATE else "plate"
    elif column.is_number:
        style = "n"
    else:
        short = not column.wide and len(text) <= _SHORT_TEXT
        style = "k" if short or column.kind in ("time", "day") or column.key == "change" else "w" if column.wide else ""
    return {"text": text, "style": style, "href": None, "change": column.key == "change" and bool(text)}
