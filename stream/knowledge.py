"""What the store has learnt of terminals, from a small compacted topic: the store publishes, workers read.

A worker judges by the knowledge of its start, or of the last time it read partitions back; it changes in between for
nobody, so that what is judged does not depend on when it was looked up. What is taken in again after a crash is judged
by what it was judged by before: each knowledge has the digest of its bytes as its key, and the last few are kept.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field

import msgspec
from kafka import TopicPartition

from ingest.kafka.client import StreamBroken, consumer, producer, told
from ingest.kafka.topics import Topics
from rules.health import Knowledge

#: So many are kept, the latest among them. A worker's snapshot is seconds old, and knowledge comes once a day.
KEPT = 4


@dataclass(frozen=True)
class Known:
    """The latest knowledge with its digest, and earlier ones by theirs."""

    latest: Knowledge = field(default_factory=Knowledge)
    digest: str = ""
    earlier: Mapping[str, Knowledge] = field(default_factory=dict)

    def of(self, digest: str) -> Knowledge:
        """The knowledge of a digest; the latest where that is not kept any more; none was known under no digest."""
        if not digest:
            return Knowledge()
        return self.earlier.get(digest, self.latest)


class KnowledgeReader:
    """Reads what is known each time it is called; nothing is published yet: nothing."""

    def __init__(self, bootstrap: str, topics: Topics) -> None:
        self._bootstrap, self._topics = bootstrap, topics

    def __call__(self) -> Known:
        """What is known now.

        Raises:
            KafkaTrouble: if Kafka cannot be reached.
            StreamBroken: if what is there is no knowledge.
        """
        kept = _kept(self._bootstrap, self._topics)
        if not kept:
            return Known()
        digest, value = kept.popitem()
        try:
            latest = msgspec.msgpack.decode(value, type=Knowledge)
        except (msgspec.DecodeError, UnicodeError) as error:
            raise StreamBroken(f"{self._topics.knowledge}: holds no knowledge of terminals: {error}") from error
        earlier = {}
        for key, value in kept.items():
            with suppress(msgspec.DecodeError, UnicodeError):  # of another version: nothing was judged by it here
                earlier[key] = msgspec.msgpack.decode(value, type=Knowledge)
        return Known(latest, digest, {**earlier, digest: latest})


def publish_knowledge(bootstrap: str, topics: Topics, knowledge: Knowledge) -> None:
    """Publishes what is known of terminals, whole, and withdraws what is older than the last few.

    Raises:
        KafkaTrouble: if Kafka cannot be reached or refuses.
    """
    try:
        known = KnowledgeReader(bootstrap, topics)()
    except StreamBroken:  # what is published now takes its place
        known = Known()
    if known.digest and known.latest == knowledge:
        return  # each start of the store says again what is known
    value = msgspec.msgpack.encode(knowledge)
    digest = hashlib.sha256(value).hexdigest()[:16]
    before = [key for key in known.earlier if key != digest]
    with told(bootstrap):
        sender = producer(bootstrap)
        try:
            sent = [sender.send(topics.knowledge, value, key=digest.encode(), partition=0)]
            for key in before[: max(0, len(before) - KEPT + 1)]:
                sent.append(sender.send(topics.knowledge, None, key=key.encode(), partition=0))
            for future in sent:
                future.get(timeout=60)
        finally:
            sender.close(timeout=5)


def _kept(bootstrap: str, topics: Topics) -> dict[str, bytes]:
    """What is published, by digest, the latest last."""
    where = TopicPartition(topics.knowledge, 0)
    reader = consumer(bootstrap)
    kept: dict[str, bytes] = {}
    try:
        with told(bootstrap):
            reader.assign([where])
            reader.seek_to_beginning(where)
            end = reader.end_offsets([where])[where]
            while reader.position(where) < end:
                for records in reader.poll(timeout_ms=200).values():
                    for record in records:
                        key = (record.key or b"").decode("ascii", "replace")
                        kept.pop(key, None)
                        if record.value is not None:
                            kept[key] = record.value
    finally:
        reader.close()
    return kept
