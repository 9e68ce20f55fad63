"""Whole polls of records into fixes: one JSON object or several lines of them a record, all read at once.

What cannot be used is set aside with its reason, its place (partition, offset, line) and itself, record by record and
line by line; it never stops the rest.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ingest.clean import RawBatch, clean
from ingest.clean import SetAside as AsideBy
from ingest.columns import Coded, read_times
from ingest.fix import FIX_SCHEMA
from ingest.json_frames import Simple
from ingest.kafka.pieces import MAX_VALUE_BYTES, Lines, collect, line_ends, mend
from ingest.kafka.pieces import Record as Record
from ingest.kafka.plates import partition_of
from ingest.lines import Block, is_utf8
from ingest.tally import EXAMPLE_CHARS, Rejection, Tally
from ingest.text_rows import ANY_JSON_LINES, parse_block, read_simple, time_of_json

#: So much of what was set aside is kept.
KEPT_BYTES = 4096


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
    """Usable fixes in order, what became of every line by partition, and what was set aside, in order of place."""

    fixes: pl.DataFrame
    tallies: dict[int, Tally] = field(default_factory=dict)
    aside: list[SetAside] = field(default_factory=list)


@dataclass
class _Part:
    """Records read in one way: their usable fixes, the line of each, what was set aside, and how many lines count."""

    lines: Lines
    fixes: pl.DataFrame
    kept: NDArray[np.int64]
    aside: list[SetAside]
    counts: NDArray[np.int64]  # by partition


def decode(records: Mapping[int, Sequence[Record]], partitions: int, *, now_ms: int) -> Decoded:
    """Reads records: those that are simple together, and the others, which are few, together.

    Args:
        records: by partition, in order.
        partitions: how many `fixes` has.
        now_ms: the present, epoch ms; fixes too far ahead of it are set aside.
    """
    piece = collect(records)
    simple = read_simple(piece.values, MAX_VALUE_BYTES)
    odd = np.ones(len(piece.values), np.bool_) if simple is None else simple.refused
    parts = []
    if simple is not None and not odd.all():
        lines = Lines(piece if not odd.any() else piece.only(~odd), simple.ends)
        parts.append(_read(lines, simple, [], partitions, now_ms))
    if odd.any():
        whole, unusable = mend(piece if odd.all() else piece.only(odd))
        lost = [SetAside(one.partition, one.offset, 0, one.reason, one.value[:KEPT_BYTES]) for one in unusable]
        parts.append(_read(Lines(whole, line_ends(whole.data)), None, lost, partitions, now_ms))
    aside = sorted((one for part in parts for one in part.aside), key=lambda one: (one.partition, one.offset, one.line))
    return Decoded(_in_order(parts), _tallies(parts, aside, records), aside)


def _in_order(parts: list[_Part]) -> pl.DataFrame:
    """The fixes of all parts, in the order of the records that they came in."""
    if len(parts) < 2:
        return parts[0].fixes if parts else _no_fixes()
    numbers = np.concatenate([part.lines.record[part.kept] for part in parts])
    return pl.concat([part.fixes for part in parts])[np.argsort(numbers, kind="stable")]


def _read(lines: Lines, simple: Simple | None, aside: list[SetAside], partitions: int, now_ms: int) -> _Part:
    """Reads a part, of which the records in `aside` have been taken out already."""
    gone = np.zeros(lines.count, np.bool_)

    def put_aside(reason: str, which: NDArray[np.int64]) -> None:
        gone[which] = True
        aside.extend(SetAside(*lines.place(line), reason, lines.text(line, KEPT_BYTES)) for line in which.tolist())

    if not lines.count:
        return _Part(lines, _no_fixes(), np.zeros(0, np.int64), aside, np.zeros(0, np.int64))
    raw, kept = _rows(lines, simple, put_aside)
    raw = replace(raw, text_of=lambda row: "")  # what is said of rows here is said by `put_aside`
    fixes = clean(raw, now_ms=now_ms, tally=Tally(), set_aside=lambda why, at: put_aside(why, kept[at]))
    if len(kept) > fixes.height:
        kept = kept[~gone[kept]]
    coded = simple.coded["plate"] if simple else None
    wanted = _partitions(fixes["plate"], partitions) if coded is None else _coded_partitions(coded, partitions)[kept]
    strayed = wanted != lines.partition[kept]
    if strayed.any():
        put_aside("wrong_partition", kept[strayed])
        fixes, kept = fixes.filter(pl.Series(~strayed)), kept[~strayed]
    return _Part(lines, fixes, kept, aside, np.bincount(lines.partition if simple else lines.partition[~lines.blank()]))


def _rows(lines: Lines, simple: Simple | None, put_aside: AsideBy) -> tuple[RawBatch, NDArray[np.int64]]:
    """The lines that are objects, as rows, and the number of each; the others are set aside."""
    if simple is not None:
        return RawBatch("kafka", simple.frame, int, str, simple.coded), np.arange(lines.count, dtype=np.int64)
    data, broken = lines.piece.data, []
    undecodable: list[tuple[int, str]] = []
    if not is_utf8(data):
        split = data.split(b"\n")
        broken = [number for number, line in enumerate(split) if not is_utf8(line)]
        undecodable = [(number, split[number].decode("utf-8", "replace")) for number in broken]
        for number in broken:
            split[number] = b""
        data = b"\n".join(split)
    batch = parse_block(Block(data, 0, tuple(undecodable)), "kafka", ANY_JSON_LINES, Tally())
    if batch.frame.height == lines.count:
        return batch, np.arange(lines.count, dtype=np.int64)
    kept = np.array([batch.row_of(row) for row in range(batch.frame.height)], np.int64)
    lost = np.setdiff1d(np.arange(lines.count, dtype=np.int64), kept)
    split = data.split(b"\n")
    undecoded = set(broken)
    blank = [number for number in lost.tolist() if not split[number].strip() and number not in undecoded]
    put_aside("not_an_object", np.setdiff1d(lost, np.array(blank, np.int64)))
    return batch, kept


def _partitions(plates: pl.Series, partitions: int) -> NDArray[np.int64]:
    """To which partition each fix belongs."""
    distinct = plates.unique()
    right = pl.Series([partition_of(p, partitions) for p in distinct.to_list()], dtype=pl.Int64)
    if not len(plates):
        return np.zeros(0, np.int64)
    return plates.replace_strict(distinct, right, return_dtype=pl.Int64).to_numpy()


def _coded_partitions(plates: Coded, partitions: int) -> NDArray[np.int64]:
    """The same for plates as they came."""
    names, _ = plates.names
    return np.array([partition_of(name, partitions) for name in names.to_list()], np.int64)[plates.codes]


def _tallies(parts: list[_Part], aside: list[SetAside], records: Iterable[int]) -> dict[int, Tally]:
    """What became of the lines of each partition; blank lines inside a record are nothing."""
    tallies = {partition: Tally() for partition in records}
    for part in parts:
        for partition in np.flatnonzero(part.counts).tolist():
            tallies[partition].received += int(part.counts[partition])
    for tally in tallies.values():
        tally.usable = tally.received
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
    texts = [time_of_json(line.decode("utf-8", "replace")) for line in lines]
    times = read_times(pl.Series(texts, dtype=pl.String))
    return [int(ms) if read else None for ms, read in zip(times.ms, times.readable.tolist(), strict=True)]


def _no_fixes() -> pl.DataFrame:
    return pl.DataFrame(schema=FIX_SCHEMA)
