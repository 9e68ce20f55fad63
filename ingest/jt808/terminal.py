"""A terminal for tests and load: registers, authenticates, sends, and waits for each answer as a real one does."""

from __future__ import annotations

import asyncio
import contextlib
import struct
import time
from collections.abc import Iterable
from dataclasses import dataclass, field

from ingest.jt808.encode import (
    DONE,
    REGISTERED,
    Report,
    auth_body,
    batch_body,
    frame,
    frames,
    location_body,
    register_body,
)
from ingest.jt808.frames import Framer
from ingest.jt808.header import LOCATION, Header
from ingest.jt808.messages import (
    AUTH,
    BATCH,
    HEARTBEAT,
    LOGOUT,
    PLATFORM_REPLY,
    REGISTER,
    REGISTER_REPLY,
    Unknown,
    decode,
)

ANSWER_S = 30.0


class NoAnswer(ConnectionError):
    """The gateway did not answer in time, or ended the connection."""


class Denied(Exception):
    """The gateway answered that it does not let this terminal in."""


@dataclass
class Terminal:
    """One terminal; `phone` has 12 digits, or 20 where `version` is 2019.

    Attributes:
        answer_s: how long it waits for an answer.
        latencies_s: of every location that was acknowledged, seconds.
    """

    phone: str
    plate: str
    version: int = 2013
    maker: str = "EEYE"
    model: str = "EGS701"
    code: str = ""
    answer_s: float = ANSWER_S
    latencies_s: list[float] = field(default_factory=list)
    _serial: int = -1
    _waiting: dict[int, asyncio.Future[bytes]] = field(default_factory=dict)
    _reader: asyncio.StreamReader | None = None
    _writer: asyncio.StreamWriter | None = None
    _listening: asyncio.Task[None] | None = None

    async def connect(self, host: str, port: int) -> None:
        """Opens the connection, nothing more."""
        self._reader, self._writer = await asyncio.open_connection(host, port)
        self._listening = asyncio.create_task(self._listen(self._reader))

    async def sign_on(self) -> None:
        """Registers, unless it knows its code, and authenticates.

        Raises:
            Denied: with the result.
        """
        if not self.code or await self._result(AUTH, auth_body(self._form, self.code)) != DONE:
            body = register_body(
                self.version, maker=self.maker, model=self.model, terminal_id=self.phone[-7:], plate=self.plate
            )
            answer = await self.ask(REGISTER, body)
            if answer[2] != REGISTERED:
                raise Denied(f"registration: result {answer[2]}")
            self.code = answer[3:].decode("gbk")
            result = await self._result(AUTH, auth_body(self._form, self.code))
            if result != DONE:
                raise Denied(f"authentication: result {result}")

    async def report(self, report: Report) -> int:
        """Sends a location; the result of the answer (0: it is kept)."""
        begun_s = time.perf_counter()
        result = await self._result(LOCATION, location_body(report))
        if result == DONE:
            self.latencies_s.append(time.perf_counter() - begun_s)
        return result

    async def report_batch(self, reports: Iterable[Report], *, resent: bool = True) -> list[int]:
        """Sends locations in one 0x0704, in parts if it is long; the results of the answers."""
        body = batch_body(reports, resent=resent)
        self._serial += 1
        wires = list(frames(self._header(BATCH, self._serial), body))
        waiting = [self._expect((self._serial + part) % (1 << 16)) for part in range(len(wires))]
        self._serial += len(wires) - 1
        self.write(b"".join(wires))
        return [(await self._answer(one))[4] for one in waiting]

    async def heartbeat(self) -> int:
        """Says that it is there; the result of the answer."""
        return await self._result(HEARTBEAT, b"")

    async def log_out(self) -> int:
        """Gives up its registration; the result of the answer."""
        return await self._result(LOGOUT, b"")

    async def ask(self, message_id: int, body: bytes) -> bytes:
        """Sends a message and waits for the answer to it; the answer's body.

        Raises:
            NoAnswer: if none comes in time, or the connection ends.
        """
        serial = self.next_serial()
        waiting = self._expect(serial)
        self.write(frame(self._header(message_id, serial), body))
        return await self._answer(waiting)

    def next_serial(self) -> int:
        """The serial of the next message."""
        self._serial = (self._serial + 1) % (1 << 16)
        return self._serial

    def write(self, data: bytes) -> None:
        """Sends bytes as they are."""
        assert self._writer is not None
        self._writer.write(data)

    async def close(self) -> None:
        """Ends the connection."""
        if self._writer is not None:
            self._writer.close()
            with contextlib.suppress(ConnectionError):
                await self._writer.wait_closed()
        if self._listening is not None:
            self._listening.cancel()

    @property
    def connected(self) -> bool:
        """Whether the gateway still holds the connection."""
        return self._listening is not None and not self._listening.done()

    @property
    def _form(self) -> int:
        return 2019 if self.version == 2019 else 2013

    def _header(self, message_id: int, serial: int) -> Header:
        return Header(message_id, self._form, int(self.version == 2019), self.phone, serial % (1 << 16))

    async def _result(self, message_id: int, body: bytes) -> int:
        return (await self.ask(message_id, body))[4]

    def _expect(self, serial: int) -> asyncio.Future[bytes]:
        if not self.connected:
            raise NoAnswer("not connected")
        waiting: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._waiting[serial] = waiting
        return waiting

    async def _answer(self, waiting: asyncio.Future[bytes]) -> bytes:
        try:
            return await asyncio.wait_for(waiting, self.answer_s)
        except TimeoutError:
            raise NoAnswer(f"no answer within {self.answer_s:g} s") from None

    async def _listen(self, reader: asyncio.StreamReader) -> None:
        framer = Framer()
        try:
            while data := await reader.read(4096):
                for wire in framer.feed(data):
                    self._take(wire)
        except ConnectionError:
            pass
        finally:
            for waiting in self._waiting.values():
                if not waiting.done():
                    waiting.set_exception(NoAnswer("the connection ended"))
                    waiting.exception()  # whoever waits sees it; nobody need
            self._waiting.clear()

    def _take(self, wire: bytes) -> None:
        header, message = decode(wire)
        if isinstance(message, Unknown) and header.message_id in (PLATFORM_REPLY, REGISTER_REPLY):
            (serial,) = struct.unpack_from(">H", message.body)
            waiting = self._waiting.pop(serial, None)
            if waiting is not None and not waiting.done():
                waiting.set_result(message.body)
