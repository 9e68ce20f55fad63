"""`serve`'s own settlement: days with late fixes, and each day once it is over, judged anew beside the pages."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from reports.compaction import join_some
from reports.errors import StoreError
from reports.settle import judge_days, late_days, record_days
from reports.shared import SharedStore
from rules.registry import RegistryError

#: Days with late fixes are judged so often; yesterday once, after this local hour.
EVERY_S = 3_600.0
AFTER_HOUR = 4


class Settling:
    """Settles days until stopped. Judging reads beside everybody; only recording takes the writer's turn."""

    name = "settle"

    def __init__(
        self,
        shared: SharedStore,
        registry_folder: Path,
        *,
        every_s: float = EVERY_S,
        local_now: Callable[[], datetime],
        on_settled: Callable[[], None] = lambda: None,
    ) -> None:
        self._shared, self._registry_folder, self._every_s = shared, registry_folder, every_s
        self._local_now, self._on_settled = local_now, on_settled
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="settle")
        self._done: date | None = None
        self.trouble = ""
        self.days = 0

    def start(self) -> None:
        """Begins."""
        self._thread.start()

    def stop(self) -> None:
        """Ends after the day under way."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def due(self) -> list[date]:
        """The days to settle now."""
        now = self._local_now()
        with self._shared.reading() as store:
            days = set(late_days(store, self._registry_folder))
        yesterday = now.date() - timedelta(days=1)
        if now.hour >= AFTER_HOUR and self._done != yesterday:
            days.add(yesterday)
        return sorted(days)

    def settle_due(self) -> None:
        """Settles every day that is due.

        Raises:
            StoreError: if the store cannot be read or written.
        """
        for day in self.due():
            if self._stopping.is_set():
                return
            zone = self._local_now().tzinfo
            assert isinstance(zone, ZoneInfo), "the local clock is in the policy's zone"
            joined = 1
            while joined and not self._stopping.is_set():
                with self._shared.writing(()) as store:
                    joined = join_some(store, day, day, zone, time.time_ns() // 1_000_000)
            with self._shared.reading() as store:
                settled = judge_days(store, self._registry_folder, day, day, time.time_ns() // 1_000_000)
            with self._shared.writing() as store:
                record_days(store, settled)
            self.days += 1
            if day == self._local_now().date() - timedelta(days=1):
                self._done = day
            self._on_settled()

    def _run(self) -> None:
        while not self._stopping.wait(self._every_s):
            try:
                self.settle_due()
                self.trouble = ""
            except (StoreError, RegistryError) as error:
                self.trouble = str(error)
            except Exception as error:  # Kafka away while others are told, say: the next hour tries again
                self.trouble = f"{type(error).__name__}: {error}"
