"""The state topic: what a worker writes there with each batch, and how the next owner of a partition reads it back.

A partition has one record of accounts (key `part`, written with every batch) and records of its trucks (keys
`trucks-00` ...), written together every few batches. Between two such snapshots the trucks are not written: the next
owner reads the input again from the snapshot's offset, in the same cuts, and so brings them to where they were.

The accounts say where in the topic their snapshot is, so that reading back costs one snapshot and not as many as Kafka
has not compacted yet: it leaves the newest segment of a log alone, hours of a large fleet's.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from kafka import TopicPartition

from ingest.kafka.client import StreamBroken, consumer
from ingest.kafka.topics import Topics
from ingest.tally import Tally
from stream.early import Words
from stream.packing import SHAPE, Bucket, unpack
from stream.parts import Cut, Part
from stream.trucks import BUCKETS

#: A snapshot is written after so many fixes or seconds; a recovery reads no more than that again.
SNAPSHOT_FIXES = 100_000
SNAPSHOT_S = 10.0
#: Of a large fleet it takes long to write; then it is written so much more seldom that it takes this share of the time.
SNAPSHOT_SHARE = 0.01
SNAPSHOT_FIXES_MOST = 120_000
SNAPSHOT_S_MOST = 30.0
READ_S = 120.0
#: The last accounts are among so many records of a partition, or else all are read.
TAIL = 256


class Accounts(msgspec.Struct):
    """A `Part` as it is kept. `topic_id` tells a topic made anew from the one that was read."""

    shape: str
    registry: str
    topic_id: str
    partitions: int
    offset: int
    snapshot: int
    kept_at: int
    cuts: list[Cut]
    tally: dict[str, Any]
    counts: dict[str, int]
    words: dict[str, dict[str, int]]
    clock_ms: int
    read_ms: int


_ENCODER, _DECODER = msgspec.msgpack.Encoder(), msgspec.msgpack.Decoder(Accounts)
PART_KEY, TRUCKS_KEY = b"part", b"trucks-"


def snapshot_due(part: Part) -> bool:
    """Whether a partition's trucks should be written now."""
    rest_s = min(max(SNAPSHOT_S, part.snapshot_cost_s / SNAPSHOT_SHARE), SNAPSHOT_S_MOST)
    most = min(SNAPSHOT_FIXES * rest_s / SNAPSHOT_S, SNAPSHOT_FIXES_MOST)
    return part.fixes_since >= most or time.monotonic() - part.snapshot_s >= rest_s


def accounts_record(part: Part, registry: str, topic_id: str, partitions: int) -> bytes:
    """The record of a partition's accounts."""
    kept = (part.cuts, part.tally.as_json(), part.counts, part.words.standing, part.clock_ms, part.read_ms)
    return _ENCODER.encode(
        Accounts(SHAPE, registry, topic_id, partitions, part.offset, part.snapshot, part.kept_at, *kept)
    )


def mark_snapshot(part: Part, cost_s: float, kept_at: int) -> None:
    """Notes that the trucks are written as they are after the last cut, how long that took, and where they are."""
    part.kept_at = kept_at
    part.snapshot, part.cuts, part.fixes_since, part.snapshot_s = part.offset, [], 0, time.monotonic()
    part.snapshot_cost_s = cost_s


def read_state(
    bootstrap: str, topics: Topics, partitions: Iterable[int], *, trucks: bool = True
) -> dict[int, dict[bytes, bytes]]:
    """The last accounts of some partitions of the state topic, and the records of the snapshot that they name.

    Reads to the end that counts open transactions too: while one is open, whoever held the partition before may still
    commit it, or the broker must give it up first.

    Args:
        bootstrap: the brokers.
        topics: names of the topics.
        partitions: which.
        trucks: whether the snapshot is wanted too.

    Raises:
        StreamBroken: if the end is not reached in time.
        KafkaTrouble: if Kafka cannot be reached.
    """
    wanted = [TopicPartition(topics.state, p) for p in partitions]
    found: dict[int, dict[bytes, bytes]] = {tp.partition: {} for tp in wanted}
    ends_reader = consumer(bootstrap, isolation_level="read_uncommitted")
    ends, first = ends_reader.end_offsets(wanted), ends_reader.beginning_offsets(wanted)
    ends_reader.close()
    reader = consumer(bootstrap)
    try:
        tail = {tp: max(first[tp], ends[tp] - TAIL) for tp in wanted}
        _read(reader, tail, ends, found, topics.state)
        more = {tp: _begin(found[tp.partition], first[tp]) for tp in wanted}
        more = {tp: at for tp, at in more.items() if at < tail[tp] and (trucks or PART_KEY not in found[tp.partition])}
        _read(reader, more, {tp: tail[tp] for tp in more}, found, topics.state)
    finally:
        reader.close()
    return found


