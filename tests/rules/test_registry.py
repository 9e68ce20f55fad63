"""What a sound folder becomes: records, spans of time, encodings, datums, the exact copy of what was read."""

from __future__ import annotations

import shutil
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from registry_folder import LAT, LON, TABLES, add, collection, feature, more, polygon, props, swap, write
from shapely.geometry import LineString, MultiLineString, Polygon, box

import rules.ground
from ingest.datum import from_wgs84
from rules.registry import (
    ALWAYS,
    FOREVER_MS,
    MAX_PERMITS_OF_PLATE,
    Hours,
    Permit,
    RegistryError,
    Route,
    Validity,
    Vehicle,
    WhitelistEntry,
    digest,
    inspect,
    load,
    load_with_files,
    snapshot,
)


def ms(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp() * 1000)


def test_every_file_becomes_its_records_in_its_order(tmp_path: Path) -> None:
    registry = load(write(tmp_path))
    assert [(c.company_id, c.name) for c in registry.companies][1] == ("C2", "乙渣土运输有限公司")
    assert registry.vehicles[0] == Vehicle("苏A00001", "C1", "013900000001", "new_type")
    whole_half_year = Validity(ms("2026-06-01T00:00+08:00"), ms("2027-01-01T00:00+08:00"))
    assert registry.whitelist == (WhitelistEntry("苏A00001", Hours.parse("09:30-16:30"), whole_half_year, "白名单1号"),)
    first, second = registry.permits
    assert first == Permit(
        permit_no="P1",
        company_id="C1",
        origin_site="CON1",
        disposal_sites=("DIS1", "BANK1"),
        plates=("苏A00001", "苏A00002"),
        hours=Hours.parse("21:00-00:30;01:30-05:30"),
        validity=Validity(ms("2026-09-01T00:00+08:00"), ms("2027-04-01T00:00+08:00")),
        routes=(
            Route(LineString([(LON, LAT), (LON + 0.1, LAT)]), 40.0),
            Route(MultiLineString([[(LON + 0.1, LAT), (LON + 0.1, LAT + 0.1)]]), 60.0),
        ),
    )
    assert (second.plates, second.hours, second.validity) == ((), ALWAYS, Validity(0, FOREVER_MS))
    assert [s.site_id for s in registry.sites if s.takes_muck] == ["DIS1", "BANK1"]
    assert registry.site["CON1"].polygon.equals(box(LON - 0.002, LAT - 0.002, LON + 0.002, LAT + 0.002))
    assert [(z.zone_id, z.kind, str(z.hours)) for z in registry.zones] == [
        ("Q1", "quiet", "22:00-06:00"),
        ("N1", "no_entry", "00:00-24:00"),
    ]
    assert [d.name for d in registry.districts] == ["第一街道", "第二街道"]
    (ban,) = registry.bans
    assert (ban.start_ms, ban.end_ms) == (ms("2026-11-10T01:00+08:00"), ms("2026-11-10T02:30+08:00"))
    assert [p.permit_no for p in registry.permits_of("苏A00003")] == ["P2"]


def test_optional_files_may_be_absent_or_have_no_rows(tmp_path: Path) -> None:
    optional = ("companies.csv", "whitelist.csv", "zones.geojson", "districts.geojson", "bans.csv", "policy.toml")
    registry = load(write(tmp_path / "absent", dict.fromkeys(optional)))
    assert not (registry.companies or registry.whitelist or registry.zones or registry.districts or registry.bans)
    headers = {name: TABLES[name].splitlines()[0] for name in ("whitelist.csv", "bans.csv")}
    bare = load(write(tmp_path / "bare", {**headers, "zones.geojson": lambda features: [], "policy.toml": ""}))
    assert not (bare.whitelist or bare.bans or bare.zones)


@pytest.mark.parametrize(
    ("start", "end", "validity"),
    [
        ("2026-11-01", "2026-11-01", Validity(ms("2026-11-01T00:00+08:00"), ms("2026-11-02T00:00+08:00"))),
        ("2026-11-01T00:00:00Z", "1793491200001", Validity(1793491200000, 1793491200001)),
        ("2026-11-01 08:00+08:00", "", Validity(1793491200000, FOREVER_MS)),
        ("1900-01-01", "9999-12-31", Validity(0, FOREVER_MS)),
    ],
)
def test_dates_hold_to_the_end_of_their_day_and_instants_to_the_moment(
    start: str, end: str, validity: Validity, tmp_path: Path
) -> None:
    registry = load(write(tmp_path, {"permits.csv": swap("P2,C2,CON2,DIS1,,,,", f"P2,C2,CON2,DIS1,,,{start},{end}")}))
    assert registry.permits[1].validity == validity


