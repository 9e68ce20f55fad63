"""The DOCX report's page and styles after GB/T 9704: A4, 37/28 mm, size-3 FangSong, numbers odd right and even left."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from docx.document import Document as Docx
from docx.enum.style import WD_STYLE_TYPE
from docx.enum.text import WD_ALIGN_PARAGRAPH, WD_LINE_SPACING
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Mm, Pt, RGBColor

from reports.visible import shown
from reports.week.document import Document

#: Fonts by the names that offices have; Word substitutes what is not there.
FANG, KAI, HEI, SONG, TITLE_FONT, LATIN = (
    "仿宋_GB2312",
    "楷体_GB2312",
    "黑体",
    "宋体",
    "方正小标宋简体",
    "Times New Roman",
)
_LINE_PT = 28.95
_RED, _SOFT, _BLUE = RGBColor(0xA4, 0x16, 0x1A), RGBColor(0x5B, 0x67, 0x70), RGBColor(0x1F, 0x4E, 0x79)


class Look(StrEnum):
    """The report's paragraph styles, by the names that the office sees in its editor."""

    TITLE = "简报标题"
    NUMBER = "简报期号"
    SIGNED = "简报署名"
    HEADING_1 = "Heading 1"
    HEADING_2 = "Heading 2"
    BODY = "公文正文"
    NOTE = "表注"
    WARNING = "提示"
    GOOD = "说明"
    CAPTION = "表题"
    CELL = "表格文字"
    PICTURE = "图片"


def lay_out(paper: Docx, document: Document) -> None:
    """Sets page, styles, page numbers and the file's own properties."""
    about = paper.core_properties
    about.title, about.author = shown(f"{document.title}{document.number}"), shown(document.office)
    about.subject, about.comments, about.language = shown(document.subtitle), "", "zh-CN"
    about.created = about.modified = about.last_printed = document.made_at.replace(tzinfo=None)
    about.last_modified_by, about.revision = shown(document.office), 1
    _page(paper)
    normal = paper.styles["Normal"]
    _font(normal, FANG, 16)
    for look in Look:
        if look not in (Look.HEADING_1, Look.HEADING_2):
            style = paper.styles.add_style(look.value, WD_STYLE_TYPE.PARAGRAPH)
            style.base_style = normal
            style.quick_style = True
    _style(paper, Look.TITLE, TITLE_FONT, 26, align=WD_ALIGN_PARAGRAPH.CENTER, color=_RED, line_pt=40)
    _style(paper, Look.NUMBER, FANG, 16, align=WD_ALIGN_PARAGRAPH.CENTER)
    _style(paper, Look.SIGNED, FANG, 14, after_pt=4)
    _rule_below(paper.styles[Look.SIGNED.value])
    paper.styles[Look.SIGNED.value].paragraph_format.tab_stops.add_tab_stop(Mm(156), 2)  # flush right
    _style(paper, Look.HEADING_1, HEI, 16, indent=True, keep=True, before_pt=6)
    _style(paper, Look.HEADING_2, KAI, 16, indent=True, keep=True)
    _style(paper, Look.BODY, FANG, 16, indent=True, align=WD_ALIGN_PARAGRAPH.JUSTIFY)
    _style(paper, Look.NOTE, SONG, 9, line_pt=14, color=_SOFT, after_pt=6)
    _style(paper, Look.WARNING, FANG, 12, line_pt=20, before_pt=4, after_pt=6)
    _style(paper, Look.GOOD, FANG, 12, line_pt=20, before_pt=4, after_pt=6)
    _box(paper.styles[Look.WARNING.value], "A4161A")
    _box(paper.styles[Look.GOOD.value], "1F4E79")
    _style(paper, Look.CAPTION, HEI, 10.5, align=WD_ALIGN_PARAGRAPH.CENTER, line_pt=18, keep=True, before_pt=6)
    _style(paper, Look.CELL, SONG, 9, line_pt=None)
    _style(paper, Look.PICTURE, SONG, 9, line_pt=None, align=WD_ALIGN_PARAGRAPH.CENTER, before_pt=6)


