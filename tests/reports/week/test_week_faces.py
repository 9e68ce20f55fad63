"""Five faces of one report: the same numbers in each, the same bytes again, laid out for reading and printing."""

import zipfile
from dataclasses import replace
from datetime import date, datetime
from io import BytesIO

import docx
import pytest
from docx.oxml.ns import qn
from pypdf import PdfReader
from week_faces import Faces, said, squeezed
from week_town import WEEK, registry, town

from reports import names
from reports.fonts import HOW_TO_INSTALL, FontsMissing
from reports.week import document_of, write
from reports.week.document import Amount, Chart, Picture, Rate, Table
from reports.week.face_html import render_html
from reports.week.figures import report_of
from reports.week.input import WeekInput
from reports.week.paper import width_mm


@pytest.fixture(scope="module")
def faces(tmp_path_factory):
    return Faces(report_of(town()), tmp_path_factory.mktemp("faces"))


def pages(document) -> list[Table]:
    """The tables that pages print."""
    return [t for t in document.tables if t.top != 0 and t.rows]


def blank_zeros(table, rows):
    return (
        [[c if n in (0, len(r) - 1) or c != "0" else "" for n, c in enumerate(r)] for r in rows]
        if table.form == "heat"
        else rows
    )


def test_the_page_prints_every_number(faces):
    tables = pages(faces.document)
    assert len(tables) >= 15 and set(faces.page.tables) == {t.key for t in tables}
    for table in tables:
        assert faces.page.tables[table.key] == blank_zeros(table, said(table, faces.document)), table.key


def test_the_docx_prints_every_number(faces):
    own = pages(faces.document)
    assert len(faces.paper.tables) == len(own)
    for table, drawn in zip(own, faces.paper.tables, strict=True):
        head, *rows = [[cell.text for cell in row.cells] for row in drawn.rows]
        assert head == [table.columns[n].head for n in table.page_columns]
        assert rows == blank_zeros(table, said(table, faces.document)), table.key


def test_the_pdf_prints_every_number(faces):
    rest = faces.pdf
    for table in pages(faces.document):
        for row in blank_zeros(table, said(table, faces.document)):
            line = squeezed("".join(row))
            assert line in rest, (table.key, line)


def test_the_workbook_keeps_every_number_typed(faces):
    for table in faces.document.tables:
        rows = faces.sheet(table)
        assert len(rows) == len(table.rows)
        for row, kept in zip(table.rows, rows, strict=True):
            for column, cell in zip(table.columns, row, strict=True):
                value = kept[column.head]
                if isinstance(cell, Rate | Amount):
                    cell = cell.value
                if column.kind == "time" and cell is not None:
                    cell = datetime.fromtimestamp(cell / 1000, faces.document.zone).replace(tzinfo=None)
                    assert abs((value - cell).total_seconds()) < 1
                elif isinstance(cell, date):
                    assert value.date() == cell
                elif isinstance(cell, str):
                    assert value == (cell or None)
                else:
                    assert value == pytest.approx(cell), (table.key, column.key)


def test_json_holds_every_number(faces):
    assert set(faces.json["tables"]) == {t.key for t in faces.document.tables}
    for table in faces.document.tables:
        told = faces.json["tables"][table.key]
        assert [c["key"] for c in told["columns"]] == [c.key for c in table.columns]
        plain = lambda c: (
            {"value": c.value, "small_sample": c.small}
            if isinstance(c, Rate)
            else (c.value if isinstance(c, Amount) else c.isoformat() if isinstance(c, date) else c)
        )
        assert told["rows"] == [[plain(cell) for cell in row] for row in table.rows]


def test_every_sentence_is_in_every_face(faces):
    words = "".join(p.text for p in faces.paper.paragraphs)
    page = "".join(faces.page.text)
    told = [text for part in faces.json["text"] for text in part["said"]]
    assert len(told) > 10
    for text in told:
        assert squeezed(text) in faces.pdf and text in words and text in page


def test_tables_bear_out_the_report(faces):
    report = report_of(town())
    rows = {row["指标"]: row for row in faces.sheet(faces.document.table("overview"))}
    for f in report.figures:
        values = [rows[f.name][head] for head in ("本周", "上周", "前四周均值")]
        assert values == pytest.approx([f.value, f.previous, f.mean4])
    clues = faces.sheet(faces.document.table("clues"))
    assert len(clues) == report.outcomes.all
    assert sum(r["记分"] for r in clues) == report.figure("points").value
    assert {r["状态"] for r in clues} == set(names.STATUS_NAMES.values())


def test_same_report_same_bytes(faces, tmp_path):
    again = Faces(report_of(town()), tmp_path)
    assert {k for k in faces.bytes if again.bytes[k] != faces.bytes[k]} == set()


def test_the_file_says_which_issue_it_is(faces):
    assert {p.stem for p in faces.paths} == {"渣土车联合检查周报-2026-W47-第47期"}


def test_the_workbook_is_laid_out_for_reading_and_printing(faces):
    for sheet in faces.book:
        assert sheet.freeze_panes and sheet.auto_filter.ref, sheet.title
        assert int(sheet.page_setup.paperSize) == 9 and sheet.sheet_properties.pageSetUpPr.fitToPage
        assert all(sheet.column_dimensions[c].width >= 5 for c in ("A", "B"))
    assert faces.book.sheetnames[0] == "总览" and faces.book.sheetnames[-1] in ("数据质量", "违规明细", "终端")