def test_a_feature_may_give_its_times_as_numbers_and_its_id_as_one(tmp_path: Path) -> None:
    added = more(feature(polygon(LON + 0.5, LAT), site_id=17, kind="wash", valid_from=1793491200000))
    site = load(write(tmp_path, {"sites.geojson": added})).site["17"]
    assert (site.validity.from_ms, site.name) == (1793491200000, "17")


def test_blanks_columns_in_any_order_and_line_ends_do_not_matter(tmp_path: Path) -> None:
    other = " kind ,terminal,plate,company_id\r\n new_type , 013900000001 , 苏A00001 , C1 \r\n"
    other += "ordinary,013900000002,苏A00002,C1\r\nordinary,,\u3000苏A00003,C2"
    plain = load(write(tmp_path / "a")).vehicles
    assert load(write(tmp_path / "b", {"vehicles.csv": other})).vehicles == plain


@pytest.mark.parametrize("name", ["vehicles.csv", "permits.csv", "companies.csv", "whitelist.csv", "bans.csv"])
def test_byte_order_mark_is_no_part_of_a_name(name: str, tmp_path: Path) -> None:
    marked = inspect(write(tmp_path, {name: TABLES[name].encode("utf-8-sig")}))
    assert marked.faults == [] and marked.registry is not None


def test_gbk_is_read_and_the_warning_says_how_to_convert(tmp_path: Path) -> None:
    plain = load(write(tmp_path / "a"))
    names = ("vehicles.csv", "companies.csv", "whitelist.csv", "permits.csv")
    found = inspect(write(tmp_path / "b", {name: TABLES[name].encode("gb18030") for name in names}))
    assert found.registry is not None and not found.errors
    assert (found.registry.vehicles, found.registry.companies) == (plain.vehicles, plain.companies)
    assert found.registry.whitelist == plain.whitelist and found.registry.permits == plain.permits
    assert len(found.warnings) == len(names)
    told = {fault.file: str(fault) for fault in found.warnings}
    assert "is in GBK (GB18030)" in told["vehicles.csv"]
    assert "iconv -f GB18030 -t UTF-8 vehicles.csv > vehicles.utf8.csv" in told["vehicles.csv"]


@pytest.mark.parametrize("datum", ["gcj02", "bd09", "cgcs2000"])
def test_geometry_of_another_datum_is_kept_in_wgs84(datum: str, tmp_path: Path) -> None:
    plain = load(write(tmp_path / "a"))
    shift = lambda geometry: shapely.transform(
        geometry, lambda positions: np.column_stack(from_wgs84(positions[:, 0], positions[:, 1], datum))
    )

    def drawn(features: list[dict[str, Any]]) -> list[dict[str, Any]]:
        shapes = [shapely.geometry.shape(f["geometry"]) for f in features]
        return [f | {"geometry": shapely.geometry.mapping(shift(s))} for f, s in zip(features, shapes, strict=True)]

    maps = dict.fromkeys(("sites.geojson", "routes.geojson", "zones.geojson", "districts.geojson"), drawn)
    folder = write(tmp_path / "b", {**maps, "policy.toml": f'registry_datum = "{datum}"\ncorridor_m = 60\n'})
    found = inspect(folder)
    assert found.faults == [] and found.registry is not None
    shapes = lambda r: [*(s.polygon for s in r.sites), *(z.polygon for z in r.zones), *(d.polygon for d in r.districts)]
    lines = lambda r: [route.line for permit in r.permits for route in permit.routes]
    for one, other in zip(shapes(plain) + lines(plain), shapes(found.registry) + lines(found.registry), strict=True):
        assert one.hausdorff_distance(other) < 1e-8  # a millimetre
    if datum != "cgcs2000":
        unconverted = load(write(tmp_path / "c", maps))
        assert unconverted.sites[0].polygon.hausdorff_distance(plain.sites[0].polygon) > 0.003


def test_a_fault_of_a_shifted_geometry_is_told_in_the_file_s_own_numbers(tmp_path: Path) -> None:
    bowtie = [[118.7, 32], [118.71, 32.01], [118.71, 32], [118.7, 32.01], [118.7, 32]]
    broken = more(feature({"type": "Polygon", "coordinates": [bowtie]}, zone_id="Z", kind="quiet"))
    found = inspect(write(tmp_path, {"zones.geojson": broken, "policy.toml": 'registry_datum = "gcj02"'}))
    assert "crosses itself at [118.705, 32.005]" in str(found.errors[0])


def test_height_is_dropped_and_a_hole_is_a_hole(tmp_path: Path) -> None:
    outer = [[*position, 12.5] for position in polygon(LON + 0.5, LAT, 0.01)["coordinates"][0]]
    inner = polygon(LON + 0.5, LAT, 0.002)["coordinates"][0]
    added = more(feature({"type": "Polygon", "coordinates": [outer, inner]}, site_id="RING", kind="other"))
    shape = load(write(tmp_path, {"sites.geojson": added})).site["RING"].polygon
    assert isinstance(shape, Polygon) and not shape.has_z and len(shape.interiors) == 1


