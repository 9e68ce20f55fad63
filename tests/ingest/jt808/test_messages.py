"""What frames mean: registrations, locations with their items, batches, parts."""

from __future__ import annotations

import struct
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from some_frames import FIX_MS, header, inside, report

from ingest.jt808.bcd import read_time_ms, write_time
from ingest.jt808.encode import (
    Report,
    auth_body,
    batch_body,
    frame,
    frames,
    general_reply,
    location_body,
    register_body,
    register_reply,
    resend_request,
)
from ingest.jt808.frames import BadFrame
from ingest.jt808.location import FUEL, MILEAGE, RECORDER_SPEED, SATELLITES, Batch, Location, read_batch, read_location
from ingest.jt808.messages import Authenticate, Heartbeat, Logout, Message, Part, Register, TerminalReply, decode
from ingest.jt808.parts import HELD_MAX_BYTES, LIFE_S, MESSAGES_MAX, PARTS_MAX, Joiner


def read(message_id: int, body: bytes = b"", version: int = 2013) -> Message:
    return decode(inside(frame(header(message_id, version), body)))[1]


def test_location_byte_by_byte() -> None:
    body = bytes.fromhex(
        "00000001"  # alarm: SOS
        "00000303"  # status: ACC, fixed, load 11
        "01e8e480"  # 32.040064
        "07147ba0"  # 118.782880
        "0011"  # 17 m
        "016d"  # 36.5 km/h
        "005a"  # 90 degrees
        "261116220000"
        "0104000004d2"  # 123.4 km
        "02020055"  # 8.5 l
        "03020168"  # 36.0 km/h
        "310110"  # 16 satellites
    )
    found = read(0x0200, body)
    assert isinstance(found, Location)
    assert (found.alarm, found.acc, found.valid, found.load) == (1, True, True, "full")
    assert (found.lat, found.lon, found.altitude_m) == (32.040064, 118.782880, 17)
    assert (found.speed_kmh, found.heading_deg, found.time_ms) == (36.5, 90, FIX_MS)
    assert [found.number(item) for item in (MILEAGE, FUEL, RECORDER_SPEED, SATELLITES)] == [123.4, 8.5, 36.0, 16.0]
    assert not found.tail


@pytest.mark.parametrize(
    ("bits", "load"), [(0b00, "empty"), (0b01, "half"), (0b10, None), (0b11, "full")], ids=["00", "01", "10", "11"]
)
def test_load_bits(bits: int, load: str | None) -> None:
    assert read_location(location_body(report(load="empty", more_status=bits << 8))).load == load


@pytest.mark.parametrize(("lon", "lat"), [(118.5, 32.25), (-118.5, 32.25), (118.5, -32.25), (-118.5, -32.25)])
def test_south_and_west(lon: float, lat: float) -> None:
    found = read_location(location_body(report(lon=lon, lat=lat)))
    assert (found.lon, found.lat) == (lon, lat)


def test_position_that_is_encrypted_is_not_valid() -> None:
    assert read_location(location_body(report())).valid
    assert not read_location(location_body(report(more_status=1 << 5))).valid
    assert not read_location(location_body(report(valid=False))).valid


@given(
    st.builds(
        Report,
        time_ms=st.integers(946_656_000, 4_102_444_799)
        .map(lambda s: s * 1000)
        .filter(lambda ms: ms < 4_102_416_000_000),
        lon=st.integers(-180_000_000, 180_000_000).map(lambda n: n / 1e6),
        lat=st.integers(-90_000_000, 90_000_000).map(lambda n: n / 1e6),
        speed_kmh=st.integers(0, 65_535).map(lambda n: n / 10),
        heading_deg=st.integers(0, 359),
        load=st.sampled_from([None, "empty", "half", "full"]),
        acc=st.booleans(),
        valid=st.booleans(),
        items=st.lists(st.tuples(st.integers(0, 255), st.binary(max_size=20)), max_size=5).map(tuple),
    )
)
def test_location_comes_back(sent: Report) -> None:
    found = read_location(location_body(sent))
    assert (found.time_ms, found.lon, found.lat) == (sent.time_ms, sent.lon, sent.lat)
    assert (found.speed_kmh, found.heading_deg) == (sent.speed_kmh, sent.heading_deg)
    assert (found.load, found.acc, found.valid) == (sent.load, sent.acc, sent.valid)
    assert (found.items, found.tail) == (sent.items, b"")


