"""The layer of suspected places: from the store to marks that a browser shows."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import map_store
import pytest
from map_browser import Opened
from map_store import HOUR_MS, MONDAY_MS, OTHER, PLATE

from maps.data import week_data
from maps.layers import Area, Layer, Place
from maps.styles import STYLES, suspect_style
from maps.week_page import week_map
from reports.calendar import parse_week
from reports.store import Store
from reports.suspected_words import SUSPECT_NAMES
from rules.findings import Findings, Violation

LON, LAT = 118.72, 32.02


def dumping(plate: str, hour: int) -> Violation:
    at = MONDAY_MS + hour * HOUR_MS
    evidence = {"unloaded_by": ["load", "lift"]}
    return Violation("unauthorised_dumping", plate, at, at + 200_000, LON, LAT, 0.98, 20, evidence=evidence)


def layer_of(folder: Path, *cases: Violation, week: str = "2026-W47") -> Layer:
    made = map_store.make_findings()
    found = Findings([*made.violations, *cases], made.trips, made.stops, made.health)
    with Store.read(map_store.make_store(folder, found)) as store:
        data = week_data(store, parse_week(week))
    return next(layer for layer in data.layers if layer.key == "suspected")


def test_a_place_has_an_outline_and_a_mark(tmp_path: Path) -> None:
    layer = layer_of(tmp_path, dumping(PLATE, 22), dumping(OTHER, 46))
    area, mark = layer.features
    assert isinstance(area, Area) and isinstance(mark, Place)
    assert layer.name == "可疑点位 1 处"
    assert (mark.lon, mark.lat, mark.title) == (LON, LAT, "疑似黑倾倒点")
    assert mark.text[0].startswith("证据等级 A（两项以上独立证据），可信度 0.9")
    assert mark.text[1] == "2 辆车、2 次，2026-11-16 至 2026-11-17"
    assert mark.text[2] == "依据：举升传感器 2 次、载重传感器 2 次"


@pytest.mark.parametrize("week", ["2026-W46", "2026-W48"])
def test_a_week_without_a_stay_shows_none(tmp_path: Path, week: str) -> None:
    assert layer_of(tmp_path, dumping(PLATE, 22), dumping(OTHER, 46), week=week).features == ()


def test_one_dumping_is_no_place(tmp_path: Path) -> None:
    assert layer_of(tmp_path, dumping(PLATE, 22)).features == ()


def test_every_kind_has_a_shape_that_nothing_else_has() -> None:
    for kind in SUSPECT_NAMES:
        own = STYLES[suspect_style(kind)]
        assert [key for key, style in STYLES.items() if style.shape == own.shape] == [f"suspect.{kind}"]
    assert suspect_style("later") in STYLES


def test_a_browser_draws_them(open_page: Callable[..., Opened], tmp_path: Path) -> None:
    cases = [dumping(PLATE, 22), dumping(OTHER, 46)]
    made = map_store.make_findings()
    with Store.read(map_store.make_store(tmp_path / "s", Findings([*made.violations, *cases], made.trips))) as store:
        page = week_map(week_data(store, parse_week("2026-W47")))
    opened = open_page(page)
    assert opened.complaints == [] and opened.requests == []
    assert opened.js("muck.layers.groups.suspected.drawn.filter(l => l._map).length") == 2
    legend = opened.js("document.querySelector('.legend').textContent")
    assert "疑似黑倾倒点" in legend and "疑似未登记工地" not in legend
    opened.js("() => { const l = muck.layers.groups.suspected.drawn.find(l => l.getPopup()); l.openPopup(); }")
    told = opened.js("document.querySelector('.leaflet-popup-content').textContent")
    assert re.search(r"疑似黑倾倒点.*2 辆车、2 次.*须现场核实", told)
    opened.page.click("text=可疑点位 1 处")
    assert opened.js("muck.layers.groups.suspected.drawn.filter(l => l._map).length") == 0
