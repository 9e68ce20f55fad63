"""The header of a frame, in both its forms: 2011/2013 (12 bytes) and 2019 (17); four more where the frame is a part."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from ingest.jt808.bcd import read_time_ms
from ingest.jt808.frames import BadFrame

LOCATION = 0x0200
LOCATION_BYTES = 28

_LENGTH = 0x03FF
_ENCRYPTED = 0x1C00
_FRAGMENTED = 0x2000
_IS_2019 = 0x4000
_PARTS_BYTES = 4
#: Bytes before the parts' numbers, and where the terminal's number begins.
_FORMS = {2013: (12, 4), 2019: (17, 5)}
_SIZES = {size + parts: version for version, (size, _) in _FORMS.items() for parts in (0, _PARTS_BYTES)}
_LAT_LON = struct.Struct(">II")


@dataclass(frozen=True, slots=True)
class Header:
    """Who sends what.

    Attributes:
        message_id: which message the body is.
        version: 2013 (2011 has the same header) or 2019, told by the lengths; the flag is not relied on.
        protocol: the version byte of 2019, 0 before.
        phone: the terminal's number as it was sent, 12 or 20 digits (hexadecimal where a terminal sends no decimals).
        serial: counts a terminal's messages, modulo 65,536.
        parts: how many parts the message has; 1 for a whole one.
        part: which of them this is, from 1.
        flag_lies: the version flag says another form than the one that was sent.
        length_lies: the body's length is not the one that was stated.
    """

    message_id: int
    version: int
    protocol: int
    phone: str
    serial: int
    parts: int = 1
    part: int = 1
    flag_lies: bool = False
    length_lies: bool = False


def read_header(content: bytes) -> tuple[Header, bytes]:
    """The header and the body of a frame's content.

    The four possible headers differ in size, so the stated length of the body fits only one of them; that one is
    taken, whatever the version flag says. Where none fits, a location (0x0200) is still read if its fixed part makes
    sense in one form: there are terminals that always state a wrong length.

    Args:
        content: unescaped, without the checksum.

    Raises:
        BadFrame: `bad_length`, `encrypted` or `bad_fragment`.
    """
    message_id, attributes = struct.unpack_from(">HH", content)
    flagged = 2019 if attributes & _IS_2019 else 2013
    in_parts = bool(attributes & _FRAGMENTED)
    size = len(content) - (attributes & _LENGTH)
    version = _SIZES.get(size)
    length_lies = version is None or (size - _FORMS[version][0] == _PARTS_BYTES and not in_parts)
    if length_lies or version is None:
        version = _form_of_location(content, message_id, flagged) if not in_parts else None
        if version is None:
            raise BadFrame("bad_length", f"{attributes & _LENGTH} stated")
        size = _FORMS[version][0]
    fixed, at = _FORMS[version]
    if attributes & _ENCRYPTED:
        raise BadFrame("encrypted")
    parts, part = struct.unpack_from(">HH", content, fixed) if size > fixed else (1, 1)
    if not 1 <= part <= parts:
        raise BadFrame("bad_fragment", f"{part} of {parts}")
    header = Header(
        message_id=message_id,
        version=version,
        protocol=content[4] if version == 2019 else 0,
        phone=content[at : fixed - 2].hex(),
        serial=int.from_bytes(content[fixed - 2 : fixed], "big"),
        parts=parts,
        part=part,
        flag_lies=version != flagged,
        length_lies=length_lies,
    )
    return header, content[size:]


def _form_of_location(content: bytes, message_id: int, flagged: int) -> int | None:
    """The form under which a location of unfitting length makes sense; the flagged one is tried first."""
    if message_id != LOCATION:
        return None
    for version in (flagged, 2013 if flagged == 2019 else 2019):
        size, at = _FORMS[version]
        body = content[size:]
        if len(body) < LOCATION_BYTES or not content[at : size - 2].hex().isdecimal():
            continue
        lat, lon = _LAT_LON.unpack_from(body, 8)
        if lat <= 90_000_000 and lon <= 180_000_000 and read_time_ms(body[22:28]) is not None:
            return version
    return None


def write_header(header: Header, body_bytes: int) -> bytes:
    """The header's bytes before a body of so many bytes; flag and length never lie."""
    attributes = body_bytes & _LENGTH
    if header.version == 2019:
        attributes |= _IS_2019
    if header.parts > 1:
        attributes |= _FRAGMENTED
    size, at = _FORMS[header.version]
    phone = bytes.fromhex(header.phone.rjust(2 * (size - 2 - at), "0"))
    written = struct.pack(">HH", header.message_id, attributes)
    written += bytes((header.protocol,)) if header.version == 2019 else b""
    written += phone + header.serial.to_bytes(2, "big")
    return written + (struct.pack(">HH", header.parts, header.part) if header.parts > 1 else b"")
