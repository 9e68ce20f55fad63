"""`POST /fixes`: rows taken, rows set aside with their numbers, limits, and no success before Kafka has them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from api_server import Server
from fastapi.testclient import TestClient
from loops import run_async

from ingest.gateway.kafka_sink import KafkaSink, kafka_sink
from ingest.kafka.client import consumer
from ingest.submitted import BODY_MAX_BYTES, FIXES_A_RECORD, ROWS_MAX
from web.api.fixes import OUTLET

GOOD = {"plate": "苏A12345", "time": "2026-11-16T22:00:00+08:00", "lon": 118.78, "lat": 32.04}


class Shelf:
    """Takes fixes in Kafka's place, or refuses."""

    def __init__(self) -> None:
        self.up = True
        self.kept: list[tuple[str, bytes]] = []

    def publish(self, records: list[tuple[str, bytes]], within_s: float) -> None:
        if not self.up:
            raise TimeoutError
        self.kept += records

    @property
    def fixes(self) -> list[dict[str, Any]]:
        return [json.loads(line) for _, value in self.kept for line in value.split(b"\n")]


@pytest.fixture
def shelf(server: Server) -> Shelf:
    server.now[0] = 1_796_000_000_000
    server.app.state.context.parts[OUTLET] = shelf = Shelf()
    return shelf


@pytest.fixture
def client(server: Server, shelf: Shelf) -> TestClient:
    return server.client("fixes:write")


def lines(*rows: object) -> bytes:
    return b"\n".join(row if isinstance(row, bytes) else json.dumps(row, ensure_ascii=False).encode() for row in rows)


def send(client: TestClient, body: bytes, kind: str = "application/json", **headers: str) -> Any:
    return client.post("/fixes", content=body, headers={"Content-Type": kind, **headers})


def test_one_fix(client: TestClient, shelf: Shelf) -> None:
    answer = send(client, json.dumps(GOOD, indent=2).encode())
    assert answer.status_code == 200
    assert answer.json() == {"received": 1, "accepted": 1, "set_aside": 0, "rows": []}
    assert shelf.fixes == [GOOD] and [plate for plate, _ in shelf.kept] == ["苏A12345"]


BAD = [
    ({**GOOD, "plate": " "}, "no_plate"),
    ({**GOOD, "time": "2026-11-16T22:00:00"}, "time_without_offset"),
    ({**GOOD, "time": "soon"}, "bad_time"),
    ({**GOOD, "time": 4_000_000_000_000}, "time_in_future"),
    ({**GOOD, "lon": None}, "no_position"),
    ({**GOOD, "lat": 118.0}, "position_out_of_range"),
    ({**GOOD, "lat": 0, "lon": 0}, "zero_position"),
    ({**GOOD, "datum": "mars"}, "unknown_datum"),
    (17, "not_an_object"),
    ([], "not_an_object"),
]


@pytest.mark.parametrize("kind", ["application/json", "application/x-ndjson; charset=utf-8", "application/jsonl"])
def test_what_cannot_be_used_is_named_by_its_row(client: TestClient, shelf: Shelf, kind: str) -> None:
    rows = [row for bad, _ in BAD for row in (GOOD, bad)]
    body = json.dumps(rows, ensure_ascii=False, indent=1).encode() if kind == "application/json" else lines(*rows)
    told = send(client, body, kind).json()
    assert (told["received"], told["accepted"], told["set_aside"]) == (20, 10, 10)
    assert [(row["row"], row["reason"]) for row in told["rows"]] == [
        (2 * n, reason) for n, (_, reason) in enumerate(BAD, start=1)
    ]
    assert all(row["detail"] and row["detail"] != row["reason"] for row in told["rows"])
    assert shelf.fixes == [GOOD] * 10


def test_numbers_of_rows_are_those_of_lines_blank_ones_included(client: TestClient, shelf: Shelf) -> None:
    told = send(
        client, b"\n\n" + lines(GOOD, b"", b"{broken", b"\xff\xfe", GOOD) + b"\r\n\n", "application/jsonl"
    ).json()
    assert (told["received"], told["accepted"]) == (4, 2)
    assert [row["row"] for row in told["rows"]] == [5, 6]
    assert shelf.fixes == [GOOD, GOOD]


def test_each_plates_fixes_stay_in_order_and_go_by_their_plate(client: TestClient, shelf: Shelf) -> None:
    rows = [{**GOOD, "plate": f"苏A{n % 3:05d}", "time": 1_794_837_600_000 + 1000 * n} for n in range(900)]
    assert send(client, json.dumps(rows).encode()).json()["accepted"] == 900
    for plate in ("苏A00000", "苏A00001", "苏A00002"):
        values = [value for key, value in shelf.kept if key == plate]
        times = [json.loads(line)["time"] for value in values for line in value.split(b"\n")]
        assert times == sorted(times) and len(times) == 300
        assert all(value.count(b"\n") < FIXES_A_RECORD for value in values)


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"", "application/json", 400),
        (b" \n ", "application/x-ndjson", 400),
        (b"[", "application/json", 400),
        (b'"text"', "application/json", 400),
        (b"NaN", "application/json", 400),
        (b"[" * 100_000, "application/json", 400),
        (b"\xff\xff", "application/json", 400),
        (b"1\n" * (ROWS_MAX + 1), "application/x-ndjson", 400),
        (b"plate,time,lon,lat\n", "text/csv", 415),
        (b"x" * (BODY_MAX_BYTES + 1), "application/x-ndjson", 413),
    ],
)
def test_body_that_cannot_be_read(client: TestClient, shelf: Shelf, body: bytes, kind: str, status: int) -> None:
    answer = send(client, body, kind)
    assert answer.status_code == status and answer.headers["content-type"] == "application/problem+json"
    assert not shelf.kept


