"""Tables of the DOCX report, written as XML in one go: python-docx adds rows in quadratic time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from docx.document import Document as Docx
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls, qn
from lxml import etree

from reports.visible import shown
from reports.week.docx_styles import HEI, SONG, Look
from reports.week.paper import PaperTable

_TWIPS_PER_MM = 1440 / 25.4
_SHADES = ("FFFFFF", "FDE8D8", "F9C9A6", "EF9F6D", "C95B2B", "7D2610")
_HEAD_FILL, _LINE = "E3EAF1", "C9D1D8"


def add_table(paper: Docx, laid: PaperTable) -> None:
    """Adds a table before the document's last section mark; heads repeat on every page, rows do not split."""
    widths = [round(width * _TWIPS_PER_MM) for width in laid.widths_mm]
    table = parse_xml(f"<w:tbl {nsdecls('w')}>{_properties(widths)}</w:tbl>")
    style = paper.styles[Look.CELL.value].style_id
    table.append(_row(style, laid.heads, widths, head=True, laid=laid, number=-1))
    for n, cells in enumerate(laid.rows):
        table.append(_row(style, cells, widths, head=False, laid=laid, number=n))
    body = paper.element.body
    body.insert(len(body) - 1, table)


def _properties(widths: list[int]) -> str:
    lines = "".join(
        f'<w:{side} w:val="single" w:sz="4" w:space="0" w:color="{_LINE}"/>'
        for side in ("top", "left", "bottom", "right", "insideH", "insideV")
    )
    grid = "".join(f'<w:gridCol w:w="{width}"/>' for width in widths)
    return (
        f'<w:tblPr><w:tblW w:w="{sum(widths)}" w:type="dxa"/><w:jc w:val="center"/><w:tblBorders>{lines}</w:tblBorders>'
        '<w:tblLayout w:type="fixed"/><w:tblCellMar><w:top w:w="40" w:type="dxa"/><w:left w:w="68" w:type="dxa"/>'
        '<w:bottom w:w="40" w:type="dxa"/><w:right w:w="68" w:type="dxa"/></w:tblCellMar></w:tblPr>'
        f"<w:tblGrid>{grid}</w:tblGrid>"
    )


def _row(style: str, cells: tuple[str, ...], widths: list[int], *, head: bool, laid: PaperTable, number: int) -> Any:
    row = _element("w:tr")
    properties = _child(row, "w:trPr")
    _child(properties, "w:cantSplit")
    if head:
        _child(properties, "w:tblHeader")
    depths = laid.depths[number] if laid.depths and not head else ()
    for n, (text, width) in enumerate(zip(cells, widths, strict=True)):
        fill = _HEAD_FILL if head else _SHADES[depths[n]] if depths else ""
        align = "center" if head or depths else "right" if laid.right[n] else "left"
        bold = number in laid.table.bold and not head
        row.append(
            _cell(style, text, width, fill, align, HEI if head else SONG, bold, depths[n] > 3 if depths else False)
        )
    return row


def _cell(style: str, text: str, width: int, fill: str, align: str, font: str, bold: bool, white: bool) -> Any:
    cell = _element("w:tc")
    properties = _child(cell, "w:tcPr")
    _child(properties, "w:tcW", w=str(width), type="dxa")
    if fill:
        _child(properties, "w:shd", val="clear", color="auto", fill=fill)
    if white or align == "center":
        margins = _child(properties, "w:tcMar")
        for side in ("left", "right"):
            _child(margins, f"w:{side}", w="0", type="dxa")
    _child(properties, "w:vAlign", val="center")
    paragraph = _child(cell, "w:p")
    about = _child(paragraph, "w:pPr")
    _child(about, "w:pStyle", val=style)
    _child(about, "w:snapToGrid", val="0")
    _child(about, "w:jc", val=align)
    run = _child(paragraph, "w:r")
    looks = _child(run, "w:rPr")
    _child(looks, "w:rFonts", eastAsia=font, hint="eastAsia")
    if bold:
        _child(looks, "w:b")
    if white:
        _child(looks, "w:color", val="FFFFFF")
    said = _child(run, "w:t")
    said.text = shown(text)
    said.set("{http://www.w3.org/XML/1998/namespace}space", "preserve")
    return cell


def _element(name: str) -> Any:
    return etree.Element(qn(name))


def _child(parent: Any, name: str, **attributes: str) -> Any:
    return etree.SubElement(parent, qn(name), {qn(f"w:{key}"): value for key, value in _pairs(attributes)})


def _pairs(attributes: dict[str, str]) -> Iterator[tuple[str, str]]:
    yield from attributes.items()
