"""Services beside the pages: order, failures, and what a fatal one does to the server."""

from __future__ import annotations

import threading

import pytest

from web.services import Health, Services


class Told:
    """A service that writes down what is asked of it."""

    def __init__(self, name: str, book: list[str], *, fails: bool = False, health: Health | None = None) -> None:
        self.name, self._book, self._fails, self._health = name, book, fails, health or Health(ok=True)

    def start(self) -> None:
        self._book.append(f"start {self.name}")
        if self._fails:
            raise OSError("no broker")

    def stop(self) -> None:
        self._book.append(f"stop {self.name}")

    def health(self) -> Health:
        return self._health


def test_services_start_in_order_and_stop_in_reverse() -> None:
    book: list[str] = []
    services = Services([Told("a", book), Told("b", book)], lambda reason: None)
    services.start()
    services.stop()
    services.stop()
    assert book == ["start a", "start b", "stop b", "stop a"]


def test_a_service_that_cannot_start_stops_those_before_it() -> None:
    book: list[str] = []
    services = Services([Told("a", book), Told("b", book, fails=True), Told("c", book)], lambda reason: None)
    with pytest.raises(OSError, match="no broker"):
        services.start()
    assert book == ["start a", "start b", "stop b", "stop a"]


def test_a_fatal_service_is_told_with_its_reason() -> None:
    reasons: list[str] = []
    told = threading.Event()
    ill = Told("intake", [], health=Health(ok=False, detail="offsets are gone", fatal=True))

    def on_fatal(reason: str) -> None:
        reasons.append(reason)
        told.set()

    services = Services([ill], on_fatal)
    services.start()
    assert told.wait(10)
    services.stop()
    assert reasons == ["intake: offsets are gone"]
