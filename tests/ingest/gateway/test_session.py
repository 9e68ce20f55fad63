"""A conversation with a clock that is moved by hand: parts that are asked for, and given up."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from station import PLATES, report

from ingest.gateway.balance import REASONS, Balance
from ingest.gateway.depot import Ticket
from ingest.gateway.roster import Roster
from ingest.gateway.session import Session
from ingest.jt808.dialect import load_dialects
from ingest.jt808.encode import auth_body, batch_body, frame, frames, register_body
from ingest.jt808.header import Header
from ingest.jt808.messages import RESEND_PARTS, Unknown, decode
from ingest.jt808.parts import ASK_AFTER_S, LIFE_S

PHONE = "013900000001"


class Talk:
    """A session that has authenticated, and what it said and handed in."""

    def __init__(self, folder: Path) -> None:
        self.said: list[bytes] = []
        self.tickets: list[Ticket] = []
        self.balance = Balance()
        self.roster = Roster(folder, PLATES, load_dialects())
        self.session = Session(
            "here", self.roster, self.balance, self.said.append, self.tickets.append, lambda who: None
        )
        about = register_body(2013, maker="E", model="EGS701", terminal_id="1", plate=PLATES[PHONE])
        self.hear(frame(Header(0x0100, 2013, 0, PHONE, 1), about))
        code = self.last[1][3:].decode()
        self.hear(frame(Header(0x0102, 2013, 0, PHONE, 2), auth_body(2013, code)))

    def hear(self, wire: bytes, now_s: float = 0.0) -> None:
        self.session.take(wire[1:-1], now_s)

    @property
    def last(self) -> tuple[int, bytes]:
        header, message = decode(self.said[-1][1:-1])
        assert isinstance(message, Unknown)
        return header.message_id, message.body


@pytest.fixture
def talk(tmp_path: Path) -> Iterator[Talk]:
    made = Talk(tmp_path)
    yield made
    assert made.balance.off_by() == 0
    made.roster.close()


@pytest.fixture
def parts() -> list[bytes]:
    body = batch_body([report(n) for n in range(100)], resent=True)
    return list(frames(Header(0x0704, 2013, 0, PHONE, 65_534), body))


def test_missing_part_is_asked_for_and_the_whole_answered_when_it_is_kept(talk: Talk, parts: list[bytes]) -> None:
    lost = parts.pop(1)
    for wire in parts:
        talk.hear(wire)
    talk.session.tick(ASK_AFTER_S)
    assert len(talk.said) == 2
    talk.session.tick(ASK_AFTER_S + 1)
    assert talk.last == (RESEND_PARTS, bytes.fromhex("fffe 01 0002"))
    talk.hear(lost, ASK_AFTER_S + 2)
    (ticket,) = talk.tickets
    assert len(talk.said) == 3 and talk.balance.waiting == len(parts) + 1
    ticket.done(True)
    assert len(talk.said) == 3 + len(parts) + 1 and talk.balance.fixes == 100
    assert talk.balance.acknowledged == 2 + len(parts) + 1


def test_parts_are_given_up_unanswered(talk: Talk, parts: list[bytes]) -> None:
    talk.hear(parts[0])
    talk.session.tick(LIFE_S + 1)
    assert talk.balance.refused == {"part_lost": 1}
    assert talk.last[0] != 0x8001 or talk.last[1][2:4] != b"\x07\x04"


def test_parts_of_a_body_that_cannot_be_read_are_told_so(talk: Talk) -> None:
    for wire in frames(Header(0x0201, 2013, 0, PHONE, 9, parts=1), b""):
        talk.hear(wire)
    assert talk.balance.refused == {"bad_body": 1}
    short = [frame(Header(0x0200, 2013, 0, PHONE, 20 + n, parts=2, part=n + 1), b"x") for n in range(2)]
    for wire in short:
        talk.hear(wire)
    assert talk.last == (0x8001, bytes.fromhex("0015 0200 02"))
    assert talk.balance.refused == {"bad_body": 3} and not talk.session.waiting


def test_parts_of_messages_without_use_are_not_held(talk: Talk) -> None:
    talk.hear(frame(Header(0x0801, 2013, 0, PHONE, 5, parts=3, part=2), b"half a photo"))
    assert talk.last == (0x8001, bytes.fromhex("0005 0801 03"))
    assert talk.session.waiting == 0


def test_what_was_kept_after_the_terminal_had_gone_is_counted(talk: Talk, parts: list[bytes]) -> None:
    for wire in parts:
        talk.hear(wire)
    talk.session.close()
    talk.tickets[0].done(True)
    assert talk.balance.refused == {"connection_lost": len(parts)} and talk.balance.fixes == 100


def test_every_reason_is_explained() -> None:
    assert all(text and not text.endswith(".") for text in REASONS.values())
    with pytest.raises(AssertionError):
        Balance().refuse("bad luck")
