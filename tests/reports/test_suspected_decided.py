"""From two people's decision in the store to what the next week suspects: a place they refused stays innocent."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from small_store import DAY_MS, HOUR_MS, MONDAY_MS, make_violation

from reports import queries
from reports.cases.deciding import Actor, Decision, decide, standing
from reports.recording import RunHead, RunRecord
from reports.store import Store
from rules.findings import Findings, Violation

ANNA, BERT = Actor("anna", "reviewer"), Actor("bert", "second_reviewer")
LON, LAT = 118.9, 32.1
WEEK_H = 168.0
Head = Callable[..., RunHead]


def dumping(plate: str, hour: float) -> Violation:
    evidence = {"unloaded_by": ["load", "lift"]}
    return make_violation(plate, "unauthorised_dumping", hour, lon=LON, lat=LAT, evidence=evidence)


FIRST = [dumping("苏A10002", 22), dumping("苏A10004", 30)]
NEXT = [dumping("苏A10001", WEEK_H + 22), dumping("苏A10003", WEEK_H + 30)]


def record(store: Store, head: RunHead, *found: Violation) -> None:
    spans = {v.plate: (v.start_ms - HOUR_MS, v.end_ms + HOUR_MS) for v in found}
    store.record(RunRecord(head, Findings(list(found)), spans))


def decided(store: Store, case: Violation, verdict: str) -> None:
    """Two people agree on a case; a rejection needs a reason."""
    for actor, action in ((ANNA, f"propose_{verdict}"), (BERT, verdict)):
        now = standing(store, case.violation_id)
        assert now
        reason = "gps_drift" if verdict == "reject" else ""
        decide(
            store, actor, Decision(case.violation_id, action, now.step, reason, "看过"), at_ms=MONDAY_MS + 5 * DAY_MS
        )


@pytest.fixture
def court(store: Store, make_head: Head) -> Store:
    for who in (ANNA, BERT):
        store.execute("INSERT INTO kept.grants VALUES (?, ?, ?)", [who.user_id, who.role, who.company_id])
    record(store, make_head("first"), *FIRST)
    assert queries.suspected_sites(store).height == 1
    return store


def test_a_place_that_two_people_refused_is_not_suspected_in_the_next_week(court: Store, make_head: Head) -> None:
    for case in FIRST:
        decided(court, case, "reject")
    record(court, make_head("next"), *NEXT)
    assert queries.suspected_sites(court).is_empty(), "as many were refused here as are left"


def test_a_place_that_two_people_confirmed_is_suspected_by_all_that_came(court: Store, make_head: Head) -> None:
    for case in FIRST:
        decided(court, case, "confirm")
    record(court, make_head("next"), *NEXT)
    (place,) = queries.suspected_sites(court).iter_rows(named=True)
    assert (place["trucks"], place["visits"]) == (4, 4)


def test_a_proposal_alone_teaches_nothing(court: Store, make_head: Head) -> None:
    for case in FIRST:
        now = standing(court, case.violation_id)
        assert now
        decide(
            court,
            ANNA,
            Decision(case.violation_id, "propose_reject", now.step, "gps_drift", "看过"),
            at_ms=MONDAY_MS + 5 * DAY_MS,
        )
    record(court, make_head("next"), *NEXT)
    (place,) = queries.suspected_sites(court).iter_rows(named=True)
    assert place["visits"] == 4


def test_what_comes_in_plenty_afterwards_outweighs_the_refusals(court: Store, make_head: Head) -> None:
    for case in FIRST:
        decided(court, case, "reject")
    more = [dumping(f"苏A1000{n}", WEEK_H + 2 * n) for n in range(1, 5)]
    record(court, make_head("next"), *more)
    (place,) = queries.suspected_sites(court).iter_rows(named=True)
    assert place["visits"] == 4 and '"rejected_here":2' in place["evidence"]
