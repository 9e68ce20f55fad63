"""How clear a case is, and that confidence follows it."""

from __future__ import annotations

from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.calibrate import PRIOR_DOUBT, doubt_of
from rules.calibration import calibrated
from rules.catalog import RULES
from rules.margin import FIGURES, clearness
from rules.policy import DEFAULTS, Policy


def test_figures_and_thresholds_are_those_that_exist() -> None:
    keys = {f.name for f in fields(Policy)}
    declared = {rule.rule_id: {f.name for f in rule.evidence} for rule in RULES}
    for rule_id, figures in FIGURES.items():
        for figure in figures:
            assert figure.name in declared[rule_id]
            assert figure.clear_at > 1 and (not isinstance(figure.least, str) or figure.least in keys)


@pytest.mark.parametrize(
    ("inside_s", "fixes", "clear"),
    [(30, 9, 0.0), (45, 9, 0.5), (60, 4, 1.0), (600, 1, 0.0), (600, 2.5, 0.5), (20, 9, 0.0)],
)
def test_the_least_clear_figure_counts(inside_s: float, fixes: float, clear: float) -> None:
    evidence = {"inside_s": inside_s, "fixes_inside": fixes}
    assert clearness("no_entry", evidence, DEFAULTS) == pytest.approx(clear)


def test_a_rule_that_asks_yes_or_no_is_always_clear() -> None:
    assert clearness("no_permit", {}, DEFAULTS) == 1.0


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0.1, 0.95))
def test_the_clearer_the_surer(a: float, b: float, told: float) -> None:
    vague, sharp = sorted((a, b))
    assert calibrated("no_entry", "B", told, vague) <= calibrated("no_entry", "B", told, sharp)


def test_a_case_on_the_threshold_is_far_from_sure() -> None:
    just, well = (calibrated("no_entry", "B", 0.9, clear) for clear in (0.0, 1.0))
    assert just < 0.9 and well > 0.98


def test_the_doubt_follows_what_marginal_cases_came_to() -> None:
    right, wrong = [(0.98, 0.0, True)] * 60, [(0.98, 0.0, False)] * 20
    assert doubt_of(right) < PRIOR_DOUBT < doubt_of(wrong)
