"""Stays from stretches of motion: what is one stay, what is two, and what was never one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.annotate import FAST, SLOW, STILL
from rules.ground import NOWHERE
from rules.policy import DEFAULTS
from rules.stays import (
    CREEP_MAX_M,
    CREEP_MAX_MS,
    LEAD_MAX_MS,
    REST_MS,
    clipped,
    holding,
    outer_end_ms,
    outer_start_ms,
    site_visits,
    stays_of,
    travelled_m,
    turned_back,
)
from rules.stretches import Stretch

SILENCE_MS = 600_000
EVERY_MS = 10_000


def motion(*parts: tuple[int, float, float, float], leapt: int = -1) -> list[Stretch]:
    """Stretches of (key, seconds, to x, to y) one after the other, metres; the first stands or starts at the origin."""
    made: list[Stretch] = []
    at_ms, x, y = 0, 0.0, 0.0
    for k, (key, seconds, to_x, to_y) in enumerate(parts):
        n = max(1, round(seconds * 1000 / EVERY_MS))
        way_mm = round(((to_x - x) ** 2 + (to_y - y) ** 2) ** 0.5 * 1000)
        lead_mm, lead_ms = (way_mm // n, EVERY_MS) if made else (0, -1)
        x0, y0 = (x + (to_x - x) / n, y + (to_y - y) / n) if made else (x, y)
        end_ms = at_ms + (n - 1) * EVERY_MS
        sums = (round((x0 + to_x) / 2 * 10 * n), round((y0 + to_y) / 2 * 10 * n))
        ends = (round(x0 * 10), round(y0 * 10), round(to_x * 10), round(to_y * 10))
        made.append(Stretch(key, at_ms, end_ms, n, lead_ms, lead_mm, way_mm - lead_mm, *ends, *sums, 30.0, k == leapt))
        at_ms, x, y = end_ms + EVERY_MS, to_x, to_y
    return made


def test_one_stand_is_one_stay_half_a_leg_beyond_its_fixes() -> None:
    (stay,) = stays_of(motion((FAST, 60, 600, 0), (STILL, 100, 600, 0), (FAST, 60, 1200, 0)), SILENCE_MS)
    assert (stay.first_fix_ms, stay.last_fix_ms, stay.n) == (60_000, 150_000, 10)
    assert (stay.start_ms, stay.end_ms) == (55_000, 155_000) and stay.still_ms == 100_000
    assert (stay.x_m, stay.y_m) == pytest.approx((600, 0), abs=1)


def test_shunting_within_one_stay_counts_its_standing_alone_and_its_mean_place() -> None:
    rows = motion((FAST, 60, 600, 300), (STILL, 100, 600, 300), (SLOW, 40, 640, 300), (STILL, 300, 640, 300))
    (stay,) = stays_of([*rows, *later(rows, (FAST, 60, 1200, 300))], SILENCE_MS)
    assert stay.n == 40 and stay.still_ms == 400_000 and stay.end_ms - stay.start_ms == 440_000
    assert stay.x_m == pytest.approx((10 * 600 + 30 * 640) / 40, abs=1) and stay.y_m == pytest.approx(300, abs=1)


def later(rows: list[Stretch], part: tuple[int, float, float, float]) -> list[Stretch]:
    """One more stretch behind others."""
    last = rows[-1]
    (row,) = motion(part)
    way = round(abs(part[2] - last.x1_dm / 10) * 1000)
    begin, lead_mm = last.end_ms + EVERY_MS, way // row.n
    times = {"start_ms": begin, "end_ms": begin + row.end_ms, "lead_ms": EVERY_MS}
    return [row._replace(**times, lead_mm=lead_mm, length_mm=way - lead_mm)]


@pytest.mark.parametrize(("way_m", "stays"), [(CREEP_MAX_M - 1, 1), (CREEP_MAX_M + 1, 2)])
def test_a_longer_move_parts_two_stays(way_m: float, stays: int) -> None:
    rows = motion((STILL, 100, 0, 0), (SLOW, 50, way_m, 0), (STILL, 100, way_m, 0))
    assert len(stays_of(rows, SILENCE_MS)) == stays


@pytest.mark.parametrize(("seconds", "stays"), [(CREEP_MAX_MS / 1000 - 10, 1), (CREEP_MAX_MS / 1000, 2)])
def test_a_move_that_takes_longer_parts_two_stays(seconds: float, stays: int) -> None:
    assert len(stays_of(motion((STILL, 100, 0, 0), (SLOW, seconds, 20, 0), (STILL, 100, 20, 0)), SILENCE_MS)) == stays


def test_a_rest_is_a_stay_of_its_own() -> None:
    rest_s = REST_MS / 1000 + 10
    rows = motion((STILL, 100, 0, 0), (SLOW, 30, 20, 0), (STILL, rest_s, 20, 0))
    assert [s.n for s in stays_of(rows, SILENCE_MS)] == [10, 91]
    shorter = motion((STILL, 100, 0, 0), (SLOW, 30, 20, 0), (STILL, rest_s - 10, 20, 0))
    assert len(stays_of(shorter, SILENCE_MS)) == 1


@given(
    parts=st.lists(
        st.tuples(
            st.sampled_from([STILL, FAST, SLOW]),
            st.sampled_from([5, 30, 200, 2_000]),
            st.sampled_from([0, 10, 2_000]),
            st.integers(0, 1),
        ),
        min_size=1,
        max_size=12,
    ),
    silences=st.lists(st.sampled_from([0, 0, 0, 100, 1_000]), min_size=12, max_size=12),
    leapt=st.integers(-1, 11),
)
def test_stays_begin_and_end_in_order(
    parts: list[tuple[int, float, float, float]], silences: list[int], leapt: int
) -> None:
    rows, late_ms = [], 0
    for row, silent_s in zip(motion(*parts, leapt=leapt), silences, strict=False):
        late_ms += silent_s * 1000
        lead_ms = row.lead_ms + silent_s * 1000 if row.lead_ms >= 0 else -1
        rows.append(row._replace(start_ms=row.start_ms + late_ms, end_ms=row.end_ms + late_ms, lead_ms=lead_ms))
    found = stays_of(rows, SILENCE_MS)
    assert found == sorted(found, key=lambda s: s.start_ms) == sorted(found, key=lambda s: s.end_ms)
    for at_ms in (0, 100_000, late_ms):
        assert holding(found, at_ms, 90_000) == [s for s in found if s.start_ms - 90_000 <= at_ms <= s.end_ms + 90_000]


def test_a_leap_after_a_long_stand_was_a_frozen_position() -> None:
    parts = ((FAST, 60, 600, 0), (STILL, DEFAULTS.frozen_min_s + 10, 600, 0), (FAST, 60, 5000, 0))
    (stay,) = stays_of(motion(*parts, leapt=2), SILENCE_MS)
    assert stay.silence and stay.n == 13 and stay.moved_m == pytest.approx(4400 / 6, abs=2)
    (brief,) = stays_of(motion(parts[0], (STILL, DEFAULTS.frozen_min_s, 600, 0), parts[2], leapt=2), SILENCE_MS)
    assert not brief.silence, "its fixes span less than two minutes"


def test_a_position_that_sticks_at_speed_and_falls_silent_is_one_silence_from_the_last_good_fix() -> None:
    fast, stuck, gone = motion((FAST, 60, 600, 0), (STILL, 300, 600, 0), (FAST, 60, 5000, 0))
    stuck = stuck._replace(lead_mm=0, length_mm=0)
    far = gone._replace(lead_ms=400_000, lead_mm=4_000_000, start_ms=gone.start_ms + 390_000)
    (dark,) = stays_of([fast, stuck, far], SILENCE_MS)
    assert dark.silence and (dark.start_ms, dark.end_ms) == (fast.end_ms, far.start_ms)
    for other in (
        [fast, stuck._replace(lead_mm=5_000), far],  # it rolled to where it stands
        [fast, stuck, far._replace(lead_ms=100_000)],  # it was seen all the time
        [fast, stuck, far._replace(lead_mm=400_000)],  # it has not gone far
        [fast._replace(key=SLOW), stuck, far],  # it was about to stop
    ):
        assert not any(s.silence for s in stays_of(other, SILENCE_MS))


def test_silence_is_told_with_how_far_the_truck_came() -> None:
    first, second = motion((FAST, 60, 600, 0), (FAST, 60, 1200, 0))
    gap = second._replace(lead_ms=SILENCE_MS + 1, start_ms=second.start_ms + SILENCE_MS, x0_dm=6000, y0_dm=40_000)
    (dark,) = stays_of([first, gap], SILENCE_MS)
    assert dark.silence and dark.moved_m == pytest.approx(4000, abs=1)
    assert (dark.start_ms, dark.end_ms, dark.still_ms) == (first.end_ms, gap.start_ms, 0)
    assert not stays_of([first, gap._replace(lead_ms=SILENCE_MS)], SILENCE_MS), "as long as the limit is no silence"


def test_who_goes_back_the_way_it_came_turned_back() -> None:
    straight_on = motion((FAST, 60, 600, 0), (STILL, 100, 600, 0), (FAST, 60, 1200, 0))
    back = motion((FAST, 60, 600, 0), (SLOW, 20, 650, 0), (STILL, 100, 650, 0), (SLOW, 20, 600, 0), (FAST, 60, 0, 0))
    aside = motion(
        (FAST, 60, 600, 0), (SLOW, 20, 650, 0), (STILL, 100, 650, 0), (SLOW, 20, 650, 60), (FAST, 60, 650, 600)
    )
    turns = [turned_back(stays_of(rows, SILENCE_MS)[0], rows) for rows in (back, aside)]
    assert turns[0] == pytest.approx(1, abs=0.01) and turns[1] == pytest.approx(0, abs=0.05)
    assert turned_back(stays_of(straight_on, SILENCE_MS)[0], straight_on[:2]) == 0.0, "nobody saw where it went"


def test_half_a_leg_belongs_to_either_side_unless_it_is_long() -> None:
    one, two = motion((STILL, 100, 0, 0), (FAST, 60, 600, 0))
    for lead_ms, half_ms in ((EVERY_MS, 5_000), (LEAD_MAX_MS, LEAD_MAX_MS // 2), (LEAD_MAX_MS + 2, 0), (0, 0), (-1, 0)):
        after = two._replace(lead_ms=lead_ms)
        assert outer_end_ms(one, after) == one.end_ms + half_ms
        assert outer_start_ms(after) == after.start_ms - half_ms
    assert outer_end_ms(one, None) == one.end_ms


def test_ground_covered_counts_by_share_of_the_time() -> None:
    rows = motion((STILL, 100, 0, 0), (FAST, 100, 1000, 0), (STILL, 100, 1000, 0))
    assert travelled_m(rows, 0, 300_000) == 1000
    assert travelled_m(rows, 0, 140_000) == 500
    assert travelled_m(rows, 140_000, 190_000) == 500
    assert travelled_m(rows, 200_000, 300_000) == 0


def site(key: int, start_s: int, end_s: int) -> Stretch:
    row = motion((0, end_s - start_s, 0, 0))[0]
    return row._replace(key=key, start_ms=start_s * 1000, end_ms=end_s * 1000, n=end_s - start_s, x1_dm=end_s)


def test_absences_shorter_than_the_gap_are_one_visit() -> None:
    rows = [site(3, 0, 100), site(NOWHERE, 100, 279), site(3, 279, 400), site(NOWHERE, 400, 580), site(3, 580, 600)]
    visits = site_visits([*rows, site(4, 601, 700)], 180_000)
    assert [(v.key, v.start_ms, v.end_ms, v.n) for v in visits] == [
        (3, 0, 400_000, 221),
        (3, 580_000, 600_000, 20),
        (4, 601_000, 700_000, 99),
    ]
    assert visits[0].x1_dm == 400


def test_clipping_gives_each_stretch_with_its_part_of_the_span() -> None:
    rows = motion((STILL, 100, 0, 0), (FAST, 100, 1000, 0), (STILL, 100, 1000, 0))
    parts = clipped(rows, 50_000, 195_000)
    assert [(r.key, a, b) for r, a, b in parts] == [(STILL, 50_000, 95_000), (FAST, 95_000, 195_000)]
    assert clipped([], 0, 1) == []
