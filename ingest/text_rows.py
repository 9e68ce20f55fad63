"""Rows of CSV and JSON Lines: whole blocks where they are flawless, line by line where they are not."""

from __future__ import annotations

import csv
import json
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ingest.clean import FIELDS, REQUIRED, RawBatch
from ingest.columns import Coded
from ingest.json_frames import COMPILED, Simple, SimpleLines
from ingest.lines import Block, count_byte
from ingest.tally import EXAMPLE_CHARS, Rejection, Tally, TracksError

#: A flawed block is tried again in pieces of this many lines, so that one bad line slows down few others.
_PIECE_LINES = 2048

_HALF = re.compile("[\ud800-\udfff]")  # half a character, which JSON can write and UTF-8 cannot

_TEXT_SCHEMA = {name: pl.String() for name in FIELDS}
_NUMBER_FIELDS = ("lon", "lat", "speed_kmh", "heading_deg", "mileage_km")
_FLAG_FIELDS = ("lift", "cover", "acc", "valid")
_JSON_SCHEMA: dict[str, pl.DataType] = {
    name: pl.Float64() if name in _NUMBER_FIELDS else pl.Boolean() if name in _FLAG_FIELDS else pl.String()
    for name in FIELDS
}

#: Takes text and its number of lines; gives one row a line, or None if any line is flawed.
Whole = Callable[[bytes, int], pl.DataFrame | None]
#: Takes one line; gives its values by name, or None if it is flawed.
Single = Callable[[str], dict[str, str | None] | None]
#: Takes one line; says cheaply that it has no flaw that would spoil a whole.
Plain = Callable[[bytes], bool]


@dataclass(frozen=True)
class TextFormat:
    """How lines of one format become rows: quick ways, tried in turn, and the way that never fails."""

    simple: Callable[[Sequence[bytes]], Simple | None]
    whole: tuple[Whole, ...]
    pieces: Whole
    plain: Plain
    single: Single
    fault: str


def parse_block(block: Block, source: str, fmt: TextFormat, tally: Tally) -> RawBatch:
    """Reads a block; flawed lines are counted in `tally` under the format's fault, blank ones are nothing."""
    lines = block.lines
    if not block.undecodable:
        simple = fmt.simple((block.data,))
        if simple is not None and not simple.refused.any():
            return _batch(block, source, simple.frame, None, simple.coded)
        for whole in fmt.whole:
            frame = whole(block.data, lines)
            if frame is not None:
                return _batch(block, source, frame, None)
    frames: list[pl.DataFrame] = []
    kept: list[int] = []
    flawed = [(number - block.first_line, text) for number, text in block.undecodable]
    undecodable = {index for index, _ in flawed}
    split = block.split()
    for start in range(0, lines, _PIECE_LINES):
        piece = split[start : start + _PIECE_LINES]
        frame = fmt.pieces(b"\n".join(piece), len(piece))
        if frame is not None:
            kept.extend(range(start, start + len(piece)))
        else:
            frame = _line_by_line(piece, start, fmt, kept, flawed, undecodable)
        frames.append(frame)
    _count_flawed(block, source, fmt.fault, flawed, tally)
    return _batch(
        block, source, pl.concat(frames) if frames else pl.DataFrame(schema=_TEXT_SCHEMA), np.array(kept, np.int64)
    )


def _line_by_line(
    piece: Sequence[bytes],
    start: int,
    fmt: TextFormat,
    kept: list[int],
    flawed: list[tuple[int, str]],
    undecodable: set[int],
) -> pl.DataFrame:
    """Reads the plain lines together and the others one at a time; notes which are kept and which are flawed."""
    filled = [index for index, line in enumerate(piece) if line.strip() and start + index not in undecodable]
    plain = [index for index in filled if fmt.plain(piece[index])]
    frame = fmt.pieces(b"\n".join(piece[index] for index in plain), len(plain)) if plain else None
    read: list[int] = []
    if frame is not None:
        read += plain
        filled = sorted(set(filled).difference(plain))
    rows: list[dict[str, str | None]] = []
    for index in filled:
        text = piece[index].decode("utf-8", "replace")
        row = fmt.single(text)
        if row is None:
            flawed.append((start + index, text))
        else:
            read.append(index)
            rows.append(row)
    single = pl.DataFrame({name: [row.get(name) for row in rows] for name in FIELDS}, schema=_TEXT_SCHEMA)
    kept.extend(start + index for index in sorted(read))
    return (single if frame is None else pl.concat([frame, single]))[np.argsort(read)]


def _count_flawed(block: Block, source: str, fault: str, flawed: list[tuple[int, str]], tally: Tally) -> None:
    if flawed:
        index, text = min(flawed)
        example = f"{source}:{block.first_line + index}: {text}"[:EXAMPLE_CHARS]
        tally.received += len(flawed)
        tally.reject(fault, Rejection(len(flawed), example=example))


