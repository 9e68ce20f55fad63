"""Stored tracks sent by simulated terminals: what is not acknowledged is kept and sent again, as real ones do."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import polars as pl

from ingest.jt808.encode import DONE, WRONG, Report, muck_item
from ingest.jt808.terminal import Denied, Terminal

#: Reports in one 0x0704.
BATCH_REPORTS = 20
_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.2, 5.0
#: A terminal's first numbers, where a track does not say the terminal's own or says no number.
_INVENTED = "0199"


@dataclass
class Replayed:
    """What came of a replay.

    Attributes:
        fixes: in the tracks.
        acknowledged: the gateway said that it keeps them.
        given_up: not acknowledged within the patience.
        denied: terminals that were not let in, and why.
        connections: that were made.
        latencies_s: from sending a location to its acknowledgement, seconds.
    """

    fixes: int = 0
    acknowledged: int = 0
    given_up: int = 0
    connections: int = 0
    denied: dict[str, str] = field(default_factory=dict)
    latencies_s: list[float] = field(default_factory=list)


async def replay(
    fixes: pl.DataFrame,
    host: str,
    port: int,
    *,
    speed: float = 60.0,
    version: int = 2013,
    patience_s: float = 60.0,
    on_progress: Callable[[Replayed], None] | None = None,
) -> Replayed:
    """Sends fixes, one connection a terminal.

    Args:
        fixes: columns as in `FIX_SCHEMA`.
        host: of the gateway.
        port: of the gateway.
        speed: how many seconds of the tracks pass in one; 0: each report as soon as the one before is answered.
        version: the form of the frames: 2011, 2013 or 2019.
        patience_s: how long a terminal tries to be heard before it gives up what it has left.
        on_progress: called about once a second.
    """
    done = Replayed(fixes=fixes.height)
    first_ms = fixes["time_ms"].min()
    begun_s = asyncio.get_running_loop().time()
    due_s = lambda time_ms: begun_s + (time_ms - first_ms) / 1000 / speed if speed else begun_s
    trucks = [
        _Truck(Terminal(phone, plate, version), reports, due_s, patience_s, done)
        for phone, plate, reports in _by_terminal(fixes, version)
    ]
    running = asyncio.gather(*(truck.drive(host, port) for truck in trucks))
    while not running.done():
        await asyncio.wait([running], timeout=1.0)
        if on_progress:
            on_progress(done)
    await running
    return done


class _Truck:
    """One terminal on its way through its track."""

    def __init__(
        self,
        terminal: Terminal,
        reports: Sequence[Report],
        due_s: Callable[[int], float],
        patience_s: float,
        done: Replayed,
    ) -> None:
        self._terminal, self._reports, self._due_s = terminal, reports, due_s
        self._patience_s, self._done = patience_s, done
        self._next = 0  # everything before it has been acknowledged

    async def drive(self, host: str, port: int) -> None:
        now_s = asyncio.get_running_loop().time
        heard_s, wait_s = now_s(), _FIRST_WAIT_S
        while self._next < len(self._reports):
            before = self._next
            try:
                await self._connected(host, port)
            except Denied as error:
                self._done.denied[self._terminal.plate] = str(error)
                break
            except OSError:
                pass
            finally:
                await self._terminal.close()
            if self._next > before:
                heard_s, wait_s = now_s(), _FIRST_WAIT_S
            elif now_s() - heard_s > self._patience_s:
                break
            await asyncio.sleep(wait_s)
            wait_s = min(2 * wait_s, _LONGEST_WAIT_S)
        self._done.given_up += len(self._reports) - self._next
        self._done.latencies_s += self._terminal.latencies_s

    async def _connected(self, host: str, port: int) -> None:
        now_s = asyncio.get_running_loop().time
        self._terminal.answer_s = self._patience_s
        await self._terminal.connect(host, port)
        self._done.connections += 1
        await self._terminal.sign_on()
        while self._next < len(self._reports):
            await asyncio.sleep(max(0.0, self._due_s(self._reports[self._next].time_ms) - now_s()))
            late = self._overdue(now_s())
            if late > 1 and self._next:  # it was not heard for a while: what has gathered goes in batches
                results = set(await self._terminal.report_batch(self._reports[self._next : self._next + late]))
            else:
                late, results = 1, {await self._terminal.report(self._reports[self._next])}
            if results - {DONE, WRONG}:
                raise ConnectionError("not let in any more")
            self._next += late
            self._done.acknowledged += late if results == {DONE} else 0

    def _overdue(self, now_s: float) -> int:
        """How many reports have been due for a second."""
        ahead = self._reports[self._next : self._next + BATCH_REPORTS]
        speedless = self._due_s(ahead[0].time_ms) == self._due_s(ahead[-1].time_ms) and len(ahead) > 1
        return 1 if speedless else sum(self._due_s(one.time_ms) < now_s - 1.0 for one in ahead)


def _by_terminal(fixes: pl.DataFrame, version: int) -> Iterator[tuple[str, str, list[Report]]]:
    """Number, plate and reports of each terminal, in the order of time."""
    digits = 20 if version == 2019 else 12
    ordered = fixes.sort("time_ms", maintain_order=True).partition_by("plate", "terminal", as_dict=True)
    for number, ((plate, terminal), track) in enumerate(sorted(ordered.items())):
        own = terminal.isascii() and terminal.isdecimal() and len(terminal) <= digits
        phone = (terminal if own else f"{_INVENTED}{number:08d}").rjust(digits, "0")
        yield phone, plate, [_report(row) for row in track.iter_rows(named=True)]


def _report(row: dict[str, object]) -> Report:
    told = row["lift"] is not None or row["cover"] is not None
    return Report(
        time_ms=row["time_ms"],  # type: ignore[arg-type]
        lon=row["lon"],  # type: ignore[arg-type]
        lat=row["lat"],  # type: ignore[arg-type]
        speed_kmh=row["speed_kmh"] or 0.0,  # type: ignore[arg-type]
        heading_deg=row["heading_deg"] or 0.0,  # type: ignore[arg-type]
        acc=row["acc"] is not False,
        valid=bool(row["valid"]),
        load=row["load"],  # type: ignore[arg-type]
        mileage_km=row["mileage_km"],  # type: ignore[arg-type]
        items=(muck_item(lift=row["lift"], cover=row["cover"]),) if told else (),  # type: ignore[arg-type]
    )
