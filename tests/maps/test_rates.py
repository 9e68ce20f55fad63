"""Hot road pieces: a rate of passes, never a count, and never of too few."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import numpy as np
from shapely.geometry import LineString

from maps.layers import Line
from maps.rates import RoadRates
from maps.track import Track
from reports.roads import Road, Roads
from rules.plane import Plane

PLANE = Plane(118.7, 32.0)
DAY_MS = 86_400_000


def roads() -> Roads:
    lon, lat = PLANE.to_deg(np.array([0.0, 1000.0]), np.array([0.0, 0.0]))
    return Roads(PLANE, (Road(LineString(np.column_stack([lon, lat])), "street", "一号路"),))


def drive(start_ms: int, from_m: float = 0.0, to_m: float = 1000.0) -> Track:
    count = 26
    lon, lat = PLANE.to_deg(np.linspace(from_m, to_m, count), np.full(count, 5.0))
    return Track(start_ms + 5000 * np.arange(count, dtype=np.int64), lon, lat, np.full(count, 30.0))


def at(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)


def week(trips: int, bad: int, few: int = 10) -> RoadRates:
    """Trips along the road, one a day; the first of them violate on its second half."""
    told = RoadRates(roads().pieces, few, PLANE)
    for n in range(trips):
        track = drive(n * DAY_MS)
        first, last = int(track.time_ms[0]), int(track.time_ms[-1])
        trip: dict[str, Any] = {"loaded_at": at(first), "dumped_at": at(last), "left_at": at(first)}
        middle = (first + last) // 2
        cases = [{"start_time": at(middle), "end_time": at(last)}] if n < bad else []
        told.add(track, [trip], cases)
    return told


def test_the_rate_is_of_passes_where_the_violation_was() -> None:
    told = week(20, 5)
    assert [told.passed[n] for n in range(4)] == [20] * 4
    assert [told.violating[n] for n in range(4)] == [0, 0, 5, 5]
    lines = [f for f in told.layer().features if isinstance(f, Line)]
    assert [line.style for line in lines] == ["hot.2", "hot.2"]
    assert lines[0].title == "一号路" and lines[0].text == ("20 趟途经，其中 5 趟途经时涉嫌违规（25%）",)


def test_few_passes_and_single_violations_make_nothing_hot() -> None:
    assert week(9, 9).layer().features == ()
    assert week(12, 1).layer().features == ()
    assert week(12, 2).layer().features != ()


def test_a_violation_outside_every_trip_passes_by_itself() -> None:
    told = RoadRates(roads().pieces, 1, PLANE)
    for n in range(2):
        track = drive(n * DAY_MS)
        told.add(track, [], [{"start_time": at(int(track.time_ms[0])), "end_time": at(int(track.time_ms[-1]))}])
    assert told.percent(0) == 100 and told.passed[0] == 2


def test_a_gap_passes_nothing() -> None:
    track = drive(0)
    times = track.time_ms.copy()
    times[13:] += 600_000
    told = RoadRates(roads().pieces, 1, PLANE)
    spans = {"loaded_at": at(0), "dumped_at": at(int(times[-1])), "left_at": at(0)}
    told.add(Track(times, track.lon, track.lat, track.speed_kmh), [spans], [])
    far = Track(times[[0, 25]], track.lon[[0, 25]], track.lat[[0, 25]], track.speed_kmh[[0, 25]])
    other = RoadRates(roads().pieces, 1, PLANE)
    other.add(far, [spans], [])
    assert sum(told.passed.values()) == 4 and sum(other.passed.values()) == 0
