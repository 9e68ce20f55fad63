"""The worker: polls fixes as a member of a group, judges whole polls, and commits each in one Kafka transaction.

Findings, state and offsets come about together or not at all. The offset inside the state is the truth. After any
change of the group's generation the worker forgets what it lost and reads back what it gained, before it goes on. While
a transaction ends, the next batch is polled and decoded, but not judged: what failed is forgotten with its trucks.
"""

from __future__ import annotations

import gc
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from kafka import TopicPartition
from kafka.errors import KafkaError, NoOffsetForPartitionError, OffsetOutOfRangeError

from ingest.kafka.client import SESSION_MS, StreamBroken, consumer, gone, told
from ingest.kafka.topics import Topics, ensure, ids
from rules.ground import Ground
from stream.commits import Commits
from stream.judging import Judge
from stream.knowledge import Known
from stream.parts import Said
from stream.recovery import LOST, recover
from stream.watchdog import WATCHDOG_S, Watchdog

#: A batch ends with so many records or bytes, or after so long: behind a backlog later, for a batch has its fixed cost.
BATCH_RECORDS = 100_000
BATCH_BYTES = 18 * 1024 * 1024
POLL_RECORDS = 20_000
WAIT_S, BACKLOG_WAIT_S = 0.3, 2.0
#: So long is polled in any case.
LEAST_WAIT_S = 0.05
#: Fewer records or bytes still to come are no backlog.
BACKLOG_RECORDS, BACKLOG_BYTES = 5_000, 1024 * 1024
#: So long are the next records of a backlog waited for: they are on their way.
NEXT_WAIT_S = 0.1
#: Stretches by the hundred thousand are no garbage; by default they would be looked through again and again.
COLLECT_EVERY = (100_000, 20, 100)
#: Records that were written longer ago, or after which many more wait, are a backlog: by the time anybody could look,
#: its open stretches will have closed.
LIVE_S = 15.0
#: Early words may take so much of a batch's time.
EARLY_S = 0.25


@dataclass(frozen=True)
class WorkerPlan:
    """What a worker is. `slot` tells workers of a group apart and stays the same over restarts."""

    bootstrap: str
    slot: int = 0
    topics: Topics = field(default_factory=Topics)
    rejudge_hours: float | None = None
    wait_s: float = WAIT_S


@dataclass
class Progress:
    """What a worker has done since it started, for its figures."""

    fixes: int = 0
    batches: int = 0
    violations: int = 0
    early: int = 0
    aside: int = 0
    recoveries: int = 0
    recovery_s: float = 0.0
    busy_s: float = 0.0
    behind: int = 0