def test_items_that_repeat_or_are_unknown_stay_and_a_cut_tail_spoils_nothing() -> None:
    items = ((0x00, b"\xaa"), (0x00, b"\xbb\xcc"), (0xE1, bytes(8)), (0x01, bytes(3)))
    found = read_location(location_body(report(items=items)) + b"\xf6\x04\x01\x02")
    assert found.items == items and found.tail == b"\xf6\x04\x01\x02"
    assert found.number(MILEAGE) is None  # three bytes are no mileage
    assert (found.lon, found.lat) == (118.78, 32.04)


@pytest.mark.parametrize(
    "bcd", ["000000000000", "261316220000", "260230220000", "26111a220000", "261116240000", "261116220060"]
)
def test_bytes_that_are_no_time(bcd: str) -> None:
    assert read_time_ms(bytes.fromhex(bcd)) is None


def test_times_are_gmt8() -> None:
    assert read_time_ms(bytes.fromhex("261116220000")) == FIX_MS
    assert write_time(FIX_MS + 999).hex() == "261116220000"


@pytest.mark.parametrize("version", [2011, 2013, 2019])
@pytest.mark.parametrize("plate", ["苏A12345", "苏AD12345", "粤Z1234港", "LSVAM4187C2184841", ""])
def test_registration_in_each_form(version: int, plate: str) -> None:
    body = register_body(version, maker="EEYE", model="EGS701", terminal_id="A000001", plate=plate)
    found = read(0x0100, body, 2019 if version == 2019 else 2013)
    assert found == Register(32, 100, "EEYE", "EGS701", "A000001", 2, plate)


def test_text_that_is_no_gbk_is_shown_as_such() -> None:
    body = register_body(2013, maker="EEYE", model="EGS701", terminal_id="A000001", plate="") + b"\xff\xff"
    found = read(0x0100, body)
    assert isinstance(found, Register) and "\ufffd" in found.plate


@pytest.mark.parametrize("version", [2013, 2019])
def test_authentication(version: int) -> None:
    assert read(0x0102, auth_body(version, "6f1c暗号", "867000000000001", "V1.2"), version) == Authenticate("6f1c暗号")


def test_old_form_of_authentication_under_a_header_of_2019() -> None:
    assert read(0x0102, b"authentication", 2019) == Authenticate("authentication")


def test_messages_without_a_body() -> None:
    assert read(0x0002) == Heartbeat()
    assert read(0x0003) == Logout()
    assert read(0x0001, bytes(5)) == TerminalReply()


def test_answer_to_a_query_is_a_location() -> None:
    found = read(0x0201, b"\0\1" + location_body(report()))
    assert isinstance(found, Location) and found.lon == 118.78


@pytest.mark.parametrize("resent", [False, True])
def test_batch(resent: bool) -> None:
    sent = [report(time_ms=FIX_MS + 1000 * n, items=((0x31, b"\x09"),)) for n in range(5)]
    found = read(0x0704, batch_body(sent, resent=resent))
    assert isinstance(found, Batch) and found.whole and found.resent == resent
    assert [one.time_ms for one in found.locations] == [one.time_ms for one in sent]


def test_damaged_batch_keeps_what_is_good() -> None:
    whole = batch_body([report(), report(), report()], resent=True)
    cut = read_batch(whole[:-1])
    assert (len(cut.locations), len(cut.unread), cut.whole) == (2, 1, False)
    short = read_batch(whole[:3] + b"\0\2ab" + whole[3:])
    assert (len(short.locations), short.unread, short.whole) == (3, (b"\0\2ab",), False)
    fewer = read_batch(struct.pack(">HB", 4, 1) + whole[3:])
    assert (len(fewer.locations), fewer.unread, fewer.whole) == (3, (), False)


