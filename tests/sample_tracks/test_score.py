"""What counts as found, as missed and as a false alarm."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import polars as pl
import pytest

from sample_tracks.score import Stretch, compare, main, read_truth, score

RULE = "off_route"


def stretch(
    start_min: float, end_min: float, kind: str = "found", rule: str = RULE, plate: str = "苏A00001"
) -> Stretch:
    return Stretch(rule, plate, start_min * 60, end_min * 60, kind)


TRUE = stretch(100, 200, "positive")


@pytest.mark.parametrize(
    ("found", "hit", "false"),
    [
        ([stretch(100, 200)], 1, 0),
        ([stretch(100, 138)], 1, 0),  # 38 minutes and 2 of slack are 40 %
        ([stretch(100, 137)], 0, 0),  # too little, yet no lie
        ([stretch(60, 137.9)], 0, 0),
        ([stretch(0, 200)], 1, 0),
        ([stretch(0, 400)], 0, 1),  # half as long again as slack allows: 104 of 400 minutes
        ([stretch(300, 310)], 0, 1),
        ([stretch(201, 205)], 0, 1),  # one minute of four lies within the slack
        ([stretch(201, 203)], 0, 0),
        ([stretch(100, 200, rule="no_entry")], 0, 1),
        ([stretch(100, 200, plate="苏A00002")], 0, 1),
        ([stretch(100, 145), stretch(150, 200)], 1, 0),
        ([stretch(150, 150)], 0, 0),
    ],
)
def test_one_positive(found: list[Stretch], hit: int, false: int) -> None:
    total = compare(found, [TRUE]).total
    expected_hit = 1 if found == [stretch(0, 400)] else hit  # it covers the positive, and lies all the same
    assert (total.asked, total.found, len(total.false)) == (1, expected_hit, false)


def test_ignored_stretches_blame_nobody() -> None:
    result = compare([stretch(10, 20), stretch(30, 40)], [stretch(10, 40, "ignore"), TRUE])
    assert result.total.false == [] and result.total.missed == [TRUE]


def test_overlapping_lines_count_once() -> None:
    lines = [stretch(100, 130, "ignore"), stretch(100, 130, "ignore"), stretch(100, 130, "ignore")]
    assert len(compare([stretch(100, 200)], lines).total.false) == 1


def test_where_a_clone_drove_only_the_clone_is_asked_for() -> None:
    around = stretch(90, 210, "ignore", "*")
    clone = stretch(120, 180, "positive", "cloned_plate")
    result = compare([stretch(100, 120, rule="overspeed")], [TRUE, around, clone])
    assert result.total.asked == 1 and result.total.missed == [clone] and result.total.false == []


def test_shares() -> None:
    result = compare([stretch(100, 200), stretch(300, 320)], [TRUE, stretch(500, 510, "positive")])
    assert (result.rules[RULE].recall, result.rules[RULE].precision) == (0.5, 0.5)
    assert compare([], []).total.recall is None
    assert f"{RULE:24}{2:>6}{1:>7}{1:>7}{'0.500':>9}{'0.500':>11}" in str(result)


def small_store(folder: Path) -> tuple[Path, Path]:
    start = datetime(2026, 11, 9, 14, 0, tzinfo=UTC)
    frame = pl.DataFrame(
        {
            "rule": ["quiet_zone"],
            "plate": ["苏A00001"],
            "start_time": [start],
            "end_time": [start + timedelta(minutes=2)],
        }
    )
    store, truth = folder / "store", folder / "truth.csv"
    store.mkdir()
    with duckdb.connect(str(store / "muckwatch.duckdb")) as con:
        con.register("frame", frame)
        con.execute("CREATE TABLE violations AS SELECT * FROM frame")
    truth.write_text(
        "kind,rule,plate,start,end,note\n"
        "positive,quiet_zone,苏A00001,2026-11-09T22:00:10+08:00,2026-11-09T22:01:50+08:00,Z02\n"
        "positive,quiet_zone,苏A00001,2026-11-09T23:00:10+08:00,2026-11-09T23:01:50+08:00,Z02\n",
        encoding="utf-8",
    )
    return store, truth


def test_a_store_on_disk(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store, truth = small_store(tmp_path)
    result = score(store, truth)
    assert (result.total.found, result.total.missed) == (1, read_truth(truth)[1:])
    assert main([str(store), "--truth", str(truth), "--misses", "3"]) == 0
    out = capsys.readouterr().out
    assert "0.500" in out and "missed  quiet_zone" in out and "11-09 23:00:10" in out


def test_a_folder_without_a_store(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "sample_tracks.score", str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2 and str(tmp_path) in done.stderr