def _begin(kept: Mapping[bytes, bytes], first: int) -> int:
    """Where the snapshot begins that the accounts name; the first offset where they are missing or do not say."""
    try:
        at = _DECODER.decode(kept[PART_KEY]).kept_at
    except (KeyError, msgspec.DecodeError):  # what cannot be read is told by `restored`
        return first
    return at if at >= first else first


def _read(
    reader: Any,
    begins: Mapping[TopicPartition, int],
    ends: Mapping[TopicPartition, int],
    found: Mapping[int, dict[bytes, bytes]],
    topic: str,
) -> None:
    """Reads from there to there; of a key that was found before, the record stays: it is a later one."""
    spans = [tp for tp, at in begins.items() if at < ends[tp]]
    reader.assign(spans)
    for tp in spans:
        reader.seek(tp, begins[tp])
    here: dict[int, dict[bytes, bytes]] = {tp.partition: {} for tp in spans}
    deadline = time.monotonic() + READ_S
    while left := [tp for tp in spans if reader.position(tp) < ends[tp]]:
        if time.monotonic() > deadline:
            raise StreamBroken(f"{topic}: its end is not reached within {READ_S:.0f} s; is a broker down?")
        reader.pause(*(set(spans) - set(left)))
        for tp, records in reader.poll(timeout_ms=200, max_records=10_000).items():
            for record in records:
                if record.key is not None and record.value is not None and record.offset < ends[tp]:
                    here[tp.partition][bytes(record.key)] = record.value
    for partition, kept in here.items():
        found[partition].update(kept | found[partition])


def restored(
    kept: Mapping[bytes, bytes], where: str, registry: str, topic_id: str, partitions: int
) -> tuple[Part, list[Bucket]] | None:
    """A partition's accounts and its trucks as of the snapshot; None if nothing is kept.

    Raises:
        StreamBroken: if they cannot be used: of another version, registry, topic, or number of partitions.
    """
    if PART_KEY not in kept:
        return None
    try:
        accounts = _DECODER.decode(kept[PART_KEY])
    except msgspec.DecodeError as error:
        raise StreamBroken(f"{where}: its accounts cannot be read: {error}; start with --rejudge-hours") from error
    anew = "start the worker with --rejudge-hours N to judge the last N hours anew"
    if accounts.topic_id != topic_id:
        raise StreamBroken(f"{where}: the topic of fixes was deleted and made again since; {anew}")
    if accounts.partitions != partitions:
        raise StreamBroken(f"{where}: there were {accounts.partitions} partitions of fixes, now {partitions}; {anew}")
    if accounts.registry != registry:
        raise StreamBroken(f"{where}: its trucks were judged by another registry; {anew} by this one")
    if accounts.shape != SHAPE:
        raise StreamBroken(f"{where}: the state is of another version; {anew}")
    records = {key: data for key, data in kept.items() if key.startswith(TRUCKS_KEY)}
    if accounts.kept_at >= 0 and len(records) < BUCKETS:
        raise StreamBroken(f"{where}: {BUCKETS - len(records)} of the {BUCKETS} records of its trucks are gone; {anew}")
    trucks = [unpack(data, where) for _, data in sorted(records.items())]
    if stray := {t.offset for t in trucks} - {accounts.snapshot}:
        raise StreamBroken(
            f"{where}: its trucks are of offset {stray.pop()}, its accounts of {accounts.snapshot}; {anew}"
        )
    part = Part(
        offset=accounts.offset,
        snapshot=accounts.snapshot,
        kept_at=accounts.kept_at,
        cuts=list(accounts.cuts),
        tally=Tally.from_json(accounts.tally),
        counts=accounts.counts,
        words=Words(accounts.words),
        clock_ms=accounts.clock_ms,
        read_ms=accounts.read_ms,
        snapshot_s=time.monotonic(),
    )
    return part, trucks
