"""The weekly report's suspected places: which of them a week tells of, and their words."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import polars as pl
import pytest
from week_faces import Page
from week_town import WEEK, at_ms, frame, registry, town

from reports.suspected_words import basis_text, grade_text
from reports.week import document_of
from reports.week.contents_cases import TOP_SUSPECTS
from reports.week.document import Table
from reports.week.face_html import render_html
from reports.week.figures import report_of
from reports.week.suspects import SUSPECTS, suspect_lines

EVIDENCE = {"signs": {"load": 5, "lift": 3}, "passing_stays": 2, "rejected_here": 1, "sites": ["d1"]}


def place(number: int = 0, **changes: Any) -> dict[str, Any]:
    plain = {"suspect_id": f"{number:020x}", "kind": "dumping", "lon": 118.75, "lat": 32.05, "trucks": 5, "visits": 8}
    plain |= {"first_ms": at_ms(-3, 22), "last_ms": at_ms(2, 23), "evidence_grade": "A", "confidence": 0.97}
    return {**plain, "evidence": json.dumps(EVIDENCE), "district_id": "x1", **changes}


def lines(*rows: dict[str, Any]) -> list[str]:
    of = registry()
    start_ms, end_ms = WEEK.span_ms(of.policy)
    return [x.suspect_id for x in suspect_lines(frame(rows, SUSPECTS), start_ms, end_ms, of)]


def faces(*rows: dict[str, Any]) -> tuple[Page, Table]:
    document = document_of(report_of(replace(town(), suspects=frame(rows, SUSPECTS))))
    return Page(render_html(document)), document.table("suspects")


def test_a_week_tells_of_places_that_trucks_came_to_in_it() -> None:
    start_ms, end_ms = WEEK.span_ms(registry().policy)
    span = lambda n, first_ms, last_ms: place(n, first_ms=first_ms, last_ms=last_ms)
    rows = [span(1, 0, start_ms - 1), span(2, 0, start_ms), span(3, end_ms - 1, end_ms + 9), span(4, end_ms, end_ms)]
    assert lines(*rows) == [rows[1]["suspect_id"], rows[2]["suspect_id"]]


def test_the_surest_come_first() -> None:
    rows = [place(1, confidence=0.7), place(2, confidence=0.9, visits=3), place(3, confidence=0.9, visits=9)]
    assert lines(*rows) == [rows[i]["suspect_id"] for i in (2, 1, 0)]


def test_a_place_is_told_with_its_evidence() -> None:
    new = place(2, kind="loading", confidence=0.6, evidence_grade="C", first_ms=at_ms(1, 22), district_id=None)
    page, table = faces(place(1), new)
    first, second = page.tables["suspects"]
    basis = "载重传感器 5 次、举升传感器 3 次；另有无作业迹象的停留 2 次；此处复核不属实 1 起；位于已失效场所 d1"
    assert first[1:7] == ["疑似黑倾倒点", "否", "雨花街道", "A", "5", "8"]
    assert first[8:] == [basis, "118.75000", "32.05000"]
    assert second[1:5] == ["疑似未登记工地", "是", "—", "C"]
    assert "证据等级：A（两项以上独立证据）、B（一项传感器证据）、C（仅停留规律）。" in "".join(page.text)
    assert table.rows[0][8] == at_ms(-3, 22)


def test_pages_cut_a_long_list_and_the_workbook_does_not() -> None:
    page, table = faces(*(place(n) for n in range(TOP_SUSPECTS + 3)))
    assert len(page.tables["suspects"]) == TOP_SUSPECTS and len(table.rows) == TOP_SUSPECTS + 3
    assert f"共 {TOP_SUSPECTS + 3} 项，此处列出前 {TOP_SUSPECTS} 项" in "".join(page.text)


def test_a_week_without_any_says_so() -> None:
    page, table = faces()
    assert "suspects" not in page.tables and table.rows == ()
    assert "本周没有发现可疑点位" in "".join(page.text)


def test_hostile_text_stays_text() -> None:
    text = "=cmd|' /C calc'!A0<img src=x onerror=alert(1)>{{7*7}}"
    evidence = json.dumps({"signs": {text: 1}, "sites": [text]})
    page, _ = faces(place(1, evidence=evidence, district_id=text, kind=text, evidence_grade=text))
    assert page.tables["suspects"][0][1:5] == [text, "否", text, text]
    assert not {tag for tag, _ in page.tags} & {"img", "script"}


@pytest.mark.parametrize(
    ("evidence", "words"),
    [
        ({}, ""),
        ({"signs": {"between": 3, "turned_back": 3}}, "停留次序 3 次、折返停留 3 次"),
        ({"signs": {"later": 1}, "passing_stays": 0, "rejected_here": 0, "sites": []}, "later 1 次"),
    ],
)
def test_the_basis_in_words(evidence: dict[str, Any], words: str) -> None:
    assert basis_text(evidence) == words


def test_a_grade_of_a_later_version_shows_as_itself() -> None:
    assert (grade_text("B"), grade_text("X")) == ("B（一项传感器证据）", "X")


def test_no_places_are_a_frame_of_the_same_columns() -> None:
    assert town().suspects.equals(pl.DataFrame(schema=SUSPECTS))
