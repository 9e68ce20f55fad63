"""What `serve` runs beside its pages: two threads that take findings and fixes in from Kafka, each with its offsets."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from kafka import TopicPartition
from kafka.errors import KafkaError, OffsetOutOfRangeError

from ingest.kafka.client import KafkaTrouble, StreamBroken, consumer, gone
from ingest.kafka.topics import Topics, ensure, ids
from reports.errors import StoreError
from reports.intake.archiving import Gathered
from reports.intake.merging import Offsets, begin, offsets_of, take_in
from reports.intake.places import LOST, places
from reports.intake.words import read_words
from reports.shared import SharedStore
from rules.registry import Registry

#: Fixes are archived after so long, or so many; until then they are safe in Kafka.
ARCHIVE_S = 60.0
ARCHIVE_FIXES = 400_000
#: Findings of so many records go into one transaction at most; a record may hold some hundred findings.
FINDINGS_RECORDS = 1_000
POLL_MS = 200
RETRY_S = 1.0


class Intake:
    """Takes findings and fixes in until stopped. Offsets are the store's own: no group, nothing committed to Kafka."""

    def __init__(
        self,
        shared: SharedStore,
        registry: Registry,
        registry_files: Mapping[str, bytes],
        bootstrap: str,
        topics: Topics,
        *,
        archive_s: float = ARCHIVE_S,
        skip_lost: bool = False,
    ) -> None:
        self.name = "intake"
        self._shared, self._registry, self._files = shared, registry, registry_files
        self._bootstrap, self._topics, self._archive_s = bootstrap, topics, archive_s
        self._to_skip = {topics.findings, topics.fixes} if skip_lost else set()  # once each: a later gap stops it
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []
        self._fatal = ""
        self._gathered = Gathered(0)
        self._since_s = 0.0
        self._trouble: dict[str, str] = {}
        self.figures: dict[str, Any] = {"findings": 0, "archived": 0, "findings_lag": None, "fixes_lag": None}

    def start(self) -> None:
        """Checks the topics, tells the store of the stream, and begins.

        Raises:
            KafkaTrouble: if Kafka cannot be reached.
            StreamBroken: if topics are not as they must be.
            StoreError: if the store cannot be written.
        """
        partitions = ensure(self._bootstrap, self._topics)
        topic_ids = ids(self._bootstrap, self._topics)
        with self._shared.writing() as store:
            begin(store, self._registry, self._files, _now_ms())
        self._gathered = Gathered(partitions)
        works = ((self._topics.findings, False, self._findings), (self._topics.fixes, True, self._fixes))
        for topic, quick, work in works:
            about = (topic, topic_ids[topic], partitions, quick, work)
            self._threads.append(threading.Thread(target=self._run, args=about, name=f"intake {topic}"))
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Ends both threads; what was gathered is archived first.

        Raises:
            StoreError: if that could not be written; it is still in Kafka, and comes again.
        """
        before = self._fatal
        self._stopping.set()
        for thread in self._threads:
            thread.join()
        if self._fatal and not before:  # nobody asks for our state any more
            raise StoreError(self._fatal)

    def state(self) -> tuple[bool, str, bool]:
        """Whether it is well, in words why not, and whether it can never work again."""
        if self._fatal:
            return False, self._fatal, True
        return not self._trouble, "; ".join(self._trouble.values()), False

    def _run(self, topic: str, topic_id: str, partitions: int, quick: bool, work: Callable[..., None]) -> None:
        """One topic, from where the store stands; after trouble with Kafka from there again."""
        while not self._stopping.is_set():
            try:
                self._follow(topic, topic_id, partitions, quick, work)
            except (StreamBroken, StoreError) as error:
                self._fatal = str(error)
                return
            except (KafkaError, KafkaTrouble) as error:
                self._trouble[topic] = f"{topic}: {type(error).__name__}: {error}"
                self._stopping.wait(RETRY_S)
            except Exception as error:  # a thread that ends without a word would let pages grow stale
                self._fatal = f"{topic}: {type(error).__name__}: {error}"
                raise

    def _follow(self, topic: str, topic_id: str, partitions: int, quick: bool, work: Callable[..., None]) -> None:
        with self._shared.reading() as store:
            _, known = offsets_of(store, topic)
        if known - {topic_id}:
            raise StreamBroken(f"{topic}: was deleted and made again since the store took it in; a person must look")
        reader = consumer(self._bootstrap, quick=quick)
        if quick:
            self._gathered, self._since_s = (
                Gathered(partitions),
                time.monotonic(),
            )  # what was gathered before comes again
        try:
            inputs = [TopicPartition(topic, p) for p in range(partitions)]
            reader.assign(inputs)
            first, last = reader.beginning_offsets(inputs), reader.end_offsets(inputs)
            begins = {tp.partition: first[tp] for tp in inputs}
            with self._shared.writing(()) as store:
                kept = places(
                    store, Offsets(topic, topic_id, begins), skip_lost=topic in self._to_skip, now_ms=_now_ms()
                )
            self._to_skip.discard(topic)
            for tp in inputs:
                at = kept[tp.partition]
                if not first[tp] <= at <= last[tp]:
                    raise StreamBroken(f"{gone(reader, {tp: at})}: {LOST}")
                reader.seek(tp, at)
            while not self._stopping.is_set():
                try:
                    polled = reader.poll(timeout_ms=POLL_MS, max_records=None if quick else FINDINGS_RECORDS)
                except OffsetOutOfRangeError as error:
                    if quick:  # what came before the gap is nowhere else any more
                        self._archive((topic, topic_id))
                    raise StreamBroken(f"{gone(reader, error.args[0])}: {LOST}") from error
                work({tp.partition: records for tp, records in polled.items()}, (topic, topic_id))
                name = "fixes_lag" if quick else "findings_lag"
                ends = {tp.partition: reader.highwater(tp) or last[tp] for tp in inputs}
                self.figures[name] = sum(ends.values()) - sum(reader.position(tp) for tp in inputs)
                if quick:
                    self.figures["fixes_ends"] = ends
                self._trouble.pop(topic, None)
            if quick:
                self._archive((topic, topic_id))
        finally:
            reader.close()

    def _findings(self, records: Mapping[int, Any], of: tuple[str, str]) -> None:
        if not records:
            return
        words = read_words((p, r.offset, r.value) for p, several in records.items() for r in several)
        ends = {p: several[-1].offset + 1 for p, several in records.items() if several}
        with self._shared.writing() as store:
            self.figures["findings"] += take_in(store, words, Offsets(*of, ends), _now_ms(), self._registry.policy)

    def _fixes(self, records: Mapping[int, Any], of: tuple[str, str]) -> None:
        gathered = self._gathered
        if records:
            gathered.add(records, _now_ms())
        if not gathered.next_offset:
            self._since_s = time.monotonic()
        elif gathered.fixes >= ARCHIVE_FIXES or time.monotonic() - self._since_s >= self._archive_s:
            self._archive(of)
            self._since_s = time.monotonic()

    def _archive(self, of: tuple[str, str]) -> None:
        self.figures["archived"] += self._gathered.write(self._shared, self._registry, *of, _now_ms())


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
