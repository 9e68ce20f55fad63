"""Where frames become durable: in Kafka, or in the journal while Kafka is away. Two threads, so that none waits long.

The storer takes what has gathered and stores it at once. While the journal is empty that is Kafka; when Kafka does not
answer in time, the same records go into the journal, and all later ones behind them, so the order stays. The drainer
brings the journal into Kafka; when it is empty again, the storer speaks to Kafka directly.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from ingest.gateway.journal import Journal, JournalError
from ingest.gateway.outgoing import Away, Outgoing

log = logging.getLogger("muckwatch.gateway")

#: How long a frame may wait for Kafka before the journal takes it; and how long a block of the journal may take.
KAFKA_WAIT_S, DRAIN_WAIT_S = 2.0, 30.0
RETRY_S = 1.0
LEAVE_S = 1.0
BATCH_MAX = 5_000


class Sink(Protocol):
    """Kafka, or what stands for it in a test."""

    def open(self) -> None:
        """Connects, if it is not connected; may take its time.

        Raises:
            Away: if it cannot.
        """

    def send(self, records: Sequence[Outgoing], within_s: float) -> None:
        """Returns when all records have been acknowledged.

        Raises:
            Away: if they were not, in that time.
        """

    def close(self) -> None:
        """Lets go of the connection."""


@dataclass(frozen=True, eq=False)
class Ticket:
    """Records that belong together, and what is to be done when it is known whether they are kept."""

    records: Sequence[Outgoing]
    done: Callable[[bool], None]


@dataclass
class Health:
    """How storing goes; read by the metrics, written by the depot's threads."""

    kafka: bool = False
    journal: bool = True
    problem: str = ""
    sent: int = 0
    journaled: int = 0
    drained: int = 0
    failures: int = 0

    @property
    def good(self) -> bool:
        """What arrives is kept somewhere."""
        return self.kafka or self.journal


@dataclass
class Depot:
    """Stores tickets in the order in which they are handed in.

    Attributes:
        finished: called from a thread with tickets and whether they are kept.
    """

    sink: Sink
    journal: Journal
    finished: Callable[[Sequence[Ticket], bool], None]
    kafka_wait_s: float = KAFKA_WAIT_S
    drain_wait_s: float = DRAIN_WAIT_S
    retry_s: float = RETRY_S
    health: Health = field(default_factory=Health)

    def __post_init__(self) -> None:
        self._queue: deque[Ticket] = deque()
        self._arrived = threading.Condition()
        self._kafka_up: bool | None = None  # not asked yet
        self._direct = False  # the storer speaks to Kafka; set by the drainer alone, when the journal is empty
        self._turn = threading.Lock()
        self._away = threading.Event()
        self._closing = threading.Event()
        self._threads = [
            threading.Thread(target=self._run_storer, name="storer", daemon=True),
            threading.Thread(target=self._run_drainer, name="drainer", daemon=True),
        ]

    def start(self) -> None:
        """Starts the threads; what an earlier process left in the journal is drained first."""
        self._away.set()
        for thread in self._threads:
            thread.start()

    def hand_in(self, ticket: Ticket) -> None:
        """Queues a ticket; who calls sees to it that not too many wait."""
        with self._arrived:
            self._queue.append(ticket)
            self._arrived.notify()

    def close(self) -> None:
        """Stores what waits, then stops; what is in the journal stays for the next process."""
        self._closing.set()
        self._away.set()
        with self._arrived:
            self._arrived.notify_all()
        storer, drainer = self._threads
        storer.join()
        drainer.join(LEAVE_S)  # where it waits for a Kafka that is away, nothing depends on its end
        self.journal.close()
        self.sink.close()

    def _run_storer(self) -> None:
        while True:
            with self._arrived:
                while not self._queue and not self._closing.is_set():
                    self._arrived.wait()
                if not self._queue:
                    return
                batch = [self._queue.popleft() for _ in range(min(len(self._queue), BATCH_MAX))]
            records = [record for ticket in batch for record in ticket.records]
            try:
                kept = self._store(records)
            except Exception:
                log.exception("frames could not be stored")
                kept = False
            self.finished(batch, kept)

    def _store(self, records: Sequence[Outgoing]) -> bool:
        if self._direct:
            try:
                self.sink.send(records, self.kafka_wait_s)
            except Away as error:
                self._note_kafka(str(error))
                self._direct = False
                self._away.set()
            else:
                self.health.sent += len(records)
                self._note_journal("")  # whatever was wrong with it, nothing is refused any more
                return True
        try:
            with self._turn:
                self.journal.append(records)
                self._direct = False  # had Kafka come back while this one waited: the journal goes first
                self._away.set()
        except JournalError as error:
            self._note_journal(str(error))
            return False
        self.health.journaled += len(records)
        self._note_journal("")
        return True

    def _run_drainer(self) -> None:
        while True:
            self._away.wait()
            if self._closing.is_set():
                return
            try:
                records, end = self.journal.peek()
                if records:
                    self.sink.send(records, self.drain_wait_s)
                    self.health.drained += len(records)
                    self.journal.advance(end)
                    self._note_kafka("")
                else:
                    self.sink.open()
                    self._go_direct()
            except Away as error:
                self._note_kafka(str(error))
                self._closing.wait(self.retry_s)
            except Exception:
                log.exception("the journal could not be drained")
                self._closing.wait(self.retry_s)

    def _go_direct(self) -> None:
        """Lets the storer speak to Kafka, unless it has just put something into the journal."""
        with self._turn:
            if self.journal.empty:
                self._away.clear()
                self._direct = True
                self._note_kafka("")

    def _note_kafka(self, problem: str) -> None:
        if problem and self._kafka_up is not False:
            log.warning("Kafka is away, the journal takes over: %s", problem)
        elif not problem and not self._kafka_up:
            log.info("Kafka takes records")
        self._kafka_up = self.health.kafka = not problem
        self._note(problem)

    def _note_journal(self, problem: str) -> None:
        if self.health.journal == bool(problem):
            log.error("nothing is acknowledged any more: %s", problem) if problem else log.info("the journal is back")
        self.health.journal = not problem
        self._note(problem)

    def _note(self, problem: str) -> None:
        self.health.failures += bool(problem)
        self.health.problem = problem or ("" if self.health.kafka and self.health.journal else self.health.problem)
