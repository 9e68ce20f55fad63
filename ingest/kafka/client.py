"""Connections to Kafka with settings under which nothing is lost quietly; kafka-python's own defaults are others."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.errors import KafkaError

from ingest.kafka.quick import quicken

#: A worker that is gone is noticed after this; so long may one step of it take at most before it counts as gone.
SESSION_MS = 10_000
#: An open transaction of a dead worker hides later ones from readers for so long at most.
TRANSACTION_MS = 10_000
#: Records of state are large: a bucket of a partition's trucks.
RECORD_BYTES = 16 * 1024 * 1024
CONNECT_MS = 15_000
_COMMON: dict[str, Any] = {
    "reconnect_backoff_max_ms": 1_000,  # 30 s by default, longer than many a broker's restart
    "bootstrap_timeout_ms": CONNECT_MS,
    "client_id": "muckwatch",
}
_CONSUMER: dict[str, Any] = {
    **_COMMON,
    "enable_auto_commit": False,
    "auto_offset_reset": "none",  # an offset that is gone is lost data, to be told and never skipped
    "isolation_level": "read_committed",
    "allow_auto_create_topics": False,
    "max_partition_fetch_bytes": 4 * 1024 * 1024,
    "fetch_max_wait_ms": 100,
    "max_poll_records": 20_000,
    "metrics_enabled": False,
}
#: Of those that read much: larger answers cost new memory for each of their pages; after smaller ones the next batch is
#: not there yet when the one before has been judged.
_QUICK: dict[str, Any] = {"max_partition_fetch_bytes": 3 * 1024 * 1024}
_PRODUCER: dict[str, Any] = {
    **_COMMON,
    "acks": "all",
    "enable_idempotence": True,
    "allow_auto_create_topics": False,
    "batch_size": 256 * 1024,
    "linger_ms": 5,
    "delivery_timeout_ms": 300_000,
    "max_request_size": RECORD_BYTES,
    "metrics_enabled": False,
}

logging.getLogger("kafka").setLevel(logging.CRITICAL)  # its errors reach us as exceptions; ours go out in one line


class KafkaTrouble(RuntimeError):
    """Kafka cannot be reached or refuses; may work later. One line."""


class StreamBroken(RuntimeError):
    """What is in Kafka does not fit what was there before; a person must look. One line: what, where, what to do."""


@contextmanager
def told(bootstrap: str) -> Iterator[None]:
    """The client's errors as `KafkaTrouble` in one line."""
    try:
        yield
    except KafkaError as error:
        said = str(error).strip().splitlines() or [type(error).__name__]
        raise KafkaTrouble(f"Kafka at {bootstrap}: {said[0][:300]}") from error


def consumer(bootstrap: str, *, quick: bool = False, **more: Any) -> KafkaConsumer:
    """A consumer; without a group unless `more` names one.

    Args:
        bootstrap: HOST:PORT of one or several brokers, by commas.
        quick: records come as `ingest.kafka.quick.Raw`, several times faster, without key and headers.
        more: settings of kafka-python that differ.

    Raises:
        KafkaTrouble: if no broker answers.
    """
    with told(bootstrap):
        made = KafkaConsumer(
            bootstrap_servers=bootstrap.split(","), **{**_CONSUMER, **(_QUICK if quick else {}), **more}
        )
    if quick:
        quicken(made)
    return made


def producer(bootstrap: str, **more: Any) -> KafkaProducer:
    """A producer that is idempotent and waits for all replicas. Every future that `send` gives must be asked.

    Raises:
        KafkaTrouble: if no broker answers.
    """
    with told(bootstrap):
        return KafkaProducer(bootstrap_servers=bootstrap.split(","), **{**_PRODUCER, **more})


def transactional(bootstrap: str, transactional_id: str) -> KafkaProducer:
    """A producer of transactions; it ends what an earlier one of the same id left open.

    Raises:
        KafkaTrouble: if no broker answers.
    """
    made = producer(
        bootstrap,
        transactional_id=transactional_id,
        transaction_timeout_ms=TRANSACTION_MS,
        delivery_timeout_ms=TRANSACTION_MS,
        request_timeout_ms=TRANSACTION_MS // 2,
    )
    with told(bootstrap):
        made.init_transactions()
    return made


def gone(reader: KafkaConsumer, wanted: Mapping[TopicPartition, int]) -> str:
    """What a log no longer holds or not yet: topic, partition, the wanted offset and those that there are. One line."""
    first, last = reader.beginning_offsets(list(wanted)), reader.end_offsets(list(wanted))
    return "; ".join(
        f"{tp.topic}, partition {tp.partition}: offset {at} is wanted, but the log holds {first[tp]} to {last[tp]}"
        for tp, at in sorted(wanted.items())
    )


@contextmanager
def administration(bootstrap: str) -> Iterator[KafkaAdminClient]:
    """A client that makes and describes topics.

    Raises:
        KafkaTrouble: if no broker answers, or it refuses.
    """
    with told(bootstrap):
        made = KafkaAdminClient(bootstrap_servers=bootstrap.split(","), **_COMMON)
        try:
            yield made
        finally:
            made.close()
