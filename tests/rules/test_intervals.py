"""Spans of time against sets of whole milliseconds."""

from __future__ import annotations

import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from rules.intervals import Span, intersect, subtract, total_ms, union

ends = st.integers(-30, 30)
raw = st.lists(st.tuples(ends, st.integers(1, 12)).map(lambda s: (s[0], s[0] + s[1])), max_size=8)
tidy = raw.map(union)


def points(spans: list[Span]) -> set[int]:
    return {at for start, end in spans for at in range(start, end)}


def is_tidy(spans: list[Span]) -> bool:
    """Sorted, none empty, none overlapping."""
    return all(a < b for a, b in spans) and all(one[1] <= two[0] for one, two in itertools.pairwise(spans))


@settings(deadline=None)
@given(raw)
def test_union_holds_the_same_points_in_the_fewest_spans(spans: list[Span]) -> None:
    merged = union(spans)
    assert points(merged) == points(spans)
    assert is_tidy(merged) and all(one[1] < two[0] for one, two in itertools.pairwise(merged))


@settings(deadline=None)
@given(raw, st.integers(0, 10))
def test_bridged_union_closes_exactly_the_shorter_gaps(spans: list[Span], bridge_ms: int) -> None:
    plain, bridged = union(spans), union(spans, bridge_ms)
    gaps = [(one[1], two[0]) for one, two in itertools.pairwise(plain)]
    closed = [(a, b) for a, b in gaps if b - a < bridge_ms]
    assert bridged == union([*plain, *closed])


def test_a_gap_as_long_as_the_bridge_stays_open() -> None:
    assert union([(0, 5), (15, 20)], 10) == [(0, 5), (15, 20)]
    assert union([(0, 5), (14, 20)], 10) == [(0, 20)]


@settings(deadline=None)
@given(tidy, tidy)
def test_intersect_holds_the_points_of_both(a: list[Span], b: list[Span]) -> None:
    both = intersect(a, b)
    assert points(both) == points(a) & points(b) and is_tidy(both)
    assert both == intersect(b, a)


@settings(deadline=None)
@given(tidy, tidy)
def test_subtract_holds_the_points_of_one_alone(a: list[Span], b: list[Span]) -> None:
    rest = subtract(a, b)
    assert points(rest) == points(a) - points(b) and is_tidy(rest)


@settings(deadline=None)
@given(tidy)
def test_total_counts_points(spans: list[Span]) -> None:
    assert total_ms(spans) == len(points(spans))
