"""Every reason for setting a fix aside, in real files of every format."""

from __future__ import annotations

import json
import math

import polars as pl
import pytest
from some_tracks import FIX_MS, FORMATS, GOOD, NOW_MS, read

from ingest.tally import REASONS

SECOND = {**GOOD, "time": "2026-11-16T22:00:10+08:00"}

#: What makes the row between two good ones unusable, and whether its time can be read.
FAULTS = {
    "no_plate": ({"plate": None}, True),
    "no_plate (blanks)": ({"plate": "  \u3000 "}, True),
    "bad_plate": ({"plate": "苏A\x0712345"}, True),
    "no_time": ({"time": None}, False),
    "bad_time": ({"time": "yesterday"}, False),
    "bad_time (day)": ({"time": "2026-02-30T22:00:00+08:00"}, False),
    "time_without_offset": ({"time": "2026-11-16T22:00:00"}, False),
    "time_without_offset (space)": ({"time": "2026-11-16 22:00:00.5"}, False),
    "time_too_old": ({"time": "1970-01-01T00:00:01Z"}, True),
    "time_too_old (seconds)": ({"time": "1794837600"}, True),
    "time_in_future": ({"time": "2106-02-07T06:28:15Z"}, True),
    "time_in_future (by little)": ({"time": str(NOW_MS + 600_001)}, True),
    "no_position": ({"lat": None}, True),
    "bad_position": ({"lon": "east"}, True),
    "bad_position (nan)": ({"lon": "nan"}, True),
    "bad_position (inf)": ({"lat": "-inf"}, True),
    "position_out_of_range": ({"lon": 180.001}, True),
    "position_out_of_range (lat)": ({"lat": -90.001}, True),
    "position_out_of_range (swapped)": ({"lon": 32.04, "lat": 118.78}, True),
    "zero_position": ({"lon": 0.0, "lat": 0.0}, True),
    "zero_position (nearly)": ({"lon": -0.0009, "lat": 0.0009}, True),
    "unknown_datum": ({"datum": "beijing54"}, True),
}


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("fault", FAULTS)
def test_unusable_row_is_set_aside_with_its_reason(tracks, kind, fault):
    change, timed = FAULTS[fault]
    path = tracks.write([GOOD, {**GOOD, **change}, SECOND], kind)
    frame, tally = read(path)
    reason = fault.split(" ")[0]
    assert frame["time_ms"].to_list() == [FIX_MS, FIX_MS + 10_000]
    assert {name: rejection.count for name, rejection in tally.rejected.items()} == {reason: 1}
    rejection = tally.rejected[reason]
    assert (rejection.first_ms is not None) == (rejection.last_ms is not None) == timed
    place = {"c": 3, "j": 2, "n": 2, "p": 2}[kind[0]]
    assert rejection.example.startswith(f"{path}:{place}: ")
    assert (tally.received, tally.usable) == (3, 2)


@pytest.mark.parametrize("name", ["lon", "lat"])
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("kind", ["parquet", "jsonl"])
def test_numbers_that_are_none(tracks, kind, name, value):
    _, tally = read(tracks.write([GOOD, {**GOOD, name: value}], kind))
    assert tally.rejected["bad_position"].count == 1


def test_first_reason_in_order_counts(tracks):
    reasons = list(REASONS)
    row = {"plate": None, "time": "x", "lon": "y", "lat": None, "datum": "z"}
    seen = []
    for repair in ({}, {"plate": "A"}, {"time": FIX_MS}, {"lon": 1.0}, {"lat": 1.0}, {"datum": "wgs84"}):
        row |= repair
        _, tally = read(tracks.write([row], "jsonl"))
        seen += list(tally.rejected)
    assert seen == ["no_plate", "bad_time", "bad_position", "no_position", "unknown_datum"]
    assert set(seen) <= set(reasons)


def test_limits_are_inclusive(tracks):
    rows = [
        {**GOOD, "lon": 180.0, "lat": -90.0},
        {**GOOD, "lon": -180, "lat": 90},
        {**GOOD, "lon": 0.001, "lat": 0.0},
        {**GOOD, "time": NOW_MS + 600_000},
        {**GOOD, "time": 1_262_304_000_000},
        {**GOOD, "time": "2009-12-31T23:59:59.999Z"},
    ]
    frame, tally = read(tracks.write(rows, "jsonl"))
    assert frame.height == 5
    assert {name: r.count for name, r in tally.rejected.items()} == {"time_too_old": 1}


