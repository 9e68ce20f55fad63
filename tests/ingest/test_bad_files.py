"""Files that cannot be read, or only with a word about it: one clear line, nothing half used in silence."""

from __future__ import annotations

import gzip
import io
import json
import os
import re
from datetime import UTC, datetime
from decimal import Decimal

import polars as pl
import pytest
from some_tracks import FIX_MS, GOOD, NOW_MS, packed, read

from ingest.files import ENDINGS, find_files, read_fixes
from ingest.tally import Tally, TracksError


def lines(count: int) -> bytes:
    rows = [{**GOOD, "time": FIX_MS + 1000 * n, "lon": 118.7 + (n * 7919 % 1000) / 1e4} for n in range(count)]
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()


def fails(*paths, match: str) -> str:
    with pytest.raises(TracksError, match=match) as caught:
        read(*paths)
    message = str(caught.value)
    assert "\n" not in message
    assert str(paths[0]) in message
    return message


def test_missing_file(tmp_path):
    fails(tmp_path / "none.csv", match="no such file or folder")


def test_unknown_ending_lists_the_known(tracks):
    message = fails(tracks.raw(b"x", "tracks.json"), match="allowed endings")
    assert all(ending in message for ending in ENDINGS)


def test_folder_without_tracks(tmp_path):
    (tmp_path / "notes.txt").write_text("x")
    fails(tmp_path, match="holds no tracks")


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl", "a.parquet", "a.jsonl.gz", "a.csv.zst"])
def test_empty_file(tracks, name):
    fails(tracks.raw(b"", name), match="is empty")


@pytest.mark.parametrize("ending", ["gz", "zst"])
def test_nothing_packed(tracks, ending):
    fails(tracks.raw(packed(b"", ending), f"a.jsonl.{ending}"), match="is empty")


@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz"])
def test_header_only_is_no_fixes_and_a_warning(tracks, name):
    path = tracks.raw(packed(b"plate,time,lon,lat\n", name.rpartition(".")[2]), name)
    frame, tally = read(path)
    assert (frame.height, tally.received) == (0, 0)
    assert tally.warnings == [f"{path}: has no fixes"]


def test_parquet_without_rows_is_a_warning(tracks):
    path = tracks.folder / "a.parquet"
    pl.DataFrame(GOOD).clear().write_parquet(path)
    assert read(path)[1].warnings == [f"{path}: has no fixes"]


