"""The envelope of a JT/T 808 frame: delimiters, escapes, checksum, and finding the next frame after rubbish.

On the wire a frame stands between two bytes 0x7E; inside it 0x7D 0x02 means 0x7E and 0x7D 0x01 means 0x7D, so a bare
0x7E is always a border and reading can begin anew at any of them.
"""

from __future__ import annotations

FLAG = b"\x7e"
_ESCAPE = b"\x7d"
_ESCAPED = {0x01: b"\x7d", 0x02: b"\x7e"}

BODY_MAX_BYTES = 1023  # the length has ten bits
HEADER_MAX_BYTES = 21
#: The longest content as it stands on the wire, had every byte been escaped: header, body, checksum.
FRAME_MAX_BYTES = 2 * (HEADER_MAX_BYTES + BODY_MAX_BYTES + 1)
#: The shortest content: a header of 2011/2013 with an empty body, and the checksum.
FRAME_MIN_BYTES = 13

#: Why a frame is refused.
REASONS: dict[str, str] = {
    "too_short": "fewer bytes than a header and a checksum",
    "too_long": f"more than {FRAME_MAX_BYTES} bytes without a border",
    "bad_escape": "0x7D followed by neither 0x01 nor 0x02",
    "bad_checksum": "the XOR of all bytes differs from the last one",
    "bad_length": "the header's length fits neither form of header",
    "encrypted": "a body that is encrypted (attribute bits 10-12)",
    "bad_fragment": "a part numbered 0, or above the number of parts",
    "bad_body": "a body too short for its message, or whose own lengths contradict each other",
}


class BadFrame(ValueError):
    """A frame that cannot be read; the one error of decoding.

    Attributes:
        reason: a key of `REASONS`.
    """

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(f"{REASONS[reason]}{f': {detail}' if detail else ''}")
        self.reason = reason


def checksum(content: bytes) -> int:
    """The XOR of all bytes, by folding them as one number onto its lower half; many times faster than byte by byte."""
    folded = int.from_bytes(content, "big")
    shift = 4 << max(0, len(content) - 1).bit_length()
    while shift >= 8:
        folded ^= folded >> shift
        shift >>= 1
    return folded & 0xFF


def escape(content: bytes) -> bytes:
    """Content as it is sent between two flags."""
    return content.replace(_ESCAPE, b"\x7d\x01").replace(FLAG, b"\x7d\x02")


def unescape(wire: bytes) -> bytes:
    """Content from what stood between two flags, in one pass: 7D 01 02 is 7D 02, never 7E.

    Raises:
        BadFrame: `bad_escape`.
    """
    if _ESCAPE not in wire:
        return wire
    first, *rest = wire.split(_ESCAPE)
    parts = [first]
    for part in rest:
        meant = _ESCAPED.get(part[0]) if part else None
        if meant is None:
            raise BadFrame("bad_escape", f"7d {part[:1].hex() or 'at the end'}")
        parts += (meant, part[1:])
    return b"".join(parts)


def sealed(content: bytes) -> bytes:
    """Header and body as a whole frame on the wire, checksum and flags included."""
    return FLAG + escape(content + bytes((checksum(content),))) + FLAG


def opened(wire: bytes) -> bytes:
    """Header and body of a frame; `wire` is what stood between two flags.

    Raises:
        BadFrame: `too_short`, `too_long`, `bad_escape` or `bad_checksum`.
    """
    if len(wire) > FRAME_MAX_BYTES:
        raise BadFrame("too_long")
    content = unescape(wire)
    if len(content) < FRAME_MIN_BYTES:
        raise BadFrame("too_short", f"{len(content)} bytes")
    if checksum(content):  # the XOR over content and its own checksum is zero
        raise BadFrame("bad_checksum")
    return content[:-1]


class Framer:
    """Cuts a stream of bytes at the flags; holds at most one unfinished frame, however much comes without a flag.

    Rubbish between flags comes out as a frame that `opened` refuses, so everything that was received is accounted for.
    """

    def __init__(self) -> None:
        self._held = bytearray()
        #: Bytes since the last flag, those that were dropped included.
        self.unended_bytes = 0

    def feed(self, data: bytes) -> list[bytes]:
        """What stood between flags and is complete now; empty stretches (two flags side by side) are left out."""
        first, *rest = data.split(FLAG)
        self._hold(first)
        if not rest:
            return []
        ended = [bytes(self._held), *rest[:-1]]
        self._held.clear()
        self.unended_bytes = 0
        self._hold(rest[-1])
        return [wire for wire in ended if wire]

    def _hold(self, part: bytes) -> None:
        self.unended_bytes += len(part)
        room = FRAME_MAX_BYTES + 1 - len(self._held)  # one byte more than may be, so that it is known as too long
        self._held += part[:room]
