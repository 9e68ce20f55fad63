"""Frames of invented terminals."""

from __future__ import annotations

from ingest.jt808.encode import Report, frame, location_body
from ingest.jt808.header import Header

#: 2026-11-16T22:00:00+08:00.
FIX_MS = 1_794_837_600_000
PHONES = {2013: "013900000001", 2019: "00000000013900000001"}


def header(message_id: int, version: int = 2013, serial: int = 7) -> Header:
    return Header(message_id, version, int(version == 2019), PHONES[version], serial)


def report(**changes: object) -> Report:
    told = {"time_ms": FIX_MS, "lon": 118.78, "lat": 32.04, "speed_kmh": 36.5, "heading_deg": 90, "load": "full"}
    return Report(**{**told, **changes})  # type: ignore[arg-type]


def inside(wire: bytes) -> bytes:
    """What stands between the two flags."""
    assert wire[:1] == wire[-1:] == b"\x7e"
    return wire[1:-1]


def location(version: int = 2013, serial: int = 7, **changes: object) -> bytes:
    """A whole 0x0200 on the wire."""
    return frame(header(0x0200, version, serial), location_body(report(**changes)))
