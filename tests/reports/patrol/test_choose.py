"""The program finds what trying every combination finds, and no truck counts twice."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from itertools import product

import numpy as np
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from reports.patrol.choose import STAY_SHARE, choose
from reports.patrol.outlook import DRIVE_MAX_S, Outlook, Shift

DAYS = [date(2026, 11, 16), date(2026, 11, 17)]


def outlook(rows: list[tuple[int, int, float, int]], places: int) -> Outlook:
    """Of (truck, place, minute, points); each row a violation of its own on one past date."""
    cases = [
        (n, f"p{truck}", "off_route", truck, 0, 1.0, float(points), float(points), f"t{truck}")
        for n, (truck, _, _, points) in enumerate(rows)
    ]
    names = ["row", "plate", "rule", "night", "date", "count", "points", "worth", "trip"]
    passes = pl.DataFrame(
        {"row": range(len(rows)), "place": [r[1] for r in rows], "minute": [float(r[2]) for r in rows]}
    )
    return Outlook(
        pl.DataFrame(cases, schema=names, orient="row"), passes, (date(2026, 11, 9),), np.ones(1), np.ones(7)
    )


def worth(told: Outlook, shift: Shift, stops: tuple[int, ...], rows: list[tuple[int, int, float, int]]) -> float:
    """Points met, each truck's night at most its whole trip."""
    total = 0.0
    for truck in {r[0] for r in rows}:
        met = 0.0
        for n, place in enumerate(stops):
            found = told.met(*shift.slot(n)).filter(pl.col("place") == place)
            met += sum(c * rows[r][3] for r, _, c in found.iter_rows() if rows[r][0] == truck)
        total += min(met, sum(r[3] for r in rows if r[0] == truck))
    return total


@given(
    st.lists(
        st.tuples(st.integers(0, 3), st.integers(0, 3), st.integers(1200, 1440), st.integers(1, 12)),
        min_size=1,
        max_size=10,
    ),
    st.integers(0, 10**6),
)
@settings(max_examples=12, deadline=None)
def test_it_is_the_best_of_all_combinations(rows: list[tuple[int, int, float, int]], seed: int) -> None:
    told, places = outlook(rows, 4), 4
    travel = np.random.default_rng(seed).uniform(0, 2 * DRIVE_MAX_S, (places, places))
    np.fill_diagonal(travel, 0)
    shifts = [Shift(DAYS[0], 1200, 2, 240), Shift(DAYS[0], 1260, 2, 240)]
    found = choose(told, travel, 1, shifts)
    best = max(
        worth(told, shift, stops, rows)
        for shift in shifts
        for stops in product(range(places), repeat=2)
        if travel[stops] <= DRIVE_MAX_S
    )
    got = [worth(told, shift, stops, rows) for shift, stops in found.shifts]
    assert len(got) == 1 and STAY_SHARE**2 * best - 1e-6 <= got[0] <= best + 1e-6 and found.gap <= 1e-6
    assert all(travel[stops[0], stops[1]] <= DRIVE_MAX_S for _, stops in found.shifts)


def test_two_inspections_never_fall_on_one_date() -> None:
    rows = [(n, n % 2, 1290.0, 3) for n in range(4)]
    shifts = [Shift(day, start, 1, 240) for day in DAYS for start in (1200, 1260)]
    found = choose(outlook(rows, 2), np.zeros((2, 2)), 2, shifts)
    assert [shift.day for shift, _ in found.shifts] == DAYS


def test_one_truck_is_worth_no_more_than_its_gravest_trip_in_a_week() -> None:
    """Truck 0 passes place 0 every night, others place 1 less often: the second night is better spent elsewhere."""
    rows = [(0, 0, 1290.0, 12), (1, 1, 1290.0, 5), (2, 1, 1290.0, 4)]
    shifts = [Shift(day, 1200, 1, 240) for day in DAYS]
    found = choose(outlook(rows, 2), np.full((2, 2), 9e9), 2, shifts)
    assert {stops[0] for _, stops in found.shifts} == {0, 1}


def test_two_inspections_stand_apart_unless_the_same_place_is_clearly_worth_it() -> None:
    """Place 1 is worth four fifths of place 0, then a third; place 2 is next door to place 0."""
    travel = np.full((3, 3), 9e9)
    travel[0, 2] = travel[2, 0] = 30.0
    np.fill_diagonal(travel, 0.0)
    shifts = [Shift(day, 1200, 1, 240) for day in DAYS]
    for other, chosen in ((8, {0, 1}), (3, {0})):
        rows = [(n, 0, 1290.0, 10) for n in range(6)] + [(6 + n, 1, 1290.0, other) for n in range(6)]
        # Each truck is expected every other night, so that standing there twice meets it once.
        told = replace(outlook(rows, 3), busy=np.full(7, 0.5))
        found = choose(told, travel, 2, shifts)
        assert {stops[0] for _, stops in found.shifts} == chosen


def test_of_nothing_nothing_is_chosen() -> None:
    assert choose(outlook([], 0), np.empty((0, 0)), 2, [Shift(DAYS[0], 1200, 3, 240)]).shifts == []
