"""Text from outside, in every face of the weekly report: nothing runs, nothing breaks, all is shown as text."""

import zipfile
from io import BytesIO

import pytest
from hostile_week import HOSTILE, hostile_input
from week_faces import Faces, squeezed

from reports.visible import shown
from reports.week import document_of
from reports.week.face_html import render_html
from reports.week.figures import report_of


@pytest.fixture(scope="module")
def hostile_faces(tmp_path_factory):
    return Faces(report_of(hostile_input()), tmp_path_factory.mktemp("hostile"))


def test_all_five_are_there(hostile_faces):
    assert [p.suffix for p in hostile_faces.paths] == [".docx", ".pdf", ".xlsx", ".html", ".json"]


def test_in_the_workbook(hostile_faces):
    with zipfile.ZipFile(BytesIO(hostile_faces.bytes["xlsx"])) as parts:
        sheets = [parts.read(n).decode() for n in parts.namelist() if n.startswith("xl/worksheets/")]
        assert not any("hyperlink" in parts.read(n).decode() for n in parts.namelist())
    assert not any("<f>" in sheet for sheet in sheets)
    seen = {c.value for sheet in hostile_faces.book for row in sheet.iter_rows() for c in row if c.data_type == "s"}
    assert set(map(shown, HOSTILE)) <= seen


def test_in_the_page(hostile_faces):
    page = hostile_faces.page
    assert {line[1] for line in page.tables["vehicles"]} == set(map(shown, HOSTILE))
    assert {line[1] for line in page.tables["companies"]} >= set(map(shown, HOSTILE[:6]))
    assert not {tag for tag, _ in page.tags} & {"script", "img", "iframe", "object", "form"}
    assert not [attrs for _, attrs in page.tags if any(name.startswith("on") for name in attrs)]


def test_in_the_docx(hostile_faces):
    cells = {cell.text for table in hostile_faces.paper.tables for row in table.rows for cell in row.cells}
    assert set(map(shown, HOSTILE)) <= cells
    with zipfile.ZipFile(BytesIO(hostile_faces.bytes["docx"])) as parts:
        text = parts.read("word/document.xml").decode()
        assert "hyperlink" not in text and "<script" not in text
        fields = [n for n in parts.namelist() if n.startswith("word/") and b"instrText" in parts.read(n)]
    assert all("footer" in name for name in fields)


def test_in_the_pdf(hostile_faces):
    text = hostile_faces.pdf
    for hostile in HOSTILE[:-1]:
        assert squeezed(shown(hostile)) in text, hostile
    assert "苏A[U+202E][U+0001][U+13000]" in text  # no font here has the hieroglyph
    assert "root:" not in text
    assert not any(mark in hostile_faces.bytes["pdf"] for mark in (b"/JavaScript", b"/Launch", b"/URI"))


def test_in_json(hostile_faces):
    vehicles = hostile_faces.json["tables"]["vehicles"]
    plate = [column["key"] for column in vehicles["columns"]].index("plate")
    assert {row[plate] for row in vehicles["rows"]} == set(HOSTILE)


def test_in_a_browser_nothing_runs_nothing_is_fetched_and_all_is_seen(tmp_path, browser):
    path = tmp_path / "week.html"
    path.write_text(render_html(document_of(report_of(hostile_input()))), encoding="utf-8")
    with browser.new_context(viewport={"width": 1366, "height": 900}, offline=True) as context:
        page = context.new_page()
        asked, said = [], []
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("dialog", lambda dialog: said.append(dialog.message))
        page.goto(path.as_uri())
        page.wait_for_timeout(300)
        plates = page.locator("#vehicles tbody tr td:nth-child(2)").all_inner_texts()
        wide = page.evaluate("document.documentElement.scrollWidth")
        ran = page.evaluate("window.ran")
    assert ran is None and said == []
    assert [url for url in asked if not url.startswith("data:")] == [path.as_uri()]
    assert {plate.strip() for plate in plates} == {shown(text).strip() for text in HOSTILE}
    assert wide <= 1366
