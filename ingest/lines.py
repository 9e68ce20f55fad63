"""Text files as blocks of whole lines in UTF-8, whatever they were packed and written in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import BinaryIO, Protocol

import numpy as np
import pyarrow as pa

from ingest.tally import Tally, TracksError

MAX_LINE_BYTES = 16 * 1024 * 1024
_READ_BYTES = 256 * 1024
_LEAST_BYTES = 4096
_UTF8_MARK = b"\xef\xbb\xbf"
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
_CODECS = {".gz": "gzip", ".zst": "zstd"}


class BrokenStream(Exception):
    """A compressed stream that ends early or is damaged."""


class ByteStream(Protocol):
    """Anything with `read`."""

    def read(self, size: int, /) -> bytes:
        """At most `size` bytes; none at the end."""


@dataclass(frozen=True)
class Block:
    """Whole lines, UTF-8, ended by `\\n` (the last may lack it); `first_line` is the number of the first, from 1.

    Lines that could not be decoded are blank in `data` and listed in `undecodable` with what can be shown of them.
    """

    data: bytes
    first_line: int
    undecodable: tuple[tuple[int, str], ...] = ()

    @cached_property
    def lines(self) -> int:
        """How many lines, blank ones included."""
        return count_byte(self.data, b"\n") + (not self.data.endswith(b"\n") and bool(self.data))

    def split(self) -> list[bytes]:
        """The lines without their ends."""
        lines = self.data.split(b"\n")
        return lines[:-1] if self.data.endswith(b"\n") else lines

    def line(self, index: int) -> str:
        """One line as text; `index` counts from 0 within the block."""
        start = 0
        for _ in range(index):
            start = self.data.index(b"\n", start) + 1
        end = self.data.find(b"\n", start)
        return self.data[start : None if end < 0 else end].decode("utf-8", "replace")


def count_byte(data: bytes, byte: bytes) -> int:
    """How often a byte occurs; many times faster than `bytes.count` where it occurs often."""
    return int(np.count_nonzero(np.frombuffer(data, np.uint8) == byte[0]))


def unpacked(file: BinaryIO, ending: str) -> ByteStream:
    """The bytes of a file that may be compressed, told by the last part of its name."""
    codec = _CODECS.get(ending)
    return file if codec is None else pa.CompressedInputStream(pa.PythonFile(file, mode="r"), codec)


def read_blocks(stream: ByteStream, source: str, block_bytes: int, tally: Tally) -> Iterator[Block]:
    """Cuts a stream into blocks of whole lines of about `block_bytes`.

    Raises:
        TracksError: for UTF-16, for text in no known encoding, for a line over `MAX_LINE_BYTES`.
        BrokenStream: if the stream breaks; whole lines before the break have been given out by then.
    """
    decoder = _Decoder(source, tally)
    line = 1
    broken: BrokenStream | None = None
    rest: list[bytes] = []
    first = True
    while broken is None:
        held = sum(map(len, rest))
        parts, broken = _fill(stream, max(block_bytes - held, held, _LEAST_BYTES))
        ended = not parts and broken is None
        if first and parts:
            parts[0], first = _without_mark(parts[0], source), False
        whole, rest = (rest, []) if ended else _cut(rest + parts)
        if whole:
            block = decoder.decode(b"".join(whole), line)
            line += block.lines
            yield block
        if sum(map(len, rest)) > MAX_LINE_BYTES:
            raise TracksError(f"{source}: line {line} is over {MAX_LINE_BYTES} bytes; expected one fix a line")
        if ended:
            return
    raise broken


def _cut(parts: list[bytes]) -> tuple[list[bytes], list[bytes]]:
    """Cuts behind the last line end: whole lines, and what begins the next line."""
    for index in range(len(parts) - 1, -1, -1):
        cut = parts[index].rfind(b"\n") + 1
        if cut:
            tail = parts[index][cut:]
            return [*parts[:index], parts[index][:cut]], [*([tail] if tail else []), *parts[index + 1 :]]
    return [], parts


def take_header(block: Block, source: str) -> tuple[str | None, Block]:
    """The first line that is not blank, or None, and the block without it and what is before it."""
    data, line = block.data, block.first_line
    header = b""
    while data and not header.strip():
        header, _, data = data.partition(b"\n")
        line += 1
    if any(number < line for number, _ in block.undecodable):
        raise TracksError(f"{source}: row 1: the header can be read neither as UTF-8 nor as GBK; save it as UTF-8")
    return header.decode("utf-8", "replace").strip() or None, Block(data, line, block.undecodable)


def _fill(stream: ByteStream, wanted: int) -> tuple[list[bytes], BrokenStream | None]:
    """Reads until `wanted` bytes are there, or the end, or a break."""
    parts: list[bytes] = []
    while wanted > 0:
        try:
            part = stream.read(min(wanted, _READ_BYTES))
        except (OSError, EOFError, pa.ArrowInvalid) as error:
            return parts, BrokenStream(str(error).splitlines()[0])
        if not part:
            break
        parts.append(part)
        wanted -= len(part)
    return parts, None


def _without_mark(data: bytes, source: str) -> bytes:
    """Drops a UTF-8 byte order mark and refuses UTF-16."""
    if data.startswith(_UTF16_MARKS):
        raise TracksError(f"{source}: is in UTF-16; save it as UTF-8")
    return data.removeprefix(_UTF8_MARK)


@dataclass
class _Decoder:
    """Finds out from the first lines that are not ASCII whether a file is UTF-8 or GB18030 (GBK), and stays with it."""

    source: str
    tally: Tally
    encoding: str | None = field(default=None)

    def decode(self, data: bytes, first_line: int) -> Block:
        if b"\r" in data:
            data = data.replace(b"\r\n", b"\n")
        if data.isascii():
            return Block(data, first_line)
        if self.encoding is None:
            self.encoding = self._decide(data, first_line)
        if not _decodes(data, self.encoding):
            return self._decode_lines(data, first_line)
        return Block(data if self.encoding == "utf-8" else data.decode(self.encoding).encode(), first_line)

    def _decide(self, data: bytes, first_line: int) -> str:
        """UTF-8 if most lines that tell are, else GB18030 if all are."""
        if _decodes(data, "utf-8"):
            return "utf-8"
        telling = [line for line in data.split(b"\n") if not line.isascii()]
        if sum(_decodes(line, "utf-8") for line in telling) * 2 >= len(telling):
            return "utf-8"
        if not _decodes(data, "gb18030"):
            raise TracksError(
                f"{self.source}: text from line {first_line} on is neither UTF-8 nor GBK; save it as UTF-8"
            )
        self.tally.warn(f"{self.source}: is in GBK (GB18030), not UTF-8; read as such")
        return "gb18030"

    def _decode_lines(self, data: bytes, first_line: int) -> Block:
        assert self.encoding is not None
        lines: list[bytes] = []
        undecodable: list[tuple[int, str]] = []
        for number, line in enumerate(data.split(b"\n"), start=first_line):
            if _decodes(line, self.encoding):
                lines.append(line if self.encoding == "utf-8" else line.decode(self.encoding).encode())
            else:
                undecodable.append((number, line.decode(self.encoding, "replace")))
                lines.append(b"")
        return Block(b"\n".join(lines), first_line, tuple(undecodable))


def is_utf8(data: bytes) -> bool:
    """Whether bytes are UTF-8; several times faster than decoding them."""
    offsets = pa.py_buffer(np.array([0, len(data)], np.int64))
    try:
        pa.LargeStringArray.from_buffers(1, offsets, pa.py_buffer(data)).validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True


def _decodes(data: bytes, encoding: str) -> bool:
    if encoding == "utf-8":
        return is_utf8(data)
    try:
        data.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True
