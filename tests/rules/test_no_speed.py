"""Terminals that tell no speed: it comes of their places, for their health as well as for the rules."""

from __future__ import annotations

import polars as pl
from fleet import Drive, ground, noisy
from test_health import night, told_as

from ingest.arrange import arrange
from rules.engine import judge_all
from rules.health import Knowledge, learn


def speechless(fixes: pl.DataFrame) -> pl.DataFrame:
    return fixes.with_columns(speed_kmh=pl.lit(None, fixes.schema["speed_kmh"]))


def test_a_wrong_datum_is_found_without_a_speed() -> None:
    fixes, _ = arrange(speechless(noisy(night().fixes(), 3)))
    assert learn(told_as(fixes, "gcj02", "wgs84"), ground())[0].datums == {("苏A00001", "t1"): "gcj02"}


def test_a_body_up_at_speed_is_seen_without_a_speed() -> None:
    fixes, _ = arrange(night().fixes())
    up = speechless(fixes.with_columns(lift=pl.lit(True)))
    assert learn(up, ground())[0].ill_sensors == {("苏A00001", "t1"): frozenset({"lift"})}


def test_honest_sensors_are_believed_without_a_speed() -> None:
    fixes, _ = arrange(speechless(noisy(night().fixes(), 3)))
    knowledge, _ = learn(fixes, ground())
    assert not knowledge.datums and not knowledge.ill_sensors


def rules_of(fixes: pl.DataFrame) -> list[str]:
    found, _ = judge_all(arrange(fixes)[0], ground(), Knowledge())
    return [v.rule for v in found.violations if v.rule == "overspeed"]


def test_drift_makes_nobody_speed() -> None:
    within = Drive(every_s=10).go(9000, 3000, 58).fixes()
    assert not any(rules_of(speechless(noisy(within, seed, 10.0))) for seed in range(6))


def test_who_speeds_by_more_than_drift_is_told() -> None:
    racing = Drive(every_s=30).go(9000, 3000, 80).fixes()
    assert rules_of(speechless(racing)) == ["overspeed"] == rules_of(racing)
