"""A journal on this machine's disk for what Kafka cannot take now: append, fsync, drain in order, survive a kill.

A folder of numbered segments. A segment is the magic, then records: length, CRC-32 and the packed record. `append`
returns when the bytes are on the disk; only then may anything be acknowledged. `position` says how far it was drained;
it may be behind (what is drained twice counts once), never ahead.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import struct
import threading
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from ingest.gateway.outgoing import Outgoing

SEGMENT_BYTES = 16 * 1024 * 1024
MAX_BYTES = 4 * 1024 * 1024 * 1024
#: Drained at once; small, so that draining holds nothing up, and little is drained twice after a crash.
DRAIN_BYTES = 256 * 1024
_MAGIC = b"MUCKJNL1"
_HEAD = struct.Struct(">II")
_ENDING = ".journal"

_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder(Outgoing).decode


class JournalError(Exception):
    """The journal cannot take records now; what was handed to it must not be acknowledged."""


class JournalBusy(Exception):
    """Another process has the folder."""


class Place(NamedTuple):
    """A byte in the journal: the segment's number and an offset in it."""

    segment: int
    offset: int


class Journal:
    """One process's journal; every method may be called from any thread."""

    def __init__(self, folder: Path, *, max_bytes: int = MAX_BYTES, segment_bytes: int = SEGMENT_BYTES) -> None:
        """Opens a folder, made if need be, and finds what an earlier process left in it.

        Raises:
            JournalBusy: if another process has it open.
            OSError: if it cannot be read or made.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._max_bytes, self._segment_bytes = max_bytes, segment_bytes
        self._lock = threading.Lock()
        self._closed = False
        self._holder = os.open(folder / "lock", os.O_CREAT | os.O_RDWR, 0o600)
        try:
            fcntl.flock(self._holder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._holder)
            raise JournalBusy(f"{folder}: another gateway uses this journal") from None
        self._writing: int | None = None
        #: Segments that hold records, with the size up to which each may be read.
        self._sizes: dict[int, int] = {}
        self.damaged_bytes = 0
        self._next_number = 0
        found = sorted(folder.glob(f"*{_ENDING}"))
        for path in found:
            self._find(int(path.stem), path)
        self._at = self._read_position()
        self._next_number = 1 + max([self._at.segment, *(int(path.stem) for path in found)])

    @property
    def empty(self) -> bool:
        """Nothing waits to be drained."""
        return not self._sizes

    @property
    def waiting_bytes(self) -> int:
        """How much waits to be drained, about."""
        with self._lock:
            return max(0, sum(self._sizes.values()) - self._at.offset) if self._sizes else 0

    def append(self, records: Sequence[Outgoing]) -> None:
        """Writes records and waits until the disk has them: all of them, or none that counts.

        Raises:
            JournalError: disk full, journal full, or any other failure; the journal stays usable and each call tries
                anew.
        """
        packed = [_pack(record) for record in records]
        data = b"".join(_HEAD.pack(len(one), zlib.crc32(one)) + one for one in packed)
        with self._lock:
            if self._closed:
                raise JournalError("the journal is closed")
            if sum(self._sizes.values()) + len(data) > self._max_bytes:
                raise JournalError(f"the journal is full: {self._max_bytes} bytes")
            number = self._next_number
            try:
                if self._writing is None:
                    self._open_segment(number)
                self._write(number, data)
            except OSError as error:
                raise JournalError(f"{self._folder}: {error.strerror or error}") from None
            if self._sizes[number] >= self._segment_bytes:
                self._close_segment()

    def peek(self, most_bytes: int = DRAIN_BYTES) -> tuple[list[Outgoing], Place]:
        """The oldest records, about so many bytes of them, and the place behind them for `advance`."""
        with self._lock:
            while self._sizes and not self._closed:
                number = min(self._sizes)
                at = self._at.offset if number == self._at.segment else len(_MAGIC)
                records, end = self._read(number, at, most_bytes)
                if records:
                    return records, Place(number, end)
                if at < self._sizes[number]:  # sound when it was written or found, and no longer
                    self.damaged_bytes += self._sizes[number] - at
                    self._keep_aside(number, at)
                self._forget(number)
            return [], self._at

    def advance(self, place: Place) -> None:
        """Says that everything before a place has been drained; segments that are done with are deleted."""
        with self._lock:
            if self._closed:  # another process may have it by now; it drains this again, which counts once
                return
            self._at = place
            if place.offset >= self._sizes.get(place.segment, 0):
                self._forget(place.segment)
            written = self._folder / "position.new"
            with contextlib.suppress(OSError):  # without it more is drained again after a crash, and counts once
                written.write_text(f"{place.segment} {place.offset}")
                written.replace(self._folder / "position")

    def close(self) -> None:
        """Lets go of the folder; what waits stays for the next process."""
        with self._lock:
            if not self._closed:
                self._closed = True
                self._close_segment()
                os.close(self._holder)

    def _open_segment(self, number: int) -> None:
        path = self._path(number)
        self._writing = os.open(path, os.O_CREAT | os.O_TRUNC | os.O_WRONLY | os.O_CLOEXEC, 0o600)
        self._sizes[number] = 0
        try:
            self._write(number, _MAGIC)
            _sync_folder(self._folder)
        except OSError:
            self._close_segment()
            self._forget(number)
            raise

    def _write(self, number: int, data: bytes) -> None:
        """Appends to the open segment; a failure gives up the segment, because its pages can no longer be trusted."""
        assert self._writing is not None
        good = self._sizes[number]
        try:
            view = memoryview(data)
            while view:
                written = os.write(self._writing, view)
                if not written:
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                view = view[written:]
            os.fsync(self._writing)
        except OSError:
            with contextlib.suppress(OSError):
                os.ftruncate(self._writing, good)
            self._close_segment()
            if good <= len(_MAGIC):
                self._forget(number)
            raise
        self._sizes[number] = good + len(data)

    def _close_segment(self) -> None:
        if self._writing is not None:
            with contextlib.suppress(OSError):
                os.close(self._writing)
            self._writing = None
            self._next_number += 1

    def _forget(self, number: int) -> None:
        if number == self._next_number and self._writing is not None:
            self._close_segment()
        self._sizes.pop(number, None)
        with contextlib.suppress(OSError):
            self._path(number).unlink()

    def _path(self, number: int) -> Path:
        return self._folder / f"{number:010d}{_ENDING}"

    def _find(self, number: int, path: Path) -> None:
        """Takes in a segment of an earlier process up to its last whole record.

        What is behind it was never acknowledged: a kill in the middle of a write. Damage before the end is kept
        aside for people to look at.
        """
        self._sizes[number] = size = path.stat().st_size
        with path.open("rb") as file:
            magic = file.read(len(_MAGIC)) == _MAGIC
        records_end = self._scan(number) if magic else 0
        self.damaged_bytes += size - records_end
        if records_end < size and not (magic and self._torn(number, records_end)):
            self._keep_aside(number, records_end)
        if records_end <= len(_MAGIC):
            self._forget(number)
        else:
            self._sizes[number] = records_end

    def _keep_aside(self, number: int, at: int) -> None:
        path = self._path(number)
        path.with_suffix(".damaged").write_bytes(path.read_bytes()[at:])

    def _scan(self, number: int) -> int:
        end = len(_MAGIC)
        while True:
            records, after = self._read(number, end, 1024 * 1024)
            if not records:
                return end
            end = after

    def _torn(self, number: int, at: int) -> bool:
        """Whether the segment merely ends within a record that begins there."""
        with self._path(number).open("rb") as file:
            file.seek(at)
            rest = file.read()
        return len(rest) < _HEAD.size or len(rest) - _HEAD.size < _HEAD.unpack_from(rest)[0] or not rest.strip(b"\0")

    def _read(self, number: int, at: int, most_bytes: int) -> tuple[list[Outgoing], int]:
        records: list[Outgoing] = []
        with self._path(number).open("rb") as file:
            file.seek(at)
            end, stop = at, min(self._sizes[number], at + most_bytes)
            while end < stop:
                head = file.read(_HEAD.size)
                if len(head) < _HEAD.size:
                    break
                size, crc = _HEAD.unpack(head)
                if end + _HEAD.size + size > self._sizes[number]:
                    break
                packed = file.read(size)
                if not size or zlib.crc32(packed) != crc:
                    break
                try:
                    records.append(_unpack(packed))
                except msgspec.MsgspecError:
                    break
                end += _HEAD.size + size
        return records, end

    def _read_position(self) -> Place:
        try:
            segment, offset = map(int, (self._folder / "position").read_text().split())
        except (OSError, ValueError):
            return Place(0, 0)
        for number in [number for number in self._sizes if number < segment]:
            self._forget(number)
        if segment in self._sizes and offset >= self._sizes[segment]:
            self._forget(segment)
        return Place(segment, max(offset, len(_MAGIC)))


def _sync_folder(folder: Path) -> None:
    """Makes a new file's name durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
