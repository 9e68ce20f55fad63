"""The state topic read back: of a long log the last accounts and the snapshot that they name; and no state at all."""

from __future__ import annotations

import uuid

import pytest
from few_trucks import NOW_MS, few_trucks
from kafka import OffsetAndMetadata, TopicPartition

from ingest.kafka.client import StreamBroken, consumer, producer
from ingest.kafka.topics import Topics, ensure
from stream import memory
from stream.judging import Judge
from stream.knowledge import Known
from stream.memory import PART_KEY, TRUCKS_KEY, accounts_record, mark_snapshot, read_state, restored
from stream.parts import Part
from stream.recovery import recover
from stream.trucks import BUCKETS
from tools.broker import Broker

EXPECTED = ("registry", "topic", 1)


def test_a_long_log_is_read_at_its_end_only(broker: Broker, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three snapshots, each followed by many accounts, as Kafka keeps them for hours before it compacts."""
    topics = Topics(f"m{uuid.uuid4().hex[:8]}.")
    ensure(broker.address, topics, 1)
    judge = Judge(few_trucks().ground, Known(), 1)
    judge.gain({0: Part(0, 0)}, [])
    records = [r._replace(offset=n) for n, r in enumerate(few_trucks().records[1])]
    part, sender = judge.parts[0], producer(broker.address)
    for round_ in range(3):
        more = records[round_ * 60 : round_ * 60 + 60]
        judge.take(judge.read({0: more}, NOW_MS + round_), {0: more[-1].offset + 1}, NOW_MS + round_)
        sent = [
            sender.send(topics.state, value, key=TRUCKS_KEY + b"%02d" % n, partition=0)
            for n, value in enumerate(judge.trucks.buckets(0, part.offset))
        ]
        mark_snapshot(part, 0.0, sent[0].get(timeout=60).offset)
        for _ in range(memory.TAIL + 5):
            sent.append(sender.send(topics.state, accounts_record(part, *EXPECTED), key=PART_KEY, partition=0))
        assert all(future.get(timeout=60) for future in sent)
    sender.close(timeout=5)
    read: list[int] = []
    walk = memory._read

    def counted(reader: object, begins: dict[object, int], ends: dict[object, int], *more: object) -> None:
        read.extend(ends[tp] - at for tp, at in begins.items())
        walk(reader, begins, ends, *more)  # type: ignore[arg-type]

    monkeypatch.setattr(memory, "_read", counted)
    kept = read_state(broker.address, topics, [0])[0]
    assert sum(read) == BUCKETS + memory.TAIL + 5
    found = restored(kept, "partition 0", *EXPECTED)
    assert found is not None and found[0].offset == part.offset == found[1][0].offset
    heir = Judge(few_trucks().ground, Known(), 1)
    heir.gain({0: found[0]}, found[1])
    assert heir.trucks.plates() == judge.trucks.plates() and heir.figures(0) == judge.figures(0)
    assert read_state(broker.address, topics, [0], trucks=False)[0].keys() == {PART_KEY}
    del kept[TRUCKS_KEY + b"03"]
    with pytest.raises(StreamBroken, match="1 of the 16 records of its trucks are gone"):
        restored(kept, "partition 0", *EXPECTED)


def test_a_partition_that_was_judged_does_not_begin_anew_when_its_state_is_gone(broker: Broker) -> None:
    topics = Topics(f"g{uuid.uuid4().hex[:8]}.")
    ensure(broker.address, topics, 1)
    judge = Judge(few_trucks().ground, Known(), 1)
    assert recover(broker.address, topics, [0], EXPECTED, None, judge) == [0]
    assert judge.parts[0].offset == 0
    fixes, group = TopicPartition(topics.fixes, 0), consumer(broker.address, group_id=topics.group)
    group.assign([fixes])
    group.commit({fixes: OffsetAndMetadata(7, "", -1)})
    group.close()
    with pytest.raises(StreamBroken, match="nothing is kept, but fixes up to offset 7 were judged"):
        recover(broker.address, topics, [0], EXPECTED, None, judge)
    assert recover(broker.address, topics, [0], EXPECTED, 1.0, judge) == [0]
