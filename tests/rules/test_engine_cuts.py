"""However a stream is cut, repeated or shuffled within the lateness, the findings are the same."""

from __future__ import annotations

from functools import cache
from itertools import pairwise

import numpy as np
import polars as pl
from fleet import DAY_MS, NIGHT_MS, Drive, ground, noisy
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.arrange import arrange
from rules.engine import State, judge_all, step
from rules.findings import Findings
from rules.health import Knowledge

HOLD_MS = 120_000


@cache
def week() -> pl.DataFrame:
    """Two trucks, two nights and a day, with many breaches, sensors and none, silences and spikes."""
    a = Drive(start_ms=NIGHT_MS).sensors("empty", False).stand(400).sensors("full", False).stand(200)
    a.go(2000, 0).go(2000, 900).go(4000, 900).go(4000, 0).go(6000, 0).stand(60)
    a.sensors("full", True).stand(40).sensors("empty", False).stand(120).go(0, 0).stand(500).sensors(
        "full", False
    ).stand(60)
    a.go(3000, 0).go(3000, 150, 9).sensors("full", True).stand(60).sensors("empty", False).stand(100).go(3000, 0, 9).go(
        0, 0
    )
    a.stand(300).sensors("full", False).stand(30).go(1500, 0).silent(1500).sensors("empty", False).go(0, 0).go(0, 2500)
    a.stand(3 * 3600).sensors("full", False).stand(60).go(6000, 0).stand(400).go(0, 2500).stand(3600 * 6)
    a.go(6000, 0).go(0, 0).silent(4000).go(3000, 0)
    b = (
        Drive("苏A00002", "t2", DAY_MS, every_s=15)
        .stand(500)
        .go(6000, 0)
        .stand(400)
        .go(0, 0)
        .stand(400)
        .go(6000, 1500)
        .stand(300)
    )
    b.go(0, 0).stand(400).go(3000, 1500).stand(300).go(0, 0).stand(600).go(4000, 0).go(4000, 200, 9).stand(240).go(
        4000, 0, 9
    ).go(0, 0)
    b.stand(500).go(0, 2500).stand(4 * 3600).go(3000, 0).stand(500).go(0, 0).stand(300).go(6000, 0)
    fixes = pl.concat([noisy(a.fixes(), 1), noisy(b.fixes(), 2)])
    far = pl.int_range(pl.len()) % 97 == 13
    return fixes.with_columns(
        lat=pl.when(far).then(pl.col("lat") + 0.08).otherwise(pl.col("lat")), valid=pl.int_range(pl.len()) % 41 != 7
    )


@cache
def whole() -> dict[str, set[str]]:
    found, _ = judge_all(arrange(week())[0], ground(), Knowledge())
    return said(found)


def said(found: Findings) -> dict[str, set[str]]:
    return {name: {repr(x) for x in getattr(found, name)} for name in ("violations", "trips", "stops")}


def test_the_week_breaks_every_rule() -> None:
    found, _ = judge_all(arrange(week())[0], ground(), Knowledge())
    rules = {v.rule for v in found.violations}
    assert rules >= {
        "off_route",
        "unauthorised_dumping",
        "quiet_zone",
        "daytime_not_whitelisted",
        "wrong_destination",
        "outside_hours",
    }
    assert len(found.trips) >= 7 and len(found.stops) >= 10


@settings(max_examples=60, deadline=None)
@given(cuts=st.lists(st.integers(1, 20_000_000), max_size=25), seed=st.integers(0, 2**32 - 1), repeat=st.floats(0, 0.3))
def test_cutting_repeating_and_shuffling_change_nothing(cuts: list[int], seed: int, repeat: float) -> None:
    fixes = week()
    rng = np.random.default_rng(seed)
    # order of arrival: by time, give or take less than the lateness; some fixes are sent again, at most that late
    sent = pl.concat([fixes, fixes.filter(rng.random(fixes.height) < repeat)])
    late = rng.integers(0, HOLD_MS - 1, sent.height)
    stream = sent[np.argsort(sent["time_ms"].to_numpy() + late, kind="stable").tolist()]
    edges = sorted({c % stream.height for c in cuts} | {0, stream.height})
    found, state, laid = Findings(), State(), ground()
    for a, b in pairwise(edges):
        more, state, _ = step(stream[a:b], state, laid, Knowledge(), HOLD_MS)
        found += more
    more, state, _ = step(fixes.clear(), state, laid, Knowledge(), None)
    found += more
    got = said(found)
    for name, expected in whole().items():
        assert got[name] == expected
        assert len(getattr(found, name)) == len(expected), "nothing is said twice"


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_one_batch_in_any_order(seed: int) -> None:
    fixes = week()
    rows = np.random.default_rng(seed).permutation(fixes.height).tolist()
    found, _, _ = step(fixes[rows], State(), ground(), Knowledge(), None)
    assert said(found) == whole()


def test_a_step_leaves_the_state_it_was_given_alone() -> None:
    fixes = week().sort("time_ms")
    laid = ground()
    half = fixes.height // 2
    first, state, _ = step(fixes[:half], State(), laid, Knowledge(), HOLD_MS)
    before = repr(state)
    one = step(fixes[half:], state, laid, Knowledge(), None)[0]
    assert repr(state) == before
    two = step(fixes[half:], state, laid, Knowledge(), None)[0]
    assert said(one) == said(two)
    assert said(first)["stops"]


def test_fixes_later_than_the_hold_are_counted_not_judged() -> None:
    fixes = week().sort("time_ms")
    _, state, _ = step(fixes, State(), ground(), Knowledge(), HOLD_MS)
    _, _, counts = step(fixes[:50], state, ground(), Knowledge(), HOLD_MS)
    assert sum(c.late for c in counts.values()) == 50 and not any(c.judged for c in counts.values())
    by_plate = fixes[:50]["plate"].value_counts().rows()
    assert {plate: c.late for plate, c in counts.items()} == dict(by_plate)


def test_a_truck_of_which_only_what_tells_no_place_is_held_back_is_settled_at_the_end() -> None:
    fixes = week().sort("time_ms")
    last = fixes.group_by("plate").last().select(fixes.columns)
    blind = last.with_columns(pl.col("time_ms") + 2 * HOLD_MS, valid=False)
    both = pl.concat([fixes, blind])
    found, state, _ = step(both, State(), ground(), Knowledge(), HOLD_MS)
    assert state.pending.height == blind.height
    more, _, _ = step(fixes.clear(), state, ground(), Knowledge(), None)
    found += more
    assert said(found) == said(judge_all(arrange(both)[0], ground(), Knowledge())[0]) == whole()
