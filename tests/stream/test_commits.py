"""Transactions of a worker against a real broker: what is seen when, and what becomes of one that is fenced off."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from few_trucks import PARTITIONS, few_trucks
from hypothesis import given
from hypothesis import strategies as st
from kafka import TopicPartition
from kafka.errors import KafkaError

from ingest.kafka.client import SESSION_MS, consumer, transactional
from ingest.kafka.topics import Topics, ensure
from stream import commits, messages
from stream.commits import Commits, together
from stream.judging import Judge
from stream.knowledge import Known
from stream.parts import Part, Said


@given(st.lists(st.binary(max_size=300).map(lambda m: m.replace(b"\n", b"")), max_size=60), st.integers(1, 500))
def test_messages_that_go_together_come_apart_as_they_were(several: list[bytes], most: int) -> None:
    before, commits.TOGETHER_BYTES = commits.TOGETHER_BYTES, most
    try:
        records = list(together(several))
    finally:
        commits.TOGETHER_BYTES = before
    assert [line for record in records for line in record.split(b"\n")] == several
    assert all(sum(map(len, record.split(b"\n"))) <= most or b"\n" not in record for record in records)
    assert len(records) <= 1 + 2 * sum(map(len, several)) // most


@contextmanager
def member(kafka: str, topics: Topics) -> Iterator[Any]:
    """A consumer that is the group, and has its partitions."""
    group = consumer(
        kafka, quick=True, group_id=topics.group, group_instance_id="w0", session_timeout_ms=SESSION_MS,
        auto_offset_reset="earliest",
    )  # fmt: skip
    group.subscribe([topics.fixes])
    until_s = time.monotonic() + 60
    while not group.assignment() and time.monotonic() < until_s:
        group.poll(timeout_ms=200)
    try:
        yield group
    finally:
        group.close(autocommit=False)


def seen(kafka: str, topics: Topics, count: int) -> list[dict[str, Any]]:
    """The findings that are committed, once there are so many: the broker's own mark may come after its answer."""
    until_s = time.monotonic() + 30
    while len(found := committed(kafka, topics)) < count and time.monotonic() < until_s:
        time.sleep(0.1)
    return found


def committed(kafka: str, topics: Topics) -> list[dict[str, Any]]:
    reader = consumer(kafka)
    inputs = [TopicPartition(topics.findings, p) for p in range(PARTITIONS)]
    reader.assign(inputs)
    reader.seek_to_beginning(*inputs)
    ends, found = reader.end_offsets(inputs), []
    while any(reader.position(tp) < ends[tp] for tp in inputs):
        for records in reader.poll(timeout_ms=200).values():
            found += [json.loads(line) for r in records for line in r.value.split(b"\n")]
    reader.close()
    return found


def saying(*plates: str) -> Said:
    said = Said(fixes=len(plates))
    for plate in plates:
        said.add(1, messages.withdrawn(f"{plate}-1", plate))
    return said


@pytest.fixture
def topics(kafka: str) -> Topics:
    made = Topics(f"{uuid.uuid4().hex[:8]}.")
    ensure(kafka, made, PARTITIONS)
    return made


def test_a_fenced_transaction_is_told_and_leaves_nothing_and_the_next_one_counts(kafka: str, topics: Topics) -> None:
    judge = Judge(few_trucks().ground, Known(), PARTITIONS)
    judge.gain({p: Part(0, 0) for p in range(PARTITIONS)}, [])
    with member(kafka, topics) as group:
        made = Commits(kafka, topics, 0, ("registry", "topic", PARTITIONS))
        try:
            assert made.settle() is None
            first = saying("苏A00001", "苏A00002")
            made.begin(judge, group.group_metadata(), first, {1})
            assert made.settle() is first and made.settle() is None
            told = seen(kafka, topics, 3)
            assert [m["kind"] for m in told] == ["withdrawn", "withdrawn", "tally"] and told[2]["partition"] == 1
            transactional(kafka, f"{topics.group}-0").close()  # whoever has the slot's name now fences this one off
            with pytest.raises(KafkaError):
                made.begin(judge, group.group_metadata(), saying("苏A00003"), {1})
                made.settle()
            made.give_up()
            assert committed(kafka, topics) == told
            last = saying("苏A00004")
            made.begin(judge, group.group_metadata(), last, {1})
            assert made.settle() is last
            assert [m["plate"] for m in seen(kafka, topics, 5) if "plate" in m] == ["苏A00001", "苏A00002", "苏A00004"]
        finally:
            made.close()


def test_what_is_open_is_committed_before_a_worker_goes(kafka: str, topics: Topics) -> None:
    judge = Judge(few_trucks().ground, Known(), PARTITIONS)
    judge.gain({p: Part(0, 0) for p in range(PARTITIONS)}, [])
    with member(kafka, topics) as group:
        made = Commits(kafka, topics, 0, ("registry", "topic", PARTITIONS))
        made.begin(judge, group.group_metadata(), saying("苏A00001"), {1})
        made.close()
        assert [m["plate"] for m in seen(kafka, topics, 2) if "plate" in m] == ["苏A00001"]