BROKEN_JSON = [
    "{",
    "5",
    "null",
    "[1]",
    '"x"',
    '{"plate": "a"} {"plate": "b"}',
    '{"plate": "a",}',
    "苏A12345,1",
    "[" * 9999,
]


@pytest.mark.parametrize("line", BROKEN_JSON)
def test_a_line_that_is_no_object(tracks, line):
    good = json.dumps(GOOD, ensure_ascii=False)
    path = tracks.raw(f"{good}\n\n{line}\n{good}\n".encode(), "x.jsonl")
    frame, tally = read(path)
    assert frame.height == 2
    assert tally.rejected["not_an_object"].count == 1
    assert tally.rejected["not_an_object"].example.startswith(f"{path}:3: {line[:20]}")
    assert len(tally.rejected["not_an_object"].example) <= 300


@pytest.mark.parametrize(
    "row", ["苏A1,1794837600000,118.7", "苏A1,1794837600000,118.7,32.0,9", '"苏A1,1794837600000,118.7,32.0']
)
def test_a_ragged_csv_row(tracks, row):
    good = "苏A1,1794837600000,118.7,32.0"
    path = tracks.raw(f"plate,time,lon,lat\n{good}\n\n{row}\n{good}\n".encode(), "x.csv")
    frame, tally = read(path)
    assert frame.height == 2
    assert tally.rejected["bad_row"].count == 1
    assert tally.rejected["bad_row"].example == f"{path}:4: {row}"


HOSTILE = [
    "{{7*7}}",
    "<img src=x onerror=alert(1)>",
    "=cmd()",
    "'; drop table fixes; --",
    'a"b',
    "a,b",
    "${x}",
    "\\n",
    "苏A·123挂",
]


@pytest.mark.parametrize("kind", FORMATS)
def test_hostile_plates_are_ordinary_text(tracks, kind):
    frame, tally = read(tracks.write([{**GOOD, "plate": plate} for plate in HOSTILE], kind))
    assert frame["plate"].to_list() == HOSTILE
    assert tally.rejected == {}


@pytest.mark.parametrize("kind", FORMATS)
def test_optional_values_that_cannot_be_read_cost_the_value_not_the_fix(tracks, kind):
    bad = {
        "speed_kmh": "fast", "heading_deg": 361, "mileage_km": -1, "load": "brimming", "lift": "up", "cover": 2,
        "acc": "on", "valid": "maybe", "terminal": "01\x00",
    }  # fmt: skip
    frame, tally = read(tracks.write([GOOD, {**GOOD, **bad}], kind))
    row = frame.row(1, named=True)
    assert {name: row[name] for name in bad} == {**dict.fromkeys(bad), "valid": True, "terminal": ""}
    assert {name: ignored.count for name, ignored in tally.ignored_values.items()} == dict.fromkeys(bad, 1)
    assert "fast" in tally.ignored_values["speed_kmh"].example
    assert tally.usable == 2


def test_ignored_values_of_rejected_fixes_do_not_count(tracks):
    _, tally = read(tracks.write([{**GOOD, "plate": None, "speed_kmh": "fast"}], "csv"))
    assert tally.ignored_values == {}


@pytest.mark.parametrize("kind", FORMATS)
def test_spellings_of_values(tracks, kind):
    rows = [
        {**GOOD, "plate": " 苏A12345\t", "datum": "WGS84", "load": " Full", "lift": "TRUE", "cover": 0, "acc": "1"},
        {**GOOD, "lon": " 118.78 ", "lat": "32.04", "lift": "False", "cover": True, "valid": "0", "terminal": "007"},
    ]
    frame, tally = read(tracks.write(rows, kind))
    assert tally.rejected == {} and tally.ignored_values == {}
    assert frame["plate"].to_list() == ["苏A12345"] * 2
    assert frame["lon"].to_list() == [118.78] * 2
    assert frame.select("load", "lift", "cover", "acc", "valid", "terminal").rows() == [
        ("full", True, False, True, True, ""),
        (None, False, True, None, False, "007"),
    ]


