"""The depot: Kafka first, the journal when it is away, order kept, nothing called kept that is not."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from some_sinks import Shelf, until

from ingest.gateway.depot import Depot, Ticket
from ingest.gateway.journal import Journal
from ingest.gateway.outgoing import Away, Outgoing


class Station:
    """A depot whose tickets bear numbers, and what it said of each."""

    def __init__(self, folder: Path, sink: Shelf, first: int = 0, **more: int) -> None:
        self.sink = sink
        self.said: dict[int, bool] = {}
        self._turn = threading.Lock()
        self.depot = Depot(sink, Journal(folder, **more), self._finished, kafka_wait_s=0.2, retry_s=0.02)
        self.depot.start()
        self._first = self._next = first

    def hand_in(self, count: int = 1) -> None:
        for n in range(self._next, self._next + count):
            self.depot.hand_in(Ticket([Outgoing("fixes", b"k", b"%d" % n)], self._note(n)))
        self._next += count

    def all_said(self) -> bool:
        return len(self.said) == self._next - self._first

    def arrived(self) -> list[int]:
        return [int(value) for value in self.sink.values()]

    def _note(self, n: int) -> Callable[[bool], None]:
        return lambda kept: self.said.__setitem__(n, kept)

    def _finished(self, tickets: Sequence[Ticket], kept: bool) -> None:
        with self._turn:
            for ticket in tickets:
                ticket.done(kept)


@pytest.fixture
def station(tmp_path: Path) -> Iterator[Callable[..., Station]]:
    made: list[Station] = []

    def make(sink: Shelf, **more: int) -> Station:
        made.append(Station(tmp_path / "journal", sink, **more))
        return made[-1]

    yield make
    for one in made:
        if one.depot._threads[0].is_alive():
            one.depot.close()


def test_kafka_has_it_before_it_is_called_kept(station: Callable[..., Station]) -> None:
    here = station(Shelf())
    until(lambda: here.depot.health.kafka)
    here.hand_in(100)
    until(here.all_said)
    assert here.arrived() == list(range(100)) and set(here.said.values()) == {True}
    assert here.depot.health.sent == 100 and here.depot.health.journaled == 0


def test_journal_takes_over_and_is_drained_in_order(station: Callable[..., Station]) -> None:
    here = station(Shelf())
    until(lambda: here.depot.health.kafka)
    here.hand_in(50)
    until(here.all_said)
    here.sink.up = False
    for _ in range(20):
        here.hand_in(5)
        until(here.all_said)
    assert set(here.said.values()) == {True} and here.arrived() == list(range(50))
    assert not here.depot.health.kafka and here.depot.health.good and here.depot.health.problem
    here.sink.up = True
    here.hand_in(10)
    until(lambda: here.depot.journal.empty and here.depot.health.kafka)
    here.hand_in(10)
    until(here.all_said)
    assert here.arrived() == list(range(170))
    assert here.depot.health.problem == ""


def test_broker_that_comes_and_goes_loses_and_reorders_nothing(station: Callable[..., Station]) -> None:
    class Moody(Shelf):
        def send(self, records: Sequence[Outgoing], within_s: float) -> None:
            some = chance.randrange(len(records) + 1) if chance.random() < 0.3 else None
            super().send(records[:some], within_s)
            if some is not None:
                raise Away("in the middle of it")

    chance = random.Random(5)
    here = station(Moody(), segment_bytes=300)
    for _ in range(150):
        here.hand_in(chance.randrange(1, 6))
    until(here.all_said)
    until(lambda: here.depot.journal.empty)
    until(lambda: here.depot.health.kafka)
    assert set(here.said.values()) == {True}
    firsts = list(dict.fromkeys(here.arrived()))
    assert firsts == list(range(here._next))


def test_nothing_is_called_kept_while_neither_takes_it_and_it_mends_itself(station: Callable[..., Station]) -> None:
    here = station(Shelf(up=False), max_bytes=2000, segment_bytes=500)
    while not here.said or all(here.said.values()):
        here.hand_in()
        until(here.all_said)
    assert 20 < len(here.said) < 200 and not here.depot.health.good
    here.sink.up = True
    until(lambda: here.depot.journal.empty and here.depot.health.kafka)
    assert here.depot.health.good
    here.hand_in()
    until(here.all_said)
    assert here.said[len(here.said) - 1]
    assert set(here.arrived()) == {n for n, kept in here.said.items() if kept}


def test_what_was_left_in_the_journal_goes_first_after_a_restart(station: Callable[..., Station]) -> None:
    first = station(Shelf(up=False))
    first.hand_in(30)
    first.depot.close()
    assert first.all_said() and set(first.said.values()) == {True}
    second = station(Shelf(), first=30)
    second.hand_in(5)
    until(second.all_said)
    until(lambda: second.depot.journal.empty)
    assert second.arrived() == list(range(35))


def test_closing_keeps_what_was_handed_in(station: Callable[..., Station]) -> None:
    here = station(Shelf())
    here.hand_in(500)
    here.depot.close()
    assert here.all_said() and set(here.said.values()) == {True}


def test_fault_in_the_sink_is_no_end(station: Callable[..., Station]) -> None:
    class Faulty(Shelf):
        def send(self, records: Sequence[Outgoing], within_s: float) -> None:
            if len(self.kept) == 0 and not faults:
                faults.append(1)
                raise ZeroDivisionError
            super().send(records, within_s)

    faults: list[int] = []
    here = station(Faulty())
    until(lambda: here.depot.health.kafka)
    here.hand_in(1)
    until(here.all_said)
    here.hand_in(1)
    until(here.all_said)
    assert here.said == {0: False, 1: True}
