"""Hot spots: cells that stay where they are, spots that stay small, hours that cross midnight."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maps.hotspots import CELL_M, Grid, Sighting, busiest_hours, cells_of, spots_of

GRID = Grid(32)
M = 1 / 111_195
EAST_M = M / 0.848048  # at 32 degrees


def seen(column: int, row: int, points: int = 3, rule: str = "off_route", hour: int = 22) -> Sighting:
    """A sighting in the middle of a cell, counted from one near Nanjing."""
    west, south, east, north = GRID.box((7140 + row, 22400 + column))
    return Sighting((west + east) / 2, (south + north) / 2, rule, points, (hour,))


def test_cells_are_as_long_as_they_say_and_hold_their_middle() -> None:
    west, south, east, north = GRID.box(GRID.cell(118.78, 32.04))
    assert west <= 118.78 < east and south <= 32.04 < north
    assert (north - south) / M == pytest.approx(CELL_M, rel=1e-3)
    assert (east - west) / EAST_M == pytest.approx(CELL_M, rel=1e-3)


def test_cells_count_points_and_rules() -> None:
    cells = cells_of([seen(0, 0, 3), seen(0, 0, 20, "unauthorised_dumping"), seen(5, 0)], GRID)
    assert [(c.count, c.points) for c in cells] == [(2, 23), (1, 3)]
    assert cells[0].rules == {"off_route": 1, "unauthorised_dumping": 1}


def test_neighbours_join_and_spots_rank_by_points() -> None:
    near = [seen(0, 0)] * 4 + [seen(1, 1)] * 2
    far = [seen(20, 0, 20, "unauthorised_dumping", 1)] * 3
    spots = spots_of(near + far, GRID)
    assert [(s.rank, s.points, s.count, s.main_rule) for s in spots] == [
        (1, 60, 3, "unauthorised_dumping"),
        (2, 18, 6, "off_route"),
    ]
    assert len(spots[1].cells) == 2
    assert spots[0].hours == (1, 2)


def test_a_few_violations_make_no_spot() -> None:
    assert spots_of([seen(0, 0), seen(0, 0)], GRID) == []
    assert spots_of([], GRID) == []


def test_spots_worth_little_beside_the_first_are_left_out() -> None:
    assert len(spots_of([seen(0, 0, 20)] * 10 + [seen(30, 0, 2)] * 3, GRID)) == 1


@given(st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12), st.integers(1, 20)), max_size=80), st.randoms())
def test_spots_are_small_apart_and_do_not_depend_on_order(
    places: list[tuple[int, int, int]], order: random.Random
) -> None:
    sightings = [seen(*place) for place in places]
    spots = spots_of(sightings, GRID)
    shuffled = sightings[:]
    order.shuffle(shuffled)
    assert spots_of(shuffled, GRID) == spots
    assert [s.rank for s in spots] == list(range(1, len(spots) + 1)) and len(spots) <= 10
    taken = [cell for s in spots for cell in s.cells]
    assert len(taken) == len(set(taken))
    for spot in spots:
        for axis in (0, 1):
            assert max(c[axis] for c in spot.cells) - min(c[axis] for c in spot.cells) <= 2


def test_hours_cross_midnight() -> None:
    assert busiest_hours([22, 23, 0, 1]) == (22, 2)
    assert busiest_hours([23]) == (23, 24)
    assert busiest_hours([9] + [22, 23] * 5) == (22, 24)
    assert busiest_hours([]) == (0, 24)
    assert busiest_hours(range(24)) == (12, 8)  # any 20 hours hold 80 %; the night stays whole
