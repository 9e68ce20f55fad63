"""A worker's judgement without Kafka: any cut, any loss of partitions and any crash gives what one judgement finds."""

from __future__ import annotations

import json
import random
from collections import Counter

import polars as pl
import pytest
from few_trucks import NOW_MS, PARTITIONS, Records, cut, few_trucks

from ingest.kafka.client import StreamBroken
from rules.health import Knowledge
from stream import judging, trucks
from stream.early import GONE_MS
from stream.judging import Judge
from stream.knowledge import Known
from stream.memory import (
    PART_KEY,
    TRUCKS_KEY,
    accounts_record,
    mark_snapshot,
    restored,
)
from stream.packing import Bucket, unpack
from stream.parts import Part, Said
from stream.recovery import _cut
from stream.trucks import Span, Trucks

REGISTRY, TOPIC = "r", "t"


def new_judge(partitions: range = range(PARTITIONS)) -> Judge:
    judge = Judge(few_trucks().ground, Known(), PARTITIONS)
    judge.gain({p: Part(0, 0) for p in partitions}, [])
    return judge


def taken(judge: Judge, batch: Records, now_ms: int) -> Said:
    return judge.take(judge.read(batch, now_ms), ends(batch), now_ms)


def ends(batch: Records) -> dict[int, int]:
    return {p: several[-1].offset + 1 for p, several in batch.items()}


def spoken(said: list[Said]) -> list[dict[str, object]]:
    return [json.loads(m) for s in said for several in s.findings.values() for m in several]


def finals(messages: list[dict[str, object]]) -> Counter[object]:
    return Counter(m["id"] for m in messages if m["kind"] == "violation" and not m["open"])


def everyone_gone(judge: Judge) -> Said:
    """A day passes: by the clock of their partitions every truck has gone."""
    for part in judge.parts.values():
        part.clock_ms += GONE_MS + 3_600_000 * 24
    said = Said()
    judge._searched_s = -judging.SEARCH_S  # time enough has passed
    judge.speak_early(said, 60.0, live=True)
    return said


def test_any_cut_with_early_words_finds_what_one_judgement_finds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judging, "RECHECK_S", 0.0)
    few, judge, said = few_trucks(), new_judge(), []
    for number, batch in enumerate(cut(few.records, random.Random(1), 60)):
        said.append(taken(judge, batch, NOW_MS + number))
        judge.speak_early(said[-1], 1.0, live=True)
    said.append(everyone_gone(judge))
    messages = spoken(said)
    standing = set(finals(messages))
    assert max(finals(messages).values()) == 1
    for m in messages:
        if m["kind"] == "violation":
            standing.add(m["id"])
        elif m["kind"] == "withdrawn":
            assert m["id"] in standing
            standing.discard(m["id"])
    assert sorted(map(str, standing)) == few.ids
    early = {m["id"] for m in messages if m["kind"] == "violation" and m["open"]}
    assert early & set(finals(messages)), "a word was said before its stretch closed"
    last = {m["id"]: m["end_ms"] for m in messages if m["kind"] == "violation"}
    assert last == {v.violation_id: v.end_ms for v in few.whole.violations} | {
        i: last[i] for i in last.keys() - standing
    }


def test_open_stretches_of_a_backlog_are_said_once_it_is_over() -> None:
    """A truck that only stands when the backlog ends is not suspicious, yet its open haul holds a breach."""
    few, judge = few_trucks(), new_judge()
    batch = {p: several for p, several in few.records.items() if several}
    said = [taken(judge, batch, NOW_MS)]
    judge.speak_early(said[0], 1.0, live=False)
    before = set(finals(spoken(said)))
    said.append(Said())
    judge.speak_early(said[1], 60.0, live=True)
    standing = {m["id"] for m in spoken(said[1:]) if m["kind"] == "violation"}
    everyone = {m["id"] for m in spoken([everyone_gone(judge)]) if m["kind"] == "violation"}
    assert before | standing | everyone == set(few.ids) and standing


def test_behind_a_backlog_standing_words_are_looked_at_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    few, judge = few_trucks(), new_judge()
    looked: list[int] = []
    monkeypatch.setattr(judge, "_look_at", lambda plates, said: looked.append(len(plates)))
    judge._waiting = dict.fromkeys(few.terminals)
    for _ in range(3):
        judge.speak_early(Said(), 60.0, live=False)
    assert looked == [len(few.terminals)]
    monkeypatch.setattr(judging, "BACKLOG_LOOK_S", 0.0)
    judge.speak_early(Said(), 60.0, live=False)
    assert len(looked) == 2


