"""Sinks that stand for Kafka: they take, refuse, or stop taking, as a test says."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

from ingest.gateway.outgoing import Away, Outgoing


class Shelf:
    """A sink that keeps what it gets; `up` says whether it takes anything."""

    def __init__(self, *, up: bool = True) -> None:
        self.up = up
        self.kept: list[Outgoing] = []
        self.opened = 0

    def open(self) -> None:
        if not self.up:
            raise Away("the shelf is down")
        self.opened += 1

    def send(self, records: Sequence[Outgoing], within_s: float) -> None:
        if not self.up:
            raise Away("the shelf is down")
        self.kept += records

    def close(self) -> None:
        pass

    def values(self, topic: str = "fixes") -> list[bytes]:
        return [record.value for record in self.kept if record.topic == topic]


def until(holds: Callable[[], bool], within_s: float = 20.0) -> None:
    """Waits for a condition of another thread or process."""
    end = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < end, "it did not come about in time"
        threading.Event().wait(0.005)
