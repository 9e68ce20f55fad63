"""Every fault is found once and named in its place; all of a folder's faults are found in one go."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from registry_cases import BOWTIE, CASES, Case, permit
from registry_folder import LAT, LON, add, feature, line, polygon, props, shape, swap, write

from rules.registry import RegistryError, inspect, load


def test_sound_folder_has_no_fault(tmp_path: Path) -> None:
    found = inspect(write(tmp_path))
    assert found.faults == [] and found.registry is not None


@pytest.mark.parametrize("case", CASES, ids=[f"{case.file}: {case.words}" for case in CASES])
def test_fault_is_named_once_and_in_its_place(case: Case, tmp_path: Path) -> None:
    found = inspect(write(tmp_path, case.change))
    told = [(fault.file, fault.where, fault.field, fault.severity) for fault in found.faults]
    assert told == [(case.file, case.where, case.field, case.severity)], [*map(str, found.faults)]
    said = str(found.faults[0])
    assert case.words in said and said.isprintable()
    assert (found.registry is None) == (case.severity == "error")


def test_folder_that_is_not_there(tmp_path: Path) -> None:
    for folder, words in ((tmp_path / "none", "no such folder"), (tmp_path / "file", "not a folder")):
        (tmp_path / "file").write_text("")
        with pytest.raises(RegistryError) as caught:
            load(folder)
        assert words in str(caught.value) and str(folder) in str(caught.value)
        assert len(caught.value.faults) == 1


def test_file_that_cannot_be_read(tmp_path: Path) -> None:
    (write(tmp_path, {"bans.csv": None}) / "bans.csv").mkdir()
    assert [str(fault) for fault in inspect(tmp_path).faults] == ["bans.csv: cannot be read: not a file"]


def test_ten_faults_are_found_at_once(tmp_path: Path) -> None:
    faulty = {
        "policy.toml": "corridor = 50\n",
        "companies.csv": add("C1,again"),
        "vehicles.csv": add("苏A00009,,,ordinary"),
        "whitelist.csv": swap("09:30-16:30", "half past nine"),
        "sites.geojson": shape(5, BOWTIE),
        "permits.csv": permit(origin_site="NONE", valid_from="2026-12-01", valid_to="2026-11-01"),
        "routes.geojson": shape(2, line([LAT, LON], [LAT, LON + 0.1])),
        "zones.geojson": props(1, kind="loud"),
        "bans.csv": "start,until,reason\n",
    }
    found = inspect(write(tmp_path, faulty))
    assert [(fault.file, fault.where, fault.field) for fault in found.errors] == [
        ("policy.toml", "corridor", ""),
        ("companies.csv", "row 4", "company_id"),
        ("vehicles.csv", "row 5", "company_id"),
        ("whitelist.csv", "row 2", "hours"),
        ("sites.geojson", "feature 5 (DEP1)", "geometry"),
        ("permits.csv", "row 3", "valid_to"),
        ("permits.csv", "row 3", "origin_site"),
        ("routes.geojson", "feature 2 (P1)", "geometry"),
        ("zones.geojson", "feature 1 (Q1)", "kind"),
        ("bans.csv", "row 1", "end"),
    ]
    with pytest.raises(RegistryError) as caught:
        load(tmp_path)
    said = str(caught.value)
    assert "policy.toml, corridor" in said and "and 9 more" in said and "\n" not in said
    assert caught.value.faults == found.faults


def test_every_feature_in_the_wrong_order_is_told(tmp_path: Path) -> None:
    def turn(value: Any) -> Any:
        if isinstance(value, list) and value and isinstance(value[0], float | int):
            return value[::-1]
        return [turn(part) for part in value]

    def turned(features: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [f | {"geometry": f["geometry"] | {"coordinates": turn(f["geometry"]["coordinates"])}} for f in features]

    names = ("sites.geojson", "routes.geojson", "zones.geojson", "districts.geojson")
    found = inspect(write(tmp_path, dict.fromkeys(names, turned)))
    assert len(found.faults) == 12 and all("latitude comes first" in fault.problem for fault in found.faults)


def test_wrong_order_west_of_ninety_degrees_east(tmp_path: Path) -> None:
    """In Urumqi either order is within ±180/±90; the wrong one lies in the Arctic."""
    west = {"sites.geojson": [feature(polygon(43.8, 87.6), site_id="CON1", kind="construction")]}
    found = inspect(write(tmp_path, west))
    assert any("latitude comes first" in fault.problem for fault in found.errors)


def test_wrong_order_outside_china_is_seen_by_the_other_places(tmp_path: Path) -> None:
    centres = {
        "CON1": (10.0, 53.5),
        "CON2": (10.1, 53.5),
        "DIS1": (10.2, 53.5),
        "BANK1": (10.3, 53.5),
        "DEP1": (53.5, 10.4),
    }
    kinds = {"CON": "construction", "DIS": "disposal", "BAN": "soil_bank", "DEP": "depot"}
    sites = [feature(polygon(*centre), site_id=name, kind=kinds[name[:3]]) for name, centre in centres.items()]
    routes = [feature(line([10.0, 53.5], [10.2, 53.5]), permit_no=permit_no) for permit_no in ("P1", "P2")]
    elsewhere = {"sites.geojson": sites, "routes.geojson": routes, "zones.geojson": None, "districts.geojson": None}
    found = inspect(write(tmp_path, elsewhere))
    assert [(fault.where, fault.field) for fault in found.faults] == [("feature 5 (DEP1)", "geometry")]
    assert "the other way round" in str(found.faults[0])


def test_terminal_never_obeys_a_fault(tmp_path: Path) -> None:
    """A message quotes what it found, and what it found may be anything."""
    found = inspect(write(tmp_path, {"zones.geojson": props(1, zone_id="\x1b[2J\n\u202e", kind="\x1b]0;x\x07")}))
    assert found.errors and all(str(fault).isprintable() for fault in found.faults)