def test_balance_closes_in_every_partition() -> None:
    few, judge = few_trucks(), new_judge()
    batches = cut(few.records, random.Random(3), 300)
    for number, batch in enumerate([*batches, batches[0], batches[-1]]):  # the last two say it again
        taken(judge, batch, NOW_MS + number)
    figures = [judge.figures(p) for p in range(PARTITIONS)]
    for f in figures:
        aside = sum(r[0] for r in f["rejected"].values())
        assert f["received"] == sum(f["counts"].values()) + f["held"] + aside
        assert min(f["counts"].values()) >= 0
    received = sum(f["received"] for f in figures)
    assert received > few.fixes and sum(f["counts"]["judged"] for f in figures) > 0.9 * few.fixes
    for fate in ("late", "repeated", "invalid"):
        assert sum(f["counts"][fate] for f in figures) > 0, fate


def test_crashes_at_any_batch_lose_and_double_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is committed is kept; a crash forgets the rest. The next owner reads back and takes the same cuts again."""
    monkeypatch.setattr(judging, "RECHECK_S", 0.0)
    few, chance = few_trucks(), random.Random(5)
    kept: dict[int, dict[bytes, bytes]] = {p: {} for p in range(PARTITIONS)}
    judge, said, crashes = new_judge(), [], 0
    for number, batch in enumerate(cut(few.records, chance, 60)):
        now = taken(judge, batch, NOW_MS + number)
        judge.speak_early(now, 0.05, live=chance.random() < 0.5)
        if chance.random() < 0.3:  # dies before its commit
            crashes += 1
            judge = recovered(kept, few.records)
            now = taken(judge, batch, NOW_MS + number)
        said.append(now)
        commit(judge, kept, snapshot=number % 5 == 0)
        if chance.random() < 0.2:  # dies after its commit
            crashes += 1
            judge = recovered(kept, few.records)
    said.append(everyone_gone(judge))
    messages = spoken(said)
    assert crashes > 5 and max(finals(messages).values()) == 1
    standing = set(finals(messages))
    for m in messages:
        if m["kind"] == "violation":
            standing.add(m["id"])
        elif m["kind"] == "withdrawn":
            standing.discard(m["id"])
    assert sorted(map(str, standing)) == few.ids


def commit(judge: Judge, kept: dict[int, dict[bytes, bytes]], snapshot: bool) -> None:
    for p, part in judge.parts.items():
        if snapshot:
            kept[p] |= {TRUCKS_KEY + b"%02d" % n: b for n, b in enumerate(judge.trucks.buckets(p, part.offset))}
            mark_snapshot(part, 0.0, 0)
        kept[p][PART_KEY] = accounts_record(part, REGISTRY, TOPIC, PARTITIONS)


def recovered(kept: dict[int, dict[bytes, bytes]], records: Records, known: Known | None = None) -> Judge:
    """As `stream.recovery` does it, with the records at hand."""
    judge = Judge(few_trucks().ground, known or Known(), PARTITIONS)
    parts, trucks = {}, list[Bucket]()
    for p in range(PARTITIONS):
        found = restored(kept[p], f"partition {p}", REGISTRY, TOPIC, PARTITIONS)
        parts[p], mine = found or (Part(0, 0), [])
        trucks += mine
    judge.gain(parts, trucks)
    behind = {p: part for p, part in parts.items() if part.cuts}
    held = {p: [r for r in records[p] if part.snapshot <= r.offset < part.offset] for p, part in behind.items()}
    for (now_ms, digest), again in sorted(_cut(behind, held).items()):
        judge.again(again, now_ms, digest)
    return judge


def test_trucks_that_wait_are_judged_at_the_same_places_by_whoever_takes_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """A truck is not judged with every fix; when it is, must not depend on who judges, or findings would go amiss."""
    monkeypatch.setattr(trucks, "WAIT_SHARE", 30.0)  # hours of which nothing is judged, for the sample's are parked
    heard, due = list[str](), list[str]()

    def hold(held: Trucks, fixes: pl.DataFrame, spans: list[Span], hold_ms: int) -> list[str]:
        heard.extend(plate for plate, *_ in spans)
        due.extend(now := trucks_hold(held, fixes, spans, hold_ms))
        return now

    trucks_hold = Trucks.hold
    monkeypatch.setattr(Trucks, "hold", hold)
    few, kept = few_trucks(), {p: dict[bytes, bytes]() for p in range(PARTITIONS)}
    batches = cut({p: several[:60] for p, several in few.records.items()}, random.Random(11), 2)
    judge = new_judge()
    for number, batch in enumerate(batches[:40]):
        taken(judge, batch, NOW_MS + number)
        commit(judge, kept, snapshot=number == 20)
    heir = recovered(kept, few.records)
    for number, batch in enumerate(batches[40:], start=40):
        mine, his = (taken(j, batch, NOW_MS + number) for j in (judge, heir))
        assert mine.findings == his.findings
        assert [judge.figures(p) for p in judge.parts] == [heir.figures(p) for p in heir.parts]
    assert set(due) == set(heard) and len(due) < 0.5 * len(heard)


def test_what_is_taken_in_again_is_judged_by_what_was_known_then() -> None:
    """Knowledge that came between a snapshot and a crash is for what comes after the crash."""
    few, kept = few_trucks(), {p: dict[bytes, bytes]() for p in range(PARTITIONS)}
    plates = {(plate, few.terminals[plate]): frozenset({"load", "lift"}) for plate in few.terminals}
    then, later = Knowledge(ill_sensors=plates), Knowledge()
    judge = Judge(few.ground, Known(then, "a", {"a": then}), PARTITIONS)
    judge.gain({p: Part(0, 0) for p in range(PARTITIONS)}, [])
    batches = cut(few.records, random.Random(13), 120)[:12]
    for number, batch in enumerate(batches):
        taken(judge, batch, NOW_MS + number)
        commit(judge, kept, snapshot=number == 4)
    heir = recovered(kept, few.records, Known(later, "b", {"a": then, "b": later}))
    was, now = (j.trucks.state(j.trucks.plates()) for j in (judge, heir))
    assert was.trucks == now.trucks and heir.knowledge == later
    forgetful = recovered(kept, few.records, Known(later, "b", {"b": later}))
    assert forgetful.trucks.state(judge.trucks.plates()).trucks != was.trucks


def test_a_lost_partition_takes_its_trucks_along_and_no_others() -> None:
    few, judge = few_trucks(), new_judge()
    for number, batch in enumerate(cut(few.records, random.Random(7), 200)[:6]):
        taken(judge, batch, NOW_MS + number)
    before = judge.trucks.plates()
    judge.lose([0, 1])
    assert judge.trucks.plates() == {p for p in before if judge.partition(p) in (2, 3)} < before
    assert set(judge.parts) == {2, 3}
    assert set(judge.trucks.waiting) <= {2, 3} and set(judge.newest_ms) == judge.trucks.plates()


def test_trucks_come_back_from_bytes_as_they_were(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trucks, "WARM_TRUCKS", 2)  # most are packed in between
    few, judge = few_trucks(), new_judge()
    for number, batch in enumerate(cut(few.records, random.Random(9), 200)):
        taken(judge, batch, NOW_MS + number)
    kept = [unpack(b, "here") for p in range(PARTITIONS) for b in judge.trucks.buckets(p, 7)]
    again = Trucks(judge.partition)
    again.gain(kept)
    plates = judge.trucks.plates()
    assert plates == again.plates() and {b.offset for b in kept} == {7}
    was, now = judge.trucks.state(plates), again.state(plates)
    assert (was.trucks, was.voices, was.judged_ms) == (now.trucks, now.voices, now.judged_ms)
    order = ["plate", "time_ms", "terminal"]
    assert was.pending.sort(order).equals(now.pending.sort(order))
    assert was.context.sort(order).equals(now.context.sort(order))
    assert judge.trucks.waiting == again.waiting and judge.trucks.laden == again.laden
    plate = next(iter(plates))
    assert set(judge.trucks.state([plate]).trucks) == {plate}


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda kept: kept | {PART_KEY: b"\x00nonsense"}, "cannot be read"),
        (lambda kept: kept | {b"trucks-00": kept[b"trucks-00"][:-5]}, "cannot be read"),
        (lambda kept: kept | {b"trucks-00": b""}, "cannot be read"),
    ],
)
def test_unreadable_state_is_told_and_never_begun_anew(spoil: object, says: str) -> None:
    judge = new_judge()
    few = few_trucks()
    batch = {p: several[:50] for p, several in few.records.items() if several}
    taken(judge, batch, NOW_MS)
    kept: dict[int, dict[bytes, bytes]] = {p: {} for p in range(PARTITIONS)}
    commit(judge, kept, snapshot=True)
    assert callable(spoil)
    with pytest.raises(StreamBroken, match=says):
        restored(spoil(kept[1]), "partition 1", REGISTRY, TOPIC, PARTITIONS)


@pytest.mark.parametrize(
    ("registry", "topic", "partitions", "says"),
    [("other", TOPIC, PARTITIONS, "registry"), (REGISTRY, "new", PARTITIONS, "made again"), (REGISTRY, TOPIC, 5, "5")],
)
def test_state_of_another_registry_topic_or_count_is_refused(
    registry: str, topic: str, partitions: int, says: str
) -> None:
    judge = new_judge()
    record = accounts_record(judge.parts[0], REGISTRY, TOPIC, PARTITIONS)
    with pytest.raises(StreamBroken, match=says):
        restored({PART_KEY: record}, "partition 0", registry, topic, partitions)


def test_a_clock_that_jumps_back_does_not_turn_fixes_into_the_future() -> None:
    judge = new_judge()
    judge.parts[0].read_ms = 4_000_000_000_000
    assert judge.present_ms() == 4_000_000_000_001
