"""What the store has learnt of terminals, from a small compacted topic: the store publishes, workers read.

A worker judges by the knowledge of its start, or of the last time it read partitions back; it changes in between for
nobody, so that what is judged does not depend on when it was looked up.
"""

from __future__ import annotations

import msgspec
from kafka import TopicPartition

from ingest.kafka.client import StreamBroken, consumer, producer, told
from ingest.kafka.topics import Topics
from rules.health import Knowledge

KEY = b"knowledge"


class KnowledgeReader:
    """Reads the latest knowledge each time it is called; none is published yet: none."""

    def __init__(self, bootstrap: str, topics: Topics) -> None:
        self._bootstrap, self._topics = bootstrap, topics

    def __call__(self) -> Knowledge:
        """The latest.

        Raises:
            KafkaTrouble: if Kafka cannot be reached.
            StreamBroken: if what is there is no knowledge.
        """
        where = TopicPartition(self._topics.knowledge, 0)
        reader = consumer(self._bootstrap)
        latest: bytes | None = None
        try:
            with told(self._bootstrap):
                reader.assign([where])
                reader.seek_to_beginning(where)
                end = reader.end_offsets([where])[where]
                while reader.position(where) < end:
                    for records in reader.poll(timeout_ms=200).values():
                        latest = records[-1].value or latest
        finally:
            reader.close()
        if latest is None:
            return Knowledge()
        try:
            return msgspec.msgpack.decode(latest, type=Knowledge)
        except (msgspec.DecodeError, UnicodeError) as error:
            raise StreamBroken(f"{self._topics.knowledge}: holds no knowledge of terminals: {error}") from error


def publish_knowledge(bootstrap: str, topics: Topics, knowledge: Knowledge) -> None:
    """Publishes what is known of terminals, whole.

    Raises:
        KafkaTrouble: if Kafka cannot be reached or refuses.
    """
    with told(bootstrap):
        sender = producer(bootstrap)
        try:
            sender.send(topics.knowledge, msgspec.msgpack.encode(knowledge), key=KEY, partition=0).get(timeout=60)
        finally:
            sender.close(timeout=5)
