"""What a later run says: revisions, removals, doubts; what a person decided is never edited."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from msgspec.structs import replace as revised
from small_store import (
    DAY_MS,
    MONDAY_MS,
    SPAN,
    make_findings,
    make_tally,
    make_violation,
)

from reports import queries
from reports.recording import RunHead, RunRecord
from reports.store import Store, StoreError
from rules.findings import Findings, Stop, TerminalHealth, Trip

Head = Callable[..., RunHead]


def decide(store: Store, rule: str, status: str) -> str:
    """What a review page will do one day."""
    store.execute("UPDATE kept.violations SET status = ? WHERE rule = ?", [status, rule])
    return str(store.query("SELECT violation_id FROM violations WHERE rule = ?", [rule]).item())


def row(store: Store, violation_id: str) -> dict[str, object]:
    return queries.violation(store, violation_id).row(0, named=True)


def test_what_is_not_found_any_more_is_removed_within_the_span_only(store: Store, make_head: Head) -> None:
    leg, dumping, quiet = make_findings().violations
    spans = {"苏A10001": (MONDAY_MS, dumping.start_ms - 1)}  # the dumping begins after it, the other truck is not in it
    result = store.record(RunRecord(make_head("later"), Findings(), spans))
    assert set(store.query("FROM violations")["violation_id"]) == {dumping.violation_id, quiet.violation_id}
    assert result.removed == 1
    assert store.query("FROM trips")["plate"].to_list() == ["苏A10003"]
    assert store.query("FROM stops").is_empty()
    assert leg.violation_id not in store.query("FROM violations")["violation_id"]


def test_the_span_is_inclusive_at_both_ends(store: Store, make_head: Head) -> None:
    leg, dumping, _ = make_findings().violations
    store.record(RunRecord(make_head("a"), Findings(), {"苏A10001": (leg.start_ms + 1, dumping.start_ms - 1)}))
    assert store.query("SELECT count(*) FROM violations").item() == 3
    store.record(RunRecord(make_head("b"), Findings(), {"苏A10001": (leg.start_ms, dumping.start_ms)}))
    assert store.query("SELECT count(*) FROM violations").item() == 1


def test_changed_facts_are_a_new_revision(store: Store, make_head: Head) -> None:
    later = make_findings()
    later.violations[0] = revised(later.violations[0], end_ms=later.violations[0].end_ms + 1)
    changed = later.violations[0].violation_id
    result = store.record(RunRecord(make_head("later", started_at_ms=MONDAY_MS), later, SPAN))
    assert (result.new, result.revised, result.unchanged) == (0, 1, 2)
    assert row(store, changed)["revision"] == 2
    assert set(store.query("SELECT revision FROM violations WHERE violation_id <> ?", [changed])["revision"]) == {1}


def test_the_order_of_evidence_is_no_change(store: Store, make_head: Head) -> None:
    later = make_findings()
    leg = later.violations[0]
    later.violations[0] = revised(leg, evidence=dict(reversed(leg.evidence.items())))
    assert store.record(RunRecord(make_head("later"), later, SPAN)).revised == 0


@pytest.mark.parametrize("status", ["confirmed", "rejected", "appealed", "overturned"])
def test_a_decided_one_is_flagged_and_never_edited(store: Store, make_head: Head, status: str) -> None:
    decided = decide(store, "off_route", status)
    before = row(store, decided)
    later = make_findings()
    later.violations[0] = revised(later.violations[0], confidence=0.1)
    result = store.record(RunRecord(make_head("later"), later, SPAN))
    assert result.facts_changed == 1
    assert row(store, decided) == {**before, "facts_changed": True}
    assert store.record(RunRecord(make_head("gone"), Findings(), SPAN)).facts_changed == 1
    assert row(store, decided) == {**before, "facts_changed": True}
    store.record(RunRecord(make_head("as it was"), make_findings(), SPAN))
    assert row(store, decided) == before


def test_a_trip_that_a_decision_rests_on_stays(store: Store, make_head: Head) -> None:
    decide(store, "off_route", "confirmed")
    store.record(RunRecord(make_head("gone"), Findings(), SPAN))
    assert store.query("FROM trips")["plate"].to_list() == ["苏A10001"]


def test_a_trip_that_ends_elsewhere_replaces_the_old(store: Store, make_head: Head) -> None:
    later = make_findings()
    later.trips[0] = revised(later.trips[0], disposal_site="s9", dumped_ms=later.trips[0].left_ms)
    store.record(RunRecord(make_head("later"), later, SPAN))
    trips = queries.trips_between(store, MONDAY_MS, MONDAY_MS + 7 * DAY_MS)
    assert trips["disposal_site"].to_list() == ["s9", "s2"]
    assert trips["trip_id"].n_unique() == 2


def test_things_said_twice_in_one_run_are_once(store: Store, make_head: Head) -> None:
    twice = make_findings()
    twice += make_findings()
    store.record(RunRecord(make_head("twice"), twice, SPAN))
    for table, count in (("violations", 3), ("trips", 2), ("stops", 1), ("terminal_health", 2)):
        assert store.query(f"SELECT count(*) FROM {table}").item() == count


def test_tallies_are_by_input(store: Store, make_head: Head) -> None:
    store.record(RunRecord(make_head(), make_findings(), SPAN, make_tally()))
    assert queries.rejected(store)["count"].to_list() == [3]
    store.record(RunRecord(make_head("other input"), make_findings(), SPAN, make_tally()))
    assert queries.rejected(store)["count"].to_list() == [6]
    assert queries.runs(store)["input_digest"].to_list() == ["i" * 64, "other input"]


def test_hostile_text_is_text(store: Store, make_head: Head, hostile: list[str]) -> None:
    span = (MONDAY_MS, MONDAY_MS + DAY_MS)
    found = Findings()
    for n, text in enumerate(hostile):
        start = MONDAY_MS + n * 1000
        found.violations.append(make_violation(text, hour=n / 10, evidence={text: text}, company_id=text))
        found.trips.append(Trip(text, start, start + 1, None, text, text, text, 1))
        found.stops.append(Stop(text, start, start + 1, 1.0, 1.0, text, text))
    store.record(RunRecord(make_head("hostile"), found, dict.fromkeys(hostile, span)))
    kept = store.query("SELECT plate, evidence ->> ('$.\"' || 'x' || '\"') AS x FROM violations")["plate"].to_list()
    assert sorted(set(kept) & set(hostile)) == sorted(hostile)
    for text in hostile:
        assert queries.fixes_of(store, text, 0, MONDAY_MS).is_empty()


def test_evidence_that_json_cannot_say_is_refused_by_name(store: Store, make_head: Head) -> None:
    bad = make_violation(hour=1, evidence={"speed_kmh": float("nan")})
    with pytest.raises(StoreError, match=f"{bad.violation_id}.*off_route.*JSON"):
        store.record(RunRecord(make_head("bad"), Findings([bad]), SPAN))


def test_health_of_several_runs_is_joined(store: Store, make_head: Head) -> None:
    """A week later the same terminal is worse; said twice, it is said once."""
    later = MONDAY_MS + 7 * DAY_MS
    worse = TerminalHealth(
        "苏A10001", "0139", later, later + 3 * DAY_MS - 60_000, 1000, 0.37, "gcj02", {"lift": {"why": "x"}}
    )
    for _ in range(2):
        spans = {"苏A10001": (later, later + 3 * DAY_MS)}
        store.record(RunRecord(make_head("later"), Findings(health=[worse]), spans))
    joined = queries.terminal_health(store).row(0, named=True)
    assert (joined["fixes"], joined["datum_found"], joined["faults"]) == (5320, "gcj02", '{"lift":{"why":"x"}}')
    assert joined["completeness"] == pytest.approx((0.97 + 0.37) / 2)
    assert joined["first_seen"].timestamp() * 1000 == MONDAY_MS
    assert queries.health_between(store, later, later + DAY_MS)["completeness"].to_list() == [0.37]
