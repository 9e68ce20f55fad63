"""Whole polls of records into fixes: one JSON object or several lines of them a record, all read at once.

What cannot be used is set aside with its reason, its place (partition, offset, line) and itself, record by record and
line by line; it never stops the rest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from operator import attrgetter
from typing import Protocol

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ingest.clean import RawBatch, clean
from ingest.columns import read_times
from ingest.fix import FIX_SCHEMA
from ingest.kafka.plates import partition_of
from ingest.lines import Block, is_utf8
from ingest.tally import EXAMPLE_CHARS, Rejection, Tally
from ingest.text_rows import JSON_LINES, parse_block

MAX_VALUE_BYTES = 4 * 1024 * 1024
#: So much of what was set aside is kept.
KEPT_BYTES = 4096


class Record(Protocol):
    """What is asked of a record."""

    @property
    def offset(self) -> int:
        """Its place in the partition."""

    @property
    def value(self) -> bytes | None:
        """One JSON object, or several, one a line."""


@dataclass(frozen=True)
class SetAside:
    """A line (from 0) of a record that cannot be used, and why; `raw` is its beginning."""

    partition: int
    offset: int
    line: int
    reason: str
    raw: bytes


@dataclass
class Decoded:
    """Usable fixes in order, what became of every line by partition, and what was set aside."""

    fixes: pl.DataFrame
    tallies: dict[int, Tally] = field(default_factory=dict)
    aside: list[SetAside] = field(default_factory=list)


@dataclass(frozen=True)
class _Lines:
    """The lines of all records in one piece, and where each comes from.

    `ends` are the places in `data` just after each line, without its line end; arrays below are by line.
    """

    data: bytes
    ends: NDArray[np.int64]
    partition: NDArray[np.int64]
    offset: NDArray[np.int64]
    first: NDArray[np.int64]  # of each line, the number of its record's first line

    @property
    def count(self) -> int:
        """How many lines, blank ones included."""
        return len(self.ends)

    def place(self, line: int) -> tuple[int, int, int]:
        """Partition, offset, line within the record."""
        return int(self.partition[line]), int(self.offset[line]), line - int(self.first[line])

    def text(self, line: int, at_most: int) -> bytes:
        """The beginning of a line."""
        start = int(self.ends[line - 1]) + 1 if line else 0
        return self.data[start : min(int(self.ends[line]), start + at_most)]

    def blank(self) -> NDArray[np.bool_]:
        """Which lines are nothing but blanks; the few that begin with one are looked at."""
        starts = np.concatenate([np.zeros(1, np.int64), self.ends[:-1] + 1])[: self.count]
        found = np.ones(self.count, np.bool_)  # where there is no first character, the line is empty
        there = starts < len(self.data)
        found[there] = np.frombuffer(self.data, np.uint8)[starts[there]] <= 32
        for line in np.flatnonzero(found).tolist():
            found[line] = not self.data[starts[line] : self.ends[line]].strip()
        return found


def decode(records: Mapping[int, Sequence[Record]], partitions: int, *, now_ms: int) -> Decoded:
    """Reads records.

    Args:
        records: by partition, in order.
        partitions: how many `fixes` has.
        now_ms: the present, epoch ms; fixes too far ahead of it are set aside.
    """
    aside: list[SetAside] = []
    lines = _lines(records, aside)
    gone = np.zeros(lines.count, np.bool_)

    def put_aside(reason: str, which: NDArray[np.int64]) -> None:
        gone[which] = True
        aside.extend(SetAside(*lines.place(line), reason, lines.text(line, KEPT_BYTES)) for line in which.tolist())

    if not lines.count:
        return Decoded(_no_fixes(), _tallies(lines, aside, records), aside)
    raw, kept = _rows(lines, put_aside)
    raw = replace(raw, text_of=lambda row: "")  # what is said of rows here is said by `put_aside`
    fixes = clean(raw, now_ms=now_ms, tally=Tally(), set_aside=lambda why, at: put_aside(why, kept[at]))
    if len(kept) > fixes.height:
        kept = kept[~gone[kept]]
    strayed = _strayed(fixes["plate"], lines.partition[kept], partitions)
    if strayed.any():
        put_aside("wrong_partition", kept[strayed])
        fixes = fixes.filter(pl.Series(~strayed))
    return Decoded(fixes, _tallies(lines, aside, records), aside)


_value, _offset = attrgetter("value"), attrgetter("offset")


def _lines(records: Mapping[int, Sequence[Record]], aside: list[SetAside]) -> _Lines:
    """Joins records; those that are empty or too large are set aside. Few are odd, so only those are looked at."""
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
                where = int(owner[number]), int(offset[number])
                aside.append(SetAside(*where, 0, reason, values[number][:KEPT_BYTES]))
        data, lengths = _joined([value for value, kept in zip(values, usable.tolist(), strict=True) if kept])
        owner, offset = owner[usable], offset[usable]
    last = np.cumsum(lengths + 1) - 1  # the place after each record
    breaks = np.flatnonzero(np.frombuffer(data, np.uint8) == 10)
    if len(breaks) == len(last) - 1:  # one line a record
        return _Lines(data, last, owner, offset, np.arange(len(last), dtype=np.int64))
    ends = np.append(breaks, len(data))[: len(breaks) + bool(len(last))]
    upto = np.searchsorted(ends, last) + 1
    counted = np.diff(upto, prepend=0)
    return _Lines(data, ends, np.repeat(owner, counted), np.repeat(offset, counted), np.repeat(upto - counted, counted))


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


def _rows(lines: _Lines, put_aside: object) -> tuple[RawBatch, NDArray[np.int64]]:
    """The lines that are objects, as rows, and the number of each; the others are set aside."""
    assert callable(put_aside)
    data, broken = lines.data, []
    undecodable: list[tuple[int, str]] = []
    if not is_utf8(data):
        split = data.split(b"\n")
        broken = [number for number, line in enumerate(split) if not is_utf8(line)]
        undecodable = [(number, split[number].decode("utf-8", "replace")) for number in broken]
        for number in broken:
            split[number] = b""
        data = b"\n".join(split)
    batch = parse_block(Block(data, 0, tuple(undecodable)), "kafka", JSON_LINES, Tally())
    if batch.frame.height == lines.count:
        return batch, np.arange(lines.count, dtype=np.int64)
    kept = np.array([batch.row_of(row) for row in range(batch.frame.height)], np.int64)
    lost = np.setdiff1d(np.arange(lines.count, dtype=np.int64), kept)
    split = data.split(b"\n")
    undecoded = set(broken)
    blank = [number for number in lost.tolist() if not split[number].strip() and number not in undecoded]
    put_aside("not_an_object", np.setdiff1d(lost, np.array(blank, np.int64)))
    return batch, kept


def _strayed(plates: pl.Series, here: NDArray[np.int64], partitions: int) -> NDArray[np.bool_]:
    """Which fixes are in another partition than their plate's."""
    distinct = plates.unique()
    right = pl.Series([partition_of(p, partitions) for p in distinct.to_list()], dtype=pl.Int64)
    wanted = plates.replace_strict(distinct, right, return_dtype=pl.Int64).to_numpy() if len(plates) else here
    strayed: NDArray[np.bool_] = wanted != here
    return strayed


