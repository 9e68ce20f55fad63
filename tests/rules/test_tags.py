"""What each rule says it accepts is what it does: fixes with other tags never make its evidence, accepted ones can."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest
from fleet import Drive
from test_cases import CASES, drive, registry_of

from ingest.arrange import arrange
from ingest.datum import from_wgs84
from rules.catalog import RULES
from rules.engine import judge_all
from rules.findings import Findings, TerminalHealth, Violation
from rules.fleet import Fleet
from rules.ground import Ground
from rules.health import Knowledge, learn, marks_known, with_marks
from rules.rule import Rule
from rules.tags import MEANING, Mark, Tag, summed, tags_in

EVERY = [pytest.param(rule, id=rule.rule_id) for rule in RULES]
#: The tags that `spoilt` can put on the fixes of a whole story.
WHOLE = (Tag.NOT_FIXED, Tag.OTHER_DEVICE, Tag.WRONG_DATUM, Tag.CLOCK_DOUBTED, Tag.ILL_COVER, Tag.ILL_LOAD, Tag.ILL_LIFT)


def stories(rule: Rule) -> list[dict[str, Any]]:
    return [case for name, case in CASES if name == rule.rule_id and case["expect"]]


def judged(case: dict[str, Any], fixes: pl.DataFrame, knowledge: Knowledge) -> Findings:
    return judge_all(arrange(fixes)[0], Ground(registry_of(case.get("town", {}))), knowledge)[0]


def fires(rule: Rule, case: dict[str, Any], fixes: pl.DataFrame, knowledge: Knowledge) -> bool:
    return any(v.rule == rule.rule_id for v in judged(case, fixes, knowledge).violations)


def spoilt(tag: Tag, case: dict[str, Any]) -> tuple[pl.DataFrame, Knowledge]:
    """A story all fixes of which bear a tag, and what is known then."""
    fixes = drive(case)
    plate, terminal = fixes["plate"][0], fixes["terminal"][0]
    key = (plate, terminal)
    if tag == Tag.NOT_FIXED:
        return fixes.with_columns(valid=pl.lit(False)), Knowledge()
    if tag == Tag.OTHER_DEVICE:
        seconds = (fixes["time_ms"][-1] - fixes["time_ms"][0]) // 1000
        own = Drive(plate, terminal, fixes["time_ms"][0]).at(-9_000, 9_000).stand(seconds).fixes()
        return pl.concat([own, fixes.with_columns(terminal=pl.lit("x8"))]), Knowledge()
    if tag == Tag.WRONG_DATUM:
        lon, lat = from_wgs84(fixes["lon"].to_numpy(), fixes["lat"].to_numpy(), "gcj02")
        told = fixes["terminal"] == terminal
        wrong = fixes.with_columns(
            lon=pl.when(told).then(pl.Series(lon)).otherwise("lon"),
            lat=pl.when(told).then(pl.Series(lat)).otherwise("lat"),
        )
        return wrong, Knowledge(datums={key: "gcj02"})
    if tag == Tag.CLOCK_DOUBTED:
        return fixes, Knowledge(fleet=Fleet(mixed_clocks_ms={key: 0}))
    return fixes, Knowledge(ill_sensors={key: frozenset({tag.word.removeprefix("ill_")})})


@pytest.mark.parametrize("tag", WHOLE, ids=lambda tag: tag.word)
@pytest.mark.parametrize("rule", EVERY)
def test_a_story_told_by_tagged_fixes_fires_where_the_rule_accepts_the_tag(rule: Rule, tag: Tag) -> None:
    if (rule.rule_id, tag) == ("signal_loss", Tag.NOT_FIXED):
        invalid = [case for case in stories(rule) if any(step.startswith("invalid") for step in case["steps"])]
        assert invalid and tag in rule.accepts  # fixes without a position make up the silence; test_cases tells it
        return
    told = [fires(rule, case, *spoilt(tag, case)) for case in stories(rule)]
    assert any(told) if tag in rule.accepts else not any(told)


@pytest.mark.parametrize("rule", [rule for rule in RULES if Tag.JUMP not in rule.accepts], ids=lambda r: r.rule_id)
def test_single_jumps_change_nothing(rule: Rule) -> None:
    case = stories(rule)[0]
    fixes, _ = arrange(drive(case))
    thrown = fixes[5:-5:23].with_columns(time_ms=pl.col("time_ms") + 1_500, lat=pl.col("lat") + 0.09)
    found = judged(case, pl.concat([fixes, thrown]), Knowledge())
    jumps = [m for m in found.marks if m.tag == Tag.JUMP]
    assert {m.start_ms for m in jumps} == set(thrown["time_ms"]) and all(m.fixes == 1 for m in jumps)
    assert found.violations == judged(case, fixes, Knowledge()).violations != []


def of_rule(found: Findings, rule: Rule) -> list[Violation]:
    return [v for v in found.violations if v.rule == rule.rule_id]


@pytest.mark.parametrize("rule", EVERY)
def test_frozen_positions_are_evidence_of_signal_loss_and_clones_alone(rule: Rule) -> None:
    """The violation's fixes are told from one place, which the truck then cannot have left as it did."""
    if Tag.FROZEN in rule.accepts:
        return
    for case in stories(rule):
        fixes, _ = arrange(drive(case))
        first = of_rule(judged(case, fixes, Knowledge()), rule)[0]
        begin, end = first.start_ms - 20_000, first.end_ms + 20_000
        held = fixes["time_ms"].is_between(begin, end)
        far = {name: pl.when(held).then(pl.col(name).filter(held).first()).otherwise(name) for name in ("lon", "lat")}
        stuck = fixes.with_columns(**far, speed_kmh=pl.when(held).then(0.0).otherwise("speed_kmh").cast(pl.Float32))
        found = judged(case, stuck, Knowledge())
        spans = [(m.start_ms, m.end_ms) for m in found.marks if m.tag == Tag.FROZEN]
        inside = [v for v in of_rule(found, rule) for a, b in spans if a < v.start_ms < v.end_ms < b]
        assert not inside  # an instant says that a load was there, which its sensor tells, but no way and no place


