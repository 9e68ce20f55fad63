"""The queue kept in memory is always the one that a query over the store would give."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from bureau import Bureau

from reports.cases.board import Board
from reports.cases.deciding import Actor
from reports.cases.reading import DAY_MS, Filter, all_cases, one, violation_of
from reports.queries import violation

ANNA, BOUND = Actor("anna", "reviewer"), Actor("bert", "second_reviewer", "", ("d2",))
FIRM = Actor("firm", "company", "c1")
SCOPES = {
    ANNA: "true",
    BOUND: "v.district_id = 'd2'",
    FIRM: "v.company_id = 'c1' AND c.state IN ('notified', 'appealed', 'upheld', 'overturned', 'voided')",
}
LATER_MS = 1_794_758_400_000 + 9 * DAY_MS
FILTERS = {
    Filter(): "true",
    Filter("first", rule="off_route"): "c.state = 'flagged' AND v.rule = 'off_route'",
    Filter("second"): "c.state IN ('first_confirmed', 'first_rejected')",
    Filter("all", company="c2", confidence=0.8): "v.company_id = 'c2' AND v.confidence >= 0.8",
    Filter("all", district="d1", plate=" 苏a1"): "v.district_id = 'd1' AND contains(v.plate, '苏A1')",
    Filter("notified", age_days=1): f"c.state = 'notified' AND v.recorded_ms <= {LATER_MS - DAY_MS}",
    Filter("closed"): "c.state IN ('rejected', 'upheld', 'overturned', 'voided')",
}


def asked(bureau: Bureau, actor: Actor, wanted: Filter) -> list[tuple[Any, ...]]:
    return bureau.store_rows(
        "SELECT c.case_id, c.state, c.step, count(*) OVER (PARTITION BY v.plate) "
        "FROM kept.violations v JOIN cases c ON c.case_id = v.violation_id "
        f"WHERE ({SCOPES[actor]}) AND ({FILTERS[wanted]}) "
        "ORDER BY max(v.points * v.confidence) OVER (PARTITION BY v.plate) DESC, v.plate, "
        "v.points * v.confidence DESC, v.start_ms, c.case_id"
    )


def check(bureau: Bureau, board: Board) -> int:
    seen = 0
    with bureau.context.store.reading() as store:
        every = all_cases(store).sort("case_id")
    assert board.queue(ANNA, Filter(), LATER_MS, rows=10_000)[0].sort("case_id").drop("plate_cases").equals(every)
    for actor in SCOPES:
        for wanted in FILTERS:
            expected = asked(bureau, actor, wanted)
            found, total = board.queue(actor, wanted, LATER_MS, rows=10_000)
            assert found.select("case_id", "state", "step", "plate_cases").rows() == expected
            assert total == len(expected)
            seen += total
        states = bureau.store_rows(
            "SELECT c.state FROM kept.violations v JOIN cases c ON c.case_id = v.violation_id "
            f"WHERE {SCOPES[actor]}"
        )  # fmt: skip
        counts = board.counts(actor)
        assert counts["all"] == len(states)
        assert counts["first"] == sum(row == ("flagged",) for row in states)
    return seen


def test_the_kept_queue_follows_every_decision(bureau: Bureau, a_case: Callable[..., str]) -> None:
    board = Board(bureau.context.store)
    assert check(bureau, board) > 300
    anna, bert = bureau.client("anna"), bureau.client("bert")
    case_id = a_case()
    for desk, action in ((anna, "propose_confirm"), (bert, "confirm"), (anna, "notify")):
        assert desk.decide(case_id, action).status_code == 303
        check(bureau, board)
    assert case_id in board.queue(FIRM, Filter(), LATER_MS, rows=10_000)[0]["case_id"]


def test_what_is_revised_removed_or_renamed_is_seen(bureau: Bureau, a_case: Callable[..., str]) -> None:
    board, case_id = Board(bureau.context.store), a_case("c2")
    check(bureau, board)
    with bureau.context.store.writing() as store:
        store.execute(
            "UPDATE kept.violations SET points = 99, facts = 'x', revision = 2 WHERE violation_id = ?", [case_id]
        )
        store.execute("UPDATE kept.subjects SET name = '丙运输公司' WHERE subject = 'company' AND subject_id = 'c2'")
    check(bureau, board)
    first = board.queue(ANNA, Filter(), LATER_MS)[0].row(0, named=True)
    assert (first["case_id"], first["company"]) == (case_id, "丙运输公司")


def test_one_case_read_by_itself_is_what_the_views_say(bureau: Bureau, a_case: Callable[..., str]) -> None:
    anna, bert, case_id, undone = bureau.client("anna"), bureau.client("bert"), a_case(), a_case("c2")
    for action in ("propose_confirm", "confirm"):
        assert (anna if "propose" in action else bert).decide(case_id, action).status_code == 303
    assert anna.decide(undone, "propose_reject", "gps_drift").status_code == 303
    with bureau.context.store.writing() as store:  # a later run judges the decided case and the reviewed one otherwise
        store.execute("UPDATE kept.violations SET facts = 'y', revision = 2 WHERE violation_id = ?", [undone])
        store.execute("UPDATE kept.violations SET facts_changed = true WHERE violation_id = ?", [case_id])
        store.execute("INSERT INTO kept.doubts VALUES (?, 'x', ?)", [case_id, bureau.now_ms])
    with bureau.context.store.reading() as store:
        for row in all_cases(store).iter_rows(named=True):
            found = one(store, row["case_id"])
            assert found and {name: found[name] for name in row} == row
            told = violation(store, row["case_id"]).row(0, named=True)
            said = violation_of(found)
            assert {name: said[name] for name in told} == told
        assert one(store, undone)["stale"] and one(store, case_id)["doubt_since_ms"]  # type: ignore[index]
    check(bureau, Board(bureau.context.store))


@pytest.mark.parametrize("page", [1, 2])
def test_neighbours_are_those_of_the_list(bureau: Bureau, page: int) -> None:
    board, wanted = Board(bureau.context.store), Filter("all", rule="overspeed")
    whole = board.queue(ANNA, wanted, LATER_MS, rows=10_000)[0]["case_id"].to_list()
    listed = board.queue(ANNA, wanted, LATER_MS, page, 20)[0]["case_id"].to_list()
    assert listed == whole[(page - 1) * 20 : page * 20]
    for at, case_id in enumerate(whole):
        before = whole[at - 1] if at else ""
        after = whole[at + 1] if at + 1 < len(whole) else ""
        assert board.neighbours(ANNA, wanted, LATER_MS, case_id) == (before, after)
    assert board.neighbours(ANNA, wanted, LATER_MS, "left") == ("", whole[0])
