"""Inspections and issues from the command line, on a copy of the small town's store."""

import shutil
from pathlib import Path

import pytest
from cli_town import WEEK, muckwatch

PLACE = ("--agencies", "城管,公安交警", "--place", "江东路口", "--checked", "40", "--found", "5")
ADD = ("--hours", "20:00-23:00", *PLACE)
ROW = "2025-11-18,20:00-23:00,城管;公安交警,江东路口,40,5,2,"


@pytest.fixture
def own_store(town_store: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(town_store, tmp_path / "store"))


def test_inspections_are_added_imported_and_listed(own_store: Path, tmp_path: Path) -> None:
    done = muckwatch("inspection", "add", "--store", own_store, "--date", "2025-11-18", *ADD)
    assert done.code == 0 and "1 of them new" in done.out
    file = tmp_path / "inspections.csv"
    file.write_text("date,hours,agencies,place,checked,found,filed,note\n" + ROW + "\n", encoding="utf-8")
    assert "0 of them new" in muckwatch("inspection", "import", file, "--store", own_store).out
    listed = muckwatch("inspection", "list", "--store", own_store).out
    assert listed.count("江东路口") == 1 and "城管,公安交警" in listed
    file.write_text("date,agencies,place,checked,found\n2025-11-18,城管,x,1,2\n", encoding="utf-8")
    done = muckwatch("inspection", "import", file, "--store", own_store)
    assert done.code == 2 and "row 2: found 2 of 1 checked" in done.err


def test_an_issue_is_handed_out_once_and_a_public_copy_is_marked(own_store: Path, tmp_path: Path) -> None:
    asked = ("report", "--store", own_store, "--week", WEEK, "--format", "json", "--out", tmp_path)
    done = muckwatch(*asked, "--issue")
    assert done.code == 0, done.err
    again = muckwatch(*asked, "--issue")
    assert again.code == 2 and "was issued as" in again.err
    public = muckwatch(*asked, "--mask-plates")
    assert public.code == 0 and "-公开.json" in public.out
    assert muckwatch("report", "--store", own_store, "--format", "odt").code == 2
