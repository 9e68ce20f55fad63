"""The command with a real Kafka: broker and gateway are stopped and killed, and nothing that was told is lost."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

from loops import run_async

from bench.gateway import Fleet, drive, figures, gateway_process, kept, losses
from tools.broker import Broker

TERMINALS = 30


def test_what_was_acknowledged_survives_brokers_and_gateways(broker: Broker, tmp_path: Path) -> None:
    fleet = Fleet()
    folder = tmp_path / "journal"

    async def acknowledged(more: int) -> None:
        wanted = sum(map(len, fleet.acknowledged.values())) + more
        async with asyncio.timeout(60):
            while sum(map(len, fleet.acknowledged.values())) < wanted:
                await asyncio.sleep(0.02)

    async def first() -> None:
        with gateway_process(broker.address, folder, None) as (process, address, page):
            trucks = [asyncio.create_task(drive(fleet, n, address, 0.2)) for n in range(TERMINALS)]
            await acknowledged(150)
            broker.send(signal.SIGSTOP)
            await acknowledged(150)
            async with asyncio.timeout(60):  # a fast machine has them before the gateway misses Kafka
                while (await asyncio.to_thread(figures, page))["kafka_up"]:
                    await asyncio.sleep(0.05)
            await acknowledged(50)
            broker.send(signal.SIGCONT)
            await acknowledged(60)
            broker.kill()
            await acknowledged(150)
            process.kill()  # with what the broker has not got in its journal
            for truck in trucks:
                truck.cancel()
            await asyncio.gather(*trucks, return_exceptions=True)

    async def second() -> None:
        with gateway_process(broker.address, folder, None) as (process, address, page):
            fleet.stopping = False
            trucks = [asyncio.create_task(drive(fleet, 100 + n, address, 0.2)) for n in range(TERMINALS)]
            await acknowledged(60)
            await asyncio.to_thread(broker.start)
            async with asyncio.timeout(60):
                while not (told := await asyncio.to_thread(figures, page))["kafka_up"] or told["journal_bytes"]:
                    await asyncio.sleep(0.05)
            await acknowledged(60)
            fleet.stopping = True
            await asyncio.gather(*trucks)
            told = await asyncio.to_thread(figures, page)
            assert told["frames_off_balance"] == 0 and told["records_drained_total"] > 0
            process.send_signal(signal.SIGTERM)
            assert await asyncio.to_thread(process.wait, 30) == 0

    run_async(first())
    run_async(second())
    there = kept(broker.address)
    assert losses(fleet.acknowledged, there) == (0, 0)
    assert len(there) == 2 * TERMINALS


def test_check_for_losses_sees_one() -> None:
    assert losses({"a": [1, 2, 3]}, {"a": [1, 2, 3, 4]}) == (0, 0)
    assert losses({"a": [1, 2, 3], "b": [1]}, {"a": [1, 3]}) == (2, 0)
    assert losses({"a": [1, 2, 3]}, {"a": [1, 3, 2]}) == (0, 1)
