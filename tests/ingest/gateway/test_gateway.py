"""Terminals and the gateway: who is let in, what is answered, what is kept."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import pytest
from loops import run_async
from some_sinks import Shelf
from station import FIX_MS, PLATES, fixes, gateway, raw, report, signed_on, soon, terminal

from ingest.jt808.encode import auth_body, batch_body, frames, location_body, muck_item, register_body
from ingest.jt808.frames import Framer, sealed
from ingest.jt808.header import Header, write_header
from ingest.jt808.messages import Unknown, decode
from ingest.jt808.terminal import Denied, NoAnswer, Terminal


@pytest.mark.parametrize("version", [2011, 2013, 2019])
def test_a_terminals_day(tmp_path: Path, version: int) -> None:
    async def day() -> None:
        shelf = Shelf()
        async with gateway(tmp_path, shelf) as made, signed_on(made, terminal(7, version)) as truck:
            assert await truck.heartbeat() == 0
            assert await truck.report(report(0, items=(muck_item(lift=False, cover=True),))) == 0
            assert await truck.report_batch([report(n) for n in range(1, 4)]) == [0]
            assert fixes(shelf)[0] == {
                "plate": "苏A00007",
                "terminal": "013900000007",
                "time": FIX_MS,
                "lon": 118.78,
                "lat": 32.04,
                "speed_kmh": 36.0,
                "heading_deg": 0,
                "load": "full",
                "lift": False,
                "cover": True,
                "acc": True,
                "valid": True,
            }
            assert [fix["time"] for fix in fixes(shelf)] == [FIX_MS + 10_000 * n for n in range(4)]
            assert {record.key for record in shelf.kept} == {"苏A00007".encode()}
            first, second = raw(shelf)
            assert first["plate"] == "苏A00007" and first["dialect"] == "egs701" and "refused" not in first
            assert decode(bytes.fromhex(str(second["hex"]))[1:-1])[0].message_id == 0x0704
            assert await truck.log_out() == 0
            assert await truck.report(report(9)) == 1
            assert made.balance.acknowledged == 6 and made.balance.refused == {"not_authenticated": 1}
            assert made.balance.fixes == 4

    run_async(day())


def test_code_opens_later_connections_also_after_a_restart(tmp_path: Path) -> None:
    async def two_days() -> None:
        truck = terminal(3)
        for _ in range(2):
            shelf = Shelf()
            async with gateway(tmp_path, shelf) as made, signed_on(made, truck):
                await truck.report(report(items=(muck_item(lift=True, cover=None),)))
                assert fixes(shelf)[0]["lift"] is True
        assert made.balance.acknowledged == 2  # the second day it authenticated at once
        (tmp_path / "terminals.jsonl").unlink()
        async with gateway(tmp_path, Shelf()) as made, signed_on(made, truck):
            assert made.balance.refused == {"wrong_code": 1} and made.balance.acknowledged == 2

    run_async(two_days())


@pytest.mark.parametrize(
    ("who", "result", "reason"),
    [
        (Terminal("018800000001", "苏A00001"), 4, "unknown_terminal"),
        (Terminal("013900000001", "苏A00002"), 2, "other_plate"),
    ],
)
def test_registry_decides_who_is_let_in(tmp_path: Path, who: Terminal, result: int, reason: str) -> None:
    async def call() -> None:
        async with gateway(tmp_path, Shelf()) as made:
            await who.connect(*made.address)
            with pytest.raises(Denied, match=str(result)):
                await who.sign_on()
            assert made.balance.refused == {reason: 1} and made.balance.online == 0
            await who.close()

    run_async(call())


@pytest.mark.parametrize(
    ("registered", "phone", "terminal_of_fix"),
    [
        ("13900000001", "013900000001", "13900000001"),
        ("013900000001", "00000000013900000001", "013900000001"),
        ("00000000013900000001", "00000000013900000001", "00000000013900000001"),
    ],
)
def test_number_is_found_with_or_without_padding_and_told_as_the_registry_does(
    tmp_path: Path, registered: str, phone: str, terminal_of_fix: str
) -> None:
    async def call() -> None:
        shelf, who = Shelf(), Terminal(phone, "苏A1", 2019 if len(phone) == 20 else 2013)
        async with gateway(tmp_path, shelf, {registered: "苏A1"}) as made, signed_on(made, who):
            await who.report(report())
        assert fixes(shelf)[0]["terminal"] == terminal_of_fix

    run_async(call())


def test_without_a_registry_the_terminals_word_is_taken(tmp_path: Path) -> None:
    async def call() -> None:
        shelf, who, nobody = Shelf(), Terminal("018800000001", "粤B88888"), Terminal("018800000002", "")
        async with gateway(tmp_path, shelf, None) as made, signed_on(made, who):
            await who.report(report())
            await nobody.connect(*made.address)
            with pytest.raises(Denied):
                await nobody.sign_on()
            await nobody.close()
        assert (fixes(shelf)[0]["plate"], fixes(shelf)[0]["terminal"]) == ("粤B88888", "018800000001")

    run_async(call())


def test_nothing_is_taken_before_authentication_or_for_another_terminal(tmp_path: Path) -> None:
    async def call() -> None:
        shelf, truck, other = Shelf(), terminal(1), terminal(2)
        async with gateway(tmp_path, shelf) as made:
            await truck.connect(*made.address)
            assert await truck.report(report()) == 1
            assert await truck.heartbeat() == 1
            assert (await truck.ask(0x0102, auth_body(2013, "0123456789abcdef")))[4] == 1
            await truck.sign_on()
            truck.phone = other.phone
            assert await truck.report(report()) == 1
            assert not fixes(shelf)
            assert made.balance.refused == {"not_authenticated": 2, "wrong_code": 1, "other_terminal": 1}
            await truck.close()

    run_async(call())


def test_newest_of_two_with_one_number_wins_and_both_are_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def call() -> None:
        caplog.set_level(logging.WARNING, "muckwatch.gateway")
        shelf, older, newer = Shelf(), terminal(1), terminal(1)
        async with gateway(tmp_path, shelf) as made, signed_on(made, older):
            await newer.connect(*made.address)
            assert await older.report(report(0)) == 0  # a mere connection takes nothing over
            await newer.sign_on()
            await soon(lambda: not older.connected)
            assert await newer.report(report(1)) == 0
            assert made.balance.replaced == 1 and made.balance.online == 1
            assert made.balance.closed == {"replaced by a newer one": 1}
            await newer.close()
        (said,) = [r.getMessage() for r in caplog.records if "twice" in r.getMessage()]
        assert said.count("127.0.0.1:") == 2 and "013900000001" in said

    run_async(call())


def test_messages_without_use_are_answered_as_such_and_replies_not_at_all(tmp_path: Path) -> None:
    async def call() -> None:
        async with gateway(tmp_path, Shelf()) as made, signed_on(made, terminal()) as truck:
            assert (await truck.ask(0x0801, b"photo"))[4] == 3
            assert (await truck.ask(0x0900, bytes(1000)))[4] == 3
            truck.answer_s = 0.1
            with pytest.raises(NoAnswer):
                await truck.ask(0x0001, bytes(5))
            assert made.balance.refused == {"unsupported": 2}

    run_async(call())


def test_long_batch_comes_in_parts_and_each_is_acknowledged_when_all_is_kept(tmp_path: Path) -> None:
    async def call() -> None:
        shelf = Shelf()
        async with gateway(tmp_path, shelf) as made, signed_on(made, terminal()) as truck:
            results = await truck.report_batch([report(n) for n in range(250)])
            assert len(results) > 3 and set(results) == {0}
            assert [fix["time"] for fix in fixes(shelf)] == [FIX_MS + 10_000 * n for n in range(250)]
            assert len(shelf.values()) == 3  # a hundred a record
            assert len(raw(shelf)) == len(results)

    run_async(call())


def test_parts_that_never_complete_are_not_acknowledged(tmp_path: Path) -> None:
    async def call() -> None:
        shelf = Shelf()
        async with gateway(tmp_path, shelf) as made, signed_on(made, terminal()) as truck:
            header = Header(0x0704, 2013, 0, truck.phone, 500)
            first, *_, last = frames(header, batch_body([report(n) for n in range(100)], resent=True))
            truck.write(first + last + last)
            await truck.heartbeat()
            assert not fixes(shelf)
            assert made.balance.waiting == 2 and made.balance.refused == {"part_lost": 1}
        assert made.balance.refused == {"part_lost": 1, "connection_lost": 2}

    run_async(call())


def test_damaged_batch_is_kept_as_far_as_it_goes_and_not_called_done(tmp_path: Path) -> None:
    async def call() -> None:
        shelf = Shelf()
        async with gateway(tmp_path, shelf) as made, signed_on(made, terminal()) as truck:
            body = batch_body([report(n) for n in range(5)], resent=True)[:-3]
            assert (await truck.ask(0x0704, body))[4] == 2
            assert len(fixes(shelf)) == 4
            assert raw(shelf)[0]["refused"] == "damaged_batch"
            assert made.balance.refused == {"damaged_batch": 1}

    run_async(call())


def test_version_flag_that_lies_is_answered_in_the_true_form(tmp_path: Path) -> None:
    async def call() -> None:
        shelf, truck = Shelf(), terminal(5)
        async with gateway(tmp_path, shelf) as made:
            reader, writer = await asyncio.open_connection(*made.address)
            framer = Framer()

            async def say(message_id: int, serial: int, body: bytes) -> tuple[Header, bytes]:
                content = bytearray(write_header(Header(message_id, 2013, 0, truck.phone, serial), len(body)) + body)
                content[2] ^= 0x40
                writer.write(sealed(bytes(content)))
                answers: list[bytes] = []
                while not answers:
                    got = await reader.read(1000)
                    assert got, "the connection was closed without an answer"
                    answers += framer.feed(got)
                (answer,) = answers
                header, message = decode(answer)
                assert isinstance(message, Unknown)
                return header, message.body

            about = register_body(2013, maker="LIAR", model="X", terminal_id="1", plate=truck.plate)
            header, body = await say(0x0100, 1, about)
            assert header.version == 2013 and header.phone == truck.phone and body[2] == 0
            await say(0x0102, 2, body[3:])
            assert (await say(0x0200, 3, location_body(report())))[1][4] == 0
            assert fixes(shelf)[0]["plate"] == PLATES[truck.phone]
            assert made.balance.flag_lies == 3
            writer.close()

    run_async(call())
