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
    """Records in one piece, each in lines of its own.

    `lasts` are the places in `data` just after each record; arrays are by record.
    """

    data: bytes
    lasts: NDArray[np.int64]
    partition: NDArray[np.int64]
    offset: NDArray[np.int64]


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
    def counts(self) -> NDArray[np.int64]:
        """How many lines each record has."""
        return np.diff(np.searchsorted(self.ends, self.piece.lasts) + 1, prepend=0)

    @cached_property
    def partition(self) -> NDArray[np.int64]:
        """The partition of each line."""
        return np.repeat(self.piece.partition, self.counts)

    def place(self, line: int) -> tuple[int, int, int]:
        """Partition, offset, line within the record."""
        record = int(np.searchsorted(self.piece.lasts, self.ends[line]))
        first = int(np.searchsorted(self.ends, self.piece.lasts[record - 1])) + 1 if record else 0
        return int(self.piece.partition[record]), int(self.piece.offset[record]), line - first

    def text(self, line: int, at_most: int) -> bytes:
        """The beginning of a line."""
        start = int(self.ends[line - 1]) + 1 if line else 0
        return self.piece.data[start : min(int(self.ends[line]), start + at_most)]

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


def join(records: Mapping[int, Sequence[Record]]) -> tuple[Piece, list[Unusable]]:
    """Joins records, and gives those that are empty or too large apart. Few are odd, so only those are looked at."""
    unusable: list[Unusable] = []
    values = [value or b"" for several in records.values() for value in map(_value, several)]
    counts = list(map(len, records.values()))
    owner = np.repeat(np.array(list(records), np.int64), counts)
    offset = np.fromiter((at for several in records.values() for at in map(_offset, several)), np.int64, len(values))
    data, lengths = _joined(values)
    odd = _odd(data, lengths)
    if odd.any():
        usable = ~odd
        for number in np.flatnonzero(odd).tolist():
            values[number], reason = _mended(values[number])
            usable[number] = not reason
            if reason:
                unusable.append(Unusable(int(owner[number]), int(offset[number]), reason, values[number]))
        data, lengths = _joined([value for value, kept in zip(values, usable.tolist(), strict=True) if kept])
        owner, offset = owner[usable], offset[usable]
    return Piece(data, np.cumsum(lengths + 1) - 1, owner, offset), unusable


def line_ends(data: bytes) -> NDArray[np.int64]:
    """The places just after each line, without its line end."""
    breaks = np.flatnonzero(np.frombuffer(data, np.uint8) == 10)
    return np.append(breaks, len(data)) if data else breaks


def _joined(values: list[bytes]) -> tuple[bytes, NDArray[np.int64]]:
    """Values as lines of one piece, and their lengths."""
    return b"\n".join(values), np.fromiter(map(len, values), np.int64, len(values))


def _odd(piece: bytes, lengths: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which values are empty or too large, begin with a blank, or end in a line end."""
    odd: NDArray[np.bool_] = (lengths == 0) | (lengths > MAX_VALUE_BYTES)
    filled = np.flatnonzero(lengths)
    codes = np.frombuffer(piece, np.uint8)
    after = (np.cumsum(lengths + 1) - 1)[filled]
    odd[filled] |= (codes[after - lengths[filled]] <= 32) | (codes[after - 1] == 10)
    return odd


def _mended(value: bytes) -> tuple[bytes, str]:
    """A record without the line ends at its end, and why it cannot be used, or nothing."""
    if not value or (value[0] <= 32 and not value.strip()):
        return value, "empty_record"
    if len(value) > MAX_VALUE_BYTES:
        return value, "record_too_large"
    return value.rstrip(b"\r\n") if value[-1] == 10 else value, ""
