"""Confidence that means something: of violations told with p, about p are true.

A rule's function says how sure it is by its figures alone. Here its log-odds are shifted, by rule and evidence grade,
and lowered where the figures lie near their thresholds (`rules.margin`), to what came true on labelled weeks of
invented cities (`python -m bench.calibrate`); docs/accuracy.md shows how well that holds on others. Of two cases
equally clear the order within a rule and grade stays as the function said.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import exp, log

SUREST = 0.998  # nothing seen so far allows more
LEAST = 0.02
DOUBT = 3.6  # log-odds to take from a case that just passes its thresholds; less, by the square, from clearer ones
OTHERWISE = 0.0  # of a rule and grade that no labelled week held

#: Log-odds to add, by rule and grade; grades A and B alike where too few were false to tell them apart.
SHIFT: Mapping[tuple[str, str], float] = {
    ("cloned_plate", "B"): 1.83,
    ("daytime_not_whitelisted", "B"): 2.75,
    ("no_entry", "B"): 2.37,
    ("no_permit", "A"): 1.4,
    ("no_permit", "B"): 1.4,
    ("no_permit", "C"): 1.12,
    ("off_route", "A"): 1.54,
    ("off_route", "B"): 1.54,
    ("off_route", "C"): -0.08,
    ("outside_hours", "A"): 2.28,
    ("outside_hours", "B"): 2.55,
    ("outside_hours", "C"): 2.02,
    ("overspeed", "B"): 2.47,
    ("quiet_zone", "B"): 2.71,
    ("signal_loss", "A"): 2.24,
    ("signal_loss", "B"): 1.78,
    ("signal_loss", "C"): 0.37,
    ("unauthorised_dumping", "A"): 2.03,
    ("unauthorised_dumping", "B"): 2.53,
    ("unauthorised_dumping", "C"): 2.27,
    ("uncovered_load", "A"): 1.94,
    ("uncovered_load", "B"): 0.29,
    ("uncovered_load", "C"): 0.48,
    ("wrong_destination", "A"): 1.4,
    ("wrong_destination", "B"): 1.4,
    ("wrong_destination", "C"): 1.6,
}


def calibrated(rule_id: str, grade: str, told: float, clear: float = 1.0) -> float:
    """The confidence to publish, four decimals; `clear` is 0 to 1, see `rules.margin.clearness`."""
    inside = min(max(told, LEAST), 0.999)
    shifted = log(inside / (1 - inside)) + SHIFT.get((rule_id, grade), OTHERWISE) - DOUBT * (1 - clear) ** 2
    return round(min(SUREST, 1 / (1 + exp(-shifted))), 4)
