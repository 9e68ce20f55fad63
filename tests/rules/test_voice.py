"""Which device speaks for a truck."""

from __future__ import annotations

import polars as pl
from fleet import NIGHT_MS, Drive, ground

from ingest.arrange import arrange
from rules.engine import judge_all
from rules.health import Knowledge
from rules.policy import DEFAULTS
from rules.tags import Tag
from rules.voice import speak


def heard(*drives: Drive) -> pl.DataFrame:
    fixes, _ = arrange(pl.concat([d.fixes() for d in drives]))
    return speak(fixes, {}, ground())[0]


def test_the_registered_device_speaks_over_a_cloned_plate() -> None:
    own = Drive(terminal="t1").stand(3600)
    clone = Drive(terminal="x9", start_ms=NIGHT_MS + 600_000).at(4000, 4000).go(0, 4000)
    assert heard(own, clone)["terminal"].unique().to_list() == ["t1"]


def test_a_second_device_in_the_cab_doubles_nothing() -> None:
    make = lambda terminal: (
        Drive(terminal=terminal).stand(400).go(2000, 0).go(2000, 900).go(4000, 900).go(6000, 0).stand(300)
    )
    both, _ = arrange(pl.concat([make("t1").fixes(), make("t8").fixes()]))
    one, _ = arrange(make("t1").fixes())
    with_both, alone = (judge_all(fixes, ground(), Knowledge())[0] for fixes in (both, one))
    assert [(m.terminal, m.tag, m.fixes) for m in with_both.marks] == [("t8", Tag.OTHER_DEVICE, one.height)]
    with_both.marks.clear()
    assert with_both == alone


def test_a_swapped_device_is_heard_after_half_an_hour() -> None:
    old = Drive(terminal="t1").stand(600)
    new = Drive(terminal="t7", start_ms=NIGHT_MS + 600_000).stand(DEFAULTS.device_yield_s + 1200)
    found = heard(old, new)
    assert (found["terminal"] == "t7").sum() == 120
    assert (
        found.filter(pl.col("terminal") == "t7")["time_ms"].min() > NIGHT_MS + 590_000 + DEFAULTS.device_yield_s * 1000
    )


def test_a_truck_that_is_not_registered_is_heard() -> None:
    assert heard(Drive("皖E99999", "q1").stand(100)).height == 10
