"""Exports: every view in every format, times with their offset, text that stays text, whole or not at all."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import openpyxl
import polars as pl
import pytest
from small_store import DAY_MS, MONDAY_MS, make_violation

from reports import export as exporting
from reports.errors import StoreError, StoreUnusable
from reports.export import FORMATS, ORDERS, export
from reports.recording import RunHead, RunRecord, Tally
from reports.store import Store
from rules.findings import Findings, Stop, TerminalHealth, Trip

Head = Callable[..., RunHead]
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def of_csv(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as source:
        return list(csv.DictReader(source))


def of_xlsx(path: Path) -> tuple[Any, list[dict[str, Any]]]:
    sheet = openpyxl.load_workbook(path)[openpyxl.load_workbook(path).sheetnames[0]]
    head, *rows = sheet.iter_rows(values_only=True)
    return sheet, [dict(zip(head, row, strict=True)) for row in rows]


@pytest.fixture
def hostile_store(store: Store, make_head: Head, hostile: list[str]) -> Store:
    """Every column of text from outside holds every hostile string."""
    found = Findings()
    for n, text in enumerate(hostile):
        start = MONDAY_MS + n * 1000
        told = {text: {"fixes": 1, "first_ms": start, "last_ms": start}}
        found.violations.append(
            make_violation(rule="off_route", plate=text, hour=n / 10, evidence={text: text, "rule_version": text})
        )
        found.trips.append(Trip(text, start, start + 1, None, text, text, text, 1))
        found.stops.append(Stop(text, start, start + 1, 1.0, 1.0, text, text))
        found.health.append(TerminalHealth(text, text, start, start, 1, 1.0, "wgs84", {text: {"why": text}}, told))
    tally = Tally(1, 0, {text: {"count": 1, "first_ms": None, "last_ms": None, "example": text} for text in hostile})
    spans = dict.fromkeys(hostile, (MONDAY_MS, MONDAY_MS + DAY_MS))
    store.record(RunRecord(make_head("hostile"), found, spans, tally))
    return store


@pytest.mark.parametrize("fmt", FORMATS)
@pytest.mark.parametrize("table", ORDERS)
def test_every_view_in_every_format_has_every_row(
    store: Store, make_head: Head, tmp_path: Path, table: str, fmt: str
) -> None:
    """A second truck's dumping at the place of the first makes a suspected place, so that no view is empty."""
    again = make_violation("苏A10002", "unauthorised_dumping", hour=30, evidence={"unloaded_by": ["load"]})
    store.record(RunRecord(make_head("again"), Findings([again]), {}))
    out = tmp_path / f"out.{fmt}"
    expected = store.query(f"FROM {table}")
    assert export(store, table, fmt, out) == len(expected) > 0
    got: list[Any] = {
        "csv": lambda: of_csv(out),
        "json": lambda: json.loads(out.read_bytes()),
        "parquet": lambda: pl.read_parquet(out).to_dicts(),
        "xlsx": lambda: of_xlsx(out)[1],
    }[fmt]()
    assert len(got) == len(expected)
    assert set(got[0]) == set(expected.columns)
    assert [p.name for p in tmp_path.iterdir() if p.name.endswith(".tmp")] == []


def test_values_survive(store: Store, tmp_path: Path) -> None:
    for fmt in FORMATS:
        export(store, "violations", fmt, tmp_path / f"v.{fmt}")
    leg = store.query("SELECT * FROM violations ORDER BY start_time").row(0, named=True)
    from_json = json.loads((tmp_path / "v.json").read_bytes())[0]
    assert from_json["start_time"] == "2026-11-16T22:00:00.000+08:00"
    assert from_json["evidence"] == json.loads(leg["evidence"])
    assert (from_json["lon"], from_json["points"], from_json["facts_changed"]) == (118.7, 3, False)
    assert from_json["permit_no"] is None
    from_csv = of_csv(tmp_path / "v.csv")[0]
    assert from_csv["start_time"] == from_json["start_time"]
    assert json.loads(from_csv["evidence"]) == from_json["evidence"]
    assert (tmp_path / "v.csv").read_bytes().startswith(b"\xef\xbb\xbfviolation_id,")
    from_parquet = pl.read_parquet(tmp_path / "v.parquet").row(0, named=True)
    assert from_parquet == leg
    assert from_parquet["start_time"] == datetime(2026, 11, 16, 14, tzinfo=UTC)
    sheet, rows = of_xlsx(tmp_path / "v.xlsx")
    assert rows[0]["start_time"] == datetime(2026, 11, 16, 22)  # noqa: DTZ001 - Excel knows no zones
    assert (rows[0]["lon"], rows[0]["points"], rows[0]["facts_changed"]) == (118.7, 3, False)
    assert sheet.freeze_panes == "A2"
    assert sheet.auto_filter.ref == f"A1:{openpyxl.utils.get_column_letter(len(leg))}4"


def test_negative_numbers_stay_numbers(store: Store, make_head: Head, tmp_path: Path) -> None:
    west = Findings([make_violation(hour=1, lon=-71.5)])
    store.record(RunRecord(make_head("west"), west, {}))
    export(store, "violations", "csv", tmp_path / "v.csv")
    assert "-71.5" in {row["lon"] for row in of_csv(tmp_path / "v.csv")}


