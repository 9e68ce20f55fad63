"""Stored tracks: finds the files, reads them in batches, cleans batches side by side, gives them out in order."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import polars as pl

from ingest.clean import RawBatch, clean
from ingest.lines import BrokenStream, ByteStream, read_blocks, take_header, unpacked
from ingest.parquet_rows import parquet_batches
from ingest.second_look import Held, SecondLook
from ingest.tally import Tally, TracksError
from ingest.text_rows import JSON_LINES, TextFormat, csv_format, parse_block

STANDARD_INPUT = "-"
_PACKINGS = ("", ".gz", ".zst")
_JSON_ENDINGS = tuple(kind + packing for kind in (".jsonl", ".ndjson") for packing in _PACKINGS)
_CSV_ENDINGS = tuple(".csv" + packing for packing in _PACKINGS)
_PARQUET_ENDINGS = (".parquet",)
ENDINGS = (*_CSV_ENDINGS, *_JSON_ENDINGS, *_PARQUET_ENDINGS)

#: Roughly what a fix takes as text; only sets how large the blocks are that text is read in.
_TEXT_BYTES_A_FIX = 128
_MOST_BLOCK_BYTES = 16 * 1024 * 1024  # larger ones are slower: their memory is fetched from the system each time
_AHEAD = 2  # batches being cleaned while the next is read


@dataclass(frozen=True)
class Progress:
    """How far a reading is, over all its files; `bytes_total` is None if standard input is among them."""

    path: str
    bytes_done: int
    bytes_total: int | None
    fixes: int


@dataclass(frozen=True)
class _Piece:
    """Work for one thread: `make` reads rows, counting in the tally it is given; `bytes_done` stands after it."""

    source: str
    make: Callable[[Tally], RawBatch]
    bytes_done: int


def find_files(paths: Sequence[str | Path]) -> list[str | Path]:
    """The files behind paths: files as they are, folders by all files under them with a known ending, sorted.

    Raises:
        TracksError: for what does not exist, has an unknown ending, or is a folder without tracks.
    """
    found: list[str | Path] = []
    for given in paths:
        if str(given) == STANDARD_INPUT:
            found.append(STANDARD_INPUT)
            continue
        path = Path(given)
        if path.is_dir():
            inside = sorted(file for file in path.rglob("*") if _is_tracks(file, path))
            if not inside:
                raise TracksError(f"{path}: holds no tracks; allowed endings: {', '.join(ENDINGS)}")
            found += inside
        elif not path.exists():
            raise TracksError(f"{path}: no such file or folder")
        elif not _has_ending(path, ENDINGS):
            raise TracksError(f"{path}: cannot tell the format by the name; allowed endings: {', '.join(ENDINGS)}")
        else:
            found.append(path)
    return found


def read_fixes(
    paths: Sequence[str | Path],
    *,
    now_ms: int,
    tally: Tally,
    batch_rows: int = 128_000,
    on_progress: Callable[[Progress], None] | None = None,
    coded: bool = False,
    second_look: SecondLook | None = None,
) -> Iterator[pl.DataFrame]:
    """Reads stored tracks.

    Args:
        paths: files, folders, or `-` for JSON Lines on standard input.
        now_ms: epoch milliseconds; fixes too far ahead of it are set aside.
        tally: receives what became of every row, in the order of the rows.
        batch_rows: about how many rows are handled at a time; a few such batches are in memory at once.
        on_progress: called after every batch.
        coded: whether names stay codes.
        second_look: decides at the end which rows are usable when read otherwise; without it they are set aside.

    Yields:
        Usable fixes, columns exactly `FIX_SCHEMA` (`CODED_SCHEMA`), in the order of the files; never an empty frame.

    Raises:
        TracksError: for tracks that cannot be read at all. What was yielded before must not be used then.
    """
    files = find_files(paths)
    sizes = [0 if file == STANDARD_INPUT else Path(file).stat().st_size for file in files]
    bytes_total = None if STANDARD_INPUT in files else sum(sizes)
    received = tally.received
    before = 0
    with _Cleaner(now_ms, tally, coded, second_look) as cleaner:
        for file, size in zip(files, sizes, strict=True):
            first = tally.received
            for piece, frame in _guarded(file, cleaner, _pieces(file, size, batch_rows, tally), first):
                if on_progress:
                    fixes = tally.received - received
                    on_progress(Progress(piece.source, before + piece.bytes_done, bytes_total, fixes))
                if frame.height:
                    if second_look:
                        second_look.note(frame)
                    yield frame
            before += size
    if second_look:
        yield from second_look.usable(tally)


def read_rows(
    paths: Sequence[str | Path],
    *,
    tally: Tally,
    batch_rows: int = 50_000,
    on_progress: Callable[[Progress], None] | None = None,
) -> Iterator[pl.DataFrame]:
    """Reads stored tracks as they were written, for sending them on: rows keep their order and whatever is wrong.

    Args:
        paths: files, folders, or `-` for JSON Lines on standard input.
        tally: receives the rows that are no rows at all (a CSV row of the wrong length, a line that is no object).
        batch_rows: about how many rows come at a time.
        on_progress: called after every batch.

    Yields:
        Any of the names of a fix as columns, of any fair type.

    Raises:
        TracksError: for tracks that cannot be read at all.
    """
    files = find_files(paths)
    sizes = [0 if file == STANDARD_INPUT else Path(file).stat().st_size for file in files]
    total = None if STANDARD_INPUT in files else sum(sizes)
    before = rows = 0
    for file, size in zip(files, sizes, strict=True):
        try:
            for piece in _pieces(file, size, batch_rows, tally):
                frame = piece.make(tally).frame
                rows += frame.height
                if on_progress:
                    on_progress(Progress(piece.source, before + piece.bytes_done, total, rows))
                yield frame
        except (BrokenStream, OSError) as error:
            raise TracksError(f"{file}: cannot be read: {str(error).splitlines()[0]}") from error
        before += size


def _guarded(
    file: str | Path, cleaner: _Cleaner, pieces: Iterator[_Piece], first: int
) -> Iterator[tuple[_Piece, pl.DataFrame]]:
    """Cleans the pieces of one file and says what is wrong if the file cannot be read on."""
    try:
        yield from cleaner.clean_all(pieces)
    except BrokenStream as error:
        good = cleaner.drain() - first
        raise TracksError(
            f"{file}: the compressed data breaks off after {good} rows ({error}); get the file again whole"
        ) from error
    except OSError as error:
        raise TracksError(f"{file}: cannot be read: {error.strerror or error}") from error


#: Usable fixes of a piece, what became of its rows, and what another reading makes usable.
_Cleaned = tuple[pl.DataFrame, Tally, list[Held]]


class _Cleaner:
    """Cleans pieces in a few threads and gives them out in order; what they count goes to the tally in order too."""

    def __init__(self, now_ms: int, tally: Tally, coded: bool, second_look: SecondLook | None) -> None:
        self._now_ms = now_ms
        self._second_look = second_look
        self._coded = coded
        self._tally = tally
        self._threads = ThreadPoolExecutor(_AHEAD, thread_name_prefix="clean")
        self._waiting: deque[tuple[_Piece, Future[_Cleaned]]] = deque()

    def __enter__(self) -> _Cleaner:
        return self

    def __exit__(self, *_: object) -> None:
        self._threads.shutdown(wait=True, cancel_futures=True)

    def clean_all(self, pieces: Iterator[_Piece]) -> Iterator[tuple[_Piece, pl.DataFrame]]:
        """The pieces with their fixes; reads ahead by `_AHEAD` pieces."""
        for piece in pieces:
            self._waiting.append((piece, self._threads.submit(self._work, piece)))
            if len(self._waiting) > _AHEAD:
                yield self._finish()
        while self._waiting:
            yield self._finish()

    def drain(self) -> int:
        """Finishes what waits and drops it; how many rows the tally has received by then."""
        while self._waiting:
            self._finish()
        return self._tally.received

    def _work(self, piece: _Piece) -> _Cleaned:
        counts, held = Tally(), list[Held]()
        wanted = held if self._second_look else None
        frame = clean(piece.make(counts), now_ms=self._now_ms, tally=counts, coded=self._coded, held=wanted)
        return frame, counts, held

    def _finish(self) -> tuple[_Piece, pl.DataFrame]:
        piece, future = self._waiting.popleft()
        frame, counts, held = future.result()
        self._tally += counts
        if self._second_look:
            self._second_look.hold(held)
        return piece, frame


def _has_ending(path: Path, endings: Sequence[str]) -> bool:
    return path.name.lower().endswith(tuple(endings))


def _is_tracks(file: Path, folder: Path) -> bool:
    """Whether a file found in a folder is meant: a known ending, and nothing hidden on the way to it."""
    hidden = any(part.startswith(".") for part in file.relative_to(folder).parts)
    return not hidden and _has_ending(file, ENDINGS) and file.is_file()


def _pieces(file: str | Path, size: int, batch_rows: int, tally: Tally) -> Iterator[_Piece]:
    """Cuts one file into work."""
    if file == STANDARD_INPUT:
        yield from _text_pieces(sys.stdin.buffer, "standard input", JSON_LINES, lambda: 0, batch_rows, tally)
        return
    path = Path(file)
    if size == 0:
        raise TracksError(f"{path}: is empty")
    if _has_ending(path, _PARQUET_ENDINGS):
        for read, share in parquet_batches(path, str(path), batch_rows, tally):
            yield _Piece(str(path), read, round(share * size))
        return
    with path.open("rb") as opened:
        fmt = JSON_LINES if _has_ending(path, _JSON_ENDINGS) else None
        stream = unpacked(opened, path.suffix.lower())
        yield from _text_pieces(stream, str(path), fmt, opened.tell, batch_rows, tally)


def _text_pieces(
    stream: ByteStream,
    source: str,
    fmt: TextFormat | None,
    position: Callable[[], int],
    batch_rows: int,
    tally: Tally,
) -> Iterator[_Piece]:
    """Cuts one stream of text into work; without a format the first line is the header of a CSV."""
    block_bytes = min(batch_rows * _TEXT_BYTES_A_FIX, _MOST_BLOCK_BYTES)
    anything = rows = False
    for block in read_blocks(stream, source, block_bytes, tally):
        anything = True
        if fmt is None:
            header, block = take_header(block, source)
            if header is None:
                continue
            fmt = csv_format(header, source)
        if block.data.strip() or block.undecodable:
            rows = True
            yield _Piece(source, partial(parse_block, block, source, fmt), position())
    if not anything:
        raise TracksError(f"{source}: is empty")
    if not rows:
        tally.warn(f"{source}: has no fixes")
