"""The weekly report as DOCX, for the office to edit: GB/T 9704 page and styles, same document, same bytes."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping

import docx
from docx.document import Document as Docx
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.shared import Mm

from reports.visible import shown
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
from reports.week.docx_styles import Look, lay_out
from reports.week.docx_table import add_table
from reports.week.paper import captions, paper_table, width_mm

#: Zip archives cannot tell a time before this; every part carries it, so that bytes depend on the report alone.
_ZIP_TIME = (1980, 1, 1, 0, 0, 0)


def render_docx(document: Document, charts: Mapping[str, bytes]) -> bytes:
    """Draws the report.

    Args:
        document: what to say.
        charts: PNG of each chart by its key; charts without one are left out, their numbers stand in tables.
    """
    paper = docx.Document()
    lay_out(paper, document)
    _head(paper, document)
    for n, section in enumerate(document.sections, 1):
        paper.add_paragraph(shown(heading(n, section.title)), style=Look.HEADING_1)
        _section(paper, section, document, charts)
    return _packed(paper)


def _head(paper: Docx, document: Document) -> None:
    paper.add_paragraph(shown(document.title), style=Look.TITLE)
    paper.add_paragraph(shown(document.number), style=Look.NUMBER)
    signed = paper.add_paragraph(style=Look.SIGNED)
    signed.add_run(shown(document.office))
    signed.add_run("\t" + shown(document.subtitle))
    facts = "　".join(f"{name}：{value}" for name, value in document.facts)
    paper.add_paragraph(shown(facts), style=Look.NOTE)
    for text in document.warnings:
        _words(paper, Words(text, "warning"))


def _section(paper: Docx, section: Section, document: Document, charts: Mapping[str, bytes]) -> None:
    subheads = 0
    for block, caption in captions(section):
        if isinstance(block, Subhead):
            subheads += 1
            paper.add_paragraph(shown(subheading(subheads, block.text)), style=Look.HEADING_2)
        elif isinstance(block, Words):
            _words(paper, block)
        elif isinstance(block, Table) and block.top != 0:
            _table(paper, block, caption, document)
        elif isinstance(block, Chart | Picture):
            _picture(paper, block, caption, charts)


def _words(paper: Docx, words: Words) -> None:
    style = {"body": Look.BODY, "note": Look.NOTE, "warning": Look.WARNING, "good": Look.GOOD}[words.style]
    paragraph = paper.add_paragraph(style=style)
    if words.style == "warning":
        paragraph.add_run("请注意：").bold = True
    paragraph.add_run(shown(words.text))


def _table(paper: Docx, table: Table, caption: str, document: Document) -> None:
    if not table.page_rows:
        paper.add_paragraph(shown(table.empty), style=Look.NOTE)
        return
    if caption:
        paper.add_paragraph(shown(caption), style=Look.CAPTION)
    add_table(paper, paper_table(table, document))
    notes = [text for text in (table.more, table.note) if text]
    for text in notes or [""]:  # two tables in a row would grow together
        paper.add_paragraph(shown(text), style=Look.NOTE)


def _picture(paper: Docx, block: Chart | Picture, caption: str, charts: Mapping[str, bytes]) -> None:
    png = block.png if isinstance(block, Picture) else charts.get(block.key)
    if png is None:
        return
    paragraph = paper.add_paragraph(style=Look.PICTURE)
    paragraph.paragraph_format.keep_with_next = bool(caption)
    paragraph.add_run().add_picture(io.BytesIO(png), width=Mm(width_mm(block)))
    if caption:
        below = paper.add_paragraph(shown(caption), style=Look.CAPTION)
        below.paragraph_format.keep_with_next = False
        below.alignment = WD_ALIGN_PARAGRAPH.CENTER


def _packed(paper: Docx) -> bytes:
    """The file with every part's time fixed."""
    made = io.BytesIO()
    paper.save(made)
    packed = io.BytesIO()
    with zipfile.ZipFile(made) as source, zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as target:
        for part in source.infolist():
            told = zipfile.ZipInfo(part.filename, _ZIP_TIME)
            told.compress_type = zipfile.ZIP_DEFLATED
            target.writestr(told, source.read(part))
    return packed.getvalue()
