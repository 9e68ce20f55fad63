"""The weekly report as PDF/A-2b: the document in words as JSON, set by Typst in `templates/week.typ`."""

from __future__ import annotations

import json
from typing import Any, TypeVar

from reports.fonts import Fonts
from reports.typeset import typeset_pdf, typeset_png
from reports.visible import in_all_texts, shown
from reports.week.document import (
    Chart,
    Document,
    Picture,
    Section,
    Subhead,
    Table,
    Words,
    heading,
    subheading,
)
from reports.week.paper import captions, paper_table, width_mm

_B = TypeVar("_B", Chart, Picture)
#: A table of so many lines stays on one page.
_WHOLE_LINES = 22
_CHART_FONT = 'font-family="{}" font-size="13" '


def render_pdf(document: Document, fonts: Fonts) -> bytes:
    """Sets the report; the same document and fonts give the same bytes.

    Raises:
        TypesetError: if Typst cannot.
    """
    pictures = {f"{p.key}.png": p.png for p in _all(document, Picture)}
    pictures |= {f"{c.key}.svg": chart_svg(c, fonts).encode() for c in _all(document, Chart)}
    return typeset_pdf("week.typ", as_data(document), fonts, document.made_at, pictures)


def chart_pictures(document: Document, fonts: Fonts) -> dict[str, bytes]:
    """Every chart as PNG by its key, for papers that take no SVG."""
    charts = _all(document, Chart)
    if not charts:
        return {}
    pictures = {f"{c.key}.svg": chart_svg(c, fonts).encode() for c in charts}
    data = {"charts": list(pictures)}
    pages = typeset_png("charts.typ", data, fonts, document.made_at, pictures, ppi=220)
    return {chart.key: page for chart, page in zip(charts, pages, strict=True)}


def chart_svg(chart: Chart, fonts: Fonts) -> str:
    """A chart with its font named, and without characters that the font lacks."""
    svg = chart.svg.replace("<svg ", "<svg " + _CHART_FONT.format(fonts.families["sans"][0]), 1)
    return fonts.fit(svg, "sans")


def letters_of(document: Document) -> set[str]:
    """Every character that the paper prints."""
    return set(json.dumps(in_all_texts(as_data(document), shown), ensure_ascii=False))


def as_data(document: Document) -> dict[str, Any]:
    """What the template reads."""
    at = document.made_at
    return {
        "title": document.title,
        "subtitle": document.subtitle,
        "number": document.number,
        "office": document.office,
        "made": [at.year, at.month, at.day],
        "facts": [list(fact) for fact in document.facts],
        "warnings": list(document.warnings),
        "sections": [
            {"title": heading(n, section.title), "blocks": _blocks(section, document)}
            for n, section in enumerate(document.sections, 1)
        ],
    }


def _blocks(section: Section, document: Document) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    subheads = 0
    for block, caption in captions(section):
        if isinstance(block, Subhead):
            subheads += 1
            found.append({"form": "subhead", "text": subheading(subheads, block.text)})
        elif isinstance(block, Words):
            found.append({"form": block.style, "text": block.text})
        elif isinstance(block, Chart | Picture):
            file = f"{block.key}.{'svg' if isinstance(block, Chart) else 'png'}"
            found.append({"form": "picture", "file": file, "title": caption, "width": width_mm(block)})
        elif isinstance(block, Table) and block.top != 0:
            found.append(_table(block, caption, document))
    return found


def _table(table: Table, caption: str, document: Document) -> dict[str, Any]:
    if not table.page_rows:
        return {"form": "note", "text": table.empty}
    laid = paper_table(table, document)
    return {
        "form": "heat" if table.form == "heat" else "table",
        "title": caption,
        "heads": laid.heads,
        "widths": laid.widths_mm,
        "right": laid.right,
        "rows": laid.rows,
        "bold": sorted(table.bold),
        "depths": laid.depths,
        "whole": laid.lines <= _WHOLE_LINES,
        "notes": [text for text in (table.more, table.note) if text],
    }


def _all(document: Document, kind: type[_B]) -> list[_B]:
    return [b for section in document.sections for b in section.blocks if isinstance(b, kind)]