def test_a_speed_told_from_one_place_is_no_overspeed() -> None:
    rule = next(r for r in RULES if r.rule_id == "overspeed")
    case = stories(rule)[0]
    fixes, _ = arrange(drive(case))
    (first, *_) = of_rule(judged(case, fixes, Knowledge()), rule)
    held = fixes["time_ms"].is_between(first.start_ms - 10_000, first.end_ms)
    far = {name: pl.when(held).then(pl.col(name).filter(held).first()).otherwise(name) for name in ("lon", "lat")}
    found = judged(case, fixes.with_columns(**far), Knowledge())
    assert not of_rule(found, rule)
    refuted = sum(m.fixes for m in found.marks if m.tag == Tag.SPEED_REFUTED)
    assert 0 < held.sum() - refuted <= 1, "all but the first, which may have been driven to"


def test_a_reflection_is_excused_and_marked() -> None:
    name = "a reflection that shifts the truck by 100 m for 80 seconds stays silent"
    (case,) = (case for rule, case in CASES if rule == "off_route" and case["name"] == name)
    found = judged(case, drive(case), Knowledge())
    (mark,) = (m for m in found.marks if m.tag == Tag.REFLECTED)
    assert (mark.plate, mark.terminal, mark.fixes) == ("苏A00001", "t1", 8)
    assert 60_000 <= mark.end_ms - mark.start_ms <= 90_000
    other = [f"{step}" for step in case["steps"]]
    open_all_the_way = {**case, "steps": ["cover open", *other]}
    assert any(v.rule == "uncovered_load" for v in judged(case, drive(open_all_the_way), Knowledge()).violations)


def test_every_tag_is_explained_and_accepted_by_somebody_or_nobody_on_purpose() -> None:
    assert list(MEANING) == list(Tag)
    assert tags_in(Tag.JUMP | Tag.FROZEN) == [Tag.JUMP, Tag.FROZEN] and Tag.JUMP.word == "jump"
    for rule in RULES:
        assert Tag.NOT_FIXED not in rule.accepts or rule.rule_id == "signal_loss"
        assert Tag.CLOCK_DOUBTED not in rule.accepts or "day_hours" not in rule.policy_keys


def test_marks_of_a_terminal_are_summed_in_its_health() -> None:
    marks = [Mark("苏A1", "t", Tag.JUMP, ms, ms, 1) for ms in (50, 20, 90)] + [Mark("苏A2", "t", Tag.FROZEN, 1, 5, 7)]
    assert summed(marks) == [Mark("苏A1", "t", Tag.JUMP, 20, 90, 3), Mark("苏A2", "t", Tag.FROZEN, 1, 5, 7)]
    (one,) = with_marks([TerminalHealth("苏A1", "t", 0, 99, 9, 1.0, "wgs84")], marks)
    assert one.tags == {"jump": {"fixes": 3, "first_ms": 20, "last_ms": 90}}


def test_a_terminal_counts_its_own_fixes_without_a_position_and_with_an_ill_sensor() -> None:
    fixes, _ = arrange(Drive().sensors(None, True).go(6000, 0).go(0, 0).fixes())
    lost = np.arange(fixes.height) % 10 == 3
    fixes = fixes.with_columns(valid=pl.Series(~lost))
    _, (one,) = learn(fixes, Ground(registry_of({})))
    first, last = fixes["time_ms"][0], fixes["time_ms"][-1]
    assert one.tags["ill_lift"] == {"fixes": fixes.height, "first_ms": first, "last_ms": last}
    assert one.tags["not_fixed"]["fixes"] == lost.sum() and one.tags["not_fixed"]["first_ms"] > first


def test_a_day_is_marked_by_what_was_learnt_of_the_week() -> None:
    fixes, _ = arrange(Drive().sensors(None, True).go(6000, 0).go(0, 0).fixes())
    knowledge, (one,) = learn(fixes, Ground(registry_of({})))
    assert with_marks([one], marks_known(fixes, knowledge)) == [one]
    few = fixes[:4]
    assert "ill_lift" not in learn(few, Ground(registry_of({})))[1][0].tags, "too few to tell by themselves"
    assert [(m.tag, m.fixes) for m in marks_known(few, knowledge)] == [(Tag.ILL_LIFT, 4)]
