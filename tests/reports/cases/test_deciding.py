"""Cases: the way from a flag to a fact takes two people, and what the law forbids cannot be stored at all."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from msgspec.structs import replace as revised
from small_store import MONDAY_MS, make_findings, make_tally

from reports.cases.deciding import Actor, CaseConflict, Decision, MoveRefused, decide, moves, standing
from reports.cases.reading import case, disagreements, history
from reports.cases.words import ACTION_NAMES, REASON_NAMES, STATE_NAMES
from reports.errors import StoreError
from reports.ledger.verify import verify
from reports.recording import RunRecord
from reports.scores import scores
from reports.shared import SharedStore
from reports.store import Store

NOW_MS = MONDAY_MS + 11 * 86_400_000
DUMPING = next(v for v in make_findings().violations if v.rule == "unauthorised_dumping")
ANNA, BERT = Actor("anna", "reviewer"), Actor("bert", "second_reviewer")
CARL, DORA = Actor("carl", "second_reviewer"), Actor("dora", "appeal_officer")
FIRM, OTHER = Actor("firm", "company", "c1"), Actor("other", "company", "c2")
PEOPLE = (ANNA, BERT, CARL, DORA, FIRM, OTHER)


@pytest.fixture
def court(store: Store) -> Store:
    for who in PEOPLE:
        store.execute("INSERT INTO kept.grants VALUES (?, ?, ?)", [who.user_id, who.role, who.company_id])
    return store


def go(
    store: Store,
    *steps: tuple[Actor, str],
    case_id: str = DUMPING.violation_id,
    reason: str = "gps_drift",
    later_ms: int = 0,
) -> str:
    state = ""
    for actor, action in steps:
        now = standing(store, case_id)
        assert now
        given = reason if action in ("propose_reject", "reject", "overturn", "void") else ""
        state = decide(store, actor, Decision(case_id, action, now.step, given, "看过证据"), at_ms=NOW_MS + later_ms)
    return state


def status(store: Store) -> str:
    return str(store.query("SELECT status FROM violations WHERE violation_id = ?", [DUMPING.violation_id]).item())


CONFIRMED = ((ANNA, "propose_confirm"), (BERT, "confirm"))
NOTIFIED = (*CONFIRMED, (ANNA, "notify"))
APPEALED = (*NOTIFIED, (FIRM, "appeal"))


@pytest.mark.parametrize(
    ("steps", "state", "seen"),
    [
        (CONFIRMED[:1], "first_confirmed", "flagged"),
        (CONFIRMED, "confirmed", "confirmed"),
        (((ANNA, "propose_reject"), (BERT, "reject")), "rejected", "rejected"),
        (((ANNA, "propose_confirm"), (BERT, "send_back"), (ANNA, "propose_reject")), "first_rejected", "flagged"),
        (((ANNA, "propose_confirm"), (ANNA, "withdraw"), *CONFIRMED), "confirmed", "confirmed"),
        (((BERT, "propose_confirm"), (CARL, "confirm")), "confirmed", "confirmed"),
        ((*NOTIFIED, (FIRM, "state")), "notified", "confirmed"),
        (APPEALED, "appealed", "appealed"),
        ((*APPEALED, (DORA, "uphold")), "upheld", "confirmed"),
        ((*APPEALED, (DORA, "overturn")), "overturned", "overturned"),
        ((*CONFIRMED, (CARL, "void")), "voided", "overturned"),
        ((*APPEALED, (DORA, "uphold"), (BERT, "void")), "voided", "overturned"),
    ],
)
def test_every_way_ends_in_its_state_and_in_the_contracts_status(
    court: Store, steps: tuple[tuple[Actor, str], ...], state: str, seen: str
) -> None:
    assert go(court, *steps) == state
    assert status(court) == seen
    assert disagreements(court) == 0
    assert verify(court).sound


def test_only_what_two_people_confirmed_scores_and_voiding_takes_it_back(court: Store) -> None:
    points = lambda: dict(scores(court).select("subject_id", "points").iter_rows())["苏A10001"]
    go(court, *CONFIRMED[:1])
    assert points() == 0
    go(court, *CONFIRMED[1:])
    assert points() == DUMPING.points
    go(court, (CARL, "void"))
    assert points() == 0


@pytest.mark.parametrize(
    ("before", "actor", "action", "why"),
    [
        ((), BERT, "confirm", "不允许"),
        ((), DORA, "propose_confirm", "不允许"),
        (((BERT, "propose_confirm"),), BERT, "confirm", "另一人"),
        (CONFIRMED[:1], ANNA, "confirm", "不允许"),
        (CONFIRMED[:1], CARL, "withdraw", "只有初审人"),
        (NOTIFIED, OTHER, "appeal", "本企业"),
        (CONFIRMED, FIRM, "appeal", "不允许"),
        ((*APPEALED, (DORA, "overturn")), BERT, "void", "不允许"),
        (((ANNA, "propose_reject"), (BERT, "reject")), ANNA, "propose_confirm", "不允许"),
    ],
)
def test_what_may_not_be_done_is_refused_with_its_reason(
    court: Store, before: tuple[tuple[Actor, str], ...], actor: Actor, action: str, why: str
) -> None:
    go(court, *before)
    kept = court.query("FROM kept.decisions").rows()
    with pytest.raises(MoveRefused, match=why):
        go(court, (actor, action))
    assert court.query("FROM kept.decisions").rows() == kept


def test_who_reviewed_may_not_decide_the_appeal_even_with_another_role_later(court: Store) -> None:
    go(court, *APPEALED)
    promoted = replace(BERT, role="appeal_officer")
    with pytest.raises(MoveRefused, match="参与过审核"):
        go(court, (promoted, "uphold"))


def test_a_reason_and_words_are_asked_for(court: Store) -> None:
    lacking = Decision(DUMPING.violation_id, "propose_reject", -1)
    with pytest.raises(MoveRefused, match="理由"):
        decide(court, ANNA, lacking, at_ms=NOW_MS)
    with pytest.raises(MoveRefused, match="说明"):
        decide(court, ANNA, replace(lacking, reason="other"), at_ms=NOW_MS)


#: One row that the tables accept after `CONFIRMED[:1]`, and what is wrong with each change of it.
GOOD = {
    "case_id": DUMPING.violation_id, "step": 2, "action": "confirm", "from_state": "first_confirmed",
    "to_state": "confirmed", "actor": "bert", "role": "second_reviewer", "actor_company": "", "company_id": "c1",
    "reason": "", "note": "", "at_ms": NOW_MS, "revision": 1, "first_reviewer": "anna", "reviewers": "|anna|bert|",
    "prior_step": 1, "prior_first": "anna", "prior_reviewers": "|anna|", "prior_company": "c1",
}  # fmt: skip


@pytest.mark.parametrize(
    "changes",
    [
        {"actor": "anna", "reviewers": "|anna|"},  # the first reviewer again, in a role she never had
        {"actor": "carl", "reviewers": "|anna|carl|", "role": "appeal_officer"},  # a role that may not
        {"action": "notify", "to_state": "notified", "note": "x", "reviewers": "|anna|"},  # over a state
        {"to_state": "rejected"},  # a move that is none
        {"step": 3, "prior_step": 2},  # a step left out
        {"step": 1, "prior_step": 0},  # a step taken already
        {"from_state": "first_rejected", "action": "reject", "to_state": "rejected", "reason": "datum"},  # another past
        {"prior_first": "carl", "first_reviewer": "carl"},  # a first review that nobody made
        {"prior_reviewers": "", "reviewers": "|bert|"},  # a reviewer forgotten
        {"facts": "other facts"},  # an outcome on facts that changed
        {"company_id": "c2", "prior_company": "c2"},  # another company's case
        {"reason": "because"},  # a reason that is none
    ],
)
def test_the_tables_refuse_what_no_page_would_send(court: Store, changes: dict[str, Any]) -> None:
    go(court, *CONFIRMED[:1])
    facts = standing(court, DUMPING.violation_id).facts  # type: ignore[union-attr]
    row = {**GOOD, "facts": facts, "prior_facts": facts}
    write = lambda row: court.execute(
        f"INSERT INTO kept.decisions ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})", list(row.values())
    )
    with pytest.raises(StoreError, match="Constraint"), court.transaction():
        write({**row, **changes})
    write(row)


@pytest.mark.parametrize("statement", ["UPDATE kept.decisions SET actor = 'carl'", "DELETE FROM kept.decisions"])
def test_the_tables_refuse_edits_of_the_past(court: Store, statement: str) -> None:
    go(court, *CONFIRMED)
    with pytest.raises(StoreError, match="Constraint"), court.transaction():
        court.execute(f"{statement} WHERE step = 1")


def test_an_appeal_is_refused_to_a_reviewer_by_the_tables_too(court: Store) -> None:
    go(court, *APPEALED)
    now = standing(court, DUMPING.violation_id)
    assert now
    court.execute("INSERT INTO kept.grants VALUES ('bert', 'appeal_officer', '')")
    row = {
        **GOOD, "step": now.step + 1, "prior_step": now.step, "action": "uphold", "from_state": "appealed", "note": "x",
        "to_state": "upheld", "role": "appeal_officer", "prior_reviewers": now.reviewers, "reviewers": now.reviewers,
        "facts": now.facts, "prior_facts": now.facts,
    }  # fmt: skip
    with pytest.raises(StoreError, match="CHECK"), court.transaction():
        court.execute(
            f"INSERT INTO kept.decisions ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})", list(row.values())
        )


def test_of_fifty_who_decide_at_once_exactly_one_is_heard(court: Store) -> None:
    shared = SharedStore(court)
    outcomes: list[str] = []
    start = threading.Barrier(50)

    def act(number: int) -> None:
        start.wait()
        action, reason = ("propose_confirm", "") if number % 2 else ("propose_reject", "datum")
        try:
            with shared.writing() as store:
                decide(store, ANNA, Decision(DUMPING.violation_id, action, -1, reason), at_ms=NOW_MS)
            outcomes.append("accepted")
        except CaseConflict:
            outcomes.append("conflict")

    threads = [threading.Thread(target=act, args=(n,)) for n in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["accepted"] + ["conflict"] * 49
    assert [event["step"] for event in history(court, DUMPING.violation_id)] == [0, 1]


@pytest.fixture
def record(court: Store, make_head: Callable[..., Any]) -> Callable[[list[Any], str], None]:
    def again(violations: list[Any], digest: str) -> None:
        found = replace(make_findings(), violations=violations)
        spans = {"苏A10001": (MONDAY_MS, MONDAY_MS + 3 * 86_400_000)}
        court.record(RunRecord(make_head(digest * 64, started_at_ms=NOW_MS + ord(digest)), found, spans, make_tally()))

    return again


def test_later_facts_flag_a_decided_case_and_never_edit_it(court: Store, record: Any) -> None:
    go(court, *CONFIRMED)
    before = court.query(
        "SELECT * EXCLUDE facts_changed FROM violations WHERE violation_id = ?", [DUMPING.violation_id]
    )
    changed = [revised(v, confidence=0.4) for v in make_findings().violations]
    record(changed, "b")
    after = court.query("SELECT * EXCLUDE facts_changed FROM violations WHERE violation_id = ?", [DUMPING.violation_id])
    assert before.equals(after)
    seen = case(court, CARL, DUMPING.violation_id)
    assert seen and seen["facts_changed"] and seen["doubt_since_ms"]
    go(court, (CARL, "stand"), later_ms=ord("b") + 1)
    seen = case(court, CARL, DUMPING.violation_id)
    assert seen and seen["doubt_since_ms"] is None
    record([], "z")  # later still, nothing is found at all
    seen = case(court, CARL, DUMPING.violation_id)
    assert seen and seen["doubt_since_ms"] and status(court) == "confirmed"


def test_facts_that_change_between_the_reviews_send_the_case_back(court: Store, record: Any) -> None:
    go(court, *CONFIRMED[:1])
    record([revised(v, confidence=0.4) for v in make_findings().violations], "b")
    with pytest.raises(MoveRefused, match="事实有变化"):
        go(court, (BERT, "confirm"))
    assert go(court, (BERT, "send_back"), *CONFIRMED) == "confirmed"


def test_a_case_under_review_stays_though_a_later_run_does_not_find_it(court: Store, record: Any) -> None:
    go(court, *CONFIRMED[:1])
    record([], "b")
    seen = case(court, BERT, DUMPING.violation_id)
    assert seen and seen["facts_changed"] and seen["state"] == "first_confirmed"
    assert verify(court).sound


def test_every_state_action_and_reason_has_its_words(court: Store) -> None:
    assert set(court.query("SELECT state FROM kept.states")["state"]) == set(STATE_NAMES)
    assert {action for action, _, _ in moves(court)} == set(ACTION_NAMES)
    assert set(court.query("SELECT reason FROM kept.reasons WHERE reason <> ''")["reason"]) == set(REASON_NAMES)
