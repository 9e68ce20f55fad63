"""Kafka as the gateway's sink: records are sent, and every future is awaited."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ingest.gateway.outgoing import FIXES, RAW_FRAMES, Away, Outgoing
from ingest.kafka.client import producer
from ingest.kafka.topics import Topics, ensure

#: How long connecting and asking for metadata may take.
SHORT_MS = 2_000
#: After this the client gives a batch up by itself; the journal has it long before.
GIVEN_UP_MS = 10_000


class KafkaSink:
    """A producer that is thrown away and made anew whenever it fails, so that no batch of it lives on unseen.

    Any number of threads may use it at once.
    """

    def __init__(self, make_producer: Callable[[], Any], names: Mapping[str, str]) -> None:
        self._make, self._names = make_producer, names
        self._turn = threading.Lock()
        self._producer: Any = None

    def open(self) -> None:
        """Makes a producer if there is none.

        Raises:
            Away: if no broker answers, or the topics are not as they must be.
        """
        self._current()

    def send(self, records: Sequence[Outgoing], within_s: float) -> None:
        """Sends records and waits for each to be acknowledged.

        Raises:
            Away: if one was not, in that time.
        """
        until = time.monotonic() + within_s
        producer = self._current()
        try:
            futures = [producer.send(self._names[topic], key=key, value=value) for topic, key, value in records]
            for future in futures:
                future.get(timeout=max(0.001, until - time.monotonic()))
        except Exception as error:
            self._drop(producer)
            raise Away(f"{type(error).__name__}: {error}") from None

    def publish(self, records: Sequence[tuple[str, bytes]], within_s: float) -> None:
        """Sends fixes, as plates and values.

        Raises:
            Away: if one was not acknowledged in that time.
        """
        self.send([Outgoing(FIXES, plate.encode(), value) for plate, value in records], within_s)

    def close(self) -> None:
        """Lets go of the producer; what it has not sent is kept elsewhere or was not acknowledged."""
        self._drop(self._producer)

    def _current(self) -> Any:
        with self._turn:
            if self._producer is None:
                try:
                    self._producer = self._make()
                except Exception as error:
                    raise Away(f"{type(error).__name__}: {error}") from None
            return self._producer

    def _drop(self, producer: Any) -> None:
        with self._turn:
            if self._producer is producer:
                self._producer = None
        if producer is not None:  # with a broker that has stopped, closing takes seconds that nobody has
            threading.Thread(target=_close, args=(producer,), name="producer-close", daemon=True).start()


def _close(producer: Any) -> None:
    """Ends a producer after its batches have been given up; closed before that, its thread would run on for good."""
    with contextlib.suppress(Exception):
        producer.close(timeout=3 * GIVEN_UP_MS / 1000)


def kafka_sink(bootstrap: str, prefix: str = "") -> KafkaSink:
    """A sink for brokers; connections and waits are short, because the journal stands by.

    Args:
        bootstrap: HOST:PORT of one or several brokers, by commas.
        prefix: stands before the names of the topics.
    """
    topics = Topics(prefix)

    def make() -> Any:
        made = producer(
            bootstrap,
            max_block_ms=SHORT_MS,
            bootstrap_timeout_ms=SHORT_MS,
            request_timeout_ms=GIVEN_UP_MS // 2,
            delivery_timeout_ms=GIVEN_UP_MS,
            linger_ms=1,
        )
        try:
            ensure(bootstrap, topics)  # which waits long for a broker that is away; by now one has answered
        except Exception:
            made.close(timeout=0)
            raise
        return made

    return KafkaSink(make, {FIXES: topics.fixes, RAW_FRAMES: topics.raw_frames})
