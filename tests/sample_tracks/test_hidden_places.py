"""The true places: written with the week, and the score that a run gets for finding them."""

from __future__ import annotations

from pathlib import Path

import pytest

from sample_tracks.hidden_places import PLACES_FILE, HiddenPlace, main, read_places, score_places, write_places

PIT = HiddenPlace("loading", 118.9, 31.9, 2, 2, "pit1")
WILD = HiddenPlace("dumping", 118.95, 31.9, 1, 4, "wild1")
RARE = HiddenPlace("dumping", 118.8, 31.9, 1, 3, "wild2")
MEAL = HiddenPlace("resting", 118.85, 31.9, 0, 0, "meal1")
M_PER_LON = 94_600


def test_places_are_written_and_read(tmp_path: Path) -> None:
    write_places([PIT, WILD, RARE, MEAL], tmp_path / "places.csv")
    assert read_places(tmp_path / "places.csv") == [PIT, WILD, RARE, MEAL]


def test_the_sample_holds_places_of_every_kind() -> None:
    kinds = {
        kind: [p for p in read_places(PLACES_FILE) if p.kind == kind] for kind in ("loading", "dumping", "resting")
    }
    assert [len(kinds[k]) for k in kinds] == [2, 6, 3]
    assert all(p.asked for p in kinds["loading"] + kinds["dumping"])
    assert not any(p.asked for p in kinds["resting"])


@pytest.mark.parametrize(("metres", "found"), [(140, 1), (160, 0)])
def test_a_place_is_found_within_150_metres(metres: float, found: int) -> None:
    score = score_places([("loading", 118.9 + metres / M_PER_LON, 31.9)], [PIT, WILD])
    assert (score.asked, score.found, score.told, score.false) == (2, found, 1, 1 - found)


def test_kind_counts_and_rare_places_count_neither_way() -> None:
    told = [("loading", 118.95, 31.9), ("dumping", 118.8, 31.9), ("dumping", 118.85, 31.9)]
    score = score_places(told, [PIT, WILD, RARE, MEAL])
    assert (score.asked, score.found, score.told, score.false) == (2, 0, 3, 2)


def test_without_anything_there_is_no_share() -> None:
    assert str(score_places([], [])) == "places 0, found 0 (recall -), told 0 (precision -)"


def test_a_folder_without_a_store_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path)]) == 2
    assert "hidden_places:" in capsys.readouterr().err