def _tallies(lines: _Lines, aside: list[SetAside], records: Mapping[int, Sequence[Record]]) -> dict[int, Tally]:
    """What became of the lines of each partition; blank lines inside a record are nothing."""
    tallies = {partition: Tally() for partition in records}
    counts = np.bincount(lines.partition[~lines.blank()])
    for partition in np.flatnonzero(counts).tolist():
        tallies[partition].received = tallies[partition].usable = int(counts[partition])
    for a, said_ms in zip(aside, _times_of([a.raw for a in aside]), strict=True):
        tally = tallies[a.partition]
        if a.reason in ("empty_record", "record_too_large"):
            tally.received += 1
        else:
            tally.usable -= 1
        text = f"partition {a.partition}, offset {a.offset}, line {a.line}: {a.raw.decode('utf-8', 'replace')}"
        tally.reject(a.reason, Rejection(1, said_ms, said_ms, text[:EXAMPLE_CHARS]))
    return tallies


def _times_of(lines: list[bytes]) -> list[int | None]:
    """The time that each line names, where it can be read; all at once, for a look at a column costs as much as one."""
    if not lines:
        return []
    texts = [(JSON_LINES.single(line.decode("utf-8", "replace")) or {}).get("time") for line in lines]
    times = read_times(pl.Series(texts, dtype=pl.String))
    return [int(ms) if read else None for ms, read in zip(times.ms, times.readable.tolist(), strict=True)]


def _no_fixes() -> pl.DataFrame:
    return pl.DataFrame(schema=FIX_SCHEMA)