def test_body_of_unstated_length_is_read_no_further_than_allowed(server: Server, shelf: Shelf) -> None:
    read, sent = [], []

    async def receive() -> dict[str, Any]:
        read.append(1)
        return {"type": "http.request", "body": b" " * 1024 * 1024, "more_body": True}

    async def keep(message: dict[str, Any]) -> None:
        sent.append(message)

    token = f"Bearer {server.token('fixes:write')}".encode()
    headers = [(b"authorization", token), (b"content-type", b"application/json")]
    scope = {"type": "http", "method": "POST", "path": "/fixes", "query_string": b"", "headers": headers}
    run_async(server.app({**scope, "client": ("127.0.0.1", 1), "server": ("x", 80), "scheme": "http"}, receive, keep))
    assert sent[0]["status"] == 413 and len(read) < 10
    assert not shelf.kept


def test_compressed_bodies_are_refused(client: TestClient) -> None:
    assert send(client, b"\x1f\x8b", **{"Content-Encoding": "gzip"}).status_code == 415


def test_hostile_rows_harm_nobody(client: TestClient, shelf: Shelf) -> None:
    rows = [
        {**GOOD, "plate": "'; DROP TABLE fixes; --"},
        {**GOOD, "plate": "苏A\u0000B"},
        {**GOOD, "extra": {"deep": [[[[]]]]}, "lift": "yes", "speed_kmh": 1e308},
        {**GOOD, "lon": 10**400},
        {**GOOD, "plate": {"a": 1}},
    ]
    told = send(client, lines(*rows), "application/x-ndjson").json()
    assert told["received"] == 5 == told["accepted"] + told["set_aside"]
    assert len(shelf.fixes) == told["accepted"]


def test_only_a_token_with_the_scope_may_hand_over(server: Server, shelf: Shelf) -> None:
    body = json.dumps(GOOD).encode()
    assert send(server.client(), body).status_code == 401
    assert send(server.client("scores:read"), body).status_code == 403
    assert not shelf.kept


def test_without_kafka_nothing_is_taken(server: Server, client: TestClient, shelf: Shelf) -> None:
    shelf.up = False
    answer = send(client, json.dumps(GOOD).encode())
    assert answer.status_code == 503 and answer.headers["retry-after"] and "原样重发" in answer.json()["detail"]
    server.app.state.context.parts[OUTLET] = None
    answer = send(client, json.dumps(GOOD).encode())
    assert answer.status_code == 503 and "--kafka" in answer.json()["detail"]


def test_real_kafka_has_what_was_called_accepted(server: Server, client: TestClient, kafka: str) -> None:
    from kafka import TopicPartition

    prefix = "post-fixes-"
    server.app.state.context.parts[OUTLET] = outlet = kafka_sink(kafka, prefix)
    rows = [{**GOOD, "plate": f"苏A{n % 7:05d}", "time": 1_794_837_600_000 + 1000 * n} for n in range(500)]
    assert send(client, json.dumps(rows).encode()).json()["accepted"] == 500
    outlet.close()
    reader = consumer(kafka)
    parts = [TopicPartition(f"{prefix}fixes", n) for n in reader.partitions_for_topic(f"{prefix}fixes")]
    ends = reader.end_offsets(parts)
    reader.assign(parts)
    reader.seek_to_beginning(*parts)
    found: list[dict[str, Any]] = []
    while any(reader.position(part) < ends[part] for part in parts):
        for records in reader.poll(1000).values():
            found += [json.loads(line) for record in records for line in record.value.split(b"\n")]
    reader.close()
    assert sorted(found, key=lambda fix: fix["time"]) == rows


def test_producer_that_failed_is_replaced() -> None:
    made: list[Any] = []

    class Producer:
        def __init__(self) -> None:
            self.well = bool(made)
            made.append(self)

        def send(self, topic: str, *, key: bytes, value: bytes) -> Producer:
            return self

        def get(self, timeout: float) -> None:
            if not self.well:
                raise TimeoutError

        def close(self, timeout: float) -> None:
            self.well = False

    sink = KafkaSink(Producer, {"fixes": "fixes"})
    publish: Callable[[], None] = lambda: sink.publish([("苏A1", b"{}")], 1.0)
    with pytest.raises(Exception, match="TimeoutError"):
        publish()
    publish()
    publish()
    assert len(made) == 2
