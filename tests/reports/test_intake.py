"""What workers say, taken into a store: twice the same, early then closed, withdrawn, and never without its offset."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from msgspec.structs import replace as revised
from small_store import make_violation as violation

from ingest.kafka.client import StreamBroken
from reports.intake import merging
from reports.intake.merging import Offsets, begin, offsets_of, take_in
from reports.intake.words import read_words
from reports.ledger.verify import verify
from reports.store import Store
from rules.findings import Stop, Trip
from rules.policy import DEFAULTS, Policy
from rules.registry import load_with_files
from stream import messages

OFFSETS = Offsets("findings", "id1", {0: 7})
NOW_MS = 1_795_000_000_000


@pytest.fixture
def store(tmp_path: Path, town: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "store", create=True) as opened:
        begin(opened, *load_with_files(town), NOW_MS)
        yield opened


def say(store: Store, *values: bytes, offset: int = 7, policy: Policy = DEFAULTS) -> int:
    words = read_words((0, n, value) for n, value in enumerate(values))
    return take_in(store, words, replace(OFFSETS, next_offset={0: offset}), NOW_MS, policy)


def rows(store: Store) -> list[tuple[str, int, str, bool]]:
    return store.query(
        "SELECT violation_id, revision, status, facts_changed FROM violations ORDER BY violation_id"
    ).rows()


def test_the_same_words_twice_change_nothing(store: Store) -> None:
    v = violation()
    trip = Trip(v.plate, 1000, 2000, 3000, None, None, None, 10)
    stop = Stop(v.plate, 1000, 9000, 118.8, 32.0, None, "unknown")
    said = [messages.violation(v), messages.trip(trip), messages.stop(stop)]
    assert say(store, *said) == 1 and say(store, *said) == 0
    assert rows(store) == [(v.violation_id, 1, "flagged", False)]
    assert (store.query("FROM trips").height, store.query("FROM stops").height) == (1, 1)
    assert verify(store).sound


def test_an_early_word_is_revision_0_until_its_stretch_closes(store: Store) -> None:
    v = violation()
    say(store, messages.violation(v, still_open=True))
    assert rows(store) == [(v.violation_id, 0, "flagged", False)]
    longer = revised(v, end_ms=v.end_ms + 60_000)
    say(store, messages.violation(longer))
    assert rows(store) == [(v.violation_id, 1, "flagged", False)]
    say(store, messages.violation(v, still_open=True))
    assert rows(store) == [(v.violation_id, 1, "flagged", False)], "an early word never undoes a closed one"
    assert store.query("SELECT end_ms FROM kept.violations").item() == longer.end_ms
    assert verify(store).sound


def test_a_word_that_closes_as_it_was_said_is_revision_1(store: Store) -> None:
    v = violation()
    say(store, messages.violation(v, still_open=True))
    say(store, messages.violation(v))
    assert rows(store)[0][1] == 1


def test_withdrawn_words_go_but_not_a_decided_case(store: Store) -> None:
    v, w = violation(), revised(violation(), start_ms=violation().start_ms + 9_000_000)
    w = revised(w, end_ms=w.start_ms + 60_000)
    say(store, messages.violation(v, still_open=True), messages.violation(w, still_open=True))
    store.execute("UPDATE kept.violations SET status = 'confirmed' WHERE violation_id = ?", [w.violation_id])
    say(store, messages.withdrawn(v.violation_id, v.plate), messages.withdrawn(w.violation_id, w.plate))
    assert rows(store) == [(w.violation_id, 0, "confirmed", True)]


def test_said_and_withdrawn_in_one_poll_leaves_nothing(store: Store) -> None:
    v = violation()
    say(store, messages.violation(v, still_open=True), messages.withdrawn(v.violation_id, v.plate))
    assert rows(store) == []


def test_rows_and_offset_come_together_or_not_at_all(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(merging, "set_offsets", full)
    with pytest.raises(OSError):
        say(store, messages.violation(violation()), offset=99)
    assert rows(store) == [] and offsets_of(store, "findings") == ({}, set())
    monkeypatch.undo()
    say(store, messages.violation(violation()), offset=99)
    assert len(rows(store)) == 1 and offsets_of(store, "findings") == ({0: 99}, {"id1"})


def test_points_are_shared_with_what_is_kept(store: Store) -> None:
    grave = revised(violation(), rule="no_permit", points=12)
    light = revised(violation(), rule="overspeed", points=3)
    say(store, messages.violation(light))
    say(store, messages.violation(grave))
    under = dict(store.query("SELECT rule, scored_under FROM violations").iter_rows())
    assert under == {"no_permit": "", "overspeed": grave.violation_id}


def test_accounts_replace_each_other_and_close(store: Store) -> None:
    figures = {
        "offset": 5, "received": 10, "usable": 9, "rejected": {"bad_time": [1, None, None, "x"]}, "held": 2, "open": 0,
        "counts": {"judged": 5, "repeated": 1, "late": 1, "invalid": 0, "other_device": 0}, "clock_ms": NOW_MS,
    }  # fmt: skip
    for received in (10, 10):
        say(store, messages.tally(0, {**figures, "received": received}))
    balance = store.query("SELECT received, missing FROM stream_balance").rows()
    assert balance == [(10, 0)]
    assert store.query("SELECT reason, count FROM rejected_fixes").rows() == [("bad_time", 1)]
    assert store.query("SELECT received FROM runs").rows() == [(10,)]


@pytest.mark.parametrize("value", [b"", b"no json", b"[]", b'{"kind": "other"}', b'{"kind": "violation"}'])
def test_foreign_records_stop_the_intake_with_their_place(value: bytes) -> None:
    with pytest.raises(StreamBroken, match="partition 3, offset 12"):
        read_words([(3, 12, value)])


@pytest.mark.parametrize(
    ("share", "carriers"), [(0.2, ["unauthorised_dumping"]), (0.8, ["off_route", "unauthorised_dumping"])]
)
def test_what_is_one_act_is_for_the_city_to_say(store: Store, share: float, carriers: list[str]) -> None:
    """Half of the shorter stretch lies in the longer: one act in one city, two in another."""
    grave = violation(rule="unauthorised_dumping", start_ms=0, end_ms=600_000, points=12)
    slight = violation(rule="off_route", start_ms=300_000, end_ms=900_000, points=3)
    say(store, messages.violation(grave), messages.violation(slight), policy=replace(DEFAULTS, same_act_share=share))
    said = store.query("SELECT rule FROM kept.violations WHERE scored_under = '' ORDER BY rule")["rule"].to_list()
    assert said == carriers
