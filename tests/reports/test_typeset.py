"""Fonts and Typst: rare characters of names have glyphs, data is never markup, same data same bytes."""

from datetime import UTC, datetime
from io import BytesIO

import pytest
from pypdf import PdfReader

from reports import fonts as fonts_module
from reports import typeset
from reports.fonts import CHAINS, FontsMissing, find_fonts
from reports.typeset import TypesetError, typeset_pdf, typeset_png

RARE = "玥璟垚堃喆赟珺燚昇浐"
AT = datetime(2026, 11, 23, 1, tzinfo=UTC)
HEAD = '#import "paper.typ": *\n#show: paper.with(title: "t")\n'
TEMPLATE = HEAD + '#let d = json("data.json")\n#for t in d.texts [#t\\ ]\n'


@pytest.fixture
def template(tmp_path, monkeypatch):
    for name in typeset.TEMPLATES.glob("*.typ"):
        (tmp_path / name.name).write_bytes(name.read_bytes())
    (tmp_path / "try.typ").write_text(TEMPLATE)
    monkeypatch.setattr(typeset, "TEMPLATES", tmp_path)
    return "try.typ"


@pytest.mark.parametrize("style", CHAINS)
def test_rare_characters_of_names_are_in_every_chain(style):
    fonts = find_fonts()
    assert fonts.missing([RARE, "苏A·12345（〔2026〕第47期）— ％"], style) == ""
    assert fonts.missing(["\U00050000\uf8ff甲"], style) in ("\uf8ff", "")


def test_what_no_font_has_is_told():
    assert find_fonts().missing(["甲\U00013000乙\n"]) == "\U00013000"


def test_text_is_text_and_bytes_are_the_same_again(template, hostile):
    data = {"texts": [*hostile, "#panic()", '#read("/etc/passwd")', "$x$", "*b*", "@ref", RARE]}
    first, again = (typeset_pdf(template, data, find_fonts(), AT) for _ in range(2))
    assert first == again
    reader = PdfReader(BytesIO(first))
    said = "".join(page.extract_text() for page in reader.pages)
    squeezed = "".join(said.split())
    for text in ["#panic()", '#read("/etc/passwd")', "$x$", "*b*", "@ref", "{{7*7}}", RARE]:
        assert text in squeezed
    assert "root:" not in said
    fonts = {f for page in reader.pages for f in _embedded(page)}
    assert fonts and all(fonts)
    assert b"pdfaid:part" in first and b"<pdfaid:conformance>B" in first


def _embedded(page):
    for font in page["/Resources"]["/Font"].values():
        inner = font.get_object()["/DescendantFonts"][0].get_object()["/FontDescriptor"].get_object()
        yield any(key in inner for key in ("/FontFile2", "/FontFile3", "/FontFile"))


def test_pages_become_pictures(template):
    (page,) = typeset_png(template, {"texts": ["甲"]}, find_fonts(), AT, ppi=40)
    assert page.startswith(b"\x89PNG")


def test_data_that_does_not_fit_is_told_in_one_line(template):
    with pytest.raises(TypesetError, match=r"^try\.typ: .*texts"):
        typeset_pdf(template, {}, find_fonts(), AT)


def test_a_machine_without_chinese_fonts_is_told_what_to_install(monkeypatch, tmp_path):
    class None_:
        def __init__(self, **_):
            pass

        def fonts(self):
            return []

    monkeypatch.setattr(fonts_module.typst, "Fonts", None_)
    monkeypatch.setattr(fonts_module, "_system_stamp", lambda: -1)
    with pytest.raises(FontsMissing, match=r"apt-get install fonts-noto-cjk.*MUCKWATCH_FONTS"):
        find_fonts()
    monkeypatch.setenv("MUCKWATCH_FONTS", str(tmp_path / "nowhere"))
    with pytest.raises(FontsMissing, match="no such folder"):
        find_fonts()
