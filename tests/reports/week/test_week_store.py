"""The weekly report from a real store: what is read, which night it belongs to, and what is written."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openpyxl
import polars as pl
import pytest
from shapely.geometry import LineString, box, mapping
from small_store import DAY_MS, MINUTE_MS, MONDAY_MS, make_findings, make_fixes, make_tally, make_violation, span_of
from week_faces import Page

from reports.archive import archive_fixes
from reports.recording import RunHead, RunRecord
from reports.store import Store, StoreError
from reports.week import FORMATS, build, parse_week, write
from rules.findings import Findings
from rules.registry import load

WEEK = parse_week("2026-W47")
TRUCKS = ["苏A10001", "苏A10002", "苏A10003"]


def square(west: float, south: float) -> dict[str, Any]:
    return mapping(box(west, south, west + 0.01, south + 0.01))


def collection(*features: tuple[dict[str, str], dict[str, Any]]) -> str:
    parts = [{"type": "Feature", "properties": about, "geometry": shape} for about, shape in features]
    return json.dumps({"type": "FeatureCollection", "features": parts})


def write_registry(folder: Path) -> dict[str, bytes]:
    line = mapping(LineString([(118.705, 32.005), (118.805, 32.005)]))
    permit = "permit_no,company_id,origin_site,disposal_sites,plates,hours,valid_from,valid_to\np1,c1,s1,s2,,,,\n"
    text = {
        "companies.csv": "company_id,name\nc1,甲运输公司\nc2,乙运输公司\n",
        "vehicles.csv": "plate,company_id,terminal,kind\n" + "".join(f"{p},c1,{p[1:]},ordinary\n" for p in TRUCKS),
        "permits.csv": permit,
        "sites.geojson": collection(
            ({"site_id": "s1", "name": "一号工地", "kind": "construction"}, square(118.70, 32.0)),
            ({"site_id": "s2", "name": "二号消纳场", "kind": "disposal"}, square(118.80, 32.0)),
        ),
        "routes.geojson": collection(({"permit_no": "p1"}, line)),
    }
    folder.mkdir()
    files = {name: content.encode() for name, content in text.items()}
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return files


@pytest.fixture
def week_store(tmp_path: Path) -> Iterator[Store]:
    """Two trucks for three days from Monday 00:00, one a week before too, one silent; a clue in Sunday's night."""
    files = write_registry(tmp_path / "registry")
    head = RunHead(load(tmp_path / "registry"), files, "i" * 64, "1.0", MONDAY_MS + 10 * DAY_MS, "muckwatch run")
    findings = make_findings()
    findings += Findings([make_violation("苏A10003", "no_permit", hour=2)])
    with Store.open(tmp_path / "store", create=True) as store:
        week_before = make_fixes(["苏A10001"], MONDAY_MS - 7 * DAY_MS, minutes=20 * 60)
        fixes = pl.concat([week_before, make_fixes(["苏A10001", "苏A10003"])]).with_columns(
            valid=pl.col("time_ms") % (4 * MINUTE_MS) != 0
        )
        archive = archive_fixes(store.path, fixes, head.registry.zone)
        store.record(RunRecord(head, findings, span_of(fixes), make_tally(), archive))
        yield store


def test_reads_a_store_by_nights(week_store):
    report = build(week_store, WEEK)
    assert report.figure("clues").value == 3 and report.figure("clues").previous == 1
    assert {line.rule for line in report.clues} == {"off_route", "unauthorised_dumping", "quiet_zone"}
    assert report.figure("trips").value == 2 and report.figure("points").value == 22
    assert report.registry_digest and report.cutoff_ms == MONDAY_MS + 3 * DAY_MS - MINUTE_MS
    assert report.origins[0].name == "一号工地" and report.origins[0].trips == 2
    assert [t.origin for t in report.trips] == ["一号工地", "一号工地"]


def test_counts_the_archive_by_operating_date_and_only_valid_fixes(week_store):
    quality = build(week_store, WEEK).quality
    hourly = 2 * 45  # two trucks, three of four fixes a minute are valid
    assert [d.fixes for d in quality.days] == [24 * hourly, 24 * hourly, 18 * hourly, 0, 0, 0, 0]
    assert quality.days[6].previous_fixes == 6 * hourly  # Monday 00:00-06:00 is Sunday's night
    assert quality.figure("completeness").value == 1.0
    assert quality.figure("track_hours").value == 2 * 66
    assert [s.plate for s in quality.silent] == ["苏A10002"]
    assert quality.rejected[0].reason == "no_plate"


def test_weeks_after_the_last_fix_have_nothing_and_compare_nothing(week_store):
    for week in ("2026-W48", "2026-W50"):
        report = build(week_store, parse_week(week))
        assert not report.has_data and not report.has_previous
        assert len(report.quality.silent) == 3 and all(
            s.last_ms for s in report.quality.silent if s.plate != "苏A10002"
        )


def test_writes_files_that_are_the_same_again_and_link_to_maps(week_store, tmp_path):
    trip_id = make_findings().trips[0].trip_id
    (tmp_path / "maps" / "week").mkdir(parents=True)
    for name in (f"trip-{trip_id}.html", "week-2026-W47.html", f"{trip_id}-old.html"):
        (tmp_path / "maps" / "week" / name).write_text("x")
    first = write(build(week_store, WEEK), tmp_path / "a" / "reports", maps_dir=tmp_path / "maps")
    again = write(build(week_store, WEEK), tmp_path / "b" / "reports", maps_dir=tmp_path / "maps")
    assert [p.name for p in first] == [f"渣土车联合检查周报-2026-W47-第47期.{f}" for f in FORMATS]
    assert [p.read_bytes() for p in first] == [p.read_bytes() for p in again]
    assert sorted(p.name for p in first[0].parent.iterdir()) == sorted(p.name for p in first)
    page = Page(first[3].read_text(encoding="utf-8"))
    links = [a["href"] for tag, a in page.tags if tag == "a" and not a["href"].startswith("#")]
    assert links == [f"../../maps/week/trip-{trip_id}.html"]
    assert (first[0].parent / links[0]).is_file()
    assert openpyxl.load_workbook(first[2])["违规明细"].max_row == 5


def test_a_new_store_gives_a_report_that_says_so(tmp_path):
    with Store.open(tmp_path / "new", create=True) as store:
        report = build(store, WEEK)
        assert not report.has_data and report.cutoff_ms is None
        assert "没有任何数据" in write(build(store, WEEK), tmp_path / "out", ["html"])[0].read_text(encoding="utf-8")


def test_what_cannot_be_written_is_said(week_store, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot write the report"):
        write(build(week_store, WEEK), tmp_path / "file" / "out")
    with pytest.raises(ValueError, match=r"'odt' is no format.*docx, pdf, xlsx, html, json"):
        write(build(week_store, WEEK), tmp_path / "out", ["odt"])
