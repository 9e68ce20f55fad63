"""Scores: only what was confirmed counts, one act once, everything else shown apart, every point traceable."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from msgspec.structs import replace as revised
from small_store import DAY_MS, HOUR_MS, MONDAY_MS, make_findings, make_violation

from reports.errors import StoreUnusable
from reports.recording import RunHead, RunRecord
from reports.scores import score_lines, scores, scores_json, scores_table
from reports.store import Store
from rules.findings import Findings
from rules.policy import Policy
from rules.registry import Registry

Head = Callable[..., RunHead]
WEDNESDAY = date(2026, 11, 18)  # of the last fix of the small store
SPAN = {"苏A10001": (MONDAY_MS, MONDAY_MS + 3 * DAY_MS - 60_000)}


def decide(store: Store, rule: str, status: str) -> None:
    store.execute("UPDATE kept.violations SET status = ? WHERE rule = ?", [status, rule])


def score_of(store: Store, subject_id: str, as_of: date | None = None) -> dict[str, Any]:
    return next(r for r in scores(store, as_of).iter_rows(named=True) if r["subject_id"] == subject_id)


def test_everyone_of_the_registry_is_there_and_flagged_ones_are_provisional(store: Store) -> None:
    found = scores(store)
    assert found["subject_id"].to_list().count("苏A10004") == 1
    assert sorted(found["subject_id"]) == ["c1", "c2", "苏A10001", "苏A10002", "苏A10003", "苏A10004"]
    assert set(found["points"]) == {0}
    assert set(found["grade"]) == {"A"}
    assert set(found["as_of"]) == {WEDNESDAY}
    truck = score_of(store, "苏A10001")
    assert (truck["provisional_points"], truck["provisional_violations"]) == (20, 2)
    company = score_of(store, "c1")
    assert (company["name"], company["provisional_points"]) == ("甲运输公司", 20)


def test_the_view_is_the_scores_as_of_the_latest_date(store: Store) -> None:
    decide(store, "quiet_zone", "confirmed")
    columns = scores(store).columns
    assert store.query(f"SELECT {', '.join(columns)} FROM scores").sort(columns).equals(scores(store).sort(columns))


@pytest.mark.parametrize(
    ("dumping", "leg", "points", "violations", "provisional"),
    [
        ("flagged", "flagged", 0, 0, 20),
        ("confirmed", "flagged", 20, 1, 0),
        ("confirmed", "confirmed", 20, 2, 0),  # one act: only the gravest carries points
        ("rejected", "confirmed", 3, 1, 0),  # the graver one fell: the lesser stands for itself
        ("overturned", "confirmed", 3, 1, 0),
        ("appealed", "confirmed", 3, 1, 0),  # suspended until decided
        ("appealed", "appealed", 0, 0, 0),
        ("rejected", "flagged", 0, 0, 3),
        ("flagged", "confirmed", 3, 1, 20),
        ("rejected", "rejected", 0, 0, 0),
    ],
)
def test_only_confirmed_counts_and_one_act_once(
    store: Store, dumping: str, leg: str, points: int, violations: int, provisional: int
) -> None:
    decide(store, "unauthorised_dumping", dumping)
    decide(store, "off_route", leg)
    for subject in ("苏A10001", "c1"):
        score = score_of(store, subject)
        assert (score["points"], score["violations"], score["provisional_points"]) == (points, violations, provisional)


@pytest.mark.parametrize(
    ("points", "grade"), [(0, "A"), (5, "A"), (6, "B"), (11, "B"), (12, "C"), (19, "C"), (20, "D")]
)
def test_a_grade_begins_at_its_lower_end(store: Store, make_head: Head, points: int, grade: str) -> None:
    found = Findings([make_violation(points=points)])
    store.record(RunRecord(make_head("x"), found, SPAN))
    decide(store, "off_route", "confirmed")
    assert score_of(store, "苏A10001")["points"] == points
    assert score_of(store, "苏A10001")["grade"] == grade


def test_the_policy_recorded_last_grades(store: Store, make_head: Head, registry: Registry) -> None:
    decide(store, "quiet_zone", "confirmed")
    assert score_of(store, "苏A10003")["grade"] == "A"
    strict = replace(registry, policy=Policy(grades={"vehicle": {"good": 1, "bad": 2}, "company": {"any": 0}}))
    store.record(RunRecord(make_head("x", registry=strict), make_findings(), SPAN))
    assert score_of(store, "苏A10003")["grade"] == "bad"
    assert score_of(store, "苏A10004")["grade"] == "good"  # below every lower end: the lowest
    assert score_of(store, "c2")["grade"] == "any"


def test_the_period_ends_on_the_local_date_asked_for(store: Store, make_head: Head, registry: Registry) -> None:
    """A violation at 23:59 local counts on that day, one at 00:00 on the next; the period is as long as it says."""
    short = replace(registry, policy=Policy(score_days=2))
    late, early = make_violation(hour=24 - 1 / 60, points=1), make_violation(rule="no_permit", hour=24, points=4)
    store.record(RunRecord(make_head("x", registry=short), Findings([late, early]), SPAN))
    store.execute("UPDATE kept.violations SET status = 'confirmed' WHERE plate = '苏A10001'")
    points = {day: score_of(store, "苏A10001", date(2026, 11, day))["points"] for day in range(15, 20)}
    assert points == {15: 0, 16: 1, 17: 5, 18: 4, 19: 0}


def test_lines_explain_every_point(store: Store) -> None:
    decide(store, "unauthorised_dumping", "confirmed")
    lines = score_lines(store, "vehicle", "苏A10001")
    leg, dumping = lines.iter_rows(named=True)
    assert (dumping["rule"], dumping["points"], dumping["counted"], dumping["why"]) == (
        "unauthorised_dumping",
        20,
        True,
        "confirmed",
    )
    assert not leg["counted"]
    assert dumping["violation_id"] in leg["why"]
    before = score_lines(store, "company", "c1", date(2026, 11, 15))
    assert set(before["why"]) == {"after the date asked for"}
    decide(store, "off_route", "appealed")
    assert score_lines(store, "vehicle", "苏A10001")["why"].to_list()[0] == "suspended: under appeal"
    with pytest.raises(StoreUnusable, match="vehicle, company"):
        score_lines(store, "driver", "x")


@pytest.mark.parametrize("seed", range(4))
def test_points_are_the_sum_of_the_lines(store: Store, make_head: Head, seed: int) -> None:
    statuses = ("flagged", "confirmed", "rejected", "appealed", "overturned")
    found = [make_violation(hour=n / 4, rule="off_route", points=n % 7) for n in range(40)]
    for n, violation in enumerate(found):
        if n % 3:
            found[n] = revised(violation, scored_under=found[n - n % 3].violation_id)
    store.record(RunRecord(make_head("x"), Findings(found), SPAN))
    for n, violation in enumerate(found):
        status = statuses[(n * 7 + seed * n // 3 + seed) % len(statuses)]
        store.execute("UPDATE kept.violations SET status = ? WHERE violation_id = ?", [status, violation.violation_id])
    for subject, subject_id in (("vehicle", "苏A10001"), ("company", "c1")):
        lines = score_lines(store, subject, subject_id)
        score = score_of(store, subject_id)
        assert score["points"] == lines.filter("counted")["points"].sum()
        assert score["provisional_points"] == lines.filter("provisional")["points"].sum()
        assert score["violations"] == lines.filter(lines["status"] == "confirmed").height
        counted = lines.filter("counted")
        assert set(counted["status"]) <= {"confirmed"}
        acts = {v.violation_id: v.scored_under or v.violation_id for v in found}
        assert len({acts[i] for i in counted["violation_id"]}) == counted.height


def test_the_credit_system_gets_json_with_the_violations_behind_it(store: Store) -> None:
    decide(store, "unauthorised_dumping", "confirmed")
    rows = {(r["subject"], r["subject_id"]): r for r in json.loads(scores_json(store))}
    assert rows["vehicle", "苏A10001"]["as_of"] == "2026-11-18"
    for subject in (("vehicle", "苏A10001"), ("company", "c1")):
        row = rows[subject]
        assert row["points"] == sum(line["points"] for line in row["lines"] if line["counted"]) == 20
    assert rows["vehicle", "苏A10004"]["lines"] == []
    headings, table = scores_table(scores(store))
    assert len(table) == 6
    assert all(len(row) == len(headings) for row in table)


def test_a_truck_that_is_not_registered_is_scored_too(store: Store, make_head: Head) -> None:
    stranger = make_violation("皖B99999", company_id=None)
    store.record(RunRecord(make_head("x"), Findings([stranger]), {"皖B99999": (MONDAY_MS, MONDAY_MS + 24 * HOUR_MS)}))
    store.execute("UPDATE kept.violations SET status = 'confirmed' WHERE plate = '皖B99999'")
    assert score_of(store, "皖B99999")["points"] == 3
    assert None not in scores(store)["subject_id"].to_list()
