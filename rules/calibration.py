"""Confidence that means something: of violations told with p, about p are true.

A rule's function says how sure it is by its figures alone. Here its log-odds are shifted, by rule and evidence grade,
to what came true on labelled weeks of invented cities (`python -m bench.calibrate`); docs/accuracy.md shows how well
that holds on others. The order within a rule and grade stays as the function said.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import exp, log

SUREST = 0.998  # nothing seen so far allows more
LEAST = 0.02
OTHERWISE = 0.0  # of a rule and grade that no labelled week held

#: Log-odds to add, by rule and grade.
SHIFT: Mapping[tuple[str, str], float] = {
    ("cloned_plate", "B"): 1.57,
    ("daytime_not_whitelisted", "B"): 1.82,
    ("no_entry", "B"): 1.81,
    ("no_permit", "A"): 1.82,
    ("no_permit", "B"): 2.07,
    ("no_permit", "C"): 1.12,
    ("off_route", "A"): 1.54,
    ("off_route", "B"): 1.54,
    ("off_route", "C"): 1.54,
    ("outside_hours", "A"): 2.02,
    ("outside_hours", "B"): 2.02,
    ("outside_hours", "C"): 2.02,
    ("overspeed", "B"): 2.18,
    ("quiet_zone", "B"): 2.18,
    ("signal_loss", "A"): 1.64,
    ("signal_loss", "B"): 1.64,
    ("signal_loss", "C"): 1.09,
    ("unauthorised_dumping", "A"): 1.92,
    ("unauthorised_dumping", "B"): 2.5,
    ("unauthorised_dumping", "C"): 1.91,
    ("uncovered_load", "A"): 1.41,
    ("uncovered_load", "B"): 1.41,
    ("uncovered_load", "C"): 0.48,
    ("wrong_destination", "A"): 1.98,
    ("wrong_destination", "B"): 1.98,
    ("wrong_destination", "C"): 1.6,
}


def calibrated(rule_id: str, grade: str, told: float) -> float:
    """The confidence to publish, four decimals."""
    inside = min(max(told, LEAST), 0.999)
    shifted = log(inside / (1 - inside)) + SHIFT.get((rule_id, grade), OTHERWISE)
    return round(min(SUREST, 1 / (1 + exp(-shifted))), 4)
