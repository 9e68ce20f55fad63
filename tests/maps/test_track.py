"""Tracks: runs by violation and silence, strays, coding."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from maps.layers import decode
from maps.track import Track, jumps, runs, set_aside

DEG_M = 111_195.0


def north(metres: list[float], times_s: list[int], speed: float = 30.0) -> Track:
    """A track along a meridian."""
    return Track(
        np.array(times_s, dtype=np.int64) * 1000,
        np.full(len(metres), 118.7),
        32 + np.array(metres) / DEG_M,
        np.full(len(metres), speed),
    )


def test_runs_split_where_a_violation_begins_and_ends() -> None:
    track = north([0, 100, 200, 300, 400], [0, 10, 20, 30, 40])
    found = runs(track, [(10_000, 30_000), (20_000, 30_000)], 600_000)
    assert [(r.first, r.last, r.cases) for r in found] == [(0, 1, ()), (1, 2, (0,)), (2, 3, (0, 1)), (3, 4, ())]
    assert not any(r.gap for r in found)


def test_a_silence_longer_than_allowed_is_a_gap_and_one_just_as_long_is_not() -> None:
    track = north([0, 100, 200, 300], [0, 600, 1201, 1211])
    assert [(r.first, r.last, r.gap) for r in runs(track, [], 600_000)] == [(0, 1, False), (1, 2, True), (2, 3, False)]


def test_a_leg_that_no_truck_can_drive_is_a_gap() -> None:
    track = north([0, 100, 5_000, 5_100], [0, 10, 20, 30])
    assert jumps(track).tolist() == [False, True, False]
    assert [r.gap for r in runs(track, [], 600_000)] == [False, True, False]


def test_a_single_stray_fix_is_set_aside_and_a_lasting_jump_is_not() -> None:
    spike = north([0, 100, 9_000, 300, 400], [0, 10, 20, 30, 40])
    kept, strays = set_aside(spike)
    assert kept.time_ms.tolist() == [0, 10_000, 30_000, 40_000]
    assert strays.time_ms.tolist() == [20_000]
    moved = north([0, 100, 9_000, 9_100, 9_200], [0, 10, 20, 30, 40])
    assert len(set_aside(moved)[0]) == 5


@given(st.lists(st.tuples(st.integers(1, 2000), st.integers(0, 3000)), min_size=2, max_size=60), st.data())
def test_runs_cover_every_leg_once(steps: list[tuple[int, int]], data: st.DataObject) -> None:
    times = np.cumsum([s for s, _ in steps]).tolist()
    track = north(np.cumsum([m for _, m in steps]).tolist(), times)
    spans = data.draw(st.lists(st.tuples(st.integers(0, times[-1]), st.integers(0, times[-1])), max_size=4))
    spans_ms = [(min(s) * 1000, max(s) * 1000) for s in spans]
    found = runs(track, spans_ms, 600_000)
    assert found[0].first == 0 and found[-1].last == len(track) - 1
    assert all(a.last == b.first for a, b in pairwise(found))
    assert all((a.gap, a.cases) != (b.gap, b.cases) for a, b in pairwise(found))
    for run in found:
        for leg in range(run.first, run.last):
            middle = (track.time_ms[leg] + track.time_ms[leg + 1]) / 2
            assert run.cases == tuple(n for n, (a, b) in enumerate(spans_ms) if a <= middle <= b)


def test_every_fix_leaves_and_comes_back() -> None:
    track = Track(
        np.array([1_700_000_000_123, 1_700_000_010_999]),
        np.array([118.7, 118.71]),
        np.array([32.0, 32.01]),
        np.array([np.nan, 43.26]),
    )
    told = track.as_json()
    assert np.cumsum(told["t"]).tolist() == track.time_ms.tolist()
    assert decode(tuple(told["p"])) == [(118.7, 32.0), (118.71, 32.01)]
    assert told["v"] == [None, 433]
    assert north([], []).as_json() == {"t": [], "p": [], "v": []}
    assert runs(north([0], [0]), [], 1) == []


def test_columns_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="length"):
        Track(np.array([1]), np.array([1.0, 2.0]), np.array([1.0]), np.array([1.0]))
    with pytest.raises(ValueError, match="order"):
        north([0, 1], [10, 0])
