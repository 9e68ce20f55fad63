"""A faster way through a consumer's client, for those that read much and need only the values of records.

kafka-python makes three objects of a record and reads every field through properties: 6 us a record. Here a batch is
one tight loop. It asks a socket for 4 kB at a time, thirty thousand times for a batch of NDJSON; here for much. And it
copies an answer twice to read it; here once. All this replaces private methods of the client, so it is used only with
the versions that it was checked against (a test compares both record by record); with any other the client's own are
left in place.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any, NamedTuple

import kafka
from kafka.consumer.fetcher import Fetcher, IsolationLevel
from kafka.errors import CorruptRecordError, KafkaConnectionError
from kafka.net.transport import KafkaTCPTransport
from kafka.protocol.frame import KafkaBytes

CHECKED_VERSIONS = ("3.0.12",)
#: So much is asked of a socket at once.
RECEIVED_BYTES = 1024 * 1024
#: Of records that are larger on average, a batch is looked at where it lies; for small ones a copy pays.
LARGE_BYTES = 1024


class Raw(NamedTuple):
    """A record without key and headers; `timestamp` is epoch ms."""

    offset: int
    timestamp: int
    value: bytes | None


def quicken(consumer: Any) -> bool:
    """Lets a consumer give `Raw` records; with a client of another version it goes on as it is. Says which."""
    if kafka.__version__ not in CHECKED_VERSIONS:
        return False
    consumer._fetcher.PartitionRecords = _QuickRecords
    consumer._manager._build_transport = partial(_transport, consumer._manager._build_transport)
    KafkaBytes.read = _read  # for every client of the process: the same bytes
    return True


def _read(answer: Any, size: int | None = None) -> bytes:
    """The next bytes of an answer; as many as there are if not so many are left."""
    start = answer._idx
    answer._idx = len(answer) if size is None else min(start + size, len(answer))
    return bytes(memoryview(answer)[start : answer._idx])


async def _transport(build: Any, node: Any, timeout_at: Any = None) -> Any:
    """The client's own connection, which receives more at a time; one with TLS as it is."""
    made = await build(node, timeout_at=timeout_at)
    if type(made) is KafkaTCPTransport:
        made._sock_recv = partial(_receive, made)
    return made


def _receive(transport: Any) -> tuple[bytes, KafkaConnectionError | None]:
    """What has come, and why nothing more will."""
    pieces: list[bytes] = []
    error = None
    while not pieces or len(pieces[-1]) == RECEIVED_BYTES:
        try:
            piece = transport._sock.recv(RECEIVED_BYTES)
        except (BlockingIOError, InterruptedError):
            break
        except OSError as failed:
            error = KafkaConnectionError(failed)
            break
        if not piece:
            error = KafkaConnectionError("socket disconnected")
            break
        pieces.append(piece)
    return b"".join(pieces), error


class _QuickRecords(Fetcher.PartitionRecords):  # type: ignore[misc]
    """The client's own in everything but the walk through a batch."""

    def _unpack_records(self, tp: Any, records: Any, key_deserializer: Any, value_deserializer: Any) -> Iterator[Any]:
        committed_only = self.isolation_level == IsolationLevel.READ_COMMITTED
        batch = records.next_batch()
        last = None
        while batch is not None:
            last = batch
            if batch.magic != 2:
                raise CorruptRecordError(f"{tp}: a batch at offset {batch.base_offset} of an old format")
            if self.check_crcs and not batch.validate_crc():
                raise CorruptRecordError(f"{tp}: the batch at offset {batch.base_offset} failed its checksum")
            self.leader_epoch = batch.leader_epoch
            hidden = batch.is_control_batch
            if committed_only and batch.has_producer_id():
                self._consume_aborted_transactions_up_to(batch.last_offset)
                if self._contains_abort_marker(batch):
                    self.aborted_producer_ids.discard(batch.producer_id)
                elif self._is_batch_aborted(batch):
                    hidden = True
            if not hidden:
                for record in _walk(batch):
                    self.records_read += 1
                    self.next_fetch_offset = record[0] + 1
                    yield record
            self.next_fetch_offset = batch.next_offset
            batch = records.next_batch()
        if last is not None:
            self.next_fetch_offset = last.next_offset
        self.drain()


def _walk(batch: Any) -> list[Raw]:
    """The records of a batch of format 2. Varints are read in place: one byte is the rule, more are the exception."""
    batch._maybe_uncompress()
    data = bytes(batch._buffer) if len(batch._buffer) < LARGE_BYTES * batch.records_count else memoryview(batch._buffer)
    at, count, base = batch._pos, batch.records_count, batch.base_offset
    first_ms = batch.max_timestamp if batch.timestamp_type else batch.first_timestamp
    delta = 0 if batch.timestamp_type else 1
    found = []
    try:
        for _ in range(count):
            length, at = _varint(data, at)
            end = at + length
            late_ms, at = _varint(data, at + 1)  # a byte of attributes, unused, stands before
            number = data[at]
            if number < 128:
                at += 1
                offset = base + ((number >> 1) ^ -(number & 1))
            else:
                number, at = _varint(data, at)
                offset = base + number
            key, at = _varint(data, at)
            if key > 0:
                at += key
            size, at = _varint(data, at)
            value = bytes(data[at : at + size]) if size >= 0 else None
            if end > len(data) or at + size > end:
                raise CorruptRecordError(f"a record at offset {offset} is longer than its batch")
            found.append(Raw(offset, first_ms + delta * late_ms, value))
            at = end
    except IndexError as error:
        raise CorruptRecordError(f"the batch at offset {base} is cut short") from error
    if at != len(data):
        raise CorruptRecordError(f"the batch at offset {base} has {len(data) - at} bytes too many")
    return found


def _varint(data: bytes | memoryview, at: int) -> tuple[int, int]:
    """A zigzag varint and where it ends."""
    byte = data[at]
    at += 1
    if byte < 128:
        return (byte >> 1) ^ -(byte & 1), at
    number, shift = byte & 127, 7
    while True:
        byte = data[at]
        at += 1
        number |= (byte & 127) << shift
        if byte < 128:
            return (number >> 1) ^ -(number & 1), at
        shift += 7
