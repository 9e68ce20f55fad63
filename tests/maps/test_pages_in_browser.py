"""Map pages as a person meets them: in a browser without a network."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import map_town
import numpy as np
import pytest
from map_browser import HOSTILE, Opened

from maps.basemap import Tiles
from maps.trip_page import trip_map
from maps.week_page import week_map

Open = Callable[..., Opened]
PAGES = {"trip": lambda text="": trip_map(map_town.trip(text)), "week": lambda text="": week_map(map_town.week(text))}


@pytest.mark.parametrize("kind", PAGES)
def test_page_draws_and_asks_for_nothing(open_page: Open, kind: str) -> None:
    opened = open_page(PAGES[kind]())
    assert opened.requests == []
    assert opened.complaints == []
    canvas = opened.js(
        "() => { const c = document.querySelector('.leaflet-overlay-pane canvas'),"
        " d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;"
        " let n = 0; for (let i = 3; i < d.length; i += 4) n += d[i] > 0; return n; }"
    )
    assert canvas > 5_000  # pixels drawn
    assert opened.js("document.querySelectorAll('.leaflet-overlay-pane canvas').length") == 1  # one renderer for all
    assert opened.js("document.querySelector('.mark').textContent") == "内部使用"
    assert opened.js("document.querySelector('.leaflet-control-attribution').textContent") == "内部使用"
    assert " mi" not in opened.js("document.querySelector('.leaflet-control-scale').textContent")


@pytest.mark.parametrize("kind", PAGES)
def test_text_from_outside_stays_text(open_page: Open, kind: str) -> None:
    text = " ".join(HOSTILE)
    opened = open_page(PAGES[kind](text))
    assert opened.requests == []
    assert opened.complaints == []
    assert opened.js("document.querySelector('h1').textContent").startswith(text)
    assert opened.js("document.title").startswith("{{7*7}} {{ cycler")
    assert opened.js("document.querySelectorAll('img, svg, iframe, object').length") == 0
    labels = opened.js("[...document.querySelectorAll('.label')].map(e => e.textContent)")
    assert any(label.startswith(text) for label in labels)
    # pop-ups and tips, whose text folium would have run
    opened.js("() => { const l = muck.layers.all.find(l => l.getPopup && l.getPopup() && l._map); l.openPopup(); }")
    assert opened.js("document.querySelector('.leaflet-popup-content').textContent").startswith(text)
    notes = opened.js(
        "() => muck.layers.all.filter(l => l.getPopup && (l.getPopup() || l.getTooltip())).map(l => {"
        " const c = (l.getPopup() || l.getTooltip()).getContent();"
        " return (typeof c === 'function' ? c(l) : c).textContent; })"
    )
    assert sum(text in note for note in notes) > 4
    assert opened.js("window.pwned") is None


def test_links_lead_only_to_pages_of_the_folder(open_page: Open) -> None:
    data = map_town.week()
    opened = open_page(week_map(data))
    links = opened.js("() => muck.note('t', [], 'trip-0123456789abcdef.html').querySelector('a').getAttribute('href')")
    assert links == "trip-0123456789abcdef.html"
    for bad in (
        "javascript:alert(1)",
        "trip-../../etc.html",
        "https://example.org/",
        "trip-XYZ.html",
        "//evil/trip-0123456789.html",
    ):
        assert opened.js("page => muck.note('t', [], page).querySelector('a')", bad) is None


def test_playback_moves_by_the_clock_and_stands_still_in_a_gap(open_page: Open) -> None:
    data = map_town.trip()
    opened = open_page(trip_map(data))
    times = data.track.time_ms
    clock = lambda: opened.js("document.querySelector('.clock').textContent")
    assert clock() == "11月8日 22:30:00（UTC+8）"  # local time by the policy's zone, in a browser set to New York
    opened.page.keyboard.press("ArrowRight")
    assert opened.js("muck.playback.index") == 1
    assert clock() == "11月8日 22:30:10（UTC+8）"
    opened.page.keyboard.press("ArrowLeft")
    assert opened.js("muck.playback.index") == 0
    gap = next(n for n in range(len(times) - 1) if times[n + 1] - times[n] > map_town.GAP_MS)
    middle = int(times[gap] + times[gap + 1]) // 2
    opened.js("ms => muck.playback.seek(ms)", middle)
    where = opened.js("(() => { const p = muck.playback.marker.getLatLng(); return [p.lng, p.lat]; })()")
    assert where == pytest.approx([data.track.lon[gap], data.track.lat[gap]], abs=2e-6)
    assert "定位中断" in opened.js("document.querySelector('.state').textContent")
    assert opened.js("document.querySelector('.truck').classList.contains('silent')")
    opened.js("ms => muck.playback.seek(ms)", int(times[50]))
    assert "限噪时段驶入静音区" in opened.js("document.querySelector('.state').textContent")
    assert opened.js("document.querySelector('.speed').textContent").endswith("km/h")
    opened.js("() => { muck.playback.rate = 240; muck.playback.seek(muck.playback.from); }")
    opened.page.click(".play")
    opened.page.wait_for_timeout(600)
    opened.page.click(".play")
    moved_s = opened.js("(muck.playback.now - muck.playback.from) / 1000")
    assert 60 < moved_s < 600  # 0.6 s at 240 times, loosely
    still = opened.js("muck.playback.now")
    opened.page.wait_for_timeout(150)
    assert opened.js("muck.playback.now") == still


def test_totals_add_up_to_the_fix_shown_and_a_gap_has_no_metres(open_page: Open) -> None:
    data = map_town.trip()
    opened = open_page(trip_map(data))
    track, told = data.track, "document.querySelector('.totals').textContent"
    legs_ms = np.diff(track.time_ms)
    east = np.diff(track.lon) * 111_195 * np.cos(np.radians(track.lat[:-1]))
    legs_m = np.hypot(east, np.diff(track.lat) * 111_195)
    gap = legs_ms > map_town.GAP_MS
    standing = ~gap & (np.where(np.isnan(track.speed_kmh[:-1]), legs_m / legs_ms * 3600, track.speed_kmh[:-1]) < 5)
    moving = ~gap & ~standing
    assert gap.any() and moving.any()
    assert opened.js(told).startswith("累计行驶里程 0.0／") and "行驶 0 秒停留 0 秒中断 0 秒" in opened.js(told)
    for last in (30, len(track) - 1):
        opened.js("ms => muck.playback.seek(ms)", int(track.time_ms[last]))
        sums = opened.js("muck.playback.totals[muck.playback.index]")
        assert sums["metres"] == pytest.approx(legs_m[:last][moving[:last]].sum(), rel=0.01)
        assert sums["moving"] == legs_ms[:last][moving[:last]].sum()
        assert sums["standing"] == legs_ms[:last][standing[:last]].sum()
        assert sums["gap"] == legs_ms[:last][gap[:last]].sum()
    whole = f"{sums['metres'] / 1000:.1f}"
    assert f"里程 {whole}／{whole} 公里" in opened.js(told)


def test_gap_is_dashed_and_never_part_of_the_driven_line(open_page: Open) -> None:
    data = map_town.trip()
    opened = open_page(trip_map(data))
    lines = opened.js(
        "() => muck.layers.all.filter(l => l instanceof L.Polyline && !(l instanceof L.Polygon) && !l.muck.feature)"
        ".map(l => { const all = l.getLatLngs(), paths = Array.isArray(all[0]) ? all : [all];"
        " return {dash: l.options.dashArray || null,"
        " legs: [].concat(...paths.map(p => p.slice(1).map((q, i) => p[i].distanceTo(q))))}; })"
    )
    gaps = [line for line in lines if max(line["legs"]) > 700]
    assert len(gaps) == 1
    assert gaps[0]["dash"]
    assert len(gaps[0]["legs"]) == 1


def test_a_violation_leads_to_its_stretch(open_page: Open) -> None:
    data = map_town.trip()
    opened = open_page(trip_map(data))
    before = opened.js("muck.map.getZoom()")
    opened.page.click(".case:nth-of-type(2) .go")
    assert opened.js("muck.map.getZoom()") > before
    assert opened.js("muck.playback.now") == data.cases[1].start_ms
    assert opened.js("document.querySelectorAll('.case')[1].classList.contains('chosen')")
    box = opened.js("muck.map.getBounds().toBBoxString().split(',').map(Number)")
    stretch = data.track.between(data.cases[1].start_ms, data.cases[1].end_ms)
    assert box[0] < stretch.lon.min() and stretch.lon.max() < box[2]
    assert box[1] < stretch.lat.min() and stretch.lat.max() < box[3]


def test_a_click_on_the_track_goes_to_the_nearest_fix(open_page: Open) -> None:
    opened = open_page(trip_map(map_town.trip()))
    opened.js("() => { muck.map.setView(muck.track.at[55], 16, {animate: false}); }")
    point = opened.js(
        "(() => { const p = muck.map.latLngToContainerPoint(muck.track.at[55]); return [p.x + 2, p.y]; })()"
    )
    opened.page.mouse.click(*point)
    assert opened.js("muck.playback.index") == 55


def test_labels_do_not_cover_each_other(open_page: Open) -> None:
    for html in (trip_map(map_town.trip()), week_map(map_town.week())):
        opened = open_page(html)
        for zoom in (None, 12, 14, 16):
            if zoom:
                opened.js("z => { muck.map.setZoom(z, {animate: false}); }", zoom)
            boxes = opened.js(
                "() => [...document.querySelectorAll('.leaflet-pane .label')].filter(e => e.style.display !== 'none')"
                ".map(e => { const r = e.getBoundingClientRect(); return [r.left, r.top, r.right, r.bottom]; })"
            )
            assert boxes
            for i, a in enumerate(boxes):
                for b in boxes[i + 1 :]:
                    assert a[0] >= b[2] - 1 or b[0] >= a[2] - 1 or a[1] >= b[3] - 1 or b[1] >= a[3] - 1, (zoom, a, b)


def test_week_layers_and_districts_can_be_chosen(open_page: Open) -> None:
    opened = open_page(week_map(map_town.week()))
    shown = "key => muck.layers.groups[key].drawn.filter(l => l._map).length"
    assert opened.js(shown, "family.dumping") > 0
    opened.page.click("text=擅自倾倒 >> nth=0")
    assert opened.js(shown, "family.dumping") == 0
    assert opened.js(shown, "family.permit") > 0
    opened.page.click("text=擅自倾倒 >> nth=0")
    assert opened.js(shown, "family.dumping") > 0
    fills = "() => muck.layers.groups.districts.drawn.map(l => l.options.fillColor)"
    by_count = opened.js(fills)
    assert len(set(by_count)) > 1
    opened.page.click("[value=rate]")
    by_rate = opened.js(fills)
    assert by_rate != by_count
    assert by_rate[2] == opened.js("muck.data.steps.none")  # too few trips make no rate
    assert opened.js("muck.districtLabels[2].element.textContent").endswith("行程过少")
    ranks = opened.js("[...document.querySelectorAll('.badge.hot')].map(e => e.textContent)")
    assert ranks == [str(n) for n in range(1, len(ranks) + 1)]


def test_tiles_only_where_a_server_is_named(open_page: Open) -> None:
    tiles = Tiles("https://{s}.tiles.example.org/{z}/{x}/{y}.png", "<b>某地图</b>")
    opened = open_page(trip_map(replace(map_town.trip(), tiles=tiles)))
    assert opened.requests
    assert all(".tiles.example.org/" in url for url in opened.requests)
    assert "<b>某地图</b>" in opened.js("document.querySelector('.leaflet-control-attribution').textContent")


def test_page_of_a_trip_without_fixes_or_violations(open_page: Open) -> None:
    data = map_town.trip()
    for bare in (
        replace(data, track=data.track.between(0, 1)),
        replace(data, cases=(), stops=(), stop_rows=()),
        replace(data, track=data.track.between(0, 1), cases=(), layers=()),
    ):
        opened = open_page(trip_map(bare))
        assert opened.complaints == []
        assert opened.requests == []


def test_page_fits_a_narrow_window_and_paper(open_page: Open) -> None:
    opened = open_page(trip_map(map_town.trip()))
    opened.page.set_viewport_size({"width": 986, "height": 740})
    assert opened.js(
        "(() => { const right = document.querySelector('.bar').getBoundingClientRect().right;"
        " const parts = [...document.querySelectorAll('.bar .row > *')];"
        " return parts.every(e => e.getBoundingClientRect().right <= right); })()"
    )
    opened.page.set_viewport_size({"width": 820, "height": 1100})
    opened.page.wait_for_timeout(100)
    wide = opened.js("[document.documentElement.scrollWidth, innerWidth]")
    assert wide[0] <= wide[1]
    top, bottom = opened.js(
        "(() => { const box = c => document.querySelector(c).getBoundingClientRect();"
        " return [box('.panel').top, box('.bar').bottom]; })()"
    )
    assert top >= bottom - 1
    assert not opened.js("[...document.querySelectorAll('details')].some(d => d.open)")
    opened.page.pdf()
    assert opened.js("[...document.querySelectorAll('details')].every(d => d.open)")  # evidence is printed
    opened.page.emulate_media(media="print")
    assert opened.js("getComputedStyle(document.querySelector('.bar')).display") == "none"