@pytest.mark.parametrize("kind", FORMATS)
def test_datums_come_out_in_wgs84(tracks, kind):
    here = {**GOOD, "lon": 116.41024449916938, "lat": 39.91640428150164}
    rows = [{**here, "datum": datum} for datum in ("gcj02", "bd09", "cgcs2000", None)]
    frame, _ = read(tracks.write(rows, kind))
    assert frame["lon"][0] == pytest.approx(116.404, abs=1e-8)
    assert frame["lat"][0] == pytest.approx(39.915, abs=1e-8)
    assert frame["lon"][1] < 116.404
    assert frame["lon"][2] == frame["lon"][3] == here["lon"]
    assert frame["datum"].to_list() == ["gcj02", "bd09", "cgcs2000", "wgs84"]


def test_unknown_names_are_kept_out(tracks):
    frame, tally = read(tracks.write([{**GOOD, "driver": {"name": "x"}, "row": [1, 2]}], "jsonl"))
    assert tally.usable == 1
    assert "driver" not in frame.columns
    assert frame.schema["load"] == pl.Enum(["empty", "half", "full"])


def test_quotes_in_csv(tracks):
    """Quoted values are read; one that runs over a line end spoils both its lines, visibly."""
    tail = "1794837600000,118.7,32.0"
    rows = ['"A","1794837600000","118.7","32.0"', f'"B ""x"", C",{tail}', f'"C\nD",{tail}', f'E"F"G,{tail}']
    path = tracks.raw(("plate,time,lon,lat\n" + "\n".join(rows) + "\n").encode(), "x.csv")
    frame, tally = read(path)
    assert sorted(frame["plate"]) == ["A", 'B "x", C', 'E"F"G']
    assert (tally.received, tally.rejected["bad_row"].count) == (5, 2)


ODD_JSON = {
    '{"plate":"A","plate":"B","time":1794837600000,"lon":118,"lat":32}': None,
    '{"plate":"A\\ud800","time":1794837600000,"lon":118,"lat":32}': "bad_plate",
    '{"plate":"A","time":1794837600000,"lon":NaN,"lat":32}': "bad_position",
    '{"plate":"A","time":1794837600000,"lon":1e999,"lat":32}': "bad_position",
    '{"plate":"A","time":1e300,"lon":11,"lat":32}': "bad_time",
    '{"plate":"A","time":true,"lon":11,"lat":32}': "bad_time",
    '{"plate":"A","time":1794837600000,"lon":false,"lat":32}': "bad_position",
    '{"plate":"A","time":1794837600000,"lon":[1],"lat":32}': "bad_position",
    '{"plate":"A","time":1794837600000.75,"lon":11,"lat":32}': None,
    "{}": "no_plate",
}


@pytest.mark.parametrize("beside", ["", "{broken"])
@pytest.mark.parametrize("line", ODD_JSON)
def test_odd_json_is_judged_alike_whatever_stands_beside_it(tracks, line, beside):
    _, tally = read(tracks.raw(f"{line}\n{beside}\n".encode(), "x.jsonl"))
    tally.rejected.pop("not_an_object", None)
    reason = ODD_JSON[line]
    assert list(tally.rejected) == ([] if reason is None else [reason])
    assert tally.usable == (reason is None)


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_bad_lines_among_many_cost_only_themselves(tracks, kind):
    count = 10_000
    path = tracks.write([{**GOOD, "time": FIX_MS + n} for n in range(count)], kind)
    lines = path.read_bytes().split(b"\n")
    bad = list(range(7, count, 101))
    for n in bad:
        lines[n] = b"{bad"
    path.write_bytes(b"\n".join(lines))
    header = kind == "csv"
    frame, tally = read(path, batch_rows=3_000)
    missing = set(range(count)) - {ms - FIX_MS for ms in frame["time_ms"].to_list()}
    assert missing == {n - header for n in bad}
    assert {name: r.count for name, r in tally.rejected.items()} == {"bad_row" if header else "not_an_object": len(bad)}
    assert next(iter(tally.rejected.values())).example == f"{path}:8: {{bad"