def _batch(
    block: Block,
    source: str,
    frame: pl.DataFrame,
    kept: NDArray[np.int64] | None,
    coded: Mapping[str, Coded] = MappingProxyType({}),
) -> RawBatch:
    def index_of(row: int) -> int:
        return row if kept is None else int(kept[row])

    def text_of(row: int) -> str:
        return block.line(index_of(row))

    return RawBatch(source, frame, lambda row: block.first_line + index_of(row), text_of, coded)


_SIMPLE = SimpleLines(_JSON_SCHEMA, "time") if COMPILED else None


def read_simple(pieces: Sequence[bytes], most_bytes: int = sys.maxsize) -> Simple | None:
    """What is simple among pieces of JSON Lines of at most so many bytes each; None where the way for it is missing."""
    return _SIMPLE.read(pieces, most_bytes) if _SIMPLE else None


def _not_simple(pieces: Sequence[bytes]) -> Simple | None:
    return None


def _json_whole(schema: dict[str, pl.DataType]) -> Whole:
    def whole(data: bytes, lines: int) -> pl.DataFrame | None:
        try:
            frame = pl.read_ndjson(data, schema=schema)
        except pl.exceptions.PolarsError:
            return None
        return frame if frame.height == lines else None

    return whole


def _json_plain(line: bytes) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False


def _json_object(line: str) -> dict[str, Any] | None:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return row if isinstance(row, dict) else None


def _json_single(line: str) -> dict[str, str | None] | None:
    row = _json_object(line)
    return None if row is None else {name: _json_text(row[name]) for name in FIELDS if name in row}


def time_of_json(line: str) -> str | None:
    """The time that a line names, as text, if it is an object and does."""
    row = _json_object(line)
    return None if row is None else _json_text(row.get("time"))


def _json_text(value: Any) -> str | None:
    """A JSON value as the text that stands for it in a column."""
    if value is None:
        return None
    if isinstance(value, str):
        return value if _HALF.search(value) is None else _HALF.sub("\0", value)
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return json.dumps(value)


#: JSON Lines of any kind. Values of one type a field are read as such, mixed ones as text; times as numbers or as text.
ANY_JSON_LINES = TextFormat(
    simple=_not_simple,
    whole=(
        _json_whole({**_JSON_SCHEMA, "time": pl.Int64()}),
        _json_whole(_JSON_SCHEMA),
        _json_whole(_TEXT_SCHEMA),  # type: ignore[arg-type]
    ),
    pieces=_json_whole(_TEXT_SCHEMA),  # type: ignore[arg-type]
    plain=_json_plain,
    single=_json_single,
    fault="not_an_object",
)
#: The same, simple ones first.
JSON_LINES = replace(ANY_JSON_LINES, simple=read_simple)


def csv_format(header: str, source: str) -> TextFormat:
    """How the rows under a header are read.

    Raises:
        TracksError: if it is no header, required names are missing, or names come twice.
    """
    try:
        names = [name.strip() for name in next(csv.reader((header,), strict=True))]
    except csv.Error as error:
        raise TracksError(f"{source}: row 1: is no header ({error}); lines must end in LF or CRLF") from error
    missing = [name for name in REQUIRED if name not in names]
    if missing:
        hint = " (values must be separated by commas)" if len(names) == 1 else ""
        raise TracksError(
            f"{source}: row 1: required columns {', '.join(missing)} are missing{hint};"
            f" found: {', '.join(names)[:EXAMPLE_CHARS]}; allowed: {', '.join(FIELDS)}"
        )
    twice = sorted({name for name in names if name in FIELDS and names.count(name) > 1})
    if twice:
        raise TracksError(f"{source}: row 1: columns {', '.join(twice)} come more than once; allowed: once each")
    places = {name: names.index(name) for name in FIELDS if name in names}
    whole = _csv_whole(len(names), places)
    return TextFormat(_not_simple, (whole,), whole, _csv_plain(len(names)), _csv_single(len(names), places), "bad_row")


def _csv_whole(width: int, places: dict[str, int]) -> Whole:
    absent = [pl.lit(None, pl.String).alias(name) for name in FIELDS if name not in places]

    def whole(data: bytes, lines: int) -> pl.DataFrame | None:
        if b'"' in data or b"\n\n" in data or data.startswith(b"\n") or count_byte(data, b",") != lines * (width - 1):
            return None
        try:
            frame = pl.read_csv(data, has_header=False, infer_schema=False, quote_char=None)
        except pl.exceptions.PolarsError:
            return None
        if frame.shape != (lines, width):
            return None
        columns = [pl.col(frame.columns[place]).alias(name) for name, place in places.items()]
        return frame.select(*columns, *absent).select(FIELDS)

    return whole


def _csv_plain(width: int) -> Plain:
    return lambda line: b'"' not in line and line.count(b",") == width - 1


def _csv_single(width: int, places: dict[str, int]) -> Single:
    def single(line: str) -> dict[str, str | None] | None:
        if line.count('"') % 2:
            return None  # part of a value over several lines, or a quote gone astray
        try:
            values = next(csv.reader((line,), strict=True))
        except csv.Error:
            return None
        return {name: values[place] or None for name, place in places.items()} if len(values) == width else None

    return single
