"""Stored tracks through simulated terminals and the gateway: every fix arrives, as it was, whatever breaks between."""

from __future__ import annotations

import asyncio
from pathlib import Path

import polars as pl
import pytest
from loops import run_async
from some_sinks import Shelf
from station import FIX_MS, fixes, gateway

from ingest.fix import FIX_SCHEMA
from ingest.jt808.replay import replay

TRUCKS = {"013900000001": "苏A00001", "013900000002": "苏A00002", "": "苏A00003"}


def tracks(count: int = 60) -> pl.DataFrame:
    rows = [
        {
            "plate": plate,
            "terminal": terminal,
            "time_ms": FIX_MS + 10_000 * n,
            "lon": 118.78 + n * 1e-4,
            "lat": 32.04 - n * 1e-4,
            "datum": "wgs84",
            "speed_kmh": 36.5,
            "heading_deg": float(n % 360),
            "load": ("empty", "half", "full", None)[n // 20 % 4],
            "lift": n % 7 == 0 if plate != "苏A00003" else None,
            "cover": n % 5 != 0 if plate != "苏A00003" else None,
            "acc": n % 11 != 0,
            "valid": n % 13 != 0,
            "mileage_km": 1000 + n / 10,
        }
        for n in range(count)
        for terminal, plate in TRUCKS.items()
    ]
    return pl.DataFrame(rows, schema=FIX_SCHEMA)


def arrived(shelf: Shelf) -> dict[tuple[object, object], dict[str, object]]:
    return {(fix["plate"], fix["time"]): fix for fix in fixes(shelf)}


@pytest.mark.parametrize("version", [2011, 2013, 2019])
def test_what_arrives_is_what_was_stored(tmp_path: Path, version: int) -> None:
    async def call() -> None:
        shelf, sent = Shelf(), tracks()
        async with gateway(tmp_path, shelf, None) as made:
            done = await replay(sent, *made.address, speed=0, version=version)
        assert (done.fixes, done.acknowledged, done.given_up, done.connections) == (180, 180, 0, 3)
        assert len(done.latencies_s) == 180
        came = arrived(shelf)
        for row in sent.iter_rows(named=True):
            fix = came.pop((row["plate"], row["time_ms"]))
            for name in ("lon", "lat", "heading_deg", "load", "lift", "cover", "acc", "valid", "mileage_km"):
                assert fix.get(name) == (pytest.approx(row[name]) if isinstance(row[name], float) else row[name]), name
            assert fix["speed_kmh"] == pytest.approx(row["speed_kmh"]) and row["terminal"] in ("", fix["terminal"])
        assert not came

    run_async(call())


def test_gateway_that_goes_and_comes_loses_nothing(tmp_path: Path) -> None:
    async def call() -> None:
        shelf, sent = Shelf(), tracks(120)
        async with gateway(tmp_path, shelf, None) as made:
            host, port = made.address
            running = asyncio.create_task(replay(sent, host, port, speed=600, patience_s=30))
            while len(fixes(shelf)) < 60:
                await asyncio.sleep(0.01)
        await asyncio.sleep(1.2)  # until more than a second's reports have gathered
        async with gateway(tmp_path, shelf, None, port=port):
            done = await running
        assert done.acknowledged == 360 and done.connections >= 6
        assert len(arrived(shelf)) == 360
        assert len(done.latencies_s) < 360  # what had gathered came in batches

    run_async(call())


def test_those_not_let_in_are_told(tmp_path: Path) -> None:
    async def call() -> None:
        shelf = Shelf()
        async with gateway(tmp_path, shelf, {"013900000001": "苏A00001"}) as made:
            done = await replay(tracks(5), *made.address, speed=0)
        assert (done.acknowledged, done.given_up) == (5, 10)
        assert set(done.denied) == {"苏A00002", "苏A00003"}

    run_async(call())


def test_terminal_gives_up_where_nobody_answers() -> None:
    done = run_async(replay(tracks(2), "127.0.0.1", 1, speed=0, patience_s=0.1))
    assert (done.acknowledged, done.given_up, done.connections) == (0, 6, 0)
