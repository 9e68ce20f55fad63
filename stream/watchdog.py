"""Ends a process that does nothing any more: a commit of the Kafka client has no time limit of its own."""

from __future__ import annotations

import os
import sys
import threading
import time

#: Nothing of one batch may take longer; then the process ends, and whoever supervises it starts it again.
WATCHDOG_S = 120.0
EXIT_STUCK = 70


class Watchdog:
    """Ends the process when nothing has been done for too long: a commit of the client has no limit of its own."""

    def __init__(self, limit_s: float = WATCHDOG_S) -> None:
        self._limit_s = limit_s
        self._last_s = time.monotonic()
        self._over = threading.Event()

    def pat(self) -> None:
        """Says that things go on."""
        self._last_s = time.monotonic()

    def __enter__(self) -> Watchdog:
        self.pat()
        threading.Thread(target=self._watch, daemon=True, name="watchdog").start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()

    def _watch(self) -> None:
        while not self._over.wait(1.0):
            if time.monotonic() - self._last_s > self._limit_s:
                print(f"worker: nothing done for {self._limit_s:.0f} s; ending", file=sys.stderr, flush=True)
                os._exit(EXIT_STUCK)
