"""Whole polls of records into fixes: one JSON object or several lines of them a record, all read at once.

What cannot be used is set aside with its reason, its place (partition, offset, line) and itself, record by record and
line by line; it never stops the rest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
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
    """The lines of all records in one piece, and where each comes from."""

    data: bytes
    count: int
    partition: NDArray[np.int64]
    offset: NDArray[np.int64]
    first: NDArray[np.int64]  # of each line, the number of its record's first line

    def place(self, line: int) -> tuple[int, int, int]:
        """Partition, offset, line within the record."""
        return int(self.partition[line]), int(self.offset[line]), line - int(self.first[line])


def decode(records: Mapping[int, Sequence[Record]], partitions: int, *, now_ms: int) -> Decoded:
    """Reads records.

    Args:
        records: by partition, in order.
        partitions: how many `fixes` has.
        now_ms: the present, epoch ms; fixes too far ahead of it are set aside.
    """
    aside: list[SetAside] = []
    lines = _lines(records, aside)
    split: list[bytes] | None = None

    def put_aside(reason: str, which: NDArray[np.int64]) -> None:
        nonlocal split
        split = lines.data.split(b"\n") if split is None else split
        for line in which.tolist():
            aside.append(SetAside(*lines.place(line), reason, split[line][:KEPT_BYTES]))

    if not lines.count:
        return Decoded(_no_fixes(), _tallies(lines, aside, records), aside)
    raw, kept = _rows(lines, put_aside)
    fixes = clean(raw, now_ms=now_ms, tally=Tally(), set_aside=lambda why, at: put_aside(why, kept[at]))
    if len(kept) > fixes.height:
        gone = {(a.partition, a.offset, a.line) for a in aside}
        usable = np.array([lines.place(k) not in gone for k in kept.tolist()], np.bool_)
        kept = kept[usable]
    here = lines.partition[kept]
    strayed = _strayed(fixes["plate"], here, partitions)
    if strayed.any():
        put_aside("wrong_partition", kept[strayed])
        fixes = fixes.filter(pl.Series(~strayed))
    return Decoded(fixes, _tallies(lines, aside, records), aside)


def _lines(records: Mapping[int, Sequence[Record]], aside: list[SetAside]) -> _Lines:
    values: list[bytes] = []
    counts: list[int] = []
    owners: list[tuple[int, int]] = []
    for partition, several in records.items():
        for record in several:
            value = record.value
            if value is None or not value or (value[0] <= 32 and not value.strip()):
                aside.append(SetAside(partition, record.offset, 0, "empty_record", (value or b"")[:KEPT_BYTES]))
            elif len(value) > MAX_VALUE_BYTES:
                aside.append(SetAside(partition, record.offset, 0, "record_too_large", value[:KEPT_BYTES]))
            else:
                if value[-1] == 10:
                    value = value.rstrip(b"\r\n")
                values.append(value)
                counts.append(value.count(b"\n") + 1)
                owners.append((partition, record.offset))
    lengths = np.array(counts, np.int64)
    who = np.array(owners, np.int64).reshape(-1, 2)
    starts = np.cumsum(lengths) - lengths
    partitions, offsets = np.repeat(who[:, 0], lengths), np.repeat(who[:, 1], lengths)
    return _Lines(b"\n".join(values), int(lengths.sum()), partitions, offsets, np.repeat(starts, lengths))


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
    blank = [number for number in lost.tolist() if not split[number].strip() and number not in set(broken)]
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
    blank = np.zeros(lines.count, np.bool_)
    if b"\n\n" in lines.data or b"\n " in lines.data or b"\n\r" in lines.data:
        blank[:] = [not line.strip() for line in lines.data.split(b"\n")]
    for partition, count in zip(*np.unique(lines.partition[~blank], return_counts=True), strict=True):
        tallies[int(partition)].received = tallies[int(partition)].usable = int(count)
    for a in aside:
        tally = tallies[a.partition]
        if a.reason in ("empty_record", "record_too_large"):
            tally.received += 1
        else:
            tally.usable -= 1
        text = f"partition {a.partition}, offset {a.offset}, line {a.line}: {a.raw.decode('utf-8', 'replace')}"
        said_ms = _time_of(a.raw)
        tally.reject(a.reason, Rejection(1, said_ms, said_ms, text[:EXAMPLE_CHARS]))
    return tallies


def _time_of(raw: bytes) -> int | None:
    """The time that a line names, where it can be read."""
    found = JSON_LINES.single(raw.decode("utf-8", "replace"))
    text = (found or {}).get("time")
    if text is None:
        return None
    times = read_times(pl.Series([text]))
    return int(times.ms[0]) if times.readable[0] else None


def _no_fixes() -> pl.DataFrame:
    return pl.DataFrame(schema=FIX_SCHEMA)
