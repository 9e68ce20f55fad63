"""Locations: message 0x0200, and the batches of them in 0x0704 that bring what was gathered out of coverage."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from ingest.jt808.bcd import read_time_ms
from ingest.jt808.frames import BadFrame
from ingest.jt808.header import LOCATION_BYTES

_BASE = struct.Struct(">IIIIHHH6s")

ACC, FIXED, SOUTH, WEST, ENCRYPTED = 0, 1, 2, 3, 5  # bits of the status word
_LOAD_SHIFT = 8
#: Status bits 8-9; 10 is reserved and says nothing.
_LOADS = {0b00: "empty", 0b01: "half", 0b11: "full"}

MILEAGE, FUEL, RECORDER_SPEED, SIGNALS, ANALOG, SATELLITES = 0x01, 0x02, 0x03, 0x25, 0x2B, 0x31
_SCALES = {MILEAGE: (4, 0.1), FUEL: (2, 0.1), RECORDER_SPEED: (2, 0.1), SATELLITES: (1, 1.0)}

Item = tuple[int, bytes]


@dataclass(frozen=True, slots=True)
class Location:
    """One position report as the terminal sent it; nothing is believed or thrown away yet.

    Attributes:
        alarm: the alarm word.
        status: the status word.
        lon: degrees, west negative; may be outside ±180.
        lat: degrees, south negative; may be outside ±90.
        altitude_m: metres.
        speed_kmh: km/h.
        heading_deg: degrees from north.
        time_ms: epoch milliseconds; None where the six bytes are no time.
        time_bcd: those six bytes as digits.
        items: additional items as (id, value), in order; ids may repeat, values are raw.
        tail: bytes behind the last whole item, where the items do not fill the body.
    """

    alarm: int
    status: int
    lon: float
    lat: float
    altitude_m: int
    speed_kmh: float
    heading_deg: int
    time_ms: int | None
    time_bcd: str
    items: tuple[Item, ...] = ()
    tail: bytes = b""

    @property
    def acc(self) -> bool:
        """Ignition on."""
        return bool(self.status >> ACC & 1)

    @property
    def valid(self) -> bool:
        """The receiver has a fix, and the position is not encrypted."""
        return bool(self.status >> FIXED & 1) and not self.status >> ENCRYPTED & 1

    @property
    def load(self) -> str | None:
        """What status bits 8-9 say of the load: `empty`, `half`, `full`; None for the reserved value."""
        return _LOADS.get(self.status >> _LOAD_SHIFT & 0b11)

    def item(self, item_id: int) -> bytes | None:
        """The first item of that id."""
        return next((value for found, value in self.items if found == item_id), None)

    def number(self, item_id: int) -> float | None:
        """A standard item as a number: mileage in km, fuel in l, recorder speed in km/h, satellites.

        None where it is absent or not as long as the standard says.
        """
        size, scale = _SCALES[item_id]
        value = self.item(item_id)
        return round(int.from_bytes(value, "big") * scale, 1) if value is not None and len(value) == size else None


@dataclass(frozen=True, slots=True)
class Batch:
    """Locations of one 0x0704.

    Attributes:
        resent: the terminal could not send them at the time (type 1: out of coverage).
        locations: those that could be read.
        stated: how many the message says it holds.
        unread: what could not be read: items too short for a location, and what stands behind a cut item.
    """

    resent: bool
    locations: tuple[Location, ...]
    stated: int
    unread: tuple[bytes, ...] = ()

    @property
    def whole(self) -> bool:
        """All that it says it holds could be read."""
        return not self.unread and len(self.locations) == self.stated


def read_location(body: bytes) -> Location:
    """Reads the body of a 0x0200.

    Raises:
        BadFrame: `bad_body`, if it is shorter than its fixed part.
    """
    if len(body) < LOCATION_BYTES:
        raise BadFrame("bad_body", f"a location of {len(body)} bytes")
    alarm, status, lat, lon, altitude_m, speed, heading_deg, bcd = _BASE.unpack_from(body)
    items, tail = read_items(body[LOCATION_BYTES:])
    return Location(
        alarm=alarm,
        status=status,
        lon=(-lon if status >> WEST & 1 else lon) / 1e6,
        lat=(-lat if status >> SOUTH & 1 else lat) / 1e6,
        altitude_m=altitude_m,
        speed_kmh=speed / 10,
        heading_deg=heading_deg,
        time_ms=read_time_ms(bcd),
        time_bcd=bcd.hex(),
        items=items,
        tail=tail,
    )


def read_items(data: bytes) -> tuple[tuple[Item, ...], bytes]:
    """Items (id, length, value) and what is left behind the last whole one."""
    items: list[Item] = []
    at = 0
    while at + 2 <= len(data) and at + 2 + data[at + 1] <= len(data):
        end = at + 2 + data[at + 1]
        items.append((data[at], data[at + 2 : end]))
        at = end
    return tuple(items), data[at:]


def read_batch(body: bytes) -> Batch:
    """Reads the body of a 0x0704; what is damaged in it does not spoil the rest.

    Raises:
        BadFrame: `bad_body`, if it is shorter than its head.
    """
    if len(body) < 3:
        raise BadFrame("bad_body", f"a batch of {len(body)} bytes")
    stated, kind = struct.unpack_from(">HB", body)
    locations: list[Location] = []
    unread: list[bytes] = []
    at = 3
    while at < len(body):
        size = int.from_bytes(body[at : at + 2], "big")
        item = body[at + 2 : at + 2 + size]
        if at + 2 + size > len(body):
            unread.append(body[at:])
            break
        if size < LOCATION_BYTES:
            unread.append(body[at : at + 2 + size])
        else:
            locations.append(read_location(item))
        at += 2 + size
    return Batch(kind == 1, tuple(locations), stated, tuple(unread))
