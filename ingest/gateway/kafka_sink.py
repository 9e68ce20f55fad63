"""Kafka as the gateway's sink: records are sent, and every future is awaited."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Sequence
from typing import Any

from ingest.gateway.outgoing import Away, Outgoing


class KafkaSink:
    """A producer that is thrown away and made anew whenever it fails, so that no batch of it lives on unseen."""

    def __init__(self, make_producer: Callable[[], Any]) -> None:
        self._make = make_producer
        self._producer: Any = None

    def open(self) -> None:
        """Makes a producer if there is none.

        Raises:
            Away: if no broker answers, or the topics are not as they must be.
        """
        if self._producer is not None:
            return
        try:
            self._producer = self._make()
        except Exception as error:
            raise Away(f"{type(error).__name__}: {error}") from None

    def send(self, records: Sequence[Outgoing], within_s: float) -> None:
        """Sends records and waits for each to be acknowledged.

        Raises:
            Away: if one was not, in that time.
        """
        self.open()
        until = time.monotonic() + within_s
        try:
            futures = [self._producer.send(topic, key=key, value=value) for topic, key, value in records]
            for future in futures:
                future.get(timeout=max(0.001, until - time.monotonic()))
        except Exception as error:
            self.close()
            raise Away(f"{type(error).__name__}: {error}") from None

    def close(self) -> None:
        """Lets go of the producer; what it has not sent is kept elsewhere or was not acknowledged."""
        producer, self._producer = self._producer, None
        if producer is not None:
            with contextlib.suppress(Exception):
                producer.close(timeout=0)
