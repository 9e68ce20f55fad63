"""The Kafka client against a real broker: the faster walk, publishing, topics that are not as they must be."""

from __future__ import annotations

import json
import random
import socket
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from kafka import TopicPartition
from kafka.errors import CorruptRecordError
from kafka.protocol.frame import KafkaBytes

from ingest.kafka import publishing, quick
from ingest.kafka.client import KafkaTrouble, StreamBroken, consumer, producer, transactional
from ingest.kafka.publishing import publish
from ingest.kafka.quick import quicken
from ingest.kafka.topics import Topics, ensure
from ingest.tally import TracksError
from tools.broker import free_port

CLIENTS_READ = KafkaBytes.read


@pytest.fixture
def topics(kafka: str) -> Topics:
    made = Topics(f"{uuid.uuid4().hex[:8]}.")
    ensure(kafka, made, 2)
    return made


def everything(kafka: str, topic: str, *, fast: bool, partitions: int = 2) -> list[tuple[int, int, int, bytes | None]]:
    reader = consumer(kafka, quick=fast)
    inputs = [TopicPartition(topic, p) for p in range(partitions)]
    reader.assign(inputs)
    reader.seek_to_beginning(*inputs)
    ends = reader.end_offsets(inputs)
    found = []
    while any(reader.position(tp) < ends[tp] for tp in inputs):
        for tp, records in reader.poll(timeout_ms=500).items():
            found += [(tp.partition, r.offset, r.timestamp, r.value) for r in records]
    reader.close()
    return sorted(found)


def test_faster_walk_reads_record_by_record_what_the_clients_own_does(kafka: str, topics: Topics) -> None:
    plain = producer(kafka, linger_ms=50)
    values: list[bytes | None] = [b"x", b"", None, b"y" * 70_000, "苏A".encode() * 50]
    futures = [plain.send(topics.fixes, v, key=b"k" * (n % 300), headers=[("h", b"v")], partition=n % 2)
               for n in range(400) for v in values]  # fmt: skip
    plain.flush()
    assert all(f.get(10) for f in futures)
    sender = transactional(kafka, topics.prefix)
    for number in range(6):
        sender.begin_transaction()
        for n in range(40):
            sender.send(topics.fixes, b"%d-%d" % (number, n), partition=n % 2)
        sender.flush()
        sender.abort_transaction() if number % 2 else sender.commit_transaction()
    sender.close()
    own, fast = everything(kafka, topics.fixes, fast=False), everything(kafka, topics.fixes, fast=True)
    assert own == fast and len(own) == 2000 + 3 * 40


def test_unknown_client_version_keeps_the_clients_own_walk(monkeypatch: pytest.MonkeyPatch) -> None:
    class Fake:
        class _fetcher:
            PartitionRecords = object

    monkeypatch.setattr(quick, "CHECKED_VERSIONS", ("0.0.0",))
    assert not quicken(Fake) and Fake._fetcher.PartitionRecords is object


def test_damaged_batches_are_errors_not_hangs() -> None:
    class Batch:
        timestamp_type = first_timestamp = max_timestamp = base_offset = 0
        records_count, _pos = 3, 0

        def __init__(self, data: bytes) -> None:
            self._buffer = data

        def _maybe_uncompress(self) -> None:
            pass

    whole = b"\x10\x00\x00\x00\x01\x04ab\x00"
    for data in (whole, whole * 3 + b"x", b"\xff" * 30, b"\x7e" + whole, b""):
        with pytest.raises(CorruptRecordError):
            quick._walk(Batch(data))


@pytest.mark.parametrize("asked", [0, 1, 7, 8, 9, None])
def test_an_answer_is_read_as_the_clients_own_reads_it(asked: int | None) -> None:
    for start in (0, 3, 8):
        answers = [KafkaBytes(8), KafkaBytes(8)]
        for answer in answers:
            answer.write(b"12345678")
            answer.seek(start)
        assert quick._read(answers[0], asked) == CLIENTS_READ(answers[1], asked)
        assert answers[0].tell() == answers[1].tell()


