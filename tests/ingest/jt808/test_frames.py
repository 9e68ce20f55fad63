"""Flags, escapes, checksum, headers: what is read, what is refused, and that the next good frame is always found."""

from __future__ import annotations

import struct
from functools import reduce
from operator import xor

import pytest
from hypothesis import given
from hypothesis import strategies as st
from some_frames import PHONES, header, inside, location, report

from ingest.jt808.encode import frame, frames, location_body
from ingest.jt808.frames import FRAME_MAX_BYTES, REASONS, BadFrame, Framer, checksum, escape, opened, sealed, unescape
from ingest.jt808.header import Header, read_header, write_header
from ingest.jt808.location import Location
from ingest.jt808.messages import Unknown, decode


@given(st.binary(max_size=200))
def test_what_is_escaped_comes_back_and_holds_no_flag(content: bytes) -> None:
    assert unescape(escape(content)) == content
    assert b"\x7e" not in escape(content)


@given(st.binary(max_size=600))
def test_checksum_is_the_xor_of_all_bytes(content: bytes) -> None:
    assert checksum(content) == reduce(xor, content, 0)


def test_escapes_are_read_in_one_pass() -> None:
    assert unescape(b"\x7d\x01\x02") == b"\x7d\x02"
    assert unescape(b"\x7d\x02\x7d\x01\x01") == b"\x7e\x7d\x01"


@pytest.mark.parametrize(
    ("wire", "reason"),
    [
        (b"", "too_short"),
        (b"\x02\x00\x00", "too_short"),
        (b"\x00" * 12, "too_short"),
        (b"\x00" * (FRAME_MAX_BYTES + 1), "too_long"),
        (inside(location())[:-1] + b"\x7d", "bad_escape"),
        (b"\x7d\x03" + inside(location()), "bad_escape"),
        (b"\x01" + inside(location()), "bad_checksum"),
        (inside(location())[:-1], "bad_checksum"),
        (inside(sealed(bytes.fromhex("0200 1c1c 013900000001 0007") + bytes(28))), "encrypted"),
        (inside(sealed(bytes.fromhex("0002 0005 013900000001 0007"))), "bad_length"),
        (inside(sealed(bytes.fromhex("0002 2000 013900000001 0007 0002 0003"))), "bad_fragment"),
        (inside(sealed(bytes.fromhex("0002 2000 013900000001 0007 0000 0000"))), "bad_fragment"),
        (inside(frame(header(0x0200), bytes(27))), "bad_body"),
        (inside(frame(header(0x0704), b"\0\1")), "bad_body"),
        (inside(frame(header(0x0100), bytes(20))), "bad_body"),
    ],
)
def test_bad_frame_says_why(wire: bytes, reason: str) -> None:
    with pytest.raises(BadFrame, match=REASONS[reason].split("(")[0]) as caught:
        decode(wire)
    assert caught.value.reason == reason


@pytest.mark.parametrize("at", range(29))
def test_one_changed_byte_is_noticed(at: int) -> None:
    wire = bytearray(inside(location(lon=118.0, lat=32.0)))
    wire[at] ^= 0x10
    with pytest.raises(BadFrame):
        decode(bytes(wire))


@given(st.sampled_from([2013, 2019]), st.integers(0, 65_535), st.integers(0, 65_535), st.binary(max_size=1023))
def test_header_and_body_come_back(version: int, message_id: int, serial: int, body: bytes) -> None:
    sent = Header(message_id, version, int(version == 2019), PHONES[version], serial)
    assert read_header(opened(inside(frame(sent, body)))) == (sent, body)


@pytest.mark.parametrize("version", [2013, 2019])
@pytest.mark.parametrize("parts", [1, 3])
def test_form_is_told_where_the_flag_lies(version: int, parts: int) -> None:
    sent = Header(0x0200, version, int(version == 2019), PHONES[version], 9, parts=parts)
    content = bytearray(write_header(sent, 28) + bytes(28))
    content[2] ^= 0x40
    got, body = read_header(bytes(content))
    assert (got.version, got.phone, got.serial, got.parts) == (version, PHONES[version], 9, parts)
    assert got.flag_lies and not got.length_lies and body == bytes(28)


@pytest.mark.parametrize("version", [2013, 2019])
@pytest.mark.parametrize("flagged", [2013, 2019])
@pytest.mark.parametrize("stated", [0, 20, 100])
def test_location_of_wrong_length_is_read_by_what_makes_sense(version: int, flagged: int, stated: int) -> None:
    content = bytearray(write_header(header(0x0200, version), 28) + location_body(report()))
    struct.pack_into(">H", content, 2, stated | (0x4000 if flagged == 2019 else 0))
    got, message = decode(inside(sealed(bytes(content))))
    assert isinstance(message, Location)
    assert (got.version, message.lon, message.lat) == (version, 118.78, 32.04)
    assert got.length_lies and got.flag_lies == (version != flagged)


def test_wrong_length_is_refused_where_nothing_confirms_a_form() -> None:
    content = bytearray(write_header(header(0x0200), 28) + location_body(report(lat=95.0)))
    struct.pack_into(">H", content, 2, 20)
    with pytest.raises(BadFrame) as caught:
        decode(inside(sealed(bytes(content))))
    assert caught.value.reason == "bad_length"


def test_message_without_use_is_kept_as_it_came() -> None:
    got, message = decode(inside(frame(header(0x0801, 2019), b"a photo")))
    assert (got.message_id, message) == (0x0801, Unknown(b"a photo"))


def test_long_body_is_cut_into_parts_with_serials_that_wrap() -> None:
    sent = [decode(inside(wire))[0] for wire in frames(header(0x0704, serial=65_535), bytes(2_500))]
    assert [(h.part, h.parts, h.serial) for h in sent] == [(1, 3, 65_535), (2, 3, 0), (3, 3, 1)]


GARBAGE = st.one_of(
    st.binary(max_size=40),
    st.sampled_from([b"\x7e", b"\x7e\x7e\x7e", b"\x7d", b"\x7e\x7d\x7e", b"GET / HTTP/1.1\r\n\r\n", location()[:-1]]),
)


@given(st.lists(GARBAGE, max_size=6), st.data())
def test_good_frame_is_found_after_any_rubbish_in_any_cut(rubbish: list[bytes], data: st.DataObject) -> None:
    good = [location(serial=n) for n in range(len(rubbish) + 1)]
    stream = b"".join(part for pair in zip(good, [*rubbish, b""], strict=True) for part in pair)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    framer, found = Framer(), []
    for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        found += framer.feed(stream[start:end])
    assert [wire for wire in found if wire in {inside(g) for g in good}] == [inside(g) for g in good]


def test_stream_without_a_flag_takes_no_memory_and_is_one_bad_frame() -> None:
    framer = Framer()
    for _ in range(1000):
        assert framer.feed(b"a" * 65_536) == []
    assert framer.unended_bytes == 65_536_000
    long, good = framer.feed(location())
    assert len(long) == FRAME_MAX_BYTES + 1 and good == inside(location())
    with pytest.raises(BadFrame) as caught:
        decode(long)
    assert caught.value.reason == "too_long"


@given(st.one_of(st.binary(max_size=80), st.binary(max_size=80).map(lambda b: b + bytes((checksum(b),)))))
def test_decoding_raises_nothing_else(wire: bytes) -> None:
    try:
        decode(wire)
    except BadFrame as error:
        assert error.reason in REASONS