@pytest.mark.parametrize("table", ["violations", "trips", "stops", "terminal_health", "rejected_fixes"])
def test_no_text_becomes_a_formula(hostile_store: Store, hostile: list[str], tmp_path: Path, table: str) -> None:
    for fmt in FORMATS:
        export(hostile_store, table, fmt, tmp_path / f"t.{fmt}")
    for row in of_csv(tmp_path / "t.csv"):
        assert not [v for n, v in row.items() if v.startswith(FORMULA_STARTS) and n not in ("lon", "lat")]
    sheet, rows = of_xlsx(tmp_path / "t.xlsx")
    cells = [cell for line in sheet.iter_rows(min_row=2) for cell in line]
    assert not [cell.value for cell in cells if cell.data_type in ("f", "e") or cell.hyperlink]
    assert not sheet.parent.defined_names or list(sheet.parent.defined_names) == []
    column = "plate" if "plate" in rows[0] else "reason"
    for texts in (
        {row[column] for row in json.loads((tmp_path / "t.json").read_bytes())},
        set(pl.read_parquet(tmp_path / "t.parquet")[column]),
        {row[column].removeprefix("'") for row in of_csv(tmp_path / "t.csv")} | {"'; DROP TABLE kept.violations; --"},
    ):
        assert set(hostile) <= texts
    escaped = {row[column] for row in rows}
    assert {"00123", "true", "=cmd|' /C calc'!A0", "http://example.com/=", "{=1+1}"} <= escaped


def test_the_same_rows_are_the_same_bytes(store: Store, tmp_path: Path) -> None:
    for fmt in FORMATS:
        for name in ("a", "b"):
            export(store, "violations", fmt, tmp_path / name)
        assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes(), fmt


@pytest.mark.parametrize("fmt", FORMATS)
def test_an_empty_view_is_a_file_without_rows(tmp_path: Path, fmt: str) -> None:
    out = tmp_path / f"out.{fmt}"
    with Store.open(tmp_path / "store", create=True) as empty:
        for table in ORDERS:
            assert export(empty, table, fmt, out) == 0
            if fmt == "json":
                assert json.loads(out.read_bytes()) == []
            elif fmt == "csv":
                assert of_csv(out) == []
            elif fmt == "parquet":
                assert pl.read_parquet(out).is_empty()
            else:
                assert of_xlsx(out)[1] == []


@pytest.mark.parametrize("fmt", FORMATS)
def test_batches_join_without_a_seam(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fmt: str) -> None:
    export(store, "fixes", fmt, tmp_path / "whole")
    monkeypatch.setattr(exporting, "BATCH_ROWS", 2048)
    export(store, "fixes", fmt, tmp_path / "parts")
    if fmt == "parquet":
        assert pl.read_parquet(tmp_path / "whole").equals(pl.read_parquet(tmp_path / "parts"))
    else:
        assert (tmp_path / "whole").read_bytes() == (tmp_path / "parts").read_bytes()


def test_a_stream_gets_the_same_bytes(store: Store, tmp_path: Path) -> None:
    for fmt in FORMATS:
        stream = io.BytesIO()
        export(store, "trips", fmt, stream)
        export(store, "trips", fmt, tmp_path / "file")
        assert stream.getvalue() == (tmp_path / "file").read_bytes()


def test_more_rows_than_a_sheet_holds(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exporting, "XLSX_ROWS", 2)
    with pytest.raises(StoreUnusable, match=r"3 rows.*csv or parquet"):
        export(store, "violations", "xlsx", tmp_path / "v.xlsx")
    assert not (tmp_path / "v.xlsx").exists()


def test_text_longer_than_a_cell_is_cut_and_says_so(store: Store, make_head: Head, tmp_path: Path) -> None:
    long = make_violation(hour=1, evidence={"fixes": list(range(20_000))})
    store.record(RunRecord(make_head("long"), Findings([long]), {}))
    export(store, "violations", "xlsx", tmp_path / "v.xlsx")
    cell = of_xlsx(tmp_path / "v.xlsx")[1][0]["evidence"]
    assert len(cell) == 32_767
    assert cell.endswith("[cut to fit a cell]")


def test_figures_that_are_none_are_blank(store: Store, make_head: Head, tmp_path: Path) -> None:
    ill = Findings(health=[TerminalHealth("苏A1", "", MONDAY_MS, MONDAY_MS, 0, float("nan"), "wgs84")])
    store.record(RunRecord(make_head("nan"), ill, {"苏A1": (MONDAY_MS, MONDAY_MS)}))
    for fmt in FORMATS:
        export(store, "terminal_health", fmt, tmp_path / f"h.{fmt}")
    for rows in (json.loads((tmp_path / "h.json").read_bytes()), of_xlsx(tmp_path / "h.xlsx")[1]):
        assert next(row for row in rows if row["plate"] == "苏A1")["completeness"] is None


@pytest.mark.parametrize(
    ("table", "fmt"), [("kept.violations", "csv"), ("trips; DROP VIEW trips", "csv"), ("trips", "pdf")]
)
def test_unknown_views_and_formats_are_refused(store: Store, tmp_path: Path, table: str, fmt: str) -> None:
    with pytest.raises(StoreUnusable, match="allowed: "):
        export(store, table, fmt, tmp_path / "out")


def test_a_file_that_cannot_be_written(store: Store, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot be written"):
        export(store, "trips", "csv", tmp_path / "none" / "out.csv")


def test_a_failed_export_leaves_the_old_file(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "out.csv"
    export(store, "trips", "csv", out)
    before = out.read_bytes()

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(exporting, "_csv", fail)
    with pytest.raises(StoreError, match="No space left"):
        export(store, "trips", "csv", out)
    assert out.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir() if "tmp" in p.name] == []
