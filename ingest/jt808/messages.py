"""What a frame says: `decode` turns what stood between two flags into a header and a message."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from ingest.jt808.frames import BadFrame, opened
from ingest.jt808.header import LOCATION, Header, read_header
from ingest.jt808.location import Batch, Location, read_batch, read_location

TERMINAL_REPLY, HEARTBEAT, LOGOUT, REGISTER, AUTH = 0x0001, 0x0002, 0x0003, 0x0100, 0x0102
LOCATION_ANSWER, BATCH = 0x0201, 0x0704
PLATFORM_REPLY, RESEND_PARTS, REGISTER_REPLY = 0x8001, 0x8003, 0x8100

#: Bytes of maker, model and terminal id in a registration; before them two words, behind them one byte.
REGISTERED_SIZES = {2011: (5, 8, 7), 2013: (5, 20, 7), 2019: (11, 30, 30)}
_PLATE = re.compile(r"[一-鿿][A-Z][A-Z0-9一-鿿]{4,7}|[A-HJ-NPR-Z0-9]{17}|")
_IMEI_BYTES, _SOFTWARE_BYTES = 15, 20


@dataclass(frozen=True, slots=True)
class Register:
    """0x0100: a terminal introduces itself.

    Attributes:
        maker: the manufacturer's code.
        model: the terminal's model.
        terminal_id: the maker's number of the device; not the one in the header.
        colour: of the plate; 0 where the vehicle has none yet.
        plate: the licence plate (the VIN where the colour is 0), as the terminal was told.
    """

    province: int
    city: int
    maker: str
    model: str
    terminal_id: str
    colour: int
    plate: str


@dataclass(frozen=True, slots=True)
class Authenticate:
    """0x0102: the code that the registration's reply gave, shown at each new connection."""

    code: str


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """0x0002: still there."""


@dataclass(frozen=True, slots=True)
class Logout:
    """0x0003: the terminal gives up its registration."""


@dataclass(frozen=True, slots=True)
class TerminalReply:
    """0x0001: the terminal answers us; it is owed no answer."""


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a longer message; see `ingest.jt808.parts`."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Unknown:
    """A message that this program has no use for; it is answered as not supported."""

    body: bytes


Message = Register | Authenticate | Heartbeat | Logout | TerminalReply | Location | Batch | Part | Unknown


def decode(wire: bytes) -> tuple[Header, Message]:
    """Reads a frame; pure: no clock, no state.

    Args:
        wire: what stood between two flags, still escaped, checksum included.

    Raises:
        BadFrame: and nothing else, whatever the bytes are.
    """
    header, body = read_header(opened(wire))
    return header, Part(body) if header.parts > 1 else read_body(header, body)


def read_body(header: Header, body: bytes) -> Message:
    """Reads the body of a whole message.

    Raises:
        BadFrame: `bad_body`.
    """
    read = _READERS.get(header.message_id)
    return Unknown(body) if read is None else read(body, header.version)


def read_text(data: bytes) -> str:
    """GBK text up to its padding; bytes that are no GBK become U+FFFD."""
    return data.rstrip(b"\0").lstrip(b"\0").decode("gbk", "replace").strip()


def _read_auth(body: bytes, version: int) -> Authenticate:
    """Before 2019 the body is the code; since then a length, the code, IMEI and software version."""
    if version == 2019 and body and len(body) == 1 + body[0] + _IMEI_BYTES + _SOFTWARE_BYTES:
        body = body[1 : 1 + body[0]]
    return Authenticate(read_text(body))


def _read_register(body: bytes, version: int) -> Register:
    """Reads a registration; 2011 and 2013 share their header, so the plate tells which one it is."""
    forms = (2019, 2013, 2011) if version == 2019 else (2013, 2011)
    read = [found for form in forms if (found := _registered(body, REGISTERED_SIZES[form])) is not None]
    if not read:
        raise BadFrame("bad_body", f"a registration of {len(body)} bytes")
    return next((found for found in read if _PLATE.fullmatch(found.plate)), read[0])


def _registered(body: bytes, sizes: tuple[int, int, int]) -> Register | None:
    maker, model, terminal_id = sizes
    colour_at = 4 + maker + model + terminal_id
    if len(body) <= colour_at:
        return None
    return Register(
        province=int.from_bytes(body[:2], "big"),
        city=int.from_bytes(body[2:4], "big"),
        maker=read_text(body[4 : 4 + maker]),
        model=read_text(body[4 + maker : 4 + maker + model]),
        terminal_id=read_text(body[4 + maker + model : colour_at]),
        colour=body[colour_at],
        plate=read_text(body[colour_at + 1 :]),
    )


#: A query's answer (0x0201) is the query's serial and then a location.
_READERS: dict[int, Callable[[bytes, int], Message]] = {
    LOCATION: lambda body, _: read_location(body),
    BATCH: lambda body, _: read_batch(body),
    LOCATION_ANSWER: lambda body, _: read_location(body[2:]),
    HEARTBEAT: lambda *_: Heartbeat(),
    AUTH: _read_auth,
    REGISTER: _read_register,
    LOGOUT: lambda *_: Logout(),
    TERMINAL_REPLY: lambda *_: TerminalReply(),
}
