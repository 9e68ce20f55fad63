"""Confidence after calibration: in order, within bounds, and what the fit asks for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.calibrate import PRIOR, WEIGHT, raw, shift_of
from rules.calibration import LEAST, SHIFT, SUREST, calibrated
from rules.catalog import RULE_IDS

KEYS = st.tuples(st.sampled_from(RULE_IDS), st.sampled_from("ABC"))


@given(KEYS, st.floats(0, 1), st.floats(0, 1))
def test_the_order_stays(key: tuple[str, str], p: float, q: float) -> None:
    low, high = calibrated(*key, min(p, q)), calibrated(*key, max(p, q))
    assert 0 < low <= high <= SUREST


@given(KEYS, st.floats(LEAST, 0.95))
def test_what_a_rule_had_said_is_found_again(key: tuple[str, str], p: float) -> None:
    told = calibrated(*key, p)
    assert calibrated(*key, raw(*key, told)) == pytest.approx(told, abs=2e-4)


def test_the_shift_makes_the_mean_what_came_true() -> None:
    told = [(0.9, k % 4 > 0) for k in range(1000)]
    share = (750 + WEIGHT * PRIOR["B"]) / (1000 + WEIGHT)
    odds = 9 * 2.718281828 ** shift_of(told, "B")
    assert odds / (1 + odds) == pytest.approx(share, abs=0.003)
    assert shift_of([(0.9, True)] * 3, "C") < shift_of([(0.9, True)] * 300, "C"), "few cases are held against the prior"


def test_every_rule_is_calibrated() -> None:
    assert {rule for rule, _ in SHIFT} == set(RULE_IDS)
