"""Stored tracks into Kafka, at a chosen speed, resumable; a row counts as sent once the broker has it."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from ingest.columns import read_times
from ingest.files import Progress, find_files, read_rows
from ingest.kafka.client import KafkaTrouble, producer
from ingest.kafka.plates import partition_of
from ingest.kafka.topics import Topics, ensure
from ingest.tally import Tally, TracksError

BLOCK_ROWS = 20_000
#: With a speed, rows that are due within this time of the tracks go out together.
SLICE_S = 0.05


@dataclass
class Published:
    """What was sent: rows now and in earlier runs, records, seconds, rows that were no rows at all."""

    rows: int = 0
    before: int = 0
    records: int = 0
    seconds: float = 0.0
    unreadable: int = 0


@dataclass(frozen=True)
class Bookmark:
    """How far tracks were sent, in a file. It belongs to certain files and a topic; with others it is refused."""

    path: Path
    what: str

    def read(self) -> int:
        """Rows sent so far; 0 without a file.

        Raises:
            TracksError: if it is no bookmark, or one of other tracks.
        """
        try:
            kept = json.loads(self.path.read_text("utf-8"))
            what, rows = str(kept["what"]), int(kept["rows"])
        except FileNotFoundError:
            return 0
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise TracksError(f"{self.path}: is no bookmark of publish; name another file for --resume") from error
        if what != self.what:
            raise TracksError(f"{self.path}: is the bookmark of other tracks or another topic; name another file")
        return rows

    def write(self, rows: int) -> None:
        """Keeps it, whole or not at all."""
        aside = self.path.with_name(f".{self.path.name}.tmp")
        with aside.open("w", encoding="utf-8") as out:
            json.dump({"what": self.what, "rows": rows}, out)
            out.flush()
            os.fsync(out.fileno())
        aside.replace(self.path)


def publish(
    tracks: Sequence[str | Path],
    bootstrap: str,
    topics: Topics,
    *,
    speed: float = 60.0,
    batch: int = 1,
    partitions: int | None = None,
    resume: Path | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> Published:
    """Replays tracks into the topic `fixes`.

    Args:
        tracks: files, folders, or `-`.
        bootstrap: the brokers.
        topics: names of the topics; made when missing.
        speed: how many seconds of the tracks pass in one; 0: as fast as it goes.
        batch: how many fixes go into a record at most; one is what any other program sends.
        partitions: how many `fixes` must have; None: as many as it has.
        resume: a file that keeps how far it got; a next call with it goes on from there.
        on_progress: called after every block of rows.

    Raises:
        TracksError: tracks or bookmark cannot be read.
        KafkaTrouble: the broker is away or refuses; what the bookmark counts has arrived.
        StreamBroken: the topics are not as they must be.
    """
    started_s = time.monotonic()
    count = ensure(bootstrap, topics, partitions)
    bookmark = Bookmark(resume, _what(tracks, topics, count)) if resume else None
    done = Published(before=bookmark.read() if bookmark else 0)
    tally, pace, skip = Tally(), _Pace(speed), done.before
    sender = producer(bootstrap, linger_ms=20, batch_size=1024 * 1024)
    try:
        for frame in read_rows(tracks, tally=tally, on_progress=on_progress):
            fresh = frame.slice(skip)
            skip = max(0, skip - frame.height)
            for part in pace.slices(fresh):
                done.records += _send(sender, topics.fixes, part, count, batch)
                done.rows += part.height
                if bookmark:
                    bookmark.write(done.before + done.rows)
    finally:
        sender.close(timeout=5)
    done.unreadable, done.seconds = tally.set_aside, time.monotonic() - started_s
    return done


def records_of(rows: pl.DataFrame, partitions: int, batch: int) -> list[tuple[int, bytes, bytes]]:
    """Rows as records: partition, key and value; a row without a plate goes by the empty key."""
    plates = rows["plate"].fill_null("").to_list() if "plate" in rows.columns else [""] * rows.height
    lines = _lines(rows)
    if batch == 1:
        return [
            (partition_of(p, partitions), p.encode("utf-8", "surrogatepass"), line)
            for p, line in zip(plates, lines, strict=True)
        ]
    held: dict[int, list[bytes]] = {}
    found = []
    for plate, line in zip(plates, lines, strict=True):
        part = partition_of(plate, partitions)
        waiting = held.setdefault(part, [])
        waiting.append(line)
        if len(waiting) == batch:
            found.append((part, b"", b"\n".join(held.pop(part))))
    return found + [(part, b"", b"\n".join(waiting)) for part, waiting in held.items()]


def _send(sender: Any, topic: str, rows: pl.DataFrame, partitions: int, batch: int) -> int:
    """Sends rows and waits until the broker has them all."""
    futures = [
        sender.send(topic, value=value, key=key or None, partition=part)
        for part, key, value in records_of(rows, partitions, batch)
    ]
    sender.flush()
    for future in futures:
        try:
            future.get(timeout=300)
        except Exception as error:
            raise KafkaTrouble(f"a record was not taken: {type(error).__name__}: {error}; use --resume") from error
    return len(futures)


def _lines(rows: pl.DataFrame) -> list[bytes]:
    """One JSON object a row; times as epoch milliseconds where they can be read, nothing where there is nothing."""
    columns = [c for c in rows.columns if rows[c].null_count() < rows.height]
    if "time" in columns and rows["time"].dtype != pl.String:
        times = read_times(rows["time"])
        if times.readable.all():
            rows = rows.with_columns(time=times.ms)
    return rows.select(columns).write_ndjson().encode("utf-8", "surrogatepass").split(b"\n")[: rows.height]


class _Pace:
    """Lets rows out when they are due: by the tracks' own clock, `speed` times as fast."""

    def __init__(self, speed: float) -> None:
        self._speed = speed
        self._first_ms: int | None = None
        self._started_s = 0.0

    def slices(self, rows: pl.DataFrame) -> Iterator[pl.DataFrame]:
        """The rows in blocks, each when its last row is due."""
        if not self._speed or "time" not in rows.columns:
            yield from rows.iter_slices(BLOCK_ROWS)
            return
        latest = read_times(rows["time"]).ms.cum_max()
        at = 0
        while at < rows.height:
            if self._first_ms is None:
                self._first_ms, self._started_s = int(latest[at]), time.monotonic()
            due_ms = self._first_ms + (time.monotonic() - self._started_s) * 1000 * self._speed
            end = min(int(latest.search_sorted(due_ms, side="right")), at + BLOCK_ROWS)
            if end > at:
                yield rows.slice(at, end - at)
                at = end
            else:
                time.sleep(SLICE_S)


def _what(tracks: Sequence[str | Path], topics: Topics, partitions: int) -> str:
    """Names tracks by their files' names and sizes, and where they go."""
    parts = [f"{Path(f).name}:{Path(f).stat().st_size}" if str(f) != "-" else "-" for f in find_files(tracks)]
    return hashlib.sha256("\n".join([topics.fixes, str(partitions), *parts]).encode()).hexdigest()[:20]