class Worker:
    """One worker. `run` returns when `stop` was called; what cannot be mended by trying again is raised."""

    def __init__(self, plan: WorkerPlan, ground: Ground, known: Callable[[], Known]) -> None:
        self.plan, self.ground, self._known = plan, ground, known
        self.progress = Progress()
        self.partitions = ensure(plan.bootstrap, plan.topics)
        self.topic_id = ids(plan.bootstrap, plan.topics)[plan.topics.fixes]
        self.registry = f"{ground.registry.digest}/{ground.policy.digest}"
        self.judge = Judge(ground, known(), self.partitions)
        self._stopping = threading.Event()
        self._generation: object = None
        self._rejudge = plan.rejudge_hours
        self._polled_s = 0.0  # when the last poll ended
        self._behind = False  # whether much was still to come then
        self.watchdog = Watchdog()

    def stop(self) -> None:
        """Asks the worker to end after its batch."""
        self._stopping.set()

    def run(self) -> None:
        """Works until stopped.

        Raises:
            StreamBroken: what is in Kafka does not fit the state.
            KafkaTrouble: Kafka refuses.
        """
        plan = self.plan
        gc.freeze()  # the ground stays for good, and what batches make is mostly freed without the collector
        gc.set_threshold(*COLLECT_EVERY)
        with self.watchdog:
            group = consumer(
                plan.bootstrap,
                quick=True,
                group_id=plan.topics.group,
                group_instance_id=f"w{plan.slot}",
                session_timeout_ms=SESSION_MS,
                heartbeat_interval_ms=SESSION_MS // 4,
                max_poll_interval_ms=int(WATCHDOG_S * 1000),
            )
            commits = Commits(plan.bootstrap, plan.topics, plan.slot, self._expected())
            try:
                with told(plan.bootstrap):
                    group.subscribe([plan.topics.fixes])
                    while not self._stopping.is_set():
                        self.watchdog.pat()
                        try:
                            self._batch(group, commits)
                        except KafkaError as error:
                            self._after(error, commits)
                    self._settle(commits)
            finally:
                commits.close()
                group.close(autocommit=False, timeout_ms=2000)

    def _batch(self, group: Any, commits: Commits) -> None:
        metadata = group.group_metadata()  # before the poll: a later one could cover what was lost meanwhile
        try:
            records = self._poll(group)
        except NoOffsetForPartitionError:
            records = {}
        except OffsetOutOfRangeError as error:
            raise StreamBroken(f"{gone(group, error.args[0])}: {LOST}") from error
        after = group.group_metadata()
        owned = {tp.partition for tp in group.assignment()}
        now = (after.generation_id, after.member_id)
        if now != self._generation or owned != set(self.judge.parts):
            self._settle(commits)
            self._recover(group, owned)
            self._generation = now
            return
        if (metadata.generation_id, metadata.member_id) != now:
            self._generation = None  # what was polled cannot be committed, and its place has been passed: read back
            return
        began_s = time.monotonic()
        now_ms = self.judge.present_ms()
        ends = {p: several[-1].offset + 1 for p, several in records.items() if several}
        if not self.judge.parts:
            return
        decoded = self.judge.read({p: records[p] for p in ends}, now_ms) if ends else None
        self._settle(commits)
        said = self.judge.take(decoded, ends, now_ms) if decoded else Said()
        self.judge.speak_early(said, EARLY_S, live=not self._behind and _are_live(records, now_ms))
        if ends or said.findings:
            commits.begin(self.judge, metadata, said, set(ends))
        self.progress.busy_s += time.monotonic() - began_s

    def _poll(self, group: Any) -> dict[int, list[Any]]:
        """Records by partition, until there are enough of them or time is over.

        What came while the batch before was judged and committed has waited already.
        """
        held: dict[int, list[Any]] = {}
        now_s = time.monotonic()
        began_s = self._polled_s = max(self._polled_s, now_s - self.plan.wait_s + LEAST_WAIT_S)
        count = size = 0
        behind = False
        while count < BATCH_RECORDS and size < BATCH_BYTES:
            left_s = began_s + self.plan.wait_s - time.monotonic()
            wait_s = max(left_s, NEXT_WAIT_S) if behind else max(left_s, 0.0)
            room = (BATCH_BYTES - size) * count // size if size else POLL_RECORDS
            got = group.poll(timeout_ms=int(wait_s * 1000), max_records=max(1, min(room, POLL_RECORDS)))
            for tp, records in got.items():
                held.setdefault(tp.partition, []).extend(records)
                count += len(records)
                size += sum(len(r.value or b"") for r in records)
            behind = is_backlog(self._waiting(group, held), count, size)
            if left_s <= 0 and not (behind and got and left_s > self.plan.wait_s - BACKLOG_WAIT_S):
                break
        self._polled_s, self._behind = time.monotonic(), behind
        return held

    def _waiting(self, group: Any, held: Mapping[int, list[Any]]) -> int:
        """How many records are in Kafka after those that were polled, as far as it has said so."""
        ends = {tp.partition: group.highwater(tp) or 0 for tp in group.assignment() if tp.partition in held}
        return sum(max(0, end - held[p][-1].offset - 1) for p, end in ends.items())

    def _recover(self, group: Any, owned: set[int]) -> None:
        """Drops every partition, and reads back those that are owned now."""
        began_s = time.monotonic()
        self.judge = Judge(self.ground, self._known(), self.partitions)
        if owned:
            gained = recover(self.plan.bootstrap, self.plan.topics, owned, self._expected(), self._rejudge, self.judge)
            for partition in gained:
                group.seek(TopicPartition(self.plan.topics.fixes, partition), self.judge.parts[partition].offset)
            self._rejudge = None
        self.progress.recoveries += 1
        self.progress.recovery_s = time.monotonic() - began_s

    def _expected(self) -> tuple[str, str, int]:
        return self.registry, self.topic_id, self.partitions

    def _after(self, error: KafkaError, commits: Commits) -> None:
        """Gives a batch up that Kafka refused: its trucks are read back."""
        print(
            f"worker {self.plan.slot}: {type(error).__name__}: {error}; reading state back", file=sys.stderr, flush=True
        )
        self._generation = None
        commits.give_up()

    def _settle(self, commits: Commits) -> None:
        """Waits until the batch before is committed, and counts it."""
        said, done = commits.settle(), self.progress
        if said is None:
            return
        done.batches += 1
        done.fixes += said.fixes
        done.violations += said.violations
        done.early += said.early
        done.aside += len(said.aside)


def is_backlog(waiting: int, count: int, size: int) -> bool:
    """Whether much waits, and more than has been polled: however fast fixes come, that is a backlog.

    Args:
        waiting: records still to be polled.
        count: records polled.
        size: their bytes.
    """
    return waiting >= count and (waiting >= BACKLOG_RECORDS or waiting * size > BACKLOG_BYTES * count)


def _are_live(records: Mapping[int, list[Any]], now_ms: int) -> bool:
    """Whether records are new, by the time at which the last one was written; nothing new is as new as can be."""
    newest = [several[-1].timestamp for several in records.values() if several]
    return not newest or now_ms - max(newest) < LIVE_S * 1000