def test_the_docx_is_a_gb_t_9704_page(faces):
    section = faces.paper.sections[0]
    assert [round(x.mm) for x in (section.page_width, section.page_height)] == [210, 297]
    assert [round(x.mm) for x in (section.top_margin, section.left_margin)] == [37, 28]
    styles = {s.name: s for s in faces.paper.styles}
    for name, font, size in (
        ("公文正文", "仿宋_GB2312", 16),
        ("Heading 1", "黑体", 16),
        ("Heading 2", "楷体_GB2312", 16),
    ):
        assert styles[name].element.rPr.rFonts.get(qn("w:eastAsia")) == font and styles[name].font.size.pt == size
    assert faces.paper.settings.odd_and_even_pages_header_footer
    for footer in (section.footer, section.even_page_footer):
        assert "".join(footer.paragraphs[0].text.split()) == "—1—"
    for table in faces.paper.tables:
        assert table.rows[0]._tr.trPr.find(qn("w:tblHeader")) is not None


def test_the_pdf_is_for_archives(faces):
    reader = PdfReader(BytesIO(faces.bytes["pdf"]))
    assert reader.metadata.title.startswith("渣土车联合检查周报〔2026〕第47期")
    assert b"<pdfaid:part>2" in faces.bytes["pdf"] and b"<pdfaid:conformance>B" in faces.bytes["pdf"]
    page = reader.pages[0]
    assert [round(float(x) / 72 * 25.4) for x in page.mediabox[2:]] == [210, 297]
    texts = [p.extract_text().split()[-3:] for p in reader.pages]
    assert texts[:2] == [["—", "1", "—"], ["—", "2", "—"]]


def test_charts_are_in_every_face_with_pictures(faces):
    charts = [b for s in faces.document.sections for b in s.blocks if isinstance(b, Chart)]
    assert len(charts) == 3 == len(faces.paper.inline_shapes)
    assert sum(tag == "svg" for tag, _ in faces.page.tags) == 3


def test_the_page_asks_for_nothing(faces):
    asked = [
        (tag, attrs[a])
        for tag, attrs in faces.page.tags
        for a in ("src", "href", "srcset", "action", "data")
        if attrs.get(a)
    ]
    assert not [pair for pair in asked if not pair[1].startswith(("#", "data:"))]
    assert "http" not in "".join(faces.page.text)


def test_trips_link_to_their_maps_and_a_path_cannot_be_a_script():
    report = report_of(town())
    first, second = report.trips[0].trip_id, report.trips[1].trip_id
    drawn = render_html(document_of(report), {first: "../maps/行程 a#1?.html", second: "javascript:alert(1)"})
    from week_faces import Page

    links = [attrs["href"] for tag, attrs in Page(drawn).tags if tag == "a" and not attrs["href"].startswith("#")]
    assert links == ["../maps/%E8%A1%8C%E7%A8%8B%20a%231%3F.html", "javascript%3Aalert%281%29"]


def test_a_week_without_data_gives_every_face(tmp_path):
    empty = Faces(report_of(WeekInput(WEEK, registry())), tmp_path)
    assert "没有任何数据" in "".join(empty.page.text) and "没有任何数据" in empty.pdf
    assert "companies" not in empty.page.tables and "quality" in empty.page.tables
    assert any("没有任何数据" in str(row[0].value) for row in empty.book.worksheets[0].iter_rows())
    assert empty.sheet(empty.document.table("clues")) == []
    with zipfile.ZipFile(BytesIO(empty.bytes["docx"])) as parts:
        assert parts.testzip() is None


def test_without_chinese_fonts_all_but_the_pdf_is_made_and_the_remedy_told(tmp_path, monkeypatch):
    def none(_):
        raise FontsMissing(HOW_TO_INSTALL)

    monkeypatch.setattr("reports.fonts.find_fonts", none)
    told = []
    made = write(report_of(town()), tmp_path, tell=told.append)
    assert [p.suffix for p in made] == [".docx", ".xlsx", ".html", ".json"]
    assert len(told) == 1 and "no PDF" in told[0] and "fonts-noto-cjk" in told[0]
    assert len(docx.Document(str(made[0])).inline_shapes) == 0


def test_names_have_glyphs_and_what_has_none_is_told(tmp_path):
    rare = registry(["玥璟垚堃喆赟珺运输公司", "𓀀运输公司"])
    told = []
    write(report_of(replace(town(), registry=rare)), tmp_path, ["pdf"], tell=told.append)
    assert len(told) == 1 and "[U+13000]" in told[0] and told[0].count("[U+") == 1
    text = "".join(p.extract_text() for p in PdfReader(next(tmp_path.glob("*.pdf"))).pages)
    assert "玥璟垚堃喆赟珺运输公司" in squeezed(text) and "[U+13000]运输公司" in squeezed(text)


def test_maps_handed_in_are_in_every_face_with_pictures_and_fit_on_a_page(tmp_path, faces):
    chart = faces.paper.part.related_parts
    png = next(part.blob for part in chart.values() if part.partname.endswith(".png"))
    tall = png[:16] + (100).to_bytes(4, "big") + (900).to_bytes(4, "big") + png[24:]
    assert width_mm(Picture("patrol-1", "", tall)) < 25
    pictures = {"week-map": png, "patrol-1": png, "patrol-2": png}
    made = write(report_of(town()), tmp_path, ["docx", "pdf", "html"], pictures=pictures)
    assert len(docx.Document(str(made[0])).inline_shapes) == 3 + 3
    text = squeezed("".join(p.extract_text() for p in PdfReader(made[1]).pages))
    assert "本周线索分布图" in text and "检查点位图（1）" in text and "检查点位图（2）" in text
    assert made[2].read_text("utf-8").count("data:image/png;base64,") == 3
