"""Clocks that may be off: told where all driving fits the hours eight hours off, doubted where off at times."""

from __future__ import annotations

from dataclasses import replace

import polars as pl
import pytest
from fleet import NIGHT_MS, Drive, ground, town

from ingest.arrange import arrange
from reports.fault_words import fault_reason
from rules.engine import judge_all
from rules.fleet import Fleet, surveyed
from rules.ground import Ground
from rules.health import Knowledge, learn
from rules.hours import Hours
from rules.registry import WhitelistEntry

HOUR_MS = 3_600_000
TIMED = {"outside_hours", "daytime_not_whitelisted", "quiet_zone", "no_entry"}


def nights(days: int = 3, shift_h: float = 0, start_h: float = 0) -> pl.DataFrame:
    """A truck that hauls for two hours after 22:00 (local) in some nights, told by a clock that is off."""
    parts = []
    for day in range(days):
        truck = Drive(start_ms=NIGHT_MS + day * 24 * HOUR_MS + round((start_h + shift_h) * HOUR_MS))
        for _ in range(3):
            truck.at(0, 0).sensors("empty").stand(300).sensors("full").stand(60).go(6000, 0).stand(60)
            truck.sensors("empty").stand(200).go(0, 0)
        parts.append(truck.fixes())
    return arrange(pl.concat(parts))[0]


def rules_of(fixes: pl.DataFrame, knowledge: Knowledge) -> set[str]:
    return {v.rule for v in judge_all(fixes, ground(), knowledge)[0].violations}


@pytest.mark.parametrize(("shift_h", "way"), [(8, "ahead"), (-8, "behind")])
def test_of_a_night_truck_eight_hours_off_its_health_says_to_look_at_the_clock(shift_h: int, way: str) -> None:
    fixes = nights(shift_h=shift_h)
    knowledge, (health,) = learn(fixes, ground())
    fault = health.faults["clock_doubt"]
    assert fault["since_ms"] == fixes["time_ms"][0] and f"8 h {way}" in fault["why"]
    assert not knowledge.fleet.clocks_ms, "it is not put right"
    assert fault_reason(fault["why"]).startswith(f"时钟可能{'快' if way == 'ahead' else '慢'} 8 小时")
    assert rules_of(fixes, knowledge) & TIMED, "nor excused: by day alone hauls who breaks the rules, too"


def test_a_clock_that_is_off_at_times_is_not_judged_by_rules_that_ask_the_time() -> None:
    fixes = nights(shift_h=8)
    fleet = Fleet(arrival=True, mixed_clocks_ms={("苏A00001", "t1"): fixes["time_ms"][0]})
    knowledge, (health,) = learn(fixes, ground(), fleet)
    assert "some fixes" in health.faults["clock_doubt"]["why"]
    assert health.tags["clock_doubted"]["fixes"] == fixes.height
    assert fault_reason(health.faults["clock_doubt"]["why"]).startswith("部分定位点")
    assert not rules_of(fixes, knowledge) & TIMED
    later = replace(fleet, mixed_clocks_ms={("苏A00001", "t1"): fixes["time_ms"][-1] + 1})
    assert rules_of(fixes, replace(knowledge, fleet=later)) & TIMED, "what it told before is believed"


@pytest.mark.parametrize(
    ("fixes", "why"),
    [
        (nights(), "it works at night, within its hours"),
        (nights(days=2, shift_h=8), "two days are too few"),
        (pl.concat([nights(), nights(shift_h=8, days=2)]), "some of its driving is within its hours as told"),
    ],
    ids=lambda x: x if isinstance(x, str) else "",
)
def test_a_clock_is_not_doubted_for_less(fixes: pl.DataFrame, why: str) -> None:
    assert "clock_doubt" not in learn(arrange(fixes)[0], ground())[1][0].faults, why


def test_hours_that_cover_the_day_or_are_unknown_tell_nothing() -> None:
    by_day = WhitelistEntry("苏A00001", Hours.parse("06:00-18:00"), town().permits[0].validity, "白名单2号")
    for registry in (town(permits=()), town(whitelist=(by_day,))):
        assert not learn(nights(shift_h=8), Ground(registry))[1][0].faults


def test_where_the_order_of_arrival_tells_the_time_nothing_else_does() -> None:
    fixes = nights(shift_h=8)
    put_right = Fleet(clocks_ms={("苏A00001", "t1"): -8 * HOUR_MS})
    for fleet in (Fleet(arrival=True), put_right):
        assert "clock_doubt" not in learn(fixes, ground(), fleet)[1][0].faults


def arriving(off: pl.Expr, trucks: int = 8) -> pl.DataFrame:
    """Fixes of trucks in order of arrival, a second or two late, of which the first tells other times where `off`."""
    drives = [Drive(f"苏B0000{n}", f"b{n}", NIGHT_MS + n * 700, every_s=5) for n in range(trucks)]
    fixes = pl.concat([d.go(6000, 0).go(0, 0).fixes() for d in drives])
    fixes = fixes.sort(pl.col("time_ms") + (pl.col("time_ms") // 1000 + pl.col("plate").rank("dense") * 7) % 13 * 400)
    late_ms = pl.when((pl.col("plate") == "苏B00000") & off).then(-8 * HOUR_MS).otherwise(0)
    return fixes.with_columns(time_ms=pl.col("time_ms") + late_ms)


def test_a_clock_that_is_off_for_a_part_of_the_time_is_doubted_from_then_on() -> None:
    from_ms = NIGHT_MS + 600_000
    known = surveyed(arriving(pl.col("time_ms") >= from_ms))
    assert known.arrival and not known.clocks_ms
    ((key, since_ms),) = known.mixed_clocks_ms.items()
    assert key == ("苏B00000", "b0") and 0 <= since_ms - (from_ms - 8 * HOUR_MS) < 60_000
    assert Fleet.from_json(known.to_json()) == known
    whole = surveyed(arriving(pl.lit(True)))
    assert whole.clocks_ms == {("苏B00000", "b0"): 8 * HOUR_MS} and not whole.mixed_clocks_ms


def test_a_backlog_is_no_clock_that_is_off() -> None:
    """Fixes that come up to ten hours late are off by everything between."""
    fixes = arriving(pl.lit(False))
    n = pl.int_range(pl.len()).over("plate")
    late = fixes.with_columns(
        time_ms=pl.col("time_ms")
        - pl.when((pl.col("plate") == "苏B00000") & (n > 60)).then((n - 60) * 200_000).otherwise(0)
    )
    known = surveyed(late)
    assert not known.mixed_clocks_ms and not known.clocks_ms


def test_sorted_rows_tell_nothing_of_arrival() -> None:
    fixes = arriving(pl.lit(False))
    assert surveyed(fixes).arrival
    assert not surveyed(fixes.sort("time_ms")).arrival
    assert not surveyed(arrange(fixes)[0]).arrival
