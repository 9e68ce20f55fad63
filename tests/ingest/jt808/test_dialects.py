"""Vendor dialects: what each bundled one reads, how one is chosen, and files that cannot be used."""

from __future__ import annotations

from pathlib import Path

import pytest
from some_frames import FIX_MS, report

from ingest.jt808.dialect import Dialect, DialectError, Dialects, Reading, load_dialects, read_dialect
from ingest.jt808.encode import location_body, muck_item
from ingest.jt808.fixes import to_fix
from ingest.jt808.location import Item, Location, read_location


@pytest.fixture(scope="module")
def bundled() -> Dialects:
    return load_dialects()


def told(*items: Item, **changes: object) -> Location:
    return read_location(location_body(report(items=items, **changes)))


def e1(word: int, spoil: int = 0) -> Item:
    inner = b"\xe1\x04" + word.to_bytes(4, "big")
    return 0xF0, inner + bytes(((sum(inner) + spoil) & 0xFF,))


@pytest.mark.parametrize("lift", [True, False, None])
@pytest.mark.parametrize("cover", [True, False, None])
def test_egs701_tells_lift_and_cover(bundled: Dialects, lift: bool | None, cover: bool | None) -> None:
    said = bundled["egs701"].read(told(muck_item(lift=lift, cover=cover)))
    assert (said.lift, said.cover, said.load) == (lift, cover, "full")
    assert set(said.faults) == {name for name, value in (("lift", lift), ("cover", cover)) if value is None}


def test_egs701_bits_by_number(bundled: Dialects) -> None:
    read = bundled["egs701"].read
    assert read(told(e1(0))) == Reading(lift=False, cover=True, load="full")
    assert read(told(e1(1 << 9))) == Reading(lift=False, cover=False, load="full")
    assert read(told(e1(1 << 10))) == Reading(lift=True, cover=True, load="full")
    assert read(told(e1(1 << 25))) == Reading(lift=False, cover=True, load=None, faults=("load",))
    assert read(told(e1(1 << 29 | 1 << 9))) == Reading(lift=False, cover=None, load="full", faults=("cover",))


def test_container_with_a_wrong_sum_or_without_the_item_says_nothing(bundled: Dialects) -> None:
    silent = Reading(load="full")
    assert bundled["egs701"].read(told(e1(1 << 10, spoil=1))) == silent
    assert bundled["egs701"].read(told()) == silent
    assert bundled["egs701"].read(told((0xF0, b""))) == silent
    assert bundled["egs701"].read(told((0xE1, bytes(4)))) == silent  # outside the container it is something else


def test_jiutong_speaks_of_events_only(bundled: Dialects) -> None:
    read = bundled["jiutong"].read
    assert read(told((0xE4, b"\0\0\0\2"))) == Reading(lift=True, load="full")
    assert read(told((0xE4, b"\0\0\0\1"))) == Reading(cover=False, load="full")
    assert read(told((0xE4, b"\0\0\0\0"))) == Reading(load="full")
    assert read(told((0xE4, b"\2"))) == Reading(load="full")  # as short as another maker's battery level


def test_gps51_weighs(bundled: Dialects) -> None:
    assert bundled["gps51"].read(told((0x55, (123_456).to_bytes(8, "big")))).weight_kg == 12_345.6


def test_standard_reads_no_makers_items(bundled: Dialects) -> None:
    assert bundled.standard.read(told(e1(1 << 10), (0xE4, b"\0\0\0\2"))) == Reading(load="full")


def test_dialect_is_chosen_by_make_and_a_named_terminal_comes_first(tmp_path: Path) -> None:
    (tmp_path / "ours.toml").write_text('terminals = ["013900000009"]\nmakes = [{ maker = "7011?" }]\n')
    dialects = load_dialects(tmp_path)
    choose = lambda *told: dialects.choose(*told).name
    assert choose("013900000001", "EEYE", "EGS701-B") == "egs701"
    assert choose("013900000001", "70111", "EGS701-B") == "ours"
    assert choose("013900000009", "EEYE", "EGS701-B") == "ours"
    assert choose("013900000001", "70222", "BSJ-A6") == "standard"
    assert dialects["no such"].name == "standard"