def test_a_connection_gives_all_that_has_come_and_says_when_it_is_over() -> None:
    class Connection:
        def __init__(self, sock: socket.socket) -> None:
            self._sock = sock

    here, there = socket.socketpair()
    here.setblocking(False)
    transport, came = Connection(here), b""
    assert quick._receive(transport) == (b"", None), "nothing has come yet"
    sent = random.Random(1).randbytes(3 * quick.RECEIVED_BYTES + 7)
    sending = threading.Thread(target=lambda: (there.sendall(sent), there.close()))
    sending.start()
    error = None
    while error is None:
        piece, error = quick._receive(transport)
        came += piece
    sending.join()
    assert came == sent and "disconnected" in str(error)
    here.close()
    assert quick._receive(transport)[1] is not None, "a closed one is an error, not a stop"


def tracks(folder: Path, rows: int = 50) -> Path:
    path = folder / "fixes.csv"
    lines = [f"苏A0000{n % 5},{1_794_000_000_000 + n * 1000},118.8,32.0,{n}" for n in range(rows)]
    path.write_text("plate,time,lon,lat,speed_kmh\n" + "\n".join(lines) + "\nonly,three,values\n", "utf-8")
    return path


@pytest.mark.parametrize("batch", [1, 7])
def test_publish_keeps_every_trucks_order_in_its_partition(
    kafka: str, topics: Topics, tmp_path: Path, batch: int
) -> None:
    done = publish([tracks(tmp_path)], kafka, topics, speed=0, batch=batch)
    assert (done.rows, done.unreadable) == (50, 1)
    order: dict[str, list[float]] = {}
    homes: dict[str, set[int]] = {}
    for partition, _, _, value in everything(kafka, topics.fixes, fast=True):
        for line in (value or b"").split(b"\n"):
            said = json.loads(line)
            order.setdefault(said["plate"], []).append(float(said["speed_kmh"]))
            homes.setdefault(said["plate"], set()).add(partition)
    assert sum(map(len, order.values())) == 50
    assert all(several == sorted(several) for several in order.values()) and all(len(h) == 1 for h in homes.values())


def test_interrupted_publish_goes_on_from_its_bookmark(
    kafka: str, topics: Topics, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, bookmark = tracks(tmp_path), tmp_path / "mark"
    monkeypatch.setattr(publishing, "BLOCK_ROWS", 20)
    real, calls = publishing._send, iter(range(100))

    def breaks_down(*arguments: Any) -> int:
        if next(calls) == 1:
            raise KafkaTrouble("gone")
        return real(*arguments)

    monkeypatch.setattr(publishing, "_send", breaks_down)
    with pytest.raises(KafkaTrouble):
        publish([path], kafka, topics, speed=0, resume=bookmark)
    done = publish([path], kafka, topics, speed=0, resume=bookmark)
    assert (done.before, done.rows) == (20, 30)
    assert len(everything(kafka, topics.fixes, fast=True)) == 50
    assert publish([path], kafka, topics, speed=0, resume=bookmark).rows == 0
    with pytest.raises(TracksError, match="other tracks"):
        publish([tracks(tmp_path, 51)], kafka, topics, speed=0, resume=bookmark)
    bookmark.write_text("[]")
    with pytest.raises(TracksError, match="no bookmark"):
        publish([path], kafka, topics, speed=0, resume=bookmark)


def test_speed_follows_the_clock_of_the_tracks(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(publishing.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(publishing.time, "sleep", lambda s: now.__setitem__(0, now[0] + s))
    rows = pl.DataFrame({"time": [0, 1000, 60_000, 120_000]})
    sent = [(round(now[0] - 100), part.height) for part in publishing._Pace(60.0).slices(rows)]
    assert sent == [(0, 1), (0, 1), (1, 1), (2, 1)] or sent == [(0, 2), (1, 1), (2, 1)]


def test_topics_of_another_count_are_refused(kafka: str, topics: Topics) -> None:
    assert ensure(kafka, topics) == 2
    with pytest.raises(StreamBroken, match=r"has 2 partitions, expected 5"):
        ensure(kafka, topics, 5)


@pytest.fixture
def nobody() -> Iterator[str]:
    yield f"127.0.0.1:{free_port()}"


def test_no_broker_is_one_line(nobody: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from ingest.kafka import client

    monkeypatch.setitem(client._COMMON, "bootstrap_timeout_ms", 300)
    with pytest.raises(KafkaTrouble, match=nobody) as told:
        consumer(nobody, bootstrap_timeout_ms=300)
    assert "\n" not in str(told.value)
