"""A file of tiles lies under the maps of cases too; a server's tiles are refused, for pages ask nobody else."""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from bureau import Bureau
from cli_town import muckwatch

from maps.basemap import base_map

PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c49444154789c63606060000000040001f61738550000"
    "000049454e44ae426082"
)


@pytest.fixture
def tiles(tmp_path: Path) -> Path:
    """Tiles of the whole town on one zoom."""
    path, zoom = tmp_path / "town.mbtiles", 12
    down = (1 - math.asinh(math.tan(math.radians(32.0))) / math.pi) / 2
    x, y = math.floor((118.75 / 360 + 0.5) * 2**zoom), math.floor(down * 2**zoom)
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE metadata (name text, value text)")
        db.execute("CREATE TABLE tiles (zoom_level integer, tile_column integer, tile_row integer, tile_data blob)")
        db.executemany("INSERT INTO metadata VALUES (?, ?)", [("format", "png"), ("attribution", "某测绘院")])
        around = [(zoom, x + dx, 2**zoom - 1 - y - dy, PIXEL) for dx in range(-4, 5) for dy in range(-4, 5)]
        db.executemany("INSERT INTO tiles VALUES (?, ?, ?, ?)", around)
    return path


def test_a_files_tiles_lie_under_a_cases_map(bureau: Bureau, a_case: Callable[..., str], tiles: Path) -> None:
    case_id, desk = a_case(), bureau.client("anna")
    bare = desk.get(f"/cases/{case_id}/map?framed=1").text
    bureau.context.tiles = base_map(str(tiles))
    bureau.context.parts.pop("source", None)
    try:
        laid = desk.get(f"/cases/{case_id}/map?framed=1")
    finally:
        bureau.context.tiles = None
        bureau.context.parts.pop("source", None)
    assert "data:image/png;base64," in laid.text and "某测绘院" in laid.text and "某测绘院" not in bare
    assert "img-src 'self' data:" in laid.headers["content-security-policy"]


def test_tiles_of_a_server_are_refused(tmp_path: Path) -> None:
    done = muckwatch(
        "serve", "--store", tmp_path, "--registry", tmp_path, "--tiles", "https://tiles.example/{z}/{x}/{y}.png"
    )
    assert done.code == 2 and "pages ask nobody but this server" in done.err
