"""A whole week's set: whoever draws it, and on whatever pages its code lies, it says the same."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import map_store
import pytest

from maps.linked import FILES_FOLDER
from maps.with_report import write_week
from reports.calendar import parse_week
from reports.crew import Crew
from reports.store import Store

WEEK = parse_week("2026-W47")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return map_store.make_store(tmp_path_factory.mktemp("week"))


@pytest.fixture
def store(folder: Path) -> Iterator[Store]:
    with Store.read(folder) as opened:
        yield opened


def files_of(folder: Path) -> dict[str, bytes]:
    found = {str(f.relative_to(folder)): f.read_bytes() for f in folder.rglob("*") if f.is_file()}
    return {name: content for name, content in found.items() if not name.endswith(".docx")}  # a ZIP tells times


def test_two_processes_write_the_bytes_that_one_writes(store: Store, tmp_path: Path) -> None:
    alone = write_week(store, WEEK, tmp_path / "alone")
    with Crew() as crew:
        crew.hire(1)
        beside = write_week(store, WEEK, tmp_path / "beside", crew=crew)
    names = [[path.relative_to(tmp_path).parts[1:] for path in written] for written in (alone, beside)]
    assert names[0] == names[1]
    one, other = files_of(tmp_path / "alone"), files_of(tmp_path / "beside")
    assert {Path(name).suffix for name in one} == {".pdf", ".xlsx", ".html", ".json"}
    assert one == other


def test_linked_pages_hold_no_code_no_style_and_no_picture_of_their_own(store: Store, tmp_path: Path) -> None:
    written = write_week(store, WEEK, tmp_path, ["html"], linked=True)
    pages = [*(tmp_path / "reports").glob("*.html"), *(tmp_path / "maps").glob("*.html")]
    assert len(pages) > 3 and set(written) & set(pages)
    for page in pages:
        html = page.read_text(encoding="utf-8")
        code = [tag for tag in re.findall(r"<script([^>]*)>", html) if "src=" not in tag and "/json" not in tag]
        assert not code and "<style" not in html and 'src="data:' not in html, page.name
        for name in re.findall(rf'(?:src|href)="({FILES_FOLDER}/[^"]+)"', html):
            assert (page.parent / name).stat().st_size > 0