@given(st.binary(max_size=120))
def test_batch_accounts_for_every_byte(data: bytes) -> None:
    found = read_batch(b"\0\1\0" + data)
    read_bytes = sum(2 + 28 + sum(2 + len(v) for _, v in one.items) + len(one.tail) for one in found.locations)
    assert read_bytes + sum(map(len, found.unread)) == len(data)


def test_replies_say_what_was_answered_in_the_terminals_own_form() -> None:
    for version in (2013, 2019):
        got = header(0x0200, version, serial=513)
        told, message = decode(inside(general_reply(got, 9, 0)))
        assert (told.message_id, told.version, told.phone, told.serial) == (0x8001, version, got.phone, 9)
        assert message.body == bytes.fromhex("0201 0200 00")  # type: ignore[union-attr]
        told, message = decode(inside(register_reply(replace(got, message_id=0x0100), 10, 0, "abc")))
        assert told.message_id == 0x8100 and message.body == bytes.fromhex("0201 00 616263")  # type: ignore[union-attr]
        told, message = decode(inside(resend_request(got, 11, 5, [2, 3])))
        assert told.message_id == 0x8003 and message.body == bytes.fromhex("0005 02 0002 0003")  # type: ignore[union-attr]


def in_parts(size: int, serial: int = 65_534) -> list[tuple[object, bytes]]:
    found = []
    for wire in frames(header(0x0704, serial=serial), bytes(n % 251 for n in range(size))):
        got, message = decode(inside(wire))
        assert isinstance(message, Part)
        found.append((got, message.data))
    return found


@given(st.permutations(range(4)), st.integers(0, 65_535))
def test_parts_are_joined_in_any_order(order: list[int], serial: int) -> None:
    parts, joiner = in_parts(4_000, serial), Joiner()
    for at in order[:-1]:
        assert joiner.add(*parts[at], 0.0) == (None, [])  # type: ignore[arg-type]
    joined, dropped = joiner.add(*parts[order[-1]], 0.0)  # type: ignore[arg-type]
    assert joined is not None and not dropped
    assert joined.body == bytes(n % 251 for n in range(4_000)) and len(joined.headers) == 4
    assert joiner.drop_all() == []


def test_part_that_comes_twice_is_told_and_changes_nothing() -> None:
    parts, joiner = in_parts(2_000), Joiner()
    joiner.add(*parts[0], 0.0)  # type: ignore[arg-type]
    assert joiner.add(*parts[0], 0.0) == (None, [parts[0][0]])  # type: ignore[arg-type]
    assert joiner.add(*parts[1], 0.0)[0] is not None  # type: ignore[arg-type]


def test_missing_part_is_asked_for_once_and_dropped_in_the_end() -> None:
    parts, joiner = in_parts(3_000), Joiner()
    joiner.add(*parts[0], 0.0)  # type: ignore[arg-type]
    joiner.add(*parts[2], 1.0)  # type: ignore[arg-type]
    assert joiner.to_ask_for(1.0) == []
    (waiting,) = joiner.to_ask_for(10.0)
    assert waiting.missing == [2] and waiting.first_serial == 65_534
    assert joiner.to_ask_for(20.0) == []
    assert joiner.expire(LIFE_S) == []
    assert joiner.expire(LIFE_S + 1) == [parts[0][0], parts[2][0]]


def test_bomb_of_parts_is_bounded_and_accounted_for() -> None:
    joiner, sent, dropped = Joiner(), 0, 0
    for serial in range(0, 3_000, 70):
        first = header(0x0801, serial=serial)
        for part in range(1, PARTS_MAX):
            got = replace(first, serial=serial + part - 1, parts=PARTS_MAX, part=part)
            joined, gone = joiner.add(got, bytes(1023), 0.0)
            assert joined is None
            sent, dropped = sent + 1, dropped + len(gone)
    held = joiner.drop_all()
    assert sent == dropped + len(held)
    assert len(held) * 1023 <= HELD_MAX_BYTES and MESSAGES_MAX < 10
    many = replace(header(0x0801), parts=65_535, part=1)
    assert joiner.add(many, b"x", 0.0) == (None, [many])


def test_body_shorter_than_its_message_is_refused() -> None:
    with pytest.raises(BadFrame):
        read(0x0201, bytes(29))