def _page(paper: Docx) -> None:
    section = paper.sections[0]
    section.page_width, section.page_height = Mm(210), Mm(297)
    section.top_margin, section.bottom_margin = Mm(37), Mm(35)
    section.left_margin, section.right_margin = Mm(28), Mm(26)
    section.footer_distance = Mm(24)
    for old in section._sectPr.findall(qn("w:docGrid")):
        section._sectPr.remove(old)
    paper.settings.odd_and_even_pages_header_footer = True
    for footer, align in (
        (section.footer, WD_ALIGN_PARAGRAPH.RIGHT),
        (section.even_page_footer, WD_ALIGN_PARAGRAPH.LEFT),
    ):
        paragraph = footer.paragraphs[0]
        paragraph.alignment = align
        paragraph.paragraph_format.left_indent = paragraph.paragraph_format.right_indent = Pt(14)
        for text, field in (("— ", ""), ("", "PAGE"), (" —", "")):
            run = paragraph.add_run(text)
            run.font.size = Pt(14)
            _east_asian(run._element.get_or_add_rPr(), SONG)
            if field:
                _field(run._element, field)


def _field(run: Any, code: str) -> None:
    for kind, text in (("begin", None), (None, code), ("separate", None), ("shown", "1"), ("end", None)):
        if kind == "shown" or kind is None:
            part = OxmlElement("w:instrText" if kind is None else "w:t")
            part.text = text
        else:
            part = OxmlElement("w:fldChar")
            part.set(qn("w:fldCharType"), kind)
        run.append(part)


def _style(
    paper: Docx, look: Look, font: str, size_pt: float, *, align: WD_ALIGN_PARAGRAPH | None = None,
    color: RGBColor | None = None, line_pt: float | None = _LINE_PT, indent: bool = False, keep: bool = False,
    before_pt: float = 0, after_pt: float = 0,
) -> None:  # fmt: skip
    style = paper.styles[look.value]
    _font(style, font, size_pt)
    style.font.bold = style.font.italic = False
    style.font.color.rgb = color or RGBColor(0, 0, 0)
    form = style.paragraph_format
    form.alignment = align
    form.space_before, form.space_after = Pt(before_pt), Pt(after_pt)
    form.keep_with_next = keep
    if line_pt:
        form.line_spacing_rule, form.line_spacing = WD_LINE_SPACING.EXACTLY, Pt(line_pt)
    else:
        form.line_spacing_rule = WD_LINE_SPACING.SINGLE
    if indent:
        made = style.element.get_or_add_pPr().get_or_add_ind()
        made.set(qn("w:firstLineChars"), "200")
        made.set(qn("w:firstLine"), str(round(size_pt * 2 * 20)))


def _font(style: Any, font: str, size_pt: float) -> None:
    style.font.size = Pt(size_pt)
    style.font.name = LATIN
    _east_asian(style.element.get_or_add_rPr(), font)


def _east_asian(properties: Any, font: str) -> None:
    """Chinese letters take their font from `w:eastAsia` alone; themes would override it."""
    fonts = properties.get_or_add_rFonts()
    for name in ("asciiTheme", "hAnsiTheme", "eastAsiaTheme", "cstheme"):
        fonts.attrib.pop(qn(f"w:{name}"), None)
    for name in ("ascii", "hAnsi", "cs"):
        fonts.set(qn(f"w:{name}"), LATIN)
    fonts.set(qn("w:eastAsia"), font)
    fonts.set(qn("w:hint"), "eastAsia")


def _borders(style: Any, sides: dict[str, tuple[str, str]]) -> None:
    borders = OxmlElement("w:pBdr")
    for side in ("top", "left", "bottom", "right"):
        if side in sides:
            size, color = sides[side]
            line = OxmlElement(f"w:{side}")
            for name, value in (("val", "single"), ("sz", size), ("space", "4"), ("color", color)):
                line.set(qn(f"w:{name}"), value)
            borders.append(line)
    properties = style.element.get_or_add_pPr()
    later = [qn(f"w:{n}") for n in ("shd", "tabs", "spacing", "ind", "jc", "outlineLvl", "rPr")]
    at = next((n for n, child in enumerate(properties) if child.tag in later), len(properties))
    properties.insert(at, borders)


def _box(style: Any, color: str) -> None:
    _borders(style, {"left": ("36", color), **dict.fromkeys(("top", "bottom", "right"), ("6", color))})


def _rule_below(style: Any) -> None:
    _borders(style, {"bottom": ("18", "A4161A")})
