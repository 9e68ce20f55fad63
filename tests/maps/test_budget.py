"""Budgets: how large a week's page may be, and how long one trip's page may take."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime

import map_town
import numpy as np

from maps.gather_week import TRACK_TOLERANCE_M, WeekTracks
from maps.layers import Layer, Line
from maps.track import Track
from maps.trip_page import trip_map
from maps.week_page import week_map

TRIPS = 300
FIXES = 667  # of a trip: 300 of them are 200,000 fixes


def wandering(number: int) -> Track:
    """A trip of streets: straight legs of some hundred metres with noise, a fix each six seconds."""
    rng = np.random.default_rng(number)
    turns = np.cumsum(rng.choice([-1, 0, 0, 0, 1], FIXES // 12 + 1)) % 4
    heading = np.repeat(turns, 12)[:FIXES] * np.pi / 2
    east, north = (np.cumsum(50 * f(heading)) + rng.normal(0, 3, FIXES) for f in (np.cos, np.sin))
    lon, lat = map_town.at(east, north)
    times = map_town.START_MS + 6_000 * np.arange(FIXES, dtype=np.int64)
    return Track(times, lon, lat, np.full(FIXES, 30.0))


def when(track: Track, share: float) -> datetime:
    """The instant of the fix that far along."""
    return datetime.fromtimestamp(int(track.time_ms[int(share * (FIXES - 1))]) / 1000, UTC)


def test_a_week_of_300_flagged_trips_stays_under_its_budget() -> None:
    tracks = WeekTracks()
    for number in range(TRIPS):
        track = wandering(number)
        loaded, start, end, dumped = (when(track, share) for share in (0, 0.3, 0.6, 1))
        trip = {"trip_id": str(number), "loaded_at": loaded, "left_at": loaded, "dumped_at": dumped}
        case = {"trip_id": str(number), "violation_id": str(number), "start_time": start, "end_time": end}
        tracks.add(track, [trip], [case], {}, map_town.GAP_MS)
    driven = tuple(path for paths in tracks.stretches.values() for path in paths)
    data = map_town.week(violations=TRIPS)
    lines = (
        Layer("tracks", "涉嫌行程轨迹", (Line("track.faint", tuple(tracks.plain)),)),
        Layer("driven.permit", "核准与路线", (Line("rule.off_route", driven),)),
    )
    size = len(week_map(replace(data, layers=(*data.layers, *lines))).encode())
    assert 400_000 < size <= 1_500_000
    assert TRACK_TOLERANCE_M == 5.0


def test_a_trips_page_takes_milliseconds() -> None:
    data = map_town.trip()
    trip_map(data)  # makes the shell
    started = time.process_time()
    for _ in range(20):
        trip_map(data)
    assert (time.process_time() - started) / 20 < 0.05
