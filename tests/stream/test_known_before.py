"""What the store has learnt, published and read: the latest, and the last few by their digests."""

from __future__ import annotations

import uuid

import pytest

from ingest.kafka.client import StreamBroken, producer
from ingest.kafka.topics import Topics, ensure
from rules.health import Knowledge
from stream.knowledge import KEPT, KnowledgeReader, publish_knowledge
from tools.broker import Broker


def test_the_latest_is_read_and_the_last_few_are_kept(broker: Broker) -> None:
    topics = Topics(f"k{uuid.uuid4().hex[:8]}.")
    ensure(broker.address, topics, 1)
    read = KnowledgeReader(broker.address, topics)
    assert read().latest == Knowledge() == read().of("")
    several = [Knowledge(datums={("苏A00001", "0139"): datum}) for datum in ("gcj02", "bd09", "wgs84", "cgcs2000")]
    several += [Knowledge(ill_sensors={("苏A00001", "0139"): frozenset({name})}) for name in ("load", "lift")]
    digests = []
    for knowledge in several:
        publish_knowledge(broker.address, topics, knowledge)
        digests.append(read().digest)
    known = read()
    assert known.latest == several[-1] and list(known.earlier) == digests[-KEPT:]
    assert [known.of(digest) for digest in digests[-KEPT:]] == several[-KEPT:]
    assert known.of(digests[0]) == known.latest and known.of("") == Knowledge()
    publish_knowledge(broker.address, topics, several[3])
    again = read()
    assert again.latest == several[3]
    publish_knowledge(broker.address, topics, several[3])
    assert read().digest == again.digest and read().earlier.keys() == again.earlier.keys()
    sender = producer(broker.address)
    sender.send(topics.knowledge, b"\x00", key=b"x", partition=0).get(timeout=60)
    sender.close()
    with pytest.raises(StreamBroken, match="holds no knowledge"):
        read()
    publish_knowledge(broker.address, topics, several[0])
    assert read().latest == several[0]
