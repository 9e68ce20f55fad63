"""Terminals that are slow, flood, send rubbish or never read: each is bounded, and nobody else notices."""

from __future__ import annotations

import asyncio
import contextlib
import json
import resource
import socket
from pathlib import Path

import pytest
from loops import run_async
from some_sinks import Shelf
from station import fixes, gateway, report, signed_on, soon, terminal

from ingest.gateway.bucket import Bucket
from ingest.gateway.limits import SPARE_FILES, Limits, with_files
from ingest.gateway.watch import watch
from ingest.jt808.encode import frame, location_body
from ingest.jt808.header import Header


def test_bucket_gives_a_burst_and_then_its_rate() -> None:
    bucket = Bucket.full(rate=10, burst=50, now_s=0.0)
    assert bucket.take(50, 0.0) == 0
    assert bucket.take(1, 0.0) == pytest.approx(0.1)
    assert bucket.take(0, 0.1) == 0
    assert bucket.take(20, 1.1) == pytest.approx(1.0)
    assert bucket.take(50, 100.0) == 0


def test_soft_limit_of_files_is_raised_and_bounds_the_connections() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (1024, hard))
        assert with_files(Limits(connections=3_000)).connections == 3_000
        assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == 3_000 + SPARE_FILES
        assert with_files(Limits(connections=hard * 2)).connections == hard - SPARE_FILES
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.parametrize(
    ("limits", "said", "why"),
    [
        (Limits(auth_s=0.3), b"", "not authenticated in time"),
        (Limits(frame_s=0.3), b"\x7e\x02\x00", "frame not ended in time"),
        (Limits(idle_s=0.3), b"", "idle"),
        (Limits(), b"\x7ex\x7e" * 20, "garbage"),
        (Limits(), b"GET / HTTP/1.1\r\n\r\n" * 5_000, "no borders"),
        (Limits(connections=0), b"", "too many connections"),
        (Limits(per_host=0), b"", "too many from one address"),
        (Limits(strangers=0), b"", "made room for a newer one"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_connection_ends_by_its_limit(tmp_path: Path, limits: Limits, said: bytes, why: str) -> None:
    async def call() -> None:
        async with gateway(tmp_path, Shelf(), limits=limits) as made:
            reader, writer = await asyncio.open_connection(*made.address)
            writer.write(said)
            with contextlib.suppress(ConnectionResetError):
                assert await asyncio.wait_for(reader.read(), 20) == b""
            assert made.balance.closed == {why: 1}
            writer.close()

    run_async(call())


def test_good_frames_between_bad_ones_keep_the_connection(tmp_path: Path) -> None:
    async def call() -> None:
        shelf = Shelf()
        async with gateway(tmp_path, shelf) as made, signed_on(made, terminal()) as truck:
            for n in range(40):
                truck.write(b"\x7e\xff\x00rubbish\x7e" * 5)
                assert await truck.report(report(n)) == 0
            assert made.balance.refused == {"too_short": 200} and made.balance.acknowledged == 42
            kept = [json.loads(value) for value in shelf.values("raw-frames")]
            assert sum(one.get("refused") == "too_short" for one in kept) == 200

    run_async(call())


def test_flood_waits_and_loses_nothing_while_others_go_on(tmp_path: Path) -> None:
    async def call() -> None:
        shelf = Shelf()
        limits = Limits(rate=200, burst=50, waiting=16)
        async with (
            gateway(tmp_path, shelf, limits=limits) as made,
            signed_on(made, terminal(1)) as flooder,
            signed_on(made, terminal(2)) as honest,
        ):
            header = lambda n: Header(0x0200, 2013, 0, flooder.phone, n)
            begun = asyncio.get_running_loop().time()
            flooder.write(b"".join(frame(header(n), location_body(report(n))) for n in range(600)))
            for n in range(20):
                assert await honest.report(report(n)) == 0
            assert max(honest.latencies_s) < 1.0
            await soon(lambda: len(fixes(shelf)) == 620)
            assert asyncio.get_running_loop().time() - begun > (600 - 50) / 200 * 0.8
            of_flooder = [fix["time"] for fix in fixes(shelf) if fix["terminal"] == flooder.phone]
            assert of_flooder == sorted(of_flooder)

    run_async(call())


def test_debt_of_a_flood_is_the_terminals_not_the_connections(tmp_path: Path) -> None:
    async def call() -> None:
        limits = Limits(rate=20, burst=10)
        async with gateway(tmp_path, Shelf(), limits=limits) as made:
            truck = terminal()
            await truck.connect(*made.address)
            await truck.sign_on()
            truck.write(b"".join(frame(Header(0x0002, 2013, 0, truck.phone, n)) for n in range(100, 140)))
            await soon(lambda: made.balance.received == 42)
            await truck.close()
            await truck.connect(*made.address)
            begun = asyncio.get_running_loop().time()
            await truck.sign_on()
            await truck.heartbeat()
            assert asyncio.get_running_loop().time() - begun > 1.0
            await truck.close()

    run_async(call())


def test_terminal_that_reads_no_answers_is_paused_and_then_closed(tmp_path: Path) -> None:
    async def call() -> None:
        limits = Limits(rate=1e6, burst=1e6, unread_s=0.3)
        async with gateway(tmp_path, Shelf(), limits=limits) as made:
            deaf = socket.socket()
            deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
            deaf.connect(made.address)
            deaf.setblocking(False)
            loop = asyncio.get_running_loop()
            message = frame(Header(0x0002, 2013, 0, "013900000001", 1)) * 100
            with pytest.raises(ConnectionError):
                while True:
                    await asyncio.wait_for(loop.sock_sendall(deaf, message), 20)
            assert made.balance.closed == {"reads no answers": 1}
            deaf.close()

    run_async(call())


def test_strangers_make_room_and_honest_terminals_stay(tmp_path: Path) -> None:
    async def call() -> None:
        limits = Limits(strangers=20)
        async with gateway(tmp_path, Shelf(), limits=limits) as made, signed_on(made, terminal(1)) as truck:
            strangers = [await asyncio.open_connection(*made.address) for _ in range(100)]
            for _, writer in strangers:
                writer.write(b"\x7e\x02")
            async with signed_on(made, terminal(2)) as newcomer:
                assert await newcomer.report(report()) == 0
                assert await truck.report(report()) == 0
            await soon(lambda: made.balance.closed["made room for a newer one"] >= 80)
            assert made.balance.connections <= 22
            for _, writer in strangers:
                writer.close()

    run_async(call())


def test_figures_and_health_can_be_asked(tmp_path: Path) -> None:
    async def call() -> None:
        shelf = Shelf(up=False)
        async with gateway(tmp_path, shelf, max_bytes=1500) as made, signed_on(made, terminal()) as truck:
            page = await watch(made, "127.0.0.1", 0)
            host, port = page.sockets[0].getsockname()

            async def ask(path: str) -> str:
                reader, writer = await asyncio.open_connection(host, port)
                writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
                told = (await reader.read()).decode()
                writer.close()
                return told

            assert await truck.report(report()) == 0
            assert (await ask("/healthz")).startswith("HTTP/1.1 200")
            truck.answer_s = 0.05
            while made.depot.health.journal:
                try:
                    await truck.report(report())
                except ConnectionError:
                    break
            await soon(lambda: not made.depot.health.journal)
            assert (await ask("/healthz")).startswith("HTTP/1.1 503")
            figures = await ask("/metrics")
            assert "muckwatch_gateway_healthy 0.0" in figures
            assert "muckwatch_gateway_frames_off_balance 0.0" in figures
            assert 'muckwatch_gateway_frames_refused_total{reason="not_stored"} 1.0' in figures
            assert (await ask("/")).startswith("HTTP/1.1 404")
            page.close()

    run_async(call())
