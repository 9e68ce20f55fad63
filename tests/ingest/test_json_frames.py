"""Simple JSON Lines, read by the compiled pass: what it reads, polars reads just so; what it refuses, polars reads."""

from __future__ import annotations

import gzip
import json
import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.clean import FIELDS
from ingest.json_frames import COMPILED, Simple
from ingest.kafka import records
from ingest.kafka.quick import Raw
from ingest.lines import Block
from ingest.tally import Tally
from ingest.text_rows import ANY_JSON_LINES, JSON_LINES, parse_block, read_simple

ROOT = Path(__file__).resolve().parents[2]
NOW_MS = 1_795_000_000_000
PLAIN = {"plate": "苏A12345", "time": NOW_MS - 60_000, "lon": 118.8, "lat": 32.0, "load": "full", "lift": True}


@pytest.fixture(autouse=True, scope="module")
def compiled() -> None:
    if not COMPILED:
        why = "ingest.json_columns is not compiled: install a C compiler and Python's headers, then `make setup` again"
        if os.environ.get("CI"):
            pytest.fail(why)
        pytest.skip(why)


def simple(data: bytes) -> Simple | None:
    found = read_simple((data,))
    assert found is not None and found.refused.tolist() == [not found.frame.height]
    return found if found.frame.height else None


def as_polars_reads(data: bytes) -> pl.DataFrame | None:
    lines = Block(data, 0).lines
    frames = (whole(data, lines) for whole in ANY_JSON_LINES.whole)
    return next((frame for frame in frames if frame is not None), None)


def check_alike(data: bytes) -> bool:
    """Whether it was read; if so, as polars reads it, to the bit."""
    found = simple(data)
    if found is None:
        return False
    expected = as_polars_reads(data)
    assert expected is not None, data
    assert found.frame.schema == expected.schema
    assert found.frame.equals(expected), data
    for name, dtype in expected.schema.items():
        if dtype == pl.Float64:  # -0.0 equals 0.0, but is not the same
            both = [frame[name].fill_null(0.0).to_numpy().view(np.int64) for frame in (found.frame, expected)]
            assert (both[0] == both[1]).all(), data
    breaks = [at for at, byte in enumerate(data) if byte == 10]
    assert found.ends.tolist() == (breaks if data.endswith(b"\n") or not data else [*breaks, len(data)])
    return True


TEXTS = st.one_of(st.sampled_from(["苏A12345", "", "full", "wgs84", "013912345678", "x" * 300]), st.text(max_size=12))
SIMPLE_TEXTS = TEXTS.map(
    lambda text: "".join(c for c in text if c >= " " and c not in '"\\' and not "\ud800" <= c < "\ue000")
)
NUMBERS = st.one_of(
    st.integers(1 - 2**53, 2**53 - 1),
    st.decimals(-180, 180, places=6).map(float),
    st.floats(-1000, 1000, allow_nan=False).map(lambda number: round(number, 3)),
    st.sampled_from([0.0, -0.0, 0, -0, 0.1, 5e-3, 123456.7891234567, 43.20000076293945]),
)


