"""Everything of a batch in one Kafka transaction, ended in a thread of its own: meanwhile the next batch is polled.

Only one transaction is open at a time. Whoever changes what the judge knows settles first, so that what is written is
what was judged; a transaction that fails is told then, and the worker reads its state back.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import msgspec
from kafka import OffsetAndMetadata, TopicPartition
from kafka.errors import KafkaError

from ingest.kafka.client import TRANSACTION_MS, transactional
from ingest.kafka.records import SetAside
from ingest.kafka.topics import Topics
from stream import messages
from stream.judging import Judge
from stream.memory import PART_KEY, TRUCKS_KEY, accounts_record, mark_snapshot, snapshot_due
from stream.parts import Said

#: Messages of a batch go out together, in records of about so many bytes.
TOGETHER_BYTES = 128 * 1024


class Commits:
    """The transactions of one worker."""

    def __init__(self, bootstrap: str, topics: Topics, slot: int, expected: tuple[str, str, int]) -> None:
        self._bootstrap, self._topics, self._id = bootstrap, topics, f"{topics.group}-{slot}"
        self._expected = expected
        self._sender = transactional(bootstrap, self._id)
        self._thread = ThreadPoolExecutor(1, "commit")
        self._open: tuple[Future[None], Said] | None = None

    def begin(self, judge: Judge, metadata: Any, said: Said, taken: set[int]) -> None:
        """Sends all of a batch; that it is there, and is committed, is waited for elsewhere.

        Args:
            judge: as it is after the batch.
            metadata: of the group, taken before the batch was polled.
            said: what the batch gave.
            taken: the partitions that it had records of.

        Raises:
            KafkaError: Kafka refuses.
        """
        topics, sender = self._topics, self._sender
        touched = sorted(taken | set(said.findings))
        due = [p for p in touched if snapshot_due(judge.parts[p])][: 1 + len(judge.parts) // 8]
        sender.begin_transaction()
        futures = []
        for partition in touched:
            tally = messages.tally(partition, judge.figures(partition))
            for record in together([*said.findings.get(partition, ()), tally]):
                futures.append(sender.send(topics.findings, record, partition=partition))
        for a in said.aside:
            futures.append(sender.send(topics.rejected, _aside(topics.fixes, a), partition=a.partition))
        for partition in touched:
            if partition in due:
                futures += self._snapshot(judge, partition)
            record = accounts_record(judge.parts[partition], *self._expected)
            futures.append(sender.send(topics.state, record, key=PART_KEY, partition=partition))
        offsets = {TopicPartition(topics.fixes, p): OffsetAndMetadata(judge.parts[p].offset, "", -1) for p in touched}
        self._open = self._thread.submit(self._end, futures, offsets, metadata), said

    def settle(self) -> Said | None:
        """Waits for the open transaction; gives what its batch said, None if none is open.

        Raises:
            KafkaError: it failed.
        """
        if self._open is None:
            return None
        (end, said), self._open = self._open, None
        end.result()
        return said

    def give_up(self) -> None:
        """Aborts what is open, after an error; a producer that cannot go on is replaced."""
        with suppress(KafkaError):  # the error that is being dealt with, or one more of its kind
            self.settle()
        try:
            self._sender.abort_transaction()
            return
        except (KafkaError, AssertionError, RuntimeError):
            self._sender.close(timeout=0)
        time.sleep(0.5)
        self._sender = transactional(self._bootstrap, self._id)

    def close(self) -> None:
        """Lets go of the producer; what is open is waited for."""
        self._thread.shutdown()
        self._sender.close(timeout=2)

    def _end(self, futures: Iterable[Any], offsets: Mapping[TopicPartition, OffsetAndMetadata], metadata: Any) -> None:
        # All records must be there before the group is asked: once it has taken the offsets it may hand a partition on,
        # and whoever gains it waits for the records that it sees, not for ones that are still on their way. It is asked
        # of every partition that something is said of, so that nobody speaks for one that is no longer theirs.
        self._sender.flush(timeout=TRANSACTION_MS / 1000)
        for future in futures:
            if not future.succeeded():
                raise future.exception
        self._sender.send_offsets_to_transaction(offsets, metadata)
        self._sender.commit_transaction()

    def _snapshot(self, judge: Judge, partition: int) -> list[Any]:
        """Writes the trucks of a partition; waits for them, for the accounts say where they are."""
        part, began_s = judge.parts[partition], time.thread_time()
        futures = [
            self._sender.send(self._topics.state, value, key=TRUCKS_KEY + b"%02d" % n, partition=partition)
            for n, value in enumerate(judge.trucks.buckets(partition, part.offset))
        ]
        cost_s = time.thread_time() - began_s
        self._sender.flush(timeout=TRANSACTION_MS / 1000)
        mark_snapshot(part, cost_s, futures[0].value.offset if futures[0].succeeded() else -1)
        return futures


def together(messages: Iterable[bytes]) -> Iterator[bytes]:
    """Messages as few records, one a line: a record costs the client more than what is in it."""
    held, size = list[bytes](), 0
    for message in messages:
        if held and size + len(message) > TOGETHER_BYTES:
            yield b"\n".join(held)
            held, size = [], 0
        held.append(message)
        size += len(message)
    if held:
        yield b"\n".join(held)


_JSON = msgspec.json.Encoder(order="deterministic")


def _aside(topic: str, a: SetAside) -> bytes:
    """What was set aside, as it is published: where it was, why, and its beginning."""
    where: Mapping[str, Any] = {"topic": topic, "partition": a.partition, "offset": a.offset, "line": a.line}
    return _JSON.encode({"reason": a.reason, **where, "raw": a.raw.decode("utf-8", "backslashreplace")})