@pytest.mark.parametrize("ending", ["gz", "zst"])
@pytest.mark.parametrize("rows_a_batch", [100, 500_000])
def test_truncated_packing_names_the_file_and_the_good_rows(tracks, ending, rows_a_batch):
    data = packed(lines(20_000), ending)
    path = tracks.raw(data[: len(data) // 2], f"a.jsonl.{ending}")
    tally = Tally()
    with pytest.raises(TracksError, match=r"breaks off after \d+ rows") as caught:
        list(read_fixes([path], now_ms=NOW_MS, tally=tally, batch_rows=rows_a_batch))
    good = int(re.search(r"after (\d+) rows", str(caught.value))[1])
    assert str(path) in str(caught.value)
    assert 1_000 < good < 20_000
    assert tally.received == good


@pytest.mark.parametrize("ending", ["gz", "zst"])
def test_what_is_not_packed_as_its_name_says(tracks, ending):
    fails(tracks.raw(lines(3), f"a.jsonl.{ending}"), match="breaks off after 0 rows")


def test_damaged_gzip_checksum(tracks):
    data = bytearray(packed(lines(100), "gz"))
    data[-6] ^= 0xFF
    fails(tracks.raw(bytes(data), "a.jsonl.gz"), match="breaks off")


def test_two_gzip_members_are_one_file(tracks):
    path = tracks.raw(gzip.compress(lines(10)) + gzip.compress(lines(20)), "a.jsonl.gz")
    assert read(path)[1].received == 30


def test_csv_without_required_columns_says_which_and_what_it_found(tracks):
    message = fails(tracks.raw(b"plate,when,lon,lat\nA,1,2,3\n", "a.csv"), match="required columns time are missing")
    assert "found: plate, when, lon, lat" in message
    fails(tracks.raw(b"plate;time;lon;lat\n", "b.csv"), match="separated by commas")


def test_csv_with_line_ends_of_old(tracks):
    fails(tracks.raw(b"plate,time,lon,lat\rA,1,2,3\r", "a.csv"), match="lines must end in LF or CRLF")


def test_csv_with_a_column_twice(tracks):
    fails(tracks.raw(b"plate,time,lon,lat,lon\nA,1,2,3,4\n", "a.csv"), match="columns lon come more than once")


def test_csv_in_gbk_is_read_with_a_warning(tracks):
    text = "plate,time,lon,lat\n苏A12345,1794837600000,118.7,32.0\n鲁B·晕a,1794837600001,118.7,32.0\n"
    path = tracks.raw(text.encode("gbk"), "a.csv")
    frame, tally = read(path)
    assert frame["plate"].to_list() == ["苏A12345", "鲁B·晕a"]
    assert len(tally.warnings) == 1 and "GBK" in tally.warnings[0] and str(path) in tally.warnings[0]


def test_one_broken_character_costs_its_row_only(tracks):
    rows = ["苏A12345,1794837600000,118.7,32.0".encode()] * 3
    rows[1] = rows[1][1:]
    path = tracks.raw(b"plate,time,lon,lat\n" + b"\n".join(rows), "a.csv")
    frame, tally = read(path)
    assert frame.height == 2
    assert tally.rejected["bad_row"].count == 1
    assert tally.rejected["bad_row"].example.startswith(f"{path}:3: ")
    assert tally.warnings == []


def test_neither_utf8_nor_gbk(tracks):
    fails(tracks.raw(b"plate,time,lon,lat\n\xff\xff\xff\x80,1,2,3\n", "a.csv"), match="neither UTF-8 nor GBK")


def test_utf16(tracks):
    fails(tracks.raw("plate,time,lon,lat\n".encode("utf-16"), "a.csv"), match="UTF-16")


def test_byte_order_mark_and_windows_line_ends(tracks):
    text = "\ufeffplate,time,lon,lat\r\n苏A1,1794837600000,118.7,32.0\r\n苏A1,1794837600001,118.7,32.0\r\n"
    frame, tally = read(tracks.raw(text.encode(), "a.csv"))
    assert frame.height == 2 and tally.rejected == {}
    assert frame["lat"].to_list() == [32.0, 32.0]


def test_a_line_without_end(tracks, monkeypatch):
    monkeypatch.setattr("ingest.lines.MAX_LINE_BYTES", 1_000)
    fails(tracks.raw(b"x" * 3_000_000, "a.jsonl"), match="line 1 is over 1000 bytes")


def test_no_parquet(tracks):
    fails(tracks.raw(b"PAR1 this is not it", "a.parquet"), match="cannot be read as Parquet")


def test_truncated_parquet(tracks):
    path = tracks.write([GOOD] * 1000, "parquet")
    path.write_bytes(path.read_bytes()[:-20])
    fails(path, match="cannot be read as Parquet")


def test_damaged_parquet(tracks):
    path = tracks.folder / "a.parquet"
    lons = [118 + n / 7919 for n in range(5_000)]
    frame = pl.DataFrame({"plate": "A", "time": range(FIX_MS, FIX_MS + 5_000), "lon": lons, "lat": 32.0})
    frame.write_parquet(path, row_group_size=1000)
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle - 2000 : middle + 2000] = bytes(4000)
    path.write_bytes(bytes(data))
    with pytest.raises(TracksError, match=r"damaged after \d+ good rows"):
        read(path, batch_rows=1000)


WRONG_TYPES = {
    "plate": [1, 2.5, True, b"x", ["x"], {"a": 1}],
    "time": [datetime(2026, 11, 16, 22), datetime(2026, 11, 16).date(), True],  # noqa: DTZ001
    "lon": [True, datetime(2026, 1, 1, tzinfo=UTC), [1.0], b"1.0"],
    "lift": [datetime(2026, 1, 1, tzinfo=UTC), [True]],
    "terminal": [1.5, [1], True],
    "datum": [1, True],
    "speed_kmh": [True, {"v": 1}],
}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in WRONG_TYPES.items() for value in values])
def test_parquet_with_an_unusable_type_names_column_type_and_what_is_allowed(tracks, name, value):
    path = tracks.folder / "a.parquet"
    pl.DataFrame([{**GOOD, name: value}]).write_parquet(path)
    message = fails(path, match=f"column {name} holds .*; allowed: ")
    if isinstance(value, datetime) and name == "time":
        assert "timestamps without a zone" in message and "timestamps with a zone" in message


def test_parquet_without_required_columns(tracks):
    path = tracks.folder / "a.parquet"
    pl.DataFrame({"plate": ["A"], "time": [1]}).write_parquet(path)
    fails(path, match="required columns lon, lat are missing; found: plate, time")


