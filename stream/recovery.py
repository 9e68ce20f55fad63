"""Reading a partition back: its accounts, its trucks, and the input since the trucks were last written."""

from __future__ import annotations

import time
from bisect import bisect_left
from collections.abc import Iterable, Mapping
from operator import attrgetter
from typing import Any

from kafka import TopicPartition
from kafka.errors import OffsetOutOfRangeError

from ingest.kafka.client import StreamBroken, consumer, gone, told
from ingest.kafka.topics import Topics
from stream.judging import Judge
from stream.memory import READ_S, read_state, restored
from stream.packing import Bucket
from stream.parts import Part

#: What to do where a log no longer holds what a worker has not judged, or has to read again.
LOST = (
    "it was kept too short; start again with --rejudge-hours, which goes on with what there is, then let "
    "`muckwatch settle` judge those days from the archive"
)


def recover(
    bootstrap: str,
    topics: Topics,
    partitions: Iterable[int],
    expected: tuple[str, str, int],
    rejudge_hours: float | None,
    judge: Judge,
) -> list[int]:
    """Gives partitions to a judge as their last owner left them.

    Args:
        bootstrap: the brokers.
        topics: names of the topics.
        partitions: those to take over.
        expected: digest of registry and policy, id of the topic of fixes, its number of partitions.
        rejudge_hours: forget what is kept, and judge so many last hours anew.
        judge: takes them.

    Raises:
        StreamBroken: if what is kept does not fit what is there, or it or the input since is gone.
        KafkaTrouble: if Kafka cannot be reached.
    """
    wanted = sorted(partitions)
    kept = read_state(bootstrap, topics, wanted)
    reader = consumer(bootstrap, quick=True)
    try:
        with told(bootstrap):
            inputs = [TopicPartition(topics.fixes, p) for p in wanted]
            first, last = reader.beginning_offsets(inputs), reader.end_offsets(inputs)
            since = _since(reader, inputs, rejudge_hours)
            parts: dict[int, Part] = {}
            trucks: list[Bucket] = []
            for tp in inputs:
                where = f"{topics.state}, partition {tp.partition}"
                found = None if rejudge_hours is not None else restored(kept[tp.partition], where, *expected)
                if found is None:
                    at = since.get(tp, first[tp])
                    parts[tp.partition] = Part(at, at, snapshot_s=time.monotonic())
                    continue
                parts[tp.partition] = found[0]
                trucks += found[1]
                _check(topics.fixes, tp.partition, found[0], first[tp], last[tp])
            if rejudge_hours is None:
                _check_unjudged(bootstrap, topics, [tp for tp in inputs if not kept[tp.partition]])
            judge.gain(parts, trucks)
            _again(reader, topics, judge)
    finally:
        reader.close()
    return wanted


def _check_unjudged(bootstrap: str, topics: Topics, bare: list[TopicPartition]) -> None:
    """Partitions without state begin at the start of their logs, but only if nobody has judged them before."""
    if not bare:
        return
    group = consumer(bootstrap, group_id=topics.group)
    try:
        judged = {tp: group.committed(tp) for tp in bare}
    finally:
        group.close(autocommit=False)
    for tp, offset in judged.items():
        if offset:
            raise StreamBroken(
                f"{topics.state}, partition {tp.partition}: nothing is kept, but fixes up to offset {offset} were "
                "judged: its records were deleted or lost; start the worker with --rejudge-hours N to judge the last N "
                "hours anew"
            )


def _check(topic: str, partition: int, part: Part, first: int, last: int) -> None:
    where = f"{topic}, partition {partition}"
    if part.snapshot < first:
        raise StreamBroken(f"{where}: offset {part.snapshot} is wanted, but the log holds {first} to {last}: {LOST}")
    if part.offset > last:
        raise StreamBroken(
            f"{where}: fixes up to offset {part.offset} were judged, but the log ends at {last}: it was cut or made "
            "again; start with --rejudge-hours once that is understood"
        )


def _since(reader: Any, inputs: list[TopicPartition], hours: float | None) -> dict[TopicPartition, int]:
    """The offsets of so many hours ago; those of partitions without later records are their ends."""
    if hours is None:
        return {}
    at_ms = int((time.time() - hours * 3600) * 1000)
    found = reader.offsets_for_times(dict.fromkeys(inputs, at_ms))
    ends = reader.end_offsets(inputs)
    return {tp: found[tp].offset if found.get(tp) else ends[tp] for tp in inputs}


def _again(reader: Any, topics: Topics, judge: Judge) -> None:
    """Takes in again what came after the snapshots, in the cuts in which it was judged."""
    behind = {p: part for p, part in judge.parts.items() if part.cuts and part.offset > part.snapshot}
    if not behind:
        return
    inputs = [TopicPartition(topics.fixes, p) for p in behind]
    reader.assign(inputs)
    for tp in inputs:
        reader.seek(tp, behind[tp.partition].snapshot)
    held: dict[int, list[Any]] = {p: [] for p in behind}
    deadline = time.monotonic() + READ_S
    left = set(behind)
    while left:
        if time.monotonic() > deadline:
            raise StreamBroken(f"{topics.fixes}: its records cannot be read back within {READ_S:.0f} s")
        try:
            for tp, records in reader.poll(timeout_ms=200).items():
                held[tp.partition] += records
        except OffsetOutOfRangeError as error:
            raise StreamBroken(f"{gone(reader, error.args[0])}: {LOST}") from error
        for p in list(left):
            if reader.position(TopicPartition(topics.fixes, p)) >= behind[p].offset:
                left.discard(p)
                reader.pause(TopicPartition(topics.fixes, p))
    for (now_ms, digest), records in sorted(_cut(behind, held).items()):
        judge.again(records, now_ms, digest)


def _cut(behind: Mapping[int, Part], held: Mapping[int, list[Any]]) -> dict[tuple[int, str], dict[int, list[Any]]]:
    """The records of each batch as it was taken before, by what it was read and judged by."""
    batches: dict[tuple[int, str], dict[int, list[Any]]] = {}
    for p, part in behind.items():
        at = 0
        for end, now_ms, digest in part.cuts:
            until = bisect_left(held[p], end, lo=at, key=_offset)
            batches.setdefault((now_ms, digest), {})[p] = held[p][at:until]
            at = until
    return batches


_offset = attrgetter("offset")
