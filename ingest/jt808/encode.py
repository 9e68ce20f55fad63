"""Messages as frames: what the gateway answers, and what a terminal sends (for the simulator and the tests)."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from ingest.jt808.bcd import write_time
from ingest.jt808.frames import BODY_MAX_BYTES, sealed
from ingest.jt808.header import Header, write_header
from ingest.jt808.location import Item
from ingest.jt808.messages import PLATFORM_REPLY, REGISTER_REPLY, REGISTERED_SIZES, RESEND_PARTS

DONE, FAILED, WRONG, UNSUPPORTED = 0, 1, 2, 3  # results of a general reply
#: Results of a registration.
REGISTERED, NO_SUCH_VEHICLE, NO_SUCH_TERMINAL = 0, 2, 4

_LOAD_BITS = {None: 0b10, "empty": 0b00, "half": 0b01, "full": 0b11}


def frame(header: Header, body: bytes = b"") -> bytes:
    """One whole frame on the wire."""
    return sealed(write_header(header, len(body)) + body)


def frames(header: Header, body: bytes) -> Iterator[bytes]:
    """As many frames as a body needs; parts have serials that follow each other."""
    cuts = [body[at : at + BODY_MAX_BYTES] for at in range(0, len(body), BODY_MAX_BYTES)] or [b""]
    for number, cut in enumerate(cuts, start=1):
        serial = (header.serial + number - 1) % (1 << 16)
        yield frame(replace(header, serial=serial, parts=len(cuts), part=number), cut)


def answering(header: Header, message_id: int, serial: int) -> Header:
    """The header of an answer, in the form the terminal uses."""
    return Header(message_id, header.version, header.protocol, header.phone, serial)


def general_reply(header: Header, serial: int, result: int) -> bytes:
    """0x8001: what became of a message."""
    body = struct.pack(">HHB", header.serial, header.message_id, result)
    return frame(answering(header, PLATFORM_REPLY, serial), body)


def register_reply(header: Header, serial: int, result: int, code: str = "") -> bytes:
    """0x8100: what became of a registration, with the code for later connections where it was taken."""
    body = struct.pack(">HB", header.serial, result) + code.encode("gbk")
    return frame(answering(header, REGISTER_REPLY, serial), body)


def resend_request(header: Header, serial: int, first_serial: int, parts: Iterable[int]) -> bytes:
    """0x8003: which parts of a message have not come."""
    listed = list(parts)[:255]
    body = struct.pack(f">HB{len(listed)}H", first_serial, len(listed), *listed)
    return frame(answering(header, RESEND_PARTS, serial), body)


@dataclass(frozen=True)
class Report:
    """What a terminal knows when it sends a location; degrees, km/h, km, epoch ms."""

    time_ms: int
    lon: float
    lat: float
    speed_kmh: float = 0.0
    heading_deg: float = 0.0
    altitude_m: int = 0
    acc: bool = True
    valid: bool = True
    load: str | None = "empty"
    mileage_km: float | None = None
    items: tuple[Item, ...] = ()
    alarm: int = 0
    more_status: int = 0


def location_body(report: Report) -> bytes:
    """The body of a 0x0200."""
    status = report.acc | report.valid << 1 | (report.lat < 0) << 2 | (report.lon < 0) << 3
    status |= _LOAD_BITS[report.load] << 8 | report.more_status
    base = struct.pack(
        ">IIIIHHH",
        report.alarm,
        status,
        round(abs(report.lat) * 1e6),
        round(abs(report.lon) * 1e6),
        report.altitude_m,
        round(report.speed_kmh * 10),
        round(report.heading_deg) % 360,
    )
    items = list(report.items)
    if report.mileage_km is not None:
        items.insert(0, (0x01, struct.pack(">I", round(report.mileage_km * 10))))
    return base + write_time(report.time_ms) + write_items(items)


def write_items(items: Iterable[Item]) -> bytes:
    """Items as id, length, value."""
    return b"".join(bytes((item_id, len(value))) + value for item_id, value in items)


def batch_body(reports: Iterable[Report], *, resent: bool) -> bytes:
    """The body of a 0x0704; `resent`: gathered out of coverage."""
    bodies = [location_body(report) for report in reports]
    return struct.pack(">HB", len(bodies), resent) + b"".join(len(b).to_bytes(2, "big") + b for b in bodies)


def muck_item(*, lift: bool | None, cover: bool | None) -> Item:
    """Lift and cover as the dialect `egs701` says them: item F0, in it E1, then the sum of all bytes.

    None is told as that sensor's fault.
    """
    word = (cover is False) << 9 | (lift is True) << 10 | (cover is None) << 29 | (lift is None) << 30
    inner = write_items([(0xE1, word.to_bytes(4, "big"))])
    return 0xF0, inner + bytes((sum(inner) & 0xFF,))


def register_body(version: int, *, maker: str, model: str, terminal_id: str, plate: str, colour: int = 2) -> bytes:
    """The body of a 0x0100 in the form of 2011, 2013 or 2019."""
    told = zip((maker, model, terminal_id), REGISTERED_SIZES[version], strict=True)
    texts = b"".join(text.encode("gbk").ljust(size, b"\0")[:size] for text, size in told)
    return struct.pack(">HH", 32, 100) + texts + bytes((colour,)) + plate.encode("gbk")


def auth_body(version: int, code: str, imei: str = "", software: str = "") -> bytes:
    """The body of a 0x0102."""
    told = code.encode("gbk")
    if version != 2019:
        return told
    return bytes((len(told),)) + told + imei.encode().ljust(15, b"\0") + software.encode().ljust(20, b"\0")