def rows(texts: st.SearchStrategy[str], time: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    kinds: dict[str, st.SearchStrategy[Any]] = dict.fromkeys(("plate", "terminal", "datum", "load", "other"), texts)
    kinds |= dict.fromkeys(("lon", "lat", "speed_kmh", "heading_deg", "mileage_km", "satellites"), NUMBERS)
    kinds |= dict.fromkeys(("lift", "cover", "acc", "valid", "moved"), st.booleans())
    kinds = {name: st.none() | kind for name, kind in kinds.items()} | {"time": st.none() | time}
    some = st.fixed_dictionaries({}, optional=kinds)
    return some.flatmap(lambda row: st.permutations(list(row.items()))).map(dict)


BLOCKS = st.one_of(
    st.lists(rows(SIMPLE_TEXTS, st.integers(-(10**17), 10**17)), min_size=1, max_size=6),
    st.lists(rows(SIMPLE_TEXTS, st.sampled_from(["2026-11-02T08:00:00+08:00", "", "soon"])), min_size=1, max_size=6),
)


@settings(max_examples=100)
@given(BLOCKS, st.booleans(), st.booleans())
def test_what_is_simple_is_read_as_polars_reads_it(block: list[dict[str, Any]], spaces: bool, ended: bool) -> None:
    between = (", ", ": ") if spaces else (",", ":")
    text = "\n".join(json.dumps(row, ensure_ascii=False, separators=between) for row in block)
    data = (text + "\n" * ended).encode()
    assert check_alike(data) or "e-" in text


ODD_TEXTS = st.one_of(TEXTS, st.sampled_from(['"', "\\", "\n", "\ud800", "\x7f", "a\tb"]))
ODD_VALUES: st.SearchStrategy[Any] = st.one_of(
    ODD_TEXTS, st.floats(), st.integers(), st.none(), st.booleans(), st.just([1]), st.just({"lon": 1})
)


@settings(max_examples=150)
@given(st.lists(st.dictionaries(st.sampled_from([*FIELDS, "x", "", "longer_than_any"]), ODD_VALUES), max_size=5))
def test_what_is_odd_is_refused_or_read_as_polars_reads_it(block: list[dict[str, Any]]) -> None:
    check_alike("\n".join(json.dumps(row) for row in block).encode())


@settings(max_examples=300)
@given(
    st.lists(st.sampled_from(list(range(5))), min_size=1, max_size=4),
    st.lists(
        st.tuples(
            st.floats(0, 1),
            st.sampled_from([b"", b'"', b"{", b"}", b"0", b".", b"\0", b"\xff", b"\n", b" ", b"1e", b",", b"-", b"n"]),
        ),
        max_size=3,
    ),
    st.floats(0, 1),
)
def test_bytes_changed_at_random_change_nothing_unseen(
    lines: list[int], changes: list[tuple[float, bytes]], cut: float
) -> None:
    written = [
        json.dumps({**PLAIN, "speed_kmh": n / 7, "terminal": None, "acc": n > 2}, ensure_ascii=False) for n in lines
    ]
    data = "\n".join(written).encode()
    for where, put in changes:
        at = int(where * len(data))
        data = data[:at] + put + data[at + 1 :]
    check_alike(data[: int(len(data) * cut)] if cut < 0.5 else data)


@given(st.binary(max_size=60) | st.text('{}[]",:.-+0123456789eEtruefalsn \t\r\n\\plonatm', max_size=60).map(str.encode))
def test_any_bytes_at_all_do_no_harm(data: bytes) -> None:
    check_alike(data)


@pytest.mark.parametrize(
    "member",
    [
        '"lon":1e2', '"lon":1.', '"lon":01', '"lon":-', '"lon":.5', '"lon":+1', '"lon":NaN', '"lon":"1"', '"lon":true',
        '"lon":12345678901234567890', '"lon":1.2345678901234567890', '"lon":9007199254740994', '"lon":[1]', '"lon":{}',
        '"plate":1', '"plate":"a\\u0041"', '"plate":"a\tb"', '"plate":"a', '"plate":true', '"lift":1', '"lift":"true"',
        '"lift":tru', '"lift":nul', '"time":1.0', '"time":1e3', '"time":true', '"time":1000000000000000000',
        '"time":"é"', '"time":"a\\n"', '"x":[1]', '"x":{"y":1}', '"x":"\\n"', '"x":01', '"x":tru', '"\\u0078":1',
        '"lon":1,"lon":1', '"lon" 1', '"lon"::1', '"lon":1,', ',"lon":1', 'lon:1', "'lon':1",
        '"lon":1}{"lon":1', '"lon":1} x', '"lon":1 2',
    ],
)  # fmt: skip
def test_a_line_that_is_not_simple_is_left_to_the_others(member: str) -> None:
    plain = json.dumps(PLAIN, ensure_ascii=False).encode()
    odd = b"{" + member.encode() + b"}"
    for data in (odd, plain + b"\n" + odd, odd + b"\n" + plain):
        assert simple(data) is None
    for data in (
        b"\n" + plain,
        plain + b"\n\n" + plain,
        plain + b"\n ",
        b"\xef\xbb\xbf" + plain,
        plain + b"\0",
        plain[:-1],
    ):
        assert simple(data) is None


@pytest.mark.parametrize(
    "member", ['"plate":"\xff"', '"x":"\xff"', '"\xff":1', '"time":"\xff"', '"plate":"\xed\xa0\x80"']
)
def test_what_is_no_utf8_is_left_to_the_others(member: str) -> None:
    assert simple(b"{" + member.encode("latin-1") + b"}") is None


def test_times_in_two_forms_are_left_to_the_others() -> None:
    number, text = b'{"time":1}', b'{"time":"1"}'
    assert simple(number + b"\n" + text) is None and simple(text + b"\n" + number) is None
    assert check_alike(b'{}\n{"time":"a"}\n{"time":null}\n{"time":"bc"}') and check_alike(b"{}\n{}")


def test_numbers_of_up_to_19_digits_are_the_doubles_next_to_them() -> None:
    chosen = random.Random(1)
    written = ["9007199254740993.0", "0.1", "8.999999999999999999", "0.000000000000000001", "9.5", "4503599627370497.5"]
    for _ in range(20_000):
        places = chosen.randint(1, 18)
        whole = str(chosen.randrange(10 ** chosen.randint(1, 19 - places)))
        written.append("-" * chosen.randint(0, 1) + whole + "." + str(chosen.randrange(10**places)).zfill(places))
    found = simple("\n".join(f'{{"lon":{number}}}' for number in written).encode())
    assert found is not None and found.frame["lon"].to_list() == [float(number) for number in written]


def test_real_tracks_are_simple() -> None:
    data = gzip.decompress((ROOT / "sample_tracks" / "excerpt.jsonl.gz").read_bytes())
    assert check_alike(data) and check_alike(data.rstrip(b"\n"))
    frame = as_polars_reads(data)
    assert frame is not None
    assert check_alike("\n".join(json.dumps(row, ensure_ascii=False) for row in frame.iter_rows(named=True)).encode())


def test_many_distinct_texts_are_told_apart_and_texts_made_to_collide_are_left_to_the_others() -> None:
    assert check_alike("\n".join(f'{{"plate":"{n}","terminal":"{n % 977}"}}' for n in range(20_000)).encode())

    def slot(text: bytes, slots: int) -> int:
        mixed = 0
        for byte in text:
            mixed = (mixed << 5 | mixed >> 59) % 2**64 ^ byte
        return (mixed * 0x9E3779B97F4A7C15 % 2**64 >> 32) % slots

    alike = [n for n in range(60_000) if slot(b"%d" % n, 256) == 7][:100]
    data = b"\n".join(b'{"plate":"%d"}' % n for n in alike)
    assert len(alike) == 100 and simple(data) is None
    batch = parse_block(Block(data, 1), "made", JSON_LINES, Tally())
    assert batch.frame["plate"].to_list() == [str(n) for n in alike]


def lines_of_records(chosen: random.Random) -> bytes:
    odd = [b"", b"{", b"\xff", b" ", b"[]", b'{"plate":"a\\"b"}', b'{"time":"2026-11-02T08:00:00+08:00"}', b"\r"]
    lines = []
    for _ in range(chosen.randint(0, 4)):
        changes = chosen.choice(
            [{}, {}, {"lon": None}, {"time": 5}, {"plate": None}, {"datum": "mars"}, {"plate": " a "}]
        )
        lines.append(json.dumps({**PLAIN, **changes}, ensure_ascii=chosen.random() < 0.1).encode())
    if chosen.random() < 0.2:
        lines.insert(chosen.randint(0, len(lines)), chosen.choice(odd))
    ends = (b"", b"", b"", b"", b"\n", b"\r\n", b"\n\n", b"\r")
    return chosen.choice([b"\n", b"\n", b"\r\n"]).join(lines) + chosen.choice(ends)


def test_polls_are_decoded_alike_with_the_pass_and_without_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for seed in range(80):
        chosen = random.Random(seed)
        poll = {p: [Raw(n, 0, lines_of_records(chosen)) for n in range(chosen.randint(0, 3))] for p in range(3)}
        with_pass = records.decode(poll, 3, now_ms=NOW_MS)
        with monkeypatch.context() as patch:
            patch.setattr(records, "read_simple", lambda pieces, most_bytes: None)
            without = records.decode(poll, 3, now_ms=NOW_MS)
        assert with_pass.fixes.equals(without.fixes) and with_pass.fixes.schema == without.fixes.schema
        assert (with_pass.aside, with_pass.tallies) == (without.aside, without.tallies)


@pytest.mark.parametrize(
    "instead",
    [
        "None",
        "types.SimpleNamespace(VERSION=1, NO_FLAG=2, NO_TIME=0, Columns=1, Reader=1)",
        "types.SimpleNamespace(Reader=1)",
    ],
)
def test_without_the_compiled_pass_or_with_an_old_one_everything_is_read_all_the_same(instead: str) -> None:
    program = f"""
import sys, types
sys.modules["ingest.json_columns"] = {instead}
from ingest.lines import Block
from ingest.tally import Tally
from ingest.text_rows import JSON_LINES, parse_block, read_simple
data = b'{{"plate":"a","time":1,"lon":1.5}}'
assert read_simple((data,)) is None
print(parse_block(Block(data, 1), "made", JSON_LINES, Tally()).frame["lon"].to_list())
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "[1.5]", done.stderr
