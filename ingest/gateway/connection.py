"""One TCP connection: reads at the pace its terminal is allowed, answers, and ends when a limit says so."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from ingest.gateway.bucket import Bucket
from ingest.gateway.session import Admitted, Session
from ingest.jt808.frames import Framer

if TYPE_CHECKING:
    from ingest.gateway.server import Gateway

log = logging.getLogger("muckwatch.gateway")

#: Answers that a terminal may leave unread before we stop reading from it.
_UNREAD_BYTES = 16 * 1024


class Connection(asyncio.BufferedProtocol):
    """A terminal, or whoever has called."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._limits = gateway.limits
        self._framer = Framer()
        self._transport: asyncio.Transport | None = None
        self.host = ""
        self.peer = ""
        self.terminal = ""
        self.why = "terminal"
        self.session: Session
        self._bucket: Bucket
        self._paused = False
        self._ready_s = 0.0
        self.opened_s = self._last_byte_s = 0.0
        self._begun_s: float | None = None
        self._unread_s: float | None = None

    @property
    def authenticated(self) -> bool:
        """Whether the terminal has shown its code."""
        return self.session.admitted is not None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Lets the connection in, or not."""
        assert isinstance(transport, asyncio.Transport)
        gateway, self._transport = self._gateway, transport
        now_s = self.opened_s = self._last_byte_s = gateway.now_s()
        address = transport.get_extra_info("peername") or ("?", 0)
        self.host, self.peer = address[0], f"{address[0]}:{address[1]}"
        self.session = Session(
            self.peer, gateway.roster, gateway.balance, self._answer, gateway.depot.hand_in, self._admitted
        )
        self._bucket = Bucket.full(self._limits.rate, self._limits.burst, now_s)
        transport.set_write_buffer_limits(high=_UNREAD_BYTES)
        gateway.opened(self)

    def get_buffer(self, sizehint: int) -> memoryview:
        """The buffer of all connections: it is read from at once, before another one is served."""
        return self._gateway.buffer

    def buffer_updated(self, nbytes: int) -> None:
        """Takes in what has come."""
        now_s = self._last_byte_s = self._gateway.now_s()
        self._gateway.balance.bytes_received += nbytes
        wires = self._framer.feed(bytes(self._gateway.buffer[:nbytes]))
        if wires or not self._framer.unended_bytes:
            self._begun_s = None
        if self._framer.unended_bytes and self._begun_s is None:
            self._begun_s = now_s
        for wire in wires:
            self.session.take(wire, now_s)
        if self.session.bad_in_a_row >= self._limits.bad_in_a_row:
            self.close("garbage")
        elif self._framer.unended_bytes > self._limits.unended_bytes:
            self.close("no borders")
        elif wires:
            self._ready_s = now_s + self._bucket.take(len(wires), now_s)
            self._pause_if_needed(now_s)

    def eof_received(self) -> bool:
        """The terminal has nothing more to say; what it has said is still stored, but the connection closes."""
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """Forgets the connection."""
        self.session.close()
        self._gateway.closed(self)

    def pause_writing(self) -> None:
        """The terminal does not read what we answer."""
        self._unread_s = now_s = self._gateway.now_s()
        self._pause_if_needed(now_s)

    def resume_writing(self) -> None:
        """It reads again."""
        self._unread_s = None

    def close(self, why: str) -> None:
        """Ends the connection at once."""
        if self._transport is not None and not self._transport.is_closing():
            self.why = why
            self._transport.abort()

    def stop_reading(self) -> None:
        """Reads nothing more; what was taken in is still answered."""
        self._ready_s = float("inf")
        self._pause_if_needed(self._gateway.now_s())

    def resume_if_ready(self, now_s: float) -> bool:
        """Reads on if nothing stands against it any more; True if the connection need not be asked again."""
        if self._must_wait(now_s):
            return False
        if self._transport is not None and not self._transport.is_closing():
            self._last_byte_s = now_s  # the pause was ours
            if self._begun_s is not None:
                self._begun_s = now_s
            self._transport.resume_reading()
        self._paused = False
        return True

    def sweep(self, now_s: float) -> None:
        """Looks at the limits of time."""
        limits = self._limits
        if not self.authenticated and now_s - self.opened_s > limits.auth_s:
            self.close("not authenticated in time")
        elif self._unread_s is not None and now_s - self._unread_s > limits.unread_s:
            self.close("reads no answers")
        elif self._paused:
            pass
        elif self._begun_s is not None and now_s - self._begun_s > limits.frame_s:
            self.close("frame not ended in time")
        elif now_s - self._last_byte_s > limits.idle_s:
            self.close("idle")
        self.session.tick(now_s)

    def _admitted(self, admitted: Admitted) -> None:
        self._bucket = self._gateway.admitted(self, admitted)
        log.info("%s: terminal %s, plate %r", self.peer, admitted.terminal, admitted.plate)

    def _answer(self, data: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    def _must_wait(self, now_s: float) -> bool:
        return (
            now_s < self._ready_s
            or self._unread_s is not None
            or self.session.waiting >= self._limits.waiting
            or self._gateway.balance.waiting >= self._limits.waiting_in_all
        )

    def _pause_if_needed(self, now_s: float) -> None:
        if not self._paused and self._must_wait(now_s) and self._transport is not None:
            self._paused = True
            self._transport.pause_reading()
            self._gateway.paused.add(self)
