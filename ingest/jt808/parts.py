"""Messages that come in several parts: joined when all are there, within bounds of number, bytes and time."""

from __future__ import annotations

from dataclasses import dataclass, field

from ingest.jt808.header import Header

PARTS_MAX = 64
HELD_MAX_BYTES = 256 * 1024
MESSAGES_MAX = 4
LIFE_S = 60.0
ASK_AFTER_S = 5.0

_SERIALS = 1 << 16


@dataclass
class Unfinished:
    """Parts of one message so far."""

    header: Header
    first_serial: int
    begun_s: float
    parts: dict[int, bytes] = field(default_factory=dict)
    headers: dict[int, Header] = field(default_factory=dict)
    wires: dict[int, bytes] = field(default_factory=dict)
    asked: bool = False

    @property
    def missing(self) -> list[int]:
        """Numbers of the parts that have not come, from 1."""
        return [number for number in range(1, self.header.parts + 1) if number not in self.parts]


@dataclass(frozen=True)
class Joined:
    """A message whose parts are all there.

    Attributes:
        header: of the first part.
        body: all parts, one behind the other.
        headers: of every part, each of which is owed an answer.
        wires: the parts as they came.
    """

    header: Header
    body: bytes
    headers: tuple[Header, ...]
    wires: tuple[bytes, ...]


class Joiner:
    """Joins the parts that one connection sends. Parts may come in any order and more than once.

    What is dropped for want of room or time is reported, never silently lost: the terminal was not answered and sends
    it again.
    """

    def __init__(self) -> None:
        self._open: dict[tuple[int, int, int], Unfinished] = {}
        self._held_bytes = 0

    def add(self, header: Header, data: bytes, now_s: float, wire: bytes = b"") -> tuple[Joined | None, list[Header]]:
        """Takes a part in.

        Args:
            header: the part's.
            data: the part.
            now_s: monotonic seconds.
            wire: the frame as it came, to be kept with the rest.

        Returns:
            The message, if that was its last part; and the headers of parts that were dropped to make room, this
            one's among them if it can never be joined, or is a repeat.
        """
        if header.parts > PARTS_MAX:
            return None, [header]
        first = (header.serial - header.part + 1) % _SERIALS
        key = (header.message_id, header.parts, first)
        dropped: list[Header] = []
        if key not in self._open:
            if len(self._open) >= MESSAGES_MAX:
                dropped += self._drop(next(iter(self._open)))
            self._open[key] = Unfinished(header, first, now_s)
        unfinished = self._open[key]
        if header.part in unfinished.parts:
            return None, [*dropped, header]
        unfinished.parts[header.part], unfinished.headers[header.part] = data, header
        unfinished.wires[header.part] = wire
        self._held_bytes += len(data) + len(wire)
        if not unfinished.missing:
            return self._finish(key), dropped
        while self._held_bytes > HELD_MAX_BYTES:
            dropped += self._drop(next(iter(self._open)))
        return None, dropped

    def expire(self, now_s: float) -> list[Header]:
        """Drops what was begun too long ago; the headers of the parts."""
        old = [key for key, unfinished in self._open.items() if now_s - unfinished.begun_s > LIFE_S]
        return [header for key in old for header in self._drop(key)]

    def to_ask_for(self, now_s: float) -> list[Unfinished]:
        """Messages that wait for a part so long that the terminal should be asked for it; each is told once."""
        waiting = [u for u in self._open.values() if not u.asked and now_s - u.begun_s > ASK_AFTER_S]
        for unfinished in waiting:
            unfinished.asked = True
        return waiting

    def drop_all(self) -> list[Header]:
        """Forgets everything; the headers of the parts."""
        return [header for key in list(self._open) for header in self._drop(key)]

    def _finish(self, key: tuple[int, int, int]) -> Joined:
        unfinished = self._open[key]
        numbers = range(1, unfinished.header.parts + 1)
        body = b"".join(unfinished.parts[number] for number in numbers)
        headers = tuple(unfinished.headers[number] for number in numbers)
        wires = tuple(unfinished.wires[number] for number in numbers)
        self._drop(key)
        return Joined(headers[0], body, headers, wires)

    def _drop(self, key: tuple[int, int, int]) -> list[Header]:
        unfinished = self._open.pop(key)
        self._held_bytes -= sum(map(len, [*unfinished.parts.values(), *unfinished.wires.values()]))
        return list(unfinished.headers.values())
