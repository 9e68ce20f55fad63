"""What lies under a map: tiles of a file inside the page, Tianditu's two layers, and what is refused."""

from __future__ import annotations

import math
import sqlite3
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import map_town
import pytest
from click.testing import CliRunner
from map_browser import Opened
from pmtiles.tile import Compression, TileType, zxy_to_tileid
from pmtiles.writer import write as pmtiles_writer

from maps import basemap
from maps.basemap import Tianditu, TileFile, Tiles, base_map
from maps.layers import Bounds
from maps.trip_page import trip_map
from muckwatch import cli

Open = Callable[..., Opened]
BOUNDS = map_town.trip().bounds
KEY = "0123456789abcdef0123456789abcdef"


def picture(zoom: int, x: int, y: int) -> bytes:
    """A tile of one colour that tells its place, so that a wrong row shows: a PNG by hand."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    rows = (b"\0" + bytes((zoom * 10, x % 256, y % 256)) * 256) * 256
    head = struct.pack(">IIBBBBB", 256, 256, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def around(bounds: Bounds, zoom: int) -> Iterator[tuple[int, int]]:
    """Columns and rows of a generous box, by the textbook formula."""
    west, south, east, north = bounds

    def column(lon: float) -> int:
        return math.floor((lon + 180) / 360 * 2**zoom)

    def row(lat: float) -> int:
        rad = math.radians(lat)
        return math.floor((1 - math.log(math.tan(rad) + 1 / math.cos(rad)) / math.pi) / 2 * 2**zoom)

    for x in range(column(west) - 1, column(east) + 2):
        for y in range(row(north) - 1, row(south) + 2):
            yield x, y


@pytest.fixture(scope="module")
def tiles() -> dict[tuple[int, int, int], bytes]:
    return {(zoom, x, y): picture(zoom, x, y) for zoom in (12, 13, 14) for x, y in around(BOUNDS, zoom)}


@pytest.fixture(scope="module", params=["mbtiles", "pmtiles"])
def file(request: pytest.FixtureRequest, tiles: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tiles") / f"城区.{request.param}"
    credit = "<a href='https://example.org'>某测绘院</a> {{7*7}}"
    (_mbtiles if request.param == "mbtiles" else _pmtiles)(path, tiles, credit)
    return path


def _mbtiles(path: Path, tiles: dict[tuple[int, int, int], bytes], credit: str, form: str = "png") -> None:
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE metadata (name text, value text)")
        db.execute("CREATE TABLE tiles (zoom_level integer, tile_column integer, tile_row integer, tile_data blob)")
        db.executemany("INSERT INTO metadata VALUES (?, ?)", [("format", form), ("attribution", credit)])
        db.executemany(
            "INSERT INTO tiles VALUES (?, ?, ?, ?)", [(z, x, 2**z - 1 - y, tile) for (z, x, y), tile in tiles.items()]
        )
    db.close()


def _pmtiles(path: Path, tiles: dict[tuple[int, int, int], bytes], credit: str, kind: TileType = TileType.PNG) -> None:
    with pmtiles_writer(str(path)) as out:
        for z, x, y in sorted(tiles, key=lambda at: zxy_to_tileid(*at)):
            out.write_tile(zxy_to_tileid(z, x, y), tiles[z, x, y])
        west, south, east, north = (round(degrees * 1e7) for degrees in BOUNDS)
        out.finalize(
            {"tile_type": kind, "tile_compression": Compression.NONE, "min_lon_e7": west, "min_lat_e7": south,
             "max_lon_e7": east, "max_lat_e7": north, "center_zoom": 12, "center_lon_e7": west, "center_lat_e7": south},
            {"attribution": credit},
        )  # fmt: skip


def test_a_files_tiles_are_in_the_page_and_nothing_is_asked_for(open_page: Open, file: Path) -> None:
    html = trip_map(replace(map_town.trip(), tiles=base_map(str(file))))
    opened = open_page(html)
    opened.page.wait_for_function("document.querySelectorAll('img.leaflet-tile-loaded').length > 3")
    assert opened.requests == []
    assert opened.complaints == []
    assert opened.js("[...document.querySelectorAll('img.leaflet-tile')].every(i => i.naturalWidth === 256)")
    # The tile under the middle of the map is the one of that place: its colour says so.
    zoom, x, y, *colour = opened.js(
        "async () => { const map = muck.map, z = Math.min(14, Math.max(12, Math.round(map.getZoom())));"
        " const p = map.project(map.getCenter(), z).divideBy(256).floor(), i = new Image();"
        " i.src = muck.data.tiles.images[muck.data.tiles.at[`${z}/${p.x}/${p.y}`]]; await i.decode();"
        " const c = document.createElement('canvas').getContext('2d'); c.drawImage(i, 0, 0);"
        " return [z, p.x, p.y, ...c.getImageData(9, 9, 1, 1).data]; }"
    )
    assert colour == [zoom * 10, x % 256, y % 256, 255]
    credit = opened.js("document.querySelector('.leaflet-control-attribution').textContent")
    assert "某测绘院 {{7*7}}" in credit
    for zoom in (10, 17):  # no tiles there: the nearest are stretched, and still nothing is asked
        opened.js("z => { muck.map.setZoom(z, {animate: false}); }", zoom)
        opened.page.wait_for_function("document.querySelectorAll('img.leaflet-tile').length > 0")
    assert opened.requests == []
    assert opened.complaints == []
    assert html == trip_map(replace(map_town.trip(), tiles=base_map(str(file))))


def test_budget_drops_whole_zooms_and_the_closest_first(file: Path) -> None:
    full = TileFile(file).as_json(BOUNDS)
    size = sum(map(len, full["images"]))
    assert full["zooms"][1] == 14
    tight = replace(TileFile(file), budget_bytes=size * 2 // 3).as_json(BOUNDS)
    assert sum(map(len, tight["images"])) <= size * 2 // 3
    assert tight["zooms"][0] <= full["zooms"][0] and tight["zooms"][1] < 14
    assert {int(place.split("/")[0]) for place in tight["at"]} == set(range(tight["zooms"][0], tight["zooms"][1] + 1))
    nothing = replace(TileFile(file), budget_bytes=10).as_json(BOUNDS)
    assert nothing["images"] == [] and nothing["at"] == {}


def test_a_page_far_from_the_file_has_no_tiles(file: Path) -> None:
    assert TileFile(file).as_json((10.0, 50.0, 10.1, 50.1))["images"] == []
    assert TileFile(file).as_json((-180.0, -90.0, 180.0, 90.0))["images"] == []


def test_the_same_picture_stands_once_in_the_page(tmp_path: Path) -> None:
    same = picture(12, 0, 0)
    _mbtiles(tmp_path / "sea.mbtiles", {(12, x, y): same for x, y in around(BOUNDS, 12)}, "")
    told = TileFile(tmp_path / "sea.mbtiles").as_json(BOUNDS)
    assert len(told["images"]) == 1 and len(told["at"]) > 3


def test_files_that_are_none_are_refused_in_a_line(tmp_path: Path, tiles: Any) -> None:
    (tmp_path / "text.mbtiles").write_text("no database")
    (tmp_path / "text.pmtiles").write_text("no archive" * 40)
    _mbtiles(tmp_path / "empty.mbtiles", {}, "")
    _mbtiles(tmp_path / "vector.mbtiles", {(1, 0, 0): b"\x1f\x8b"}, "", "pbf")
    _pmtiles(tmp_path / "vector.pmtiles", {(1, 0, 0): b"\x1a\x00"}, "", TileType.MVT)
    told = {
        "text.mbtiles": "cannot be read", "text.pmtiles": "cannot be read", "empty.mbtiles": "holds no tiles",
        "vector.mbtiles": "raster", "vector.pmtiles": "raster", "none.mbtiles": "no such file",
    }  # fmt: skip
    for name, line in told.items():
        with pytest.raises(ValueError, match=line) as raised:
            base_map(str(tmp_path / name))
        assert "\n" not in str(raised.value) and name in str(raised.value)
    _mbtiles(tmp_path / "svg.mbtiles", {(12, x, y): b"<svg onload='1'/>" for x, y in around(BOUNDS, 12)}, "")
    with pytest.raises(ValueError, match="no PNG"):
        base_map(str(tmp_path / "svg.mbtiles")).as_json(BOUNDS)


def test_tianditu_is_its_two_web_mercator_layers_from_its_own_hosts(open_page: Open) -> None:
    found = base_map("tianditu", KEY)
    opened = open_page(trip_map(replace(map_town.trip(), tiles=found)))
    assert {url.split(".tianditu.gov.cn/")[1].split("/")[0] for url in opened.requests} == {"vec_w", "cva_w"}
    assert all(f"&tk={KEY}" in url and "TILEMATRIXSET=w" in url and "_c/" not in url for url in opened.requests)
    assert {url.split("://")[1].split("/")[0] for url in opened.requests} <= {f"t{n}.tianditu.gov.cn" for n in range(8)}
    assert not any("Content Security" in line for line in opened.complaints)
    assert "天地图" in opened.js("document.querySelector('.leaflet-control-attribution').textContent")


def test_no_key_is_told_to_anybody(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert KEY not in f"{Tianditu(KEY)!r} {Tiles(f'https://example.org/{{z}}/{{x}}/{{y}}?tk={KEY}')!r}"
    for text, key in (("tianditu", f"{KEY}'; x"), (f"https://example.org/{{z}}/{{x}}?tk={KEY}", ""), ("tianditu", "")):
        with pytest.raises(ValueError) as raised:
            base_map(text, key)
        assert KEY not in str(raised.value)
    monkeypatch.setenv("MUCKWATCH_TIANDITU_KEY", KEY)
    monkeypatch.setenv("MUCKWATCH_OFFLINE", "1")
    told = CliRunner().invoke(cli, ["map", "--store", str(tmp_path), "--tiles", "tianditu"])
    assert told.exit_code == 2
    assert "MUCKWATCH_OFFLINE" in told.output and KEY not in told.output
    monkeypatch.delenv("MUCKWATCH_TIANDITU_KEY")
    assert "MUCKWATCH_TIANDITU_KEY" in CliRunner().invoke(cli, ["map", "--help"]).output


def test_credit_of_the_configuration_wins_and_stays_text() -> None:
    told = base_map("tianditu", KEY, "审图号 {{7*7}} <b>").as_json(BOUNDS)
    assert told["attribution"] == "审图号 {{7*7}} <b>"
    assert basemap._text("<b>甲</b> &amp; 乙") == "甲 & 乙"
