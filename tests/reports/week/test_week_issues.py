"""Handing out issues from a real store: what was said stays, what later turns out otherwise is a correction."""

from dataclasses import replace

import pytest
from small_store import MONDAY_MS
from test_week_store import WEEK, week_store

from reports.errors import StoreError, StoreUnusable
from reports.inspections import InspectionRecord, held_between, keep
from reports.patrol.keeping import kept_plan
from reports.week import build, document_of, hand_out
from reports.week.issuing import CORRECTED, issued_in
from reports.week.masked import mask, masked

__all__ = ["week_store"]
NEXT = WEEK.back(-1)
STATUS = "UPDATE kept.violations SET status = ? WHERE rule = 'off_route'"


def corrected(store, week):
    return [(c.week, c.number, c.table, c.item, c.figure, c.said, c.now) for c in build(store, week).corrections]


def test_an_issue_is_kept_and_never_changed(week_store):
    report = build(week_store, WEEK)
    hand_out(week_store, report, MONDAY_MS)
    (issued,) = issued_in(week_store)
    assert (issued.week, issued.number) == ("2026-W47", "〔2026〕第47期") and len(issued.sha256) == 64
    assert kept_plan(week_store, NEXT) == report.plan
    with pytest.raises(StoreUnusable, match="2026-W47 was issued as 〔2026〕第47期"):
        hand_out(week_store, report, MONDAY_MS)
    assert build(week_store, WEEK).changed_since_issue == 0
    week_store.execute("UPDATE kept.issues SET report = report || ' '")
    with pytest.raises(StoreError, match="not what was handed out"):
        issued_in(week_store)


def test_later_decisions_are_corrections_of_the_next_issue_and_said_once(week_store):
    hand_out(week_store, build(week_store, WEEK), MONDAY_MS)
    assert corrected(week_store, NEXT) == []
    week_store.execute(STATUS, ["rejected"])
    found = corrected(week_store, NEXT)
    assert ("2026-W47", "〔2026〕第47期", "各类违规", "偏离核准路线", "线索数", 1, 0) in found
    assert ("2026-W47", "〔2026〕第47期", "各类违规", "偏离核准路线", "不属实", 0, 1) in found
    assert ("2026-W47", "〔2026〕第47期", "主要指标", "疑似违规线索", "本周", 3, 2) in found
    tables = {table for _, _, table, *_ in found}
    assert {"车辆", "企业", "出土工地"} <= tables and tables <= {name for name, _, _ in CORRECTED.values()}
    plates = {item for _, _, table, item, *_ in found if table == "车辆"}
    public = masked(build(week_store, NEXT))
    assert plates and not plates & {c.item for c in public.corrections}
    assert {mask(plate) for plate in plates} <= {c.item for c in public.corrections}
    own = build(week_store, WEEK)
    assert own.changed_since_issue == len(found)
    assert "已经印发" in "".join(b.text for b in document_of(own).sections[-2].blocks if hasattr(b, "text"))
    hand_out(week_store, build(week_store, NEXT), MONDAY_MS)
    assert corrected(week_store, WEEK.back(-2)) == []  # told in the issue between
    week_store.execute(STATUS, ["confirmed"])
    again = corrected(week_store, WEEK.back(-2))
    assert ("2026-W47", "〔2026〕第47期", "各类违规", "偏离核准路线", "线索数", 0, 1) in again


def test_inspections_are_kept_once(week_store):
    record = InspectionRecord(WEEK.monday, "20:00-23:00", ("城管", "交警"), "路口", 40, 5)
    assert keep(week_store, [record], MONDAY_MS) == 1
    assert keep(week_store, [replace(record, checked=41), replace(record, hours="")], MONDAY_MS) == 1
    assert [r.checked for r in held_between(week_store, WEEK.monday, WEEK.sunday)] == [40, 41]
    assert [h.checked for h in build(week_store, WEEK).inspections] == [40, 41]
