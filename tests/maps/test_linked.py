"""Linked pages: served under a policy that allows no inline code, they draw and nothing is violated."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import map_store
import map_town
import pytest
from click.testing import CliRunner
from map_browser import HOSTILE
from playwright.sync_api import Browser
from test_basemap import around, picture

from maps.basemap import base_map
from maps.data import write_page
from maps.linked import FILES_FOLDER, link_pages, linked_files
from maps.trip_page import trip_map
from maps.week_page import week_map
from muckwatch import cli

POLICY = "default-src 'self'"


class _Handler(SimpleHTTPRequestHandler):
    def end_headers(self) -> None:
        self.send_header("Content-Security-Policy", POLICY)
        super().end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def serve() -> Iterator[Callable[[Path], str]]:
    servers: list[ThreadingHTTPServer] = []

    def start(folder: Path) -> str:
        server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, directory=str(folder)))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def test_linked_pages_draw_under_a_policy_without_inline_code(
    browser: Browser, serve: Callable[[Path], str], tmp_path: Path
) -> None:
    text, bounds = " ".join(HOSTILE), map_town.trip().bounds
    with sqlite3.connect(tmp_path / "city.mbtiles") as db:
        db.execute("CREATE TABLE metadata (name text, value text)")
        db.execute("CREATE TABLE tiles (zoom_level integer, tile_column integer, tile_row integer, tile_data blob)")
        rows = [(13, x, 2**13 - 1 - y, picture(13, x, y)) for x, y in around(bounds, 13)]
        db.executemany("INSERT INTO tiles VALUES (?, ?, ?, ?)", rows)
    db.close()
    tiled = replace(map_town.trip(text), tiles=base_map(str(tmp_path / "city.mbtiles")))
    folder = tmp_path / "www"
    pages = [
        write_page(folder / "trip.html", trip_map(tiled)),
        write_page(folder / "week.html", week_map(map_town.week(text))),
    ]
    assert link_pages(pages) == folder / FILES_FOLDER
    first = {page: page.read_bytes() for page in pages}
    link_pages(pages)  # a second time changes nothing
    assert {page: page.read_bytes() for page in pages} == first
    names = {file.name for file in (folder / FILES_FOLDER).iterdir()}
    assert {name for name in names if name.endswith((".js", ".css"))} <= set(linked_files())  # the very files of serve
    assert sum(name.endswith(".png") for name in names) > 3
    (folder / "favicon.ico").touch()  # browsers ask for one
    root = serve(folder)
    page = browser.new_page(viewport={"width": 1366, "height": 900})
    complaints: list[str] = []
    asked: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    for name in ("trip.html", "week.html"):
        page.goto(f"{root}/{name}")
        page.wait_for_selector("html[data-ready='1']", state="attached", timeout=20_000)
        assert page.evaluate("document.querySelector('h1').textContent").startswith(text)
        drawn = page.evaluate(
            "() => { const c = document.querySelector('.leaflet-overlay-pane canvas'),"
            " d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;"
            " let n = 0; for (let i = 3; i < d.length; i += 4) n += d[i] > 0; return n; }"
        )
        assert drawn > 5_000
        if name == "trip.html":
            page.wait_for_selector("img.leaflet-tile-loaded", state="attached")
            page.evaluate("() => { muck.map.setZoom(11, {animate: false}); muck.map.setZoom(15, {animate: false}); }")
            page.keyboard.press("ArrowRight")
        assert page.evaluate("window.pwned") is None
    page.close()
    assert complaints == []
    assert all(url.startswith(root) for url in asked)


def test_map_linked_leaves_no_inline_code_in_any_page_of_a_week(tmp_path: Path) -> None:
    store = map_store.make_store(tmp_path)
    out = tmp_path / "www"
    asked = ["map", "--store", str(store), "--week", "2026-W47", "--linked", "--out", str(out)]
    told = CliRunner().invoke(cli, asked)
    assert told.exit_code == 0, told.output
    pages = sorted(out.glob("*.html"))
    assert {page.name.split("-")[0] for page in pages} == {"index", "week", "trip", "violation"}
    for page in pages:
        html = page.read_text(encoding="utf-8")
        assert "<script>" not in html and "<style>" not in html and "Content-Security-Policy" not in html
        assert 'href="assets/' in html
    told = CliRunner().invoke(cli, [*asked, "--tiles", "https://example.org/{z}/{x}/{y}.png"])
    assert told.exit_code == 2 and "only the server they lie on" in told.output
