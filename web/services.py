"""What runs beside the pages in the same process: Kafka intake, the nightly settlement, deliveries.

A service is anything with these four members; it inherits nothing:

    class Intake:
        name = "intake"
        def __init__(self, store: SharedStore, ...) -> None: ...
        def start(self) -> None:   # starts its own thread and returns; raises if it cannot work at all
        def stop(self) -> None:    # asks its thread to end, waits for it; called also after a failed start
        def health(self) -> Health: return Health(ok=True, detail="lag 0")

It is made in `commands/serve.py` (`_services`), which knows every folder. It writes through `store.writing()` in short
blocks, as `reports/shared.py` tells. `health` is asked often and from other threads: it only reads what the thread
left. A service that can never work again says `fatal=True`, and the server stops with its reason instead of serving
stale pages; one that may recover says `ok=False`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol


@dataclass(frozen=True)
class Health:
    """How a service is. `figures` are shown on the status page and by `GET /healthz`, so they hold nothing secret."""

    ok: bool
    detail: str = ""
    fatal: bool = False
    figures: dict[str, Any] = field(default_factory=dict)


class Service(Protocol):
    """A part of the server with a thread of its own."""

    @property
    def name(self) -> str:
        """One word, for logs and the status page."""

    def start(self) -> None:
        """Begins to work and returns."""

    def stop(self) -> None:
        """Ends the work and waits for it; harmless when not started."""

    def health(self) -> Health:
        """How it is now."""


class Services:
    """All services of a server: started in order, watched, stopped in reverse."""

    def __init__(self, services: Sequence[Service], on_fatal: Callable[[str], None]) -> None:
        self._services = tuple(services)
        self._on_fatal = on_fatal
        self._started: list[Service] = []
        self._stopping = threading.Event()
        self._watch = threading.Thread(target=self._watching, name="services", daemon=True)

    def start(self) -> None:
        """Starts every service; if one cannot, stops those that run and raises what it raised."""
        try:
            for service in self._services:
                self._started.append(service)
                service.start()
        except BaseException:
            self.stop()
            raise
        self._watch.start()

    def stop(self) -> None:
        """Stops every service that was started, the last one first, whatever any of them raises; raises the first."""
        self._stopping.set()
        first: BaseException | None = None
        while self._started:
            try:
                self._started.pop().stop()
            except Exception as error:
                first = first or error
        if first:
            raise first

    def health(self) -> dict[str, Health]:
        """Each service's word of itself, by name; one that raises is not well."""
        told = {}
        for service in self._services:
            try:
                told[service.name] = service.health()
            except Exception as error:
                told[service.name] = Health(ok=False, detail=f"{type(error).__name__}: {error}")
        return told

    def _watching(self) -> None:
        while not self._stopping.wait(1.0):
            for name, health in self.health().items():
                if health.fatal:
                    self._on_fatal(f"{name}: {health.detail}")
                    return
