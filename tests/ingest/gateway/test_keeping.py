"""What the gateway took in while Kafka was away, nothing could be kept, or it was stopped."""

from __future__ import annotations

import asyncio
import resource
from pathlib import Path

import pytest
from loops import run_async
from some_sinks import Shelf
from station import FIX_MS, fixes, gateway, report, signed_on, soon, terminal

from ingest.jt808.terminal import NoAnswer


def test_kafka_away_changes_nothing_for_terminals(tmp_path: Path) -> None:
    async def call() -> None:
        shelf = Shelf()
        async with gateway(tmp_path, shelf) as made, signed_on(made, terminal()) as truck:
            await soon(lambda: made.depot.health.kafka)
            for n in range(30):
                shelf.up = not 10 <= n < 20
                assert await truck.report(report(n)) == 0
            await soon(lambda: made.journal.empty)
            assert [fix["time"] for fix in fixes(shelf)] == [FIX_MS + 10_000 * n for n in range(30)]
            assert made.depot.health.journaled >= 20 and made.depot.health.drained >= 20

    run_async(call())


@pytest.mark.parametrize("full", ["journal", "disk"])
def test_where_nothing_can_be_kept_nothing_is_acknowledged_until_it_can(tmp_path: Path, full: str) -> None:
    """A limit on the size of files stands for the disk; the kernel refuses either in the same way."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    bound = {"max_bytes": 3000} if full == "journal" else {}

    async def call() -> None:
        shelf = Shelf(up=False)
        async with gateway(tmp_path, shelf, **bound) as made, signed_on(made, terminal()) as truck:
            truck.answer_s = 0.3
            if full == "disk":
                resource.setrlimit(resource.RLIMIT_FSIZE, (3000, hard))
            kept = 0
            with pytest.raises(NoAnswer):
                while await truck.report(report(kept)) == 0:
                    kept += 1
            assert kept > 2 and not made.depot.health.good
            assert made.balance.refused == {"not_stored": 1}
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
            shelf.up, truck.answer_s = True, 20.0
            await soon(lambda: made.depot.health.kafka)
            assert await truck.report(report(kept)) == 0  # the terminal sends it again
            assert [fix["time"] for fix in fixes(shelf)] == [FIX_MS + 10_000 * n for n in range(kept + 1)]
            assert made.depot.health.good

    try:
        run_async(call())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_stopping_answers_what_was_taken_in(tmp_path: Path) -> None:
    async def call() -> None:
        shelf = Shelf()
        async with gateway(tmp_path, shelf) as made:
            truck = terminal()
            await truck.connect(*made.address)
            await truck.sign_on()
            asked = [asyncio.create_task(truck.report(report(n))) for n in range(50)]
            await soon(lambda: made.balance.received == 52)
        assert [await one for one in asked] == [0] * 50
        assert len(fixes(shelf)) == 50

    run_async(call())