def test_neighbours_that_share_a_fence_do_not_overlap(tmp_path: Path) -> None:
    beside, slightly_over = 0.004, 0.00001  # a metre is less than an office draws to
    added = more(feature(polygon(LON, LAT + beside - slightly_over), site_id="NEXT", kind="other"))
    assert inspect(write(tmp_path, {"sites.geojson": added})).faults == []


def test_a_site_that_succeeds_another_on_its_ground_is_only_told(tmp_path: Path) -> None:
    def succeeded(features: list[dict[str, Any]]) -> list[dict[str, Any]]:
        features[4]["properties"]["valid_to"] = "2026-06-30"
        return [*features, feature(polygon(LON, LAT + 0.1), site_id="NEW", kind="other", valid_from="2026-07-01")]

    found = inspect(write(tmp_path, {"sites.geojson": succeeded}))
    assert [fault.severity for fault in found.faults] == ["warning"] and found.registry is not None


@pytest.mark.parametrize("hostile", ["{{7*7}}", "=cmd()", "'; drop table fixes;--", "<img onerror=alert(1)>", "%s{0}"])
def test_hostile_text_is_just_text(hostile: str, tmp_path: Path) -> None:
    quoted = '"' + hostile.replace('"', '""') + '"'
    changes = {
        "vehicles.csv": add(f"{quoted},C1,,ordinary"),
        "companies.csv": add(f"C3,{quoted}"),
        "bans.csv": add(f"2026-12-01,2026-12-02,{quoted}"),
        "sites.geojson": props(5, name=hostile),
    }
    registry = load(write(tmp_path, changes))
    assert registry.vehicle[hostile].plate == registry.company["C3"].name == registry.site["DEP1"].name == hostile
    assert registry.bans[-1].reason == hostile


def test_what_was_read_can_be_copied_and_gives_the_same_registry(tmp_path: Path) -> None:
    folder = write(tmp_path / "a", {"roads.geojson": collection([])})
    (folder / "readme.txt").write_text("not of the registry")
    registry, contents = load_with_files(folder)
    assert contents == snapshot(folder) and "readme.txt" not in contents
    assert registry.digest == digest(contents) and set(registry.files) == set(contents)
    copy = tmp_path / "b"
    copy.mkdir()
    for name, content in contents.items():
        (copy / name).write_bytes(content)
    again = load(copy)
    assert again == registry


def test_digest_changes_with_any_file_and_with_nothing_else(tmp_path: Path) -> None:
    folder = write(tmp_path / "a")
    before = snapshot(folder)
    seen = {digest(before)}
    for name in before:
        seen |= {digest({**before, name: before[name] + b"\n"}), digest({n: c for n, c in before.items() if n != name})}
    assert len(seen) == 1 + 2 * len(before)
    assert digest(dict(reversed(before.items()))) == digest(before)
    moved = shutil.copytree(folder, tmp_path / "b")
    assert load(moved).digest == load(folder).digest


def test_bytes_moved_from_one_file_to_the_next_change_the_digest() -> None:
    assert digest({"bans.csv": b"ab", "roads.geojson": b"c"}) != digest({"bans.csv": b"a", "roads.geojson": b"bc"})


def test_a_file_that_changes_after_it_was_read_changes_nothing(tmp_path: Path) -> None:
    folder = write(tmp_path)
    registry, contents = load_with_files(folder)
    (folder / "vehicles.csv").write_text("half written")
    assert registry.digest == digest(contents) != digest(snapshot(folder))
    with pytest.raises(RegistryError, match=r"vehicles\.csv, row 1"):
        load(folder)


def test_copy_of_a_folder_with_a_file_missing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RegistryError, match=r"permits\.csv: file is missing"):
        snapshot(write(tmp_path, {"permits.csv": None}))


def test_engine_holds_as_many_permits_of_a_truck_as_the_registry_allows() -> None:
    assert rules.ground.MAX_PERMITS_OF_PLATE >= MAX_PERMITS_OF_PLATE


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    name=st.sampled_from(
        ["vehicles.csv", "permits.csv", "sites.geojson", "routes.geojson", "policy.toml", "whitelist.csv", "bans.csv"]
    ),
    start=st.floats(0, 1),
    length=st.integers(0, 40),
    junk=st.binary(max_size=12),
)
def test_no_damage_to_a_file_is_more_than_a_fault(
    name: str, start: float, length: int, junk: bytes, tmp_path: Path
) -> None:
    """Bytes cut out and others put in: a registry or faults come back, never another error, and no line is torn."""
    folder = write(tmp_path)
    sound = (folder / name).read_bytes()
    at = int(start * len(sound))
    (folder / name).write_bytes(sound[:at] + junk + sound[at + length :])
    found = inspect(folder)
    assert (found.registry is None) == bool(found.errors)
    assert all(str(fault).isprintable() and fault.problem for fault in found.faults)
