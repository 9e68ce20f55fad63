"""The gateway as a whole: listens, lets in, sweeps, and stops without losing what it has taken in."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import time
from collections import Counter, OrderedDict
from collections.abc import Sequence

from ingest.gateway.balance import Balance
from ingest.gateway.bucket import Bucket
from ingest.gateway.connection import Connection
from ingest.gateway.depot import Depot, Sink, Ticket
from ingest.gateway.journal import Journal
from ingest.gateway.limits import Limits, with_files
from ingest.gateway.roster import Roster
from ingest.gateway.session import Admitted

log = logging.getLogger("muckwatch.gateway")

BACKLOG = 4096
_READ_BYTES = 8 * 1024  # small, so that who sends much does not hold up the others for long
_KERNEL_BYTES = 32 * 1024  # what the kernel may hold each way for one connection
_RESUME_EVERY_S = 0.05
_SWEEP_EVERY_S = 1.0


class Gateway:
    """JT/T 808 terminals over TCP into a sink, with a journal beside it."""

    def __init__(self, roster: Roster, sink: Sink, journal: Journal, limits: Limits | None = None) -> None:
        self.limits = with_files(limits or Limits())
        self.roster = roster
        self.balance = Balance()
        self.journal = journal
        self.depot = Depot(sink, journal, self._finished)
        self.buffer = memoryview(bytearray(_READ_BYTES))
        self.now_s = time.monotonic
        self.paused: set[Connection] = set()
        self._connections: set[Connection] = set()
        self._strangers: OrderedDict[Connection, None] = OrderedDict()
        self._hosts: Counter[str] = Counter()
        self._online: dict[str, Connection] = {}
        self._buckets: dict[str, Bucket] = {}
        self._loop: asyncio.AbstractEventLoop
        self._server: asyncio.Server
        self._sweeper: asyncio.Task[None]

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens."""
        host, port = self._server.sockets[0].getsockname()[:2]
        return host, port

    async def start(self, host: str, port: int) -> None:
        """Listens; port 0 lets the system choose one.

        Raises:
            OSError: if it cannot.
        """
        self._loop = asyncio.get_running_loop()
        self._server = await self._loop.create_server(lambda: Connection(self), host, port, backlog=BACKLOG)
        for listening in self._server.sockets:  # connections inherit it
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _KERNEL_BYTES)
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _KERNEL_BYTES)
        self.depot.start()
        self._sweeper = asyncio.create_task(self._sweep())

    async def stop(self) -> None:
        """Stops reading, stores and answers what was taken in, then closes every connection."""
        self._server.close()
        self._sweeper.cancel()
        for connection in self._connections:
            connection.stop_reading()
        await asyncio.to_thread(self.depot.close)
        await asyncio.sleep(0)  # what the depot's threads said last
        for connection in list(self._connections):
            connection.close("gateway stops")
        while self._connections:
            await asyncio.sleep(0)
        self.roster.close()

    def opened(self, connection: Connection) -> None:
        """A connection is there; it, or the oldest stranger, goes where there are too many."""
        self.balance.opened += 1
        self._connections.add(connection)
        self._strangers[connection] = None
        self._hosts[connection.host] += 1
        self.balance.connections = len(self._connections)
        if len(self._connections) > self.limits.connections:
            connection.close("too many connections")
        elif self._hosts[connection.host] > self.limits.per_host:
            connection.close("too many from one address")
        elif len(self._strangers) > self.limits.strangers:
            oldest, _ = self._strangers.popitem(last=False)
            oldest.close("made room for a newer one")

    def closed(self, connection: Connection) -> None:
        """A connection is gone."""
        self._connections.discard(connection)
        self._strangers.pop(connection, None)
        self.paused.discard(connection)
        self._hosts -= Counter({connection.host: 1})
        if self._online.get(connection.terminal) is connection:
            del self._online[connection.terminal]
        self.balance.closed[connection.why] += 1
        self.balance.connections, self.balance.online = len(self._connections), len(self._online)

    def admitted(self, connection: Connection, who: Admitted) -> Bucket:
        """A terminal has authenticated: an older connection of it ends. Returns the terminal's own bucket."""
        self._strangers.pop(connection, None)
        older = self._online.get(who.terminal)
        if connection.terminal != who.terminal and self._online.get(connection.terminal) is connection:
            del self._online[connection.terminal]
        self._online[who.terminal] = connection
        connection.terminal = who.terminal
        if older is not None and older is not connection:
            log.warning(
                "terminal %s is there twice: %s is newer and stays, %s is closed",
                who.terminal,
                connection.peer,
                older.peer,
            )
            self.balance.replaced += 1
            older.close("replaced by a newer one")
        self.balance.online = len(self._online)
        now_s = self.now_s()
        return self._buckets.setdefault(who.terminal, Bucket.full(self.limits.rate, self.limits.burst, now_s))

    def _finished(self, tickets: Sequence[Ticket], kept: bool) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody is left to be told
            self._loop.call_soon_threadsafe(self._tell, tickets, kept)

    def _tell(self, tickets: Sequence[Ticket], kept: bool) -> None:
        for ticket in tickets:
            ticket.done(kept)

    async def _sweep(self) -> None:
        swept_s = self.now_s()
        while True:
            await asyncio.sleep(_RESUME_EVERY_S)
            now_s = self.now_s()
            self.paused -= {connection for connection in self.paused if connection.resume_if_ready(now_s)}
            if now_s - swept_s >= _SWEEP_EVERY_S:
                swept_s = now_s
                for connection in list(self._connections):
                    connection.sweep(now_s)
