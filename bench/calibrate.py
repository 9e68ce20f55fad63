"""Fits confidences to what came true: `python -m bench.calibrate` prints the table of rules/calibration.py.

Cities of the generator that the accuracy page never sees; their truth says which violations were right. Of each rule
and evidence grade the log-odds that its function told are shifted until their mean is the share that came true, drawn
towards a prior where few were seen. What a case that just passes its thresholds loses is fitted over all rules.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections import defaultdict
from collections.abc import Sequence
from math import exp, log

from bench.trials import Trial, judge, make
from bench.verdicts import hold
from rules.calibration import SUREST, calibrated
from rules.margin import clearness
from sample_tracks.fleet import Knobs

FIRST_SEED = 7_400
CLEAR = 0.5  # clearer cases tell how sure a rule is; the others tell of the doubt about marginal ones
#: What is held of a rule before anything was seen, by grade, and how many violations that weighs.
PRIOR = {"A": 0.98, "B": 0.98, "C": 0.93}
WEIGHT = 20.0

#: What is held of the doubt about marginal cases before any was seen, in log-odds, and how firmly.
PRIOR_DOUBT, DOUBT_SPREAD = 4.0, 1.0

Told = list[tuple[float, bool]]


def odds(p: float) -> float:
    """Log-odds of a probability."""
    return log(p / (1 - p))


def shift_of(told: Sequence[tuple[float, bool]], grade: str) -> float:
    """How far the log-odds of some confidences must be moved so that their mean is what came true."""
    share = (sum(right for _, right in told) + WEIGHT * PRIOR[grade]) / (len(told) + WEIGHT)
    share = min(share, SUREST)
    low, high = -6.0, 6.0
    for _ in range(60):
        middle = (low + high) / 2
        mean = sum(1 / (1 + exp(-(odds(min(p, 0.999)) + middle))) for p, _ in told) / len(told)
        low, high = (middle, high) if mean < share else (low, middle)
    return round((low + high) / 2, 2)


def doubt_of(told: Sequence[tuple[float, float, bool]]) -> float:
    """The doubt about marginal cases that fits best: of (confidence of a clear case, clearness, outcome)."""

    def fit(doubt: float) -> float:
        total = -((doubt - PRIOR_DOUBT) ** 2) / (2 * DOUBT_SPREAD**2)
        for p, clear, right in told:
            told_odds = odds(min(max(p, 0.001), SUREST)) - doubt * (1 - clear) ** 2
            total -= log(1 + exp(-told_odds if right else told_odds))
        return total

    return max((k / 10 for k in range(81)), key=fit)


def raw(rule: str, grade: str, confidence: float, clear: float = 1.0) -> float:
    """What a rule's function had said before it was calibrated."""
    low, high = 0.0, 1.0
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (middle, high) if calibrated(rule, grade, middle, clear) < confidence else (low, middle)
    return high


def main(argv: list[str] | None = None) -> int:
    """The command line."""
    p = argparse.ArgumentParser(prog="python -m bench.calibrate", description=(__doc__ or "").splitlines()[0])
    p.add_argument("--cities", type=int, default=12)
    p.add_argument("--trucks", type=int, default=24)
    a = p.parse_args(argv)
    os.environ.setdefault("POLARS_MAX_THREADS", "1")
    told: dict[tuple[str, str], Told] = defaultdict(list)
    margins: list[tuple[float, float, bool]] = []
    for k in range(a.cities):
        noise, outfit, interval_s = (
            ("urban", "harsh")[k % 2],
            (None, "none", "full")[k % 3],
            (None, 30, 15, 60)[k % 4],
        )
        made = make(Trial(FIRST_SEED + k, FIRST_SEED + k, Knobs(a.trucks, interval_s, outfit=outfit, noise=noise)))
        found = judge(made).violations
        for violation, claim in zip(found, hold(found, made.truth).claims, strict=True):
            key = violation.rule, str(violation.evidence["grade"])
            if claim.right is not None:
                clear = clearness(violation.rule, violation.evidence, made.registry.policy)
                said = raw(*key, violation.confidence, clear)
                margins.append((calibrated(*key, said), clear, claim.right))
                if clear >= CLEAR:
                    told[key].append((said, claim.right))
        print(f"{k + 1}/{a.cities}", file=sys.stderr, flush=True)
    for key, pairs in sorted(told.items()):
        print(f"    {key}: {shift_of(pairs, key[1])},  # {sum(right for _, right in pairs)} of {len(pairs)}")
    print(f"DOUBT = {doubt_of(margins)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
