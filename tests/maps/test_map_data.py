"""Maps of a store: which pages a week has, what each shows, and what outside text does there."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import map_store
import pytest
from map_browser import Opened
from map_store import LOADED_MS, MINUTE_MS, OTHER, PLATE
from msgspec.structs import replace as revised

from maps.basemap import Tiles
from maps.data import (
    page_name,
    trip_data,
    vehicle_day_data,
    violation_data,
    week_data,
    write_trip,
    write_vehicle_day,
    write_violation,
    write_week_maps,
)
from maps.gather import TRIP_MARGIN_MS
from reports.calendar import parse_week
from reports.store import Store

WEEK = parse_week("2026-W47")
FINDINGS = map_store.make_findings()
LEG, QUIET, DAY, EARLIER = FINDINGS.violations
TRIP = FINDINGS.trips[0]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with Store.read(map_store.make_store(tmp_path_factory.mktemp("maps"))) as opened:
        yield opened


def data_of(page: Path) -> dict[str, Any]:
    found = re.search(r'id="muck-data">(.*?)</script>', page.read_text(encoding="utf-8"), re.DOTALL)
    assert found
    told: dict[str, Any] = json.loads(found[1])
    return told


def test_a_week_has_a_page_for_each_flagged_trip_and_each_violation_without_one(store: Store, tmp_path: Path) -> None:
    said: list[tuple[int, int]] = []
    files = write_week_maps(store, WEEK, tmp_path / "out", lambda done, of: said.append((done, of)))
    assert said == [(1, 2), (2, 2)]
    assert files.trips == {TRIP.trip_id: tmp_path / "out" / f"trip-{TRIP.trip_id}.html"}
    assert files.violations[LEG.violation_id] == files.trips[TRIP.trip_id]
    # Of no trip, of a trip that the store does not have, and by another truck: each a page of its own.
    assert {files.violations[v.violation_id].name for v in (QUIET, DAY, EARLIER)} == {
        f"violation-{v.violation_id}.html" for v in (QUIET, DAY, EARLIER)
    }
    assert list(files) == [files.week_map, files.index]
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == sorted(p.name for p in (*files, *files.pages))
    index = files.index.read_text(encoding="utf-8")
    for page in files.pages:
        assert f'href="{page.name}"' in index
    week = data_of(files.week_map)
    linked = {f["g"] for layer in week["layers"] for f in layer["features"] if "g" in f}
    assert linked == {page.name for page in files.pages}


def test_the_page_of_a_trip_tells_its_own_violations(store: Store) -> None:
    page = trip_data(store, TRIP.trip_id)
    assert [case.violation_id for case in page.cases] == [
        LEG.violation_id,
        QUIET.violation_id,
    ]  # EARLIER is not its own
    assert page.cases[0].sentence == (
        "21:10:00–21:15:00 载货离开许可线路走廊（半宽 50 m） 5 分、1.5 km，最远偏离 840 m"
    )
    assert page.track.time_ms[0] >= LOADED_MS - TRIP_MARGIN_MS
    assert [stop.style for stop in page.stops] == ["loaded", "dumped"]
    assert page.stops[0].label == "装载 20:55–21:02"
    facts = dict(page.facts)
    assert facts["车牌"] == f"{PLATE}（普通渣土车）"
    assert facts["企业"] == "<i>甲</i>{{7*7}}运输公司"
    assert facts["起讫"] == "一号工地（s1） → 一号消纳场（d1）"
    assert facts["核准证"] == "p1（2026-11-01 至 2026-11-30）"
    assert [layer.key for layer in page.layers] == ["roads", "zones", "permit", "sites", "devices", "strays"]


def test_a_track_is_what_the_engine_heard(store: Store) -> None:
    page = trip_data(store, TRIP.trip_id)
    track = page.track
    assert track.lat.max() < 32.0005  # neither the stray, nor the fix without a position, nor the second device
    strays = next(layer for layer in page.layers if layer.key == "strays").features
    assert [(round(f.lon, 3), f.lat) for f in strays] == [(118.756, 33.5)]  # type: ignore[union-attr]
    assert len(track) == 45 * 6 - 2  # from five minutes before loading to ten after the load was left


def test_a_dumping_marks_where_the_load_was_left(tmp_path: Path) -> None:
    dumping = revised(LEG, rule="unauthorised_dumping", start_ms=LOADED_MS + 29 * MINUTE_MS, points=20)
    findings = replace(FINDINGS, violations=[dumping], stops=FINDINGS.stops[:1])
    with Store.read(map_store.make_store(tmp_path, findings)) as store:
        page = trip_data(store, TRIP.trip_id)
    assert [(stop.style, stop.label) for stop in page.stops] == [
        ("loaded", "装载 20:55–21:02"),
        ("dumping", "涉嫌倾倒 21:30"),
    ]


def test_a_violation_of_no_trip_has_track_around_it(store: Store) -> None:
    page = violation_data(store, QUIET.violation_id)
    assert page.cases[0].violation_id == QUIET.violation_id
    assert page.track.time_ms[0] == LOADED_MS - 5 * MINUTE_MS
    assert page.track.time_ms[-1] < QUIET.end_ms + 20 * MINUTE_MS


def test_a_trucks_day_has_all_its_fixes(store: Store) -> None:
    page = vehicle_day_data(store, PLATE, date(2026, 11, 16))
    assert len(page.track) == 360 - 2
    assert {case.violation_id for case in page.cases} == {LEG.violation_id, QUIET.violation_id, EARLIER.violation_id}
    assert len(vehicle_day_data(store, PLATE, date(2026, 11, 15)).track) == 0


def test_districts_count_violations_and_the_trips_that_passed(store: Store) -> None:
    west, east = week_data(store, WEEK).districts
    assert (west.name, west.count, west.trips) == ("西街道", 1, 1)
    assert (east.name, east.count, east.trips) == ("东街道", 1, 1)
    assert west.rate is None  # one trip is too few for a rate


def test_what_a_reviewer_dismissed_is_not_on_the_weeks_map(tmp_path: Path) -> None:
    folder = map_store.make_store(tmp_path)
    with Store.open(folder) as store:
        store.execute("UPDATE kept.violations SET status = 'rejected' WHERE violation_id = ?", [DAY.violation_id])
    with Store.read(folder) as store:
        files = write_week_maps(store, WEEK, tmp_path / "out")
    assert DAY.violation_id not in files.violations
    assert not (tmp_path / "out" / page_name("violation", DAY.violation_id)).exists()


def test_one_act_is_counted_once(tmp_path: Path) -> None:
    second = revised(QUIET, scored_under=LEG.violation_id)
    findings = replace(FINDINGS, violations=[LEG, second])
    with Store.read(map_store.make_store(tmp_path, findings)) as store:
        assert sorted(s.points for s in week_data(store, WEEK).sightings) == [0, 3]


def test_a_week_without_anything_is_a_page_too(store: Store, tmp_path: Path) -> None:
    files = write_week_maps(store, parse_week("2026-W30"), tmp_path)
    assert files.pages == []
    assert "没有待看的线索" in files.index.read_text(encoding="utf-8")


def test_pages_of_the_store_open_without_a_network(
    store: Store, tmp_path: Path, open_page: Callable[..., Opened]
) -> None:
    files = write_week_maps(store, WEEK, tmp_path / "out")
    day = write_vehicle_day(store, OTHER, date(2026, 11, 17), tmp_path / "out")
    assert day.name == "day-b苏77-2026-11-17.html"  # letters and digits only
    for page in (files.week_map, *files.pages, day, files.index):
        opened = open_page(page.read_text(encoding="utf-8"), page.name, ready=page != files.index)
        assert opened.requests == []
        assert opened.complaints == []
        assert opened.js("document.querySelectorAll('i, b, img').length") >= 0
    opened = open_page(files.index.read_text(encoding="utf-8"), "index.html", ready=False)
    assert opened.js("document.querySelectorAll('td b, td i').length") == 0
    assert OTHER in opened.js("document.body.innerText")


def test_two_runs_write_the_same_bytes(store: Store, tmp_path: Path) -> None:
    once, again = (write_week_maps(store, WEEK, tmp_path / name) for name in ("a", "b"))
    assert [p.name for p in once.pages] == [p.name for p in again.pages]
    for a, b in zip((*once, *once.pages), (*again, *again.pages), strict=True):
        assert a.read_bytes() == b.read_bytes()


def test_one_page_is_the_same_alone_as_among_its_weeks(store: Store, tmp_path: Path) -> None:
    files = write_week_maps(store, WEEK, tmp_path / "week")
    alone = data_of(write_trip(store, TRIP.trip_id, tmp_path / "alone"))
    among = data_of(files.trips[TRIP.trip_id])
    assert alone == among
    assert data_of(write_violation(store, DAY.violation_id, tmp_path / "alone")) == data_of(
        files.violations[DAY.violation_id]
    )


def test_roads_of_a_file_are_the_base_layer(store: Store, tmp_path: Path) -> None:
    road = {"type": "LineString", "coordinates": [[118.70, 32.0], [118.75, 32.000001], [118.80, 32.0]]}
    roads = tmp_path / "roads.geojson"
    roads.write_text(map_store.collection((road, {})), encoding="utf-8")
    page = data_of(write_trip(store, TRIP.trip_id, tmp_path, roads=roads))
    base = next(layer for layer in page["layers"] if layer["key"] == "roads")
    assert base["features"][-1]["s"] == "road"
    assert len(base["features"][-1]["p"][0]) == 4  # the needless corner is gone
    roads.write_text("{}", encoding="utf-8")
    with pytest.raises(ValueError, match=r"roads\.geojson"):
        write_trip(store, TRIP.trip_id, tmp_path, roads=roads)


def test_tiles_are_named_in_the_page_only_when_asked_for(store: Store, tmp_path: Path) -> None:
    plain = write_trip(store, TRIP.trip_id, tmp_path).read_text(encoding="utf-8")
    assert "tiles.example.org" not in plain
    tiled = write_trip(store, TRIP.trip_id, tmp_path, Tiles("https://tiles.example.org/{z}/{x}/{y}.png"))
    assert "img-src data: https://tiles.example.org;" in tiled.read_text(encoding="utf-8")


def test_ids_that_are_none_never_become_paths(store: Store, tmp_path: Path) -> None:
    for bad in ("../../etc/passwd", "", "zz", "a" * 65, "0123456789abcdeg", "{{7*7}}"):
        with pytest.raises(ValueError, match="no id of a trip"):
            write_trip(store, bad, tmp_path)
    with pytest.raises(ValueError, match="there is no trip"):
        write_trip(store, "0" * 20, tmp_path)
    with pytest.raises(ValueError, match="there is no violation"):
        write_violation(store, "0" * 20, tmp_path)
    with pytest.raises(ValueError, match="no fix of"):
        write_vehicle_day(store, "../../x", date(2026, 11, 16), tmp_path)
    assert list(tmp_path.iterdir()) == []
