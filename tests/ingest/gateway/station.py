"""A gateway on a port of its own with a shelf for Kafka, and terminals that call it."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path

from some_sinks import Shelf

from ingest.gateway.journal import Journal
from ingest.gateway.limits import Limits
from ingest.gateway.roster import Roster
from ingest.gateway.server import Gateway
from ingest.jt808.dialect import load_dialects
from ingest.jt808.encode import Report
from ingest.jt808.terminal import Terminal

#: 2026-11-16T22:00:00+08:00.
FIX_MS = 1_794_837_600_000
PLATES = {f"0139{n:08d}": f"苏A{n:05d}" for n in range(200)}


def report(n: int = 0, **more: object) -> Report:
    told = {"time_ms": FIX_MS + 10_000 * n, "lon": 118.78 + n * 1e-4, "lat": 32.04, "speed_kmh": 36.0, "load": "full"}
    return Report(**{**told, **more})  # type: ignore[arg-type]


def terminal(n: int = 0, version: int = 2013, **more: object) -> Terminal:
    phone = f"0139{n:08d}"
    return Terminal("00000000" + phone if version == 2019 else phone, PLATES[phone], version, **more)  # type: ignore[arg-type]


def fixes(shelf: Shelf) -> list[dict[str, object]]:
    return [json.loads(line) for value in shelf.values() for line in value.split(b"\n")]


def raw(shelf: Shelf) -> list[dict[str, object]]:
    return [json.loads(value) for value in shelf.values("raw-frames")]


@contextlib.asynccontextmanager
async def gateway(
    folder: Path,
    shelf: Shelf,
    plates: Mapping[str, str] | None = PLATES,
    limits: Limits | None = None,
    port: int = 0,
    **journal: int,
) -> AsyncIterator[Gateway]:
    """Runs a gateway; at the end its balance must close."""
    kept = Journal(folder, **journal)
    made = Gateway(Roster(folder, plates, load_dialects()), shelf, kept, limits)
    made.depot.retry_s, made.depot.kafka_wait_s = 0.05, 0.3
    await made.start("127.0.0.1", port)
    try:
        yield made
        assert made.balance.off_by() == 0, made.balance
    finally:
        await made.stop()
    assert made.balance.off_by() == 0 and made.balance.waiting == 0, made.balance


@contextlib.asynccontextmanager
async def signed_on(made: Gateway, who: Terminal) -> AsyncIterator[Terminal]:
    await who.connect(*made.address)
    await who.sign_on()
    try:
        yield who
    finally:
        await who.close()


async def soon(holds: Callable[[], bool], within_s: float = 20.0) -> None:
    """Waits for a condition."""
    async with asyncio.timeout(within_s):
        while not holds():
            await asyncio.sleep(0.005)