INSTANT = datetime(2026, 11, 16, 14, tzinfo=UTC)
FAIR_TYPES = {
    "time": [
        pl.Series([INSTANT]), pl.Series([INSTANT], dtype=pl.Datetime("ns", "Asia/Shanghai")), pl.Series([FIX_MS]),
        pl.Series([INSTANT], dtype=pl.Datetime("ms", "UTC")), pl.Series([float(FIX_MS)]), pl.Series([str(FIX_MS)]),
        pl.Series(["2026-11-16T22:00:00+08:00"], dtype=pl.Categorical), pl.Series([FIX_MS], dtype=pl.UInt64),
    ],
    "lon": [
        pl.Series([118.75], dtype=pl.Float32), pl.Series([Decimal("118.75")]), pl.Series(["118.75"]),
        pl.Series(["118.75"], dtype=pl.Categorical),
    ],
    "lift": [
        pl.Series([True]), pl.Series([1], dtype=pl.Int8), pl.Series(["1"]), pl.Series(["True"]), pl.Series([1.0]),
        pl.Series([1], dtype=pl.UInt64),
    ],
    "terminal": [pl.Series([13]), pl.Series(["13"]), pl.Series(["13"], dtype=pl.Categorical)],
    "load": [pl.Series(["full"]), pl.Series(["full"], dtype=pl.Enum(["full", "none"]))],
    "speed_kmh": [pl.Series([60]), pl.Series(["60"]), pl.Series([Decimal("60.0")])],
    "plate": [pl.Series(["苏A1"], dtype=pl.Categorical)],
}  # fmt: skip
READ_AS = {
    "time": FIX_MS,
    "lon": 118.75,
    "lift": True,
    "terminal": "13",
    "load": "full",
    "speed_kmh": 60.0,
    "plate": "苏A1",
}


@pytest.mark.parametrize(("name", "column"), [(name, one) for name, some in FAIR_TYPES.items() for one in some])
def test_parquet_of_any_fair_type(tracks, name, column):
    path = tracks.folder / "a.parquet"
    pl.DataFrame(GOOD).with_columns(column.alias(name)).write_parquet(path)
    frame, tally = read(path)
    assert tally.rejected == {} and tally.ignored_values == {}
    assert frame["time_ms" if name == "time" else name].to_list() == [READ_AS[name]]


@pytest.mark.parametrize("name", ["speed_kmh", "lift", "heading_deg", "mileage_km"])
def test_nan_is_how_some_write_nothing(tracks, name):
    path = tracks.folder / "a.parquet"
    pl.DataFrame({**GOOD, name: float("nan")}).write_parquet(path)
    frame, tally = read(path)
    assert frame[name].to_list() == [None] and tally.ignored_values == {}


def test_columns_of_nulls(tracks):
    path = tracks.folder / "a.parquet"
    names = ("lift", "load", "datum", "speed_kmh", "terminal", "valid", "mileage_km")
    pl.DataFrame(GOOD).with_columns(pl.lit(None).alias(name) for name in names).write_parquet(path)
    frame, tally = read(path)
    assert frame.select(names).rows() == [(None, None, "wgs84", None, "", True, None)]
    assert tally.usable == 1


def test_folders_are_read_whole_in_order_without_what_is_hidden(tracks):
    for name in ("b/2.csv", "b/1.jsonl", "a.parquet", ".hidden/x.csv", "b/._y.csv", "c/readme.md"):
        (tracks.folder / name).parent.mkdir(exist_ok=True)
        (tracks.folder / name).touch()
    found = [path.relative_to(tracks.folder).as_posix() for path in find_files([tracks.folder])]
    assert found == ["a.parquet", "b/1.jsonl", "b/2.csv"]


def test_endings_in_capitals(tracks):
    assert read(tracks.raw(packed(lines(2), "gz"), "A.JSONL.GZ"))[1].usable == 2


class Stdin:
    def __init__(self, data: bytes) -> None:
        self.buffer = io.BytesIO(data)


def test_standard_input_is_json_lines(monkeypatch):
    monkeypatch.setattr("sys.stdin", Stdin(lines(5) + b"x\n"))
    frame, tally = read("-")
    assert frame.height == 5
    assert tally.rejected["not_an_object"].example == "standard input:6: x"


def test_nothing_on_standard_input(monkeypatch):
    monkeypatch.setattr("sys.stdin", Stdin(b""))
    with pytest.raises(TracksError, match="standard input: is empty"):
        read("-")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_file_that_may_not_be_read(tracks):
    path = tracks.write([GOOD], "csv")
    path.chmod(0)
    fails(path, match="cannot be read: Permission denied")
