"""One terminal's conversation: frames in, answers out; what must be kept is handed in and answered when it is."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

import msgspec

from ingest.gateway.balance import Balance
from ingest.gateway.depot import Ticket
from ingest.gateway.outgoing import FIXES, RAW_FRAMES, Outgoing
from ingest.gateway.roster import Refused, Roster
from ingest.jt808 import encode
from ingest.jt808.dialect import Dialect
from ingest.jt808.fixes import to_fix
from ingest.jt808.frames import BadFrame
from ingest.jt808.header import LOCATION, Header
from ingest.jt808.location import Batch, Location
from ingest.jt808.messages import (
    BATCH,
    LOCATION_ANSWER,
    Authenticate,
    Heartbeat,
    Logout,
    Message,
    Part,
    Register,
    TerminalReply,
    decode,
    read_body,
)
from ingest.jt808.parts import Joiner

log = logging.getLogger("muckwatch.gateway")

FIXES_A_RECORD = 100
_JOINED = (LOCATION, BATCH, LOCATION_ANSWER)
_RESULTS = {"unknown_terminal": encode.NO_SUCH_TERMINAL, "other_plate": encode.NO_SUCH_VEHICLE}


@dataclass(frozen=True)
class Admitted:
    """Who authenticated: the number as the registry writes it, the plate and the dialect."""

    terminal: str
    plate: str
    dialect: Dialect


@dataclass
class Session:
    """The state of one connection's conversation; belongs to the event loop's thread.

    Attributes:
        peer: where the connection comes from, for the log and the raw frames.
        answer: sends bytes to the terminal.
        hand_in: queues a ticket for storing.
        admitted_now: told each time the terminal authenticates.
        waiting: frames that are not answered yet.
        bad_in_a_row: bad frames since the last good one.
        closed: the terminal can no longer be told anything.
    """

    peer: str
    roster: Roster
    balance: Balance
    answer: Callable[[bytes], None]
    hand_in: Callable[[Ticket], None]
    admitted_now: Callable[[Admitted], None]
    admitted: Admitted | None = None
    phone: str = ""
    waiting: int = 0
    bad_in_a_row: int = 0
    closed: bool = False
    joiner: Joiner = field(default_factory=Joiner)
    _serial: int = -1

    def take(self, wire: bytes, now_s: float) -> None:
        """Takes what stood between two flags."""
        self.balance.received += 1
        try:
            header, message = decode(wire)
        except BadFrame as error:
            self._refuse_bad(wire, error)
            return
        self.bad_in_a_row = 0
        self.balance.flag_lies += header.flag_lies
        self.balance.length_lies += header.length_lies
        match message:
            case Register():
                self._register(header, message)
            case Authenticate():
                self._authenticate(header, message)
            case _ if self.admitted is None:
                self._reply(header, encode.FAILED, "not_authenticated")
            case _ if header.phone != self.phone:
                self._reply(header, encode.FAILED, "other_terminal")
            case _:
                self._take_admitted(header, message, wire, now_s, self.admitted)

    def tick(self, now_s: float) -> None:
        """Gives up parts that waited too long, and asks for those that are missing."""
        self._lose(self.joiner.expire(now_s))
        for unfinished in self.joiner.to_ask_for(now_s):
            asked = encode.resend_request(
                unfinished.header, self._next_serial(), unfinished.first_serial, unfinished.missing
            )
            self.answer(asked)

    def close(self) -> None:
        """The connection is gone."""
        self.closed = True
        held = self.joiner.drop_all()
        self.waiting -= len(held)
        self.balance.waiting -= len(held)
        self.balance.refuse("connection_lost", len(held))

    def _take_admitted(self, header: Header, message: Message, wire: bytes, now_s: float, who: Admitted) -> None:
        match message:
            case Location() | Batch():
                self._wait_for(1)
                self._store([header], [wire], message, who)
            case Part() if header.message_id in _JOINED:
                self._join(header, message, wire, now_s, who)
            case Heartbeat():
                self._reply(header, encode.DONE)
            case Logout():
                self._reply(header, encode.DONE)
                self.admitted = None
            case TerminalReply():
                self.balance.acknowledged += 1
            case _:
                self._reply(header, encode.UNSUPPORTED, "unsupported")

    def _register(self, header: Header, said: Register) -> None:
        try:
            code = self.roster.register(header.phone, said)
        except Refused as error:
            log.warning("%s: registration refused: %s", self.peer, error)
            self.balance.refuse(error.reason)
            self.answer(encode.register_reply(header, self._next_serial(), _RESULTS[error.reason]))
            return
        self.balance.acknowledged += 1
        self.answer(encode.register_reply(header, self._next_serial(), encode.REGISTERED, code))

    def _authenticate(self, header: Header, said: Authenticate) -> None:
        try:
            admitted = Admitted(*self.roster.authenticate(header.phone, said.code))
        except Refused as error:
            log.warning("%s: authentication refused: %s", self.peer, error)
            self._reply(header, encode.FAILED, error.reason)
            return
        self.admitted, self.phone = admitted, header.phone
        self._reply(header, encode.DONE)
        self.admitted_now(admitted)

    def _join(self, header: Header, part: Part, wire: bytes, now_s: float, who: Admitted) -> None:
        self._wait_for(1)
        joined, dropped = self.joiner.add(header, part.data, now_s, wire)
        self._lose(dropped)
        if joined is None:
            return
        try:
            message = read_body(joined.header, joined.body)
        except BadFrame as error:
            self._settle(len(joined.headers))
            for each in joined.headers:
                self._reply(each, encode.WRONG, error.reason)
            return
        assert isinstance(message, Location | Batch)
        self._store(joined.headers, joined.wires, message, who)

    def _store(
        self, headers: Sequence[Header], wires: Sequence[bytes], message: Location | Batch, who: Admitted
    ) -> None:
        locations = message.locations if isinstance(message, Batch) else (message,)
        damaged = isinstance(message, Batch) and not message.whole
        key = who.plate.encode()
        lines = [msgspec.json.encode(to_fix(one, who.dialect, who.plate, who.terminal)) for one in locations]
        cuts = range(0, len(lines), FIXES_A_RECORD)
        records = [Outgoing(FIXES, key, b"\n".join(lines[at : at + FIXES_A_RECORD])) for at in cuts]
        records += [self._raw(wire, who, "damaged_batch" if damaged else None) for wire in wires]
        self.hand_in(Ticket(records, partial(self._stored, headers, len(lines), damaged, time.monotonic())))

    def _stored(self, headers: Sequence[Header], fixes: int, damaged: bool, begun_s: float, kept: bool) -> None:
        self._settle(len(headers))
        if not kept:
            self.balance.refuse("not_stored", len(headers))
            return
        self.balance.fixes += fixes
        self.balance.waited(time.monotonic() - begun_s)
        if self.closed:
            self.balance.refuse("connection_lost", len(headers))
            return
        for header in headers:
            if damaged:
                self._reply(header, encode.WRONG, "damaged_batch")
            else:
                self._reply(header, encode.DONE)

    def _refuse_bad(self, wire: bytes, error: BadFrame) -> None:
        self.balance.refuse(error.reason)
        self.bad_in_a_row += 1
        if self.bad_in_a_row == 1:
            log.info("%s: bad frame: %s: %s", self.peer, error, wire[:64].hex())
        if self.admitted is not None:  # kept as evidence where it is known whose it is; nobody waits for it
            self.hand_in(Ticket([self._raw(wire, self.admitted, error.reason)], lambda kept: None))

    def _raw(self, wire: bytes, who: Admitted, refused: str | None) -> Outgoing:
        told = {
            "received_ms": time.time_ns() // 1_000_000,
            "terminal": who.terminal,
            "plate": who.plate,
            "dialect": who.dialect.name,
            "from": self.peer,
            "hex": f"7e{wire.hex()}7e",
        }
        return Outgoing(
            RAW_FRAMES, who.plate.encode(), msgspec.json.encode(told | ({"refused": refused} if refused else {}))
        )

    def _reply(self, header: Header, result: int, refused: str | None = None) -> None:
        if refused is None:
            self.balance.acknowledged += 1
        else:
            self.balance.refuse(refused)
        self.answer(encode.general_reply(header, self._next_serial(), result))

    def _lose(self, headers: Sequence[Header]) -> None:
        self._settle(len(headers))
        self.balance.refuse("part_lost", len(headers))

    def _wait_for(self, frames: int) -> None:
        self.waiting += frames
        self.balance.waiting += frames

    def _settle(self, frames: int) -> None:
        self.waiting -= frames
        self.balance.waiting -= frames

    def _next_serial(self) -> int:
        self._serial = (self._serial + 1) % (1 << 16)
        return self._serial
