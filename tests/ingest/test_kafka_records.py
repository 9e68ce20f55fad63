"""Records of fixes: one object or many lines, poison among them, each line accounted for."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ingest.kafka.pieces import MAX_VALUE_BYTES
from ingest.kafka.plates import partition_of
from ingest.kafka.quick import Raw
from ingest.kafka.records import decode

NOW_MS = 1_795_000_000_000
PLATE = "苏A12345"
HOME = partition_of(PLATE, 4)


def fix(**changes: Any) -> bytes:
    plain = {"plate": PLATE, "time": NOW_MS - 60_000, "lon": 118.8, "lat": 32.0}
    return json.dumps({**plain, **changes}, ensure_ascii=False).encode()


def read(*values: bytes | None, partition: int = HOME) -> Any:
    return decode({partition: [Raw(10 + n, 0, v) for n, v in enumerate(values)]}, 4, now_ms=NOW_MS)


def test_plates_go_where_every_kafka_client_puts_them() -> None:
    # Values of murmur2 from Kafka's own tests; the partitioner clears the sign.
    known = {"21": -973932308, "foobar": -790332482, "a-little-bit-long-string": -985981536, "abc": 479470107}
    for plate, hashed in known.items():
        assert partition_of(plate, 1009) == (hashed & 0x7FFFFFFF) % 1009


def test_one_fix_a_record_and_many_lines_a_record_are_read_alike() -> None:
    lines = [fix(time=NOW_MS - 1000 * n) for n in range(5)]
    alone, together = read(*lines), read(b"\n".join(lines), b"")
    assert alone.fixes.equals(together.fixes) and alone.fixes.height == 5
    assert together.tallies[HOME].received == 6 and together.tallies[HOME].set_aside == 1


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "empty_record"),
        (b"", "empty_record"),
        (b"  \n ", "empty_record"),
        (b"not json", "not_an_object"),
        (b"[1, 2]", "not_an_object"),
        (b"17", "not_an_object"),
        (b'"text"', "not_an_object"),
        (b"null", "not_an_object"),
        (b'{"plate": ', "not_an_object"),
        (b"[" * 100_000, "not_an_object"),
        (b"\xff\xfe{}", "not_an_object"),
        (fix()[:-1] + b', "terminal": "\xff"}', "not_an_object"),
        (b"{}", "no_plate"),
        (fix(plate=None), "no_plate"),
        (fix(plate={"a": 1}), "wrong_partition"),
        (fix(time="yesterday"), "bad_time"),
        (fix(time=None), "no_time"),
        (fix(time=NOW_MS + 3_600_000), "time_in_future"),
        (fix(lon="east"), "bad_position"),
        (fix(lon=200), "position_out_of_range"),
        (fix(lat=float("nan")), "bad_position"),
        (fix(lon=0, lat=0), "zero_position"),
        (fix(datum="mars"), "unknown_datum"),
        (b" " * 10 + b"x" * MAX_VALUE_BYTES, "record_too_large"),
        (fix(plate="别人的车"), "wrong_partition"),
    ],
)
def test_poison_is_set_aside_with_its_place_and_stops_nobody(value: bytes | None, reason: str) -> None:
    if reason == "wrong_partition" and value is not None and "别人的车".encode() in value:
        assert partition_of("别人的车", 4) != HOME
    good = fix()
    found = read(good, value, fix(time=NOW_MS - 30_000))
    assert found.fixes.height == 2
    assert [(a.partition, a.offset, a.line, a.reason) for a in found.aside] == [(HOME, 11, 0, reason)]
    tally = found.tallies[HOME]
    tally.check()
    assert (tally.received, tally.usable, tally.set_aside) == (3, 2, 1)
    assert "offset 11" in tally.rejected[reason].example


def test_a_bad_line_among_good_ones_costs_only_itself() -> None:
    value = b"\n".join([fix(), b"{broken", b"", fix(time=NOW_MS - 5000), fix(lon=None)])
    found = read(value)
    assert found.fixes.height == 2
    assert sorted((a.line, a.reason) for a in found.aside) == [(1, "not_an_object"), (4, "no_position")]
    assert found.tallies[HOME].received == 4
    found.tallies[HOME].check()


@pytest.mark.parametrize("poison", [b"\xff{}", b"\xff", b"{", b"\xff\n\xff"])
def test_a_poll_of_nothing_but_poison_is_set_aside_whole(poison: bytes) -> None:
    found = read(poison)
    assert found.fixes.height == 0 and {a.reason for a in found.aside} == {"not_an_object"}
    assert [a.raw for a in found.aside] == poison.split(b"\n")
    found.tallies[HOME].check()


def test_lines_of_any_blanks_within_a_record_are_nothing() -> None:
    found = read(b"\n".join([fix(), b"\t \r", b" ", b"", fix(time=NOW_MS - 5000), b"\r"]))
    assert (found.fixes.height, found.tallies[HOME].received, found.tallies[HOME].usable, found.aside) == (2, 2, 2, [])
