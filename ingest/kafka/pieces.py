"""Many records as one piece of text, so that it can be read at once, and where each of its lines comes from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from operator import attrgetter
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

MAX_VALUE_BYTES = 4 * 1024 * 1024


class Record(Protocol):
    """What is asked of a record."""

    @property
    def offset(self) -> int:
        """Its place in the partition."""

    @property
    def value(self) -> bytes | None:
        """One JSON object, or several, one a line."""


class Unusable(NamedTuple):
    """A record that cannot be used, and why."""

    partition: int
    offset: int
    reason: str
    value: bytes


@dataclass(frozen=True)
class Piece:
    """Records in one piece, each in lines of its own; arrays are by record, and `number` is its place in the poll."""

    values: list[bytes]
    number: NDArray[np.int64]
    partition: NDArray[np.int64]
    offset: NDArray[np.int64]

    @cached_property
    def lengths(self) -> NDArray[np.int64]:
        """How many bytes each record has."""
        return np.fromiter(map(len, self.values), np.int64, len(self.values))

    @cached_property
    def lasts(self) -> NDArray[np.int64]:
        """The places in `data` just after each record."""
        lasts: NDArray[np.int64] = np.cumsum(self.lengths + 1) - 1
        return lasts

    @cached_property
    def data(self) -> bytes:
        """All of it; only made where it is needed."""
        return b"\n".join(self.values)

    def only(self, which: NDArray[np.bool_]) -> Piece:
        """Some of the records."""
        values = [value for value, kept in zip(self.values, which.tolist(), strict=True) if kept]
        return Piece(values, self.number[which], self.partition[which], self.offset[which])


@dataclass(frozen=True)
class Lines:
    """The lines of a piece; `ends` are the places in its data just after each line, without its line end."""

    piece: Piece
    ends: NDArray[np.int64]

    @property
    def count(self) -> int:
        """How many lines, blank ones included."""
        return len(self.ends)

    @cached_property
    def upto(self) -> NDArray[np.int64]:
        """How many lines there are up to the end of each record."""
        return np.searchsorted(self.ends, self.piece.lasts, side="right")

    @cached_property
    def partition(self) -> NDArray[np.int64]:
        """The partition of each line."""
        return np.repeat(self.piece.partition, np.diff(self.upto, prepend=0))

    @property
    def record(self) -> NDArray[np.int64]:
        """The number of each line's record."""
        return np.repeat(self.piece.number, np.diff(self.upto, prepend=0))

    def place(self, line: int) -> tuple[int, int, int]:
        """Partition, offset, line within the record."""
        record = self._record(line)
        first = int(self.upto[record - 1]) if record else 0
        return int(self.piece.partition[record]), int(self.piece.offset[record]), line - first

    def text(self, line: int, at_most: int) -> bytes:
        """The beginning of a line."""
        record = self._record(line)
        before = int(self.piece.lasts[record - 1]) + 1 if record else 0
        start = max(int(self.ends[line - 1]) + 1 - before if line else 0, 0)  # a record may end in a line end
        value = self.piece.values[record]
        value = value.rstrip(b"\r\n") if value.endswith(b"\n") else value
        return value[start : min(int(self.ends[line]) - before, start + at_most)]

    def _record(self, line: int) -> int:
        return int(np.searchsorted(self.piece.lasts, self.ends[line]))

    def blank(self) -> NDArray[np.bool_]:
        """Which lines are nothing but blanks; the few that begin with one are looked at."""
        data = self.piece.data
        starts = np.concatenate([np.zeros(1, np.int64), self.ends[:-1] + 1])[: self.count]
        found = np.ones(self.count, np.bool_)  # where there is no first character, the line is empty
        there = starts < len(data)
        found[there] = np.frombuffer(data, np.uint8)[starts[there]] <= 32
        for line in np.flatnonzero(found).tolist():
            found[line] = not data[starts[line] : self.ends[line]].strip()
        return found


_value, _offset = attrgetter("value"), attrgetter("offset")


def collect(records: Mapping[int, Sequence[Record]]) -> Piece:
    """Records of several partitions as they came."""
    values = [value or b"" for several in records.values() for value in map(_value, several)]
    owner = np.repeat(np.array(list(records), np.int64), list(map(len, records.values())))
    offset = np.fromiter((at for several in records.values() for at in map(_offset, several)), np.int64, len(values))
    return Piece(values, np.arange(len(values)), owner, offset)


def mend(piece: Piece) -> tuple[Piece, list[Unusable]]:
    """Takes line ends off records, and empty or too large ones out. Few are odd, so only those are looked at."""
    odd = _odd(piece)
    values, usable = list(piece.values), ~odd
    unusable: list[Unusable] = []
    for number in np.flatnonzero(odd).tolist():
        values[number], reason = _mended(values[number])
        usable[number] = not reason
        if reason:
            place = int(piece.partition[number]), int(piece.offset[number])
            unusable.append(Unusable(*place, reason, values[number]))
    return Piece(values, piece.number, piece.partition, piece.offset).only(usable), unusable


def line_ends(data: bytes) -> NDArray[np.int64]:
    """The places just after each line, without its line end."""
    breaks = np.flatnonzero(np.frombuffer(data, np.uint8) == 10)
    return np.append(breaks, len(data)) if data else breaks


def _odd(piece: Piece) -> NDArray[np.bool_]:
    """Which records are empty or too large, begin with a blank, or end in a line end."""
    lengths = piece.lengths
    odd: NDArray[np.bool_] = (lengths == 0) | (lengths > MAX_VALUE_BYTES)
    filled = np.flatnonzero(lengths)
    codes = np.frombuffer(piece.data, np.uint8)
    after = piece.lasts[filled]
    odd[filled] |= (codes[after - lengths[filled]] <= 32) | (codes[after - 1] == 10)
    return odd


def _mended(value: bytes) -> tuple[bytes, str]:
    """A record without the line ends at its end, and why it cannot be used, or nothing."""
    if not value or (value[0] <= 32 and not value.strip()):
        return value, "empty_record"
    if len(value) > MAX_VALUE_BYTES:
        return value, "record_too_large"
    return value.rstrip(b"\r\n") if value[-1] == 10 else value, ""
