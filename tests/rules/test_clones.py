"""When another device's fixes are a clone of the plate, at the limits of what a truck can drive."""

from __future__ import annotations

import polars as pl
import pytest
from fleet import Drive, ground

from ingest.arrange import arrange
from rules.clones import Sighting, counts, joined, sightings
from rules.engine import State, judge_all, step
from rules.findings import Findings
from rules.health import Knowledge
from rules.policy import DEFAULTS


def seen(apart_m: float, later_s: int) -> list[Sighting]:
    """An own fix at the origin, and another device's so far away and so much later."""
    own = Drive(terminal="t1").stand(10).fixes()
    other = Drive(terminal="x9", start_ms=int(own["time_ms"][0]) + later_s * 1000).at(apart_m, 0).stand(10).fixes()
    return sightings(other, own, own.clear(), ground()).get("苏A00001", [])


@pytest.mark.parametrize("later_s", [0, 30, 300])
def test_what_a_truck_can_reach_is_no_clone(later_s: int) -> None:
    reach_m = DEFAULTS.clone_slack_m + 120 / 3.6 * later_s
    assert not seen(reach_m - 30, later_s)
    (one,) = seen(reach_m + 30, later_s)
    assert one.apart_m == pytest.approx(reach_m + 30, rel=0.002) and one.terminal == "x9" and one.n == 1


def test_an_own_fix_that_is_too_old_tells_nothing() -> None:
    assert seen(60_000, DEFAULTS.clone_age_max_s) and not seen(60_000, DEFAULTS.clone_age_max_s + 1)


def test_nothing_is_seen_before_the_own_device_spoke() -> None:
    assert not seen(60_000, -1)
    assert sightings(pl.DataFrame(), pl.DataFrame(), pl.DataFrame(), ground()) == {}


def sighting(start_s: int, end_s: int, n: int = 1, apart_m: float = 5000.0) -> Sighting:
    return Sighting(start_s * 1000, end_s * 1000, n, 1.0, 2.0, apart_m, "x9")


def test_sightings_less_than_ten_minutes_apart_are_one_at_the_worst_place() -> None:
    gap_s = DEFAULTS.clone_merge_s
    far = sighting(50, 50, apart_m=9000.0)._replace(x_m=7.0)
    (one,) = joined((sighting(0, 0),), [far, sighting(60, 60)])
    assert (one.start_ms, one.end_ms, one.n, one.apart_m, one.x_m) == (0, 60_000, 3, 9000.0, 7.0)
    assert len(joined((sighting(0, 10),), [sighting(9 + gap_s, 9 + gap_s)])) == 1
    assert len(joined((sighting(0, 10),), [sighting(10 + gap_s, 10 + gap_s)])) == 2


@pytest.mark.parametrize(
    ("n", "seconds", "enough"), [(4, 120, True), (3, 120, False), (4, 119, False), (40, 10, False)]
)
def test_a_glimpse_is_no_clone(n: int, seconds: int, enough: bool) -> None:
    assert counts(sighting(0, seconds, n)) is enough


def test_a_clone_seen_twice_is_told_twice_however_the_stream_is_cut() -> None:
    own = Drive(terminal="t1")
    for _ in range(5):
        own.stand(1800).go(6000, 0).stand(1800).go(0, 0)
    begin_ms = int(own.fixes()["time_ms"][0])
    others = [
        Drive(terminal="x9", start_ms=begin_ms + s * 1000).at(9000, 9000).stand(600).fixes() for s in (900, 12_600)
    ]
    fixes = arrange(pl.concat([own.fixes(), *others]))[0]
    clones = lambda found: sorted(v.start_ms for v in found.violations if v.rule == "cloned_plate")
    whole = clones(judge_all(fixes, ground(), Knowledge())[0])
    assert [(ms - begin_ms) // 60_000 for ms in whole] == [15, 210]
    state, found, laid = State(), Findings(), ground()
    for _, part in fixes.sort("time_ms").group_by((pl.col("time_ms") - begin_ms) // 1_200_000, maintain_order=True):
        more, state, _ = step(part, state, laid, Knowledge(), 120_000)
        found += more
    found += step(fixes.clear(), state, laid, Knowledge(), None)[0]
    assert clones(found) == whole
