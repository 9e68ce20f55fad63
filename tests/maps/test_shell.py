"""The constant shell: what is vendored, what a page may load, and that data stays data."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import folium
import map_town
import pytest
from hypothesis import given
from hypothesis import strategies as st
from map_browser import HOSTILE

from maps import shell
from maps.basemap import Tiles
from maps.shell import inert_json, page
from maps.trip_page import trip_map
from maps.week_page import week_map

ROOT = Path(shell.__file__).parent.parent


class Loads(HTMLParser):
    """Everything in a page that could load something or run."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.addresses: list[tuple[str, str]] = []
        self.handlers: list[str] = []
        self.tags: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for name, value in attrs:
            if name in ("src", "href", "srcset", "data", "action", "poster", "background", "formaction", "ping"):
                self.addresses.append((name, value or ""))
            if name.startswith("on"):
                self.handlers.append(name)


@pytest.mark.parametrize("html", [trip_map(map_town.trip()), week_map(map_town.week())], ids=["trip", "week"])
def test_nothing_in_a_page_can_load_anything(html: str) -> None:
    loads = Loads(html)
    assert loads.addresses == []
    assert loads.handlers == []
    assert set(loads.tags) <= {"html", "head", "meta", "title", "script", "style", "body", "div", "aside", "section"}
    styles = "".join(re.findall(r"<style>(.*?)</style>", html, re.DOTALL))
    assert "@import" not in styles
    assert all(address.startswith("data:") for address in re.findall(r"url\(\s*['\"]?([^)]*)", styles))
    # Addresses that stand in Leaflet's code and comments are named here; none of them is ever fetched.
    known = (
        "https://leafletjs.com",
        "http://www.w3.org/2000/svg",
        "https://bugs.chromium.org",
        "https://bugzilla.mozilla.org",
    )
    assert [
        a for a in re.findall(r"(?:https?:)?//[a-z0-9.-]+\.[a-z]{2,}[^\s\"'`<>)]*", html) if not a.startswith(known)
    ] == []


def test_policy_allows_the_shells_scripts_and_nothing_else() -> None:
    html = trip_map(map_town.trip())
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', html)[1]  # type: ignore[index]
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == "'none'"
    assert rules["img-src"] == "data:"
    scripts = re.findall(r"<script>(.*?)</script>", html, re.DOTALL)
    hashes = {f"'sha256-{base64.b64encode(hashlib.sha256(s.encode()).digest()).decode()}'" for s in scripts}
    assert set(rules["script-src"].split()) == hashes


def test_every_address_that_folium_knows_is_mapped_and_others_are_refused() -> None:
    for _, url in [*folium.folium._default_js, *folium.folium._default_css]:
        shell._asset_for(url)
    with pytest.raises(ValueError, match=r"evil\.example"):
        shell._asset_for("https://evil.example/leaflet.js.php")


def test_an_unknown_link_of_a_folium_element_is_refused() -> None:
    figure = shell._OfflineFigure()
    drawn = folium.Map(tiles=None)
    figure.add_child(drawn)
    drawn.default_js = [*drawn.default_js, ("new", "https://cdn.example/new-plugin.js")]
    with pytest.raises(ValueError, match="new-plugin"):
        figure.render()


def test_two_renders_are_the_same_bytes_also_in_another_process() -> None:
    once = trip_map(map_town.trip()) + week_map(map_town.week())
    shell._shell.cache_clear()
    assert trip_map(map_town.trip()) + week_map(map_town.week()) == once
    code = (
        "import sys, hashlib; sys.path[:0] = [sys.argv[1], sys.argv[2]]; import map_town;"
        "from maps.trip_page import trip_map; from maps.week_page import week_map;"
        "print(hashlib.sha256((trip_map(map_town.trip()) + week_map(map_town.week())).encode()).hexdigest())"
    )
    told = subprocess.run(
        [sys.executable, "-c", code, str(ROOT), str(Path(map_town.__file__).parent)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stdout.strip() == hashlib.sha256(once.encode()).hexdigest()


@given(
    st.recursive(
        st.text() | st.sampled_from(HOSTILE), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    )
)
def test_inert_json_is_the_same_data_in_safe_letters(data: object) -> None:
    text = inert_json(data)
    assert json.loads(text) == data
    assert not set(text) & set("<>&\u2028\u2029")
    text.encode("utf-8")


def test_lone_surrogates_can_be_written() -> None:
    assert json.loads(inert_json("a\ud800b")) == "a\ud800b"
    inert_json("a\ud800b").encode("utf-8")


def test_numbers_that_are_no_json_are_refused() -> None:
    with pytest.raises(ValueError, match="JSON"):
        inert_json({"lon": float("nan")})


def test_data_may_hold_the_shells_own_slots() -> None:
    html = page("trip", {"title": "@@muckwatch-data@@ @@muckwatch-policy@@ @@muckwatch-0@@ @@muckwatch-own@@"})
    assert html.count("<script type=") == 1
    assert html.count("Content-Security-Policy") == 1


@pytest.mark.parametrize(
    "url",
    ["", "tiles/{z}/{x}/{y}.png", "https://host/{z}/{x}.png", "ftp://host/{z}/{x}/{y}", "https://ho st/{z}/{x}/{y}",
     "https://a'; script-src *;.b/{z}/{x}/{y}", 'https://a"/{z}/{x}/{y}', "javascript:alert(1)//{z}/{x}/{y}"],
)  # fmt: skip
def test_tile_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="tile address"):
        Tiles(url)


def test_tile_server_is_the_only_host_that_the_policy_adds() -> None:
    assert Tiles("https://t.example.org:8080/a/{z}/{x}/{y}?k=1").origin == "https://t.example.org:8080"
    assert Tiles("https://{s}.t.example.org/{z}/{x}/{y}").origin == "https://*.t.example.org"
    html = page("trip", {}, Tiles("https://{s}.t.example.org/{z}/{x}/{y}"))
    assert "img-src data: https://*.t.example.org;" in html