def test_city_replaces_a_bundled_dialect_and_tells_laden_by_weight(tmp_path: Path) -> None:
    text = """
        makes = [{ model = "GPS51*" }]
        datum = "gcj02"
        [[read]]
        field = "load"
        from = "55"
        scale = 0.1
        below = [[16000, "empty"], [24000, "half"], [60000, "full"]]
    """
    (tmp_path / "gps51.toml").write_text(text)
    dialect = load_dialects(tmp_path).choose("1", "x", "GPS51-K")
    loads = [dialect.read(told((0x55, n.to_bytes(8, "big")), load=None)) for n in (159_999, 160_000, 599_999, 600_000)]
    assert [said.load for said in loads] == ["empty", "half", "full", None]
    assert loads[-1].faults == ("load",)
    assert to_fix(told(), dialect, "苏A12345", "1")["datum"] == "gcj02"


def test_analog_load_switch_with_its_faults(tmp_path: Path) -> None:
    text = """
        [[read]]
        field = "load"
        from = "2B"
        bytes = [2, 2]
        scale = 0.001
        below = [[2.0, "fault"], [3.2, "full"], [4.5, "empty"]]
    """
    (tmp_path / "switch.toml").write_text(text)
    dialect = read_dialect(tmp_path / "switch.toml")
    said = [dialect.read(told((0x2B, bytes(2) + n.to_bytes(2, "big")))) for n in (1999, 2000, 3199, 3200, 4499, 4500)]
    assert [one.load for one in said] == [None, "full", "full", "empty", "empty", None]
    assert [bool(one.faults) for one in said] == [True, False, False, False, False, True]


def test_fix_has_the_contracts_names_and_leaves_out_what_is_not_said(bundled: Dialects) -> None:
    full = to_fix(
        told(muck_item(lift=True, cover=False), mileage_km=12.3), bundled["egs701"], "苏A12345", "013900000001"
    )
    assert full == {
        "plate": "苏A12345",
        "terminal": "013900000001",
        "time": FIX_MS,
        "lon": 118.78,
        "lat": 32.04,
        "speed_kmh": 36.5,
        "heading_deg": 90,
        "load": "full",
        "lift": True,
        "cover": False,
        "acc": True,
        "valid": True,
        "mileage_km": 12.3,
    }
    bare = to_fix(told(load=None), bundled.standard, "苏A12345", "")
    assert not {"load", "lift", "cover", "mileage_km", "weight_kg", "datum"} & set(bare)


def test_unreadable_time_goes_along_to_be_counted() -> None:
    body = bytearray(location_body(report()))
    body[22:28] = bytes(6)
    assert to_fix(read_location(bytes(body)), Dialect("x"), "苏A12345", "1")["time"] == "bcd 000000000000"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("colour = 1", "'colour' is no key"),
        ("datum = 'mars'", "gcj02"),
        ("[[read]]\nfield = 'mood'\nfrom = 'E1'\nvalues = { 1 = true }", "read[0].field 'mood'"),
        ("[[read]]\nfield = 'lift'\nfrom = 'E1'", "values or below"),
        ("[[read]]\nfield = 'lift'\nfrom = 'F0/E1/E2'\nvalues = { 1 = true }", "F0/E1"),
        ("[[read]]\nfield = 'lift'\nfrom = 'zz'\nvalues = { 1 = true }", "zz"),
        ("[[read]]\nfield = 'lift'\nfrom = 'E1'\nvalues = { 1 = 'full' }", "True, False"),
        ("[[read]]\nfield = 'load'\nfrom = 'E1'\nvalues = { 1 = true }", "empty, half, full"),
        ("[[read]]\nfield = 'lift'\nfrom = 'E1'\nbits = [1]\nvalues = { 1 = true }", "how many"),
        ("[[read]]\nfield = 'lift'\nfrom = 'E1'\nfault = -1\nvalues = { 1 = true }", "number of a bit"),
        ("[[read]]\nfield = 'lift'\nfrom = 'E1'\nvalue = { 1 = true }", "'value' is no key"),
        ("[containers]\nF0 = 'crc'", "none, sum8"),
        ("[[read]]\nfield = 'lift'\nvalues = { 1 = true }", "from"),
        ("not toml", "own.toml"),
    ],
)
def test_file_that_cannot_be_used_says_where(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "own.toml").write_text(text)
    with pytest.raises(DialectError) as caught:
        load_dialects(tmp_path)
    assert "own.toml" in str(caught.value) and said in str(caught.value)
