"""The newcomer's first command, from an empty folder to pages that open."""

from __future__ import annotations

import re
from pathlib import Path

import openpyxl
import polars as pl
import pytest
from cli_town import Done, muckwatch

ACCURACY_MIN = 0.9


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Done, Path]:
    folder = tmp_path_factory.mktemp("newcomer")
    return muckwatch("demo", cwd=folder), folder / "demo_out"


def test_ends_by_saying_where_everything_is(demo: tuple[Done, Path]) -> None:
    done, folder = demo
    assert done.code == 0, done.err
    last = [line.split(maxsplit=1) for line in done.out.strip().splitlines()[-3:]]
    assert [what for what, _ in last] == ["reports", "maps", "scores"]
    assert all(Path(where).exists() and Path(where).is_relative_to(folder) for _, where in last)


def test_reports_and_maps_open(demo: tuple[Done, Path]) -> None:
    _, folder = demo
    pages = sorted((folder / "reports").glob("*.html"))
    assert pages and all("周报" in page.name and page.stat().st_size > 20_000 for page in pages)
    books = [openpyxl.load_workbook(path) for path in (folder / "reports").glob("*.xlsx")]
    assert len(books) == len(pages) and all(len(book.sheetnames) > 3 for book in books)
    assert len(list((folder / "maps").rglob("*.html"))) > 10
    assert pl.read_csv(folder / "scores.csv").height > 24


def test_finds_what_truly_happened(demo: tuple[Done, Path]) -> None:
    done, _ = demo
    told = {name: float(value) for name, value in re.findall(r"\((precision|recall) (\d\.\d+)\)", done.out)}
    assert told["precision"] >= ACCURACY_MIN and told["recall"] >= ACCURACY_MIN


def test_again_into_the_same_folder_changes_nothing(demo: tuple[Done, Path], tmp_path: Path) -> None:
    _, folder = demo
    export = lambda: muckwatch("export", "violations", "--store", folder).out
    before = export()
    again = muckwatch("demo", "--out", folder)
    assert again.code == 0, again.err
    assert export() == before and before.count("\n") > 10
