"""How clear a case is: how far its figures lie beyond the thresholds they had to pass, 0 (just) to 1 (well beyond).

A figure at its threshold may lie on either side of it by noise alone; one at a multiple of it cannot. Of several
figures the least clear one counts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rules.policy import Policy


@dataclass(frozen=True)
class Figure:
    """A figure of the evidence, where doubt begins (a policy key or a number), and the multiple at which it ends."""

    name: str
    least: str | float
    clear_at: float

    def clear(self, evidence: Mapping[str, Any], policy: Policy) -> float:
        """0 at the threshold or below, 1 from the multiple on; 1 where the figure is not asked for."""
        value = evidence.get(self.name)
        least = float(getattr(policy, self.least)) if isinstance(self.least, str) else self.least
        if value is None or least <= 0:
            return 1.0
        return min(1.0, max(0.0, (float(value) / least - 1) / (self.clear_at - 1)))


#: The figures of each rule that can be near their thresholds. The other rules ask a question of yes or no.
FIGURES: Mapping[str, tuple[Figure, ...]] = {
    "unauthorised_dumping": (Figure("standing_s", "dump_stand_min_s", 2.5), Figure("fixes_standing", 1, 4)),
    "wrong_destination": (Figure("duration_s", 60, 3), Figure("fixes_standing", 1, 4)),
    "off_route": (
        Figure("outside_s", "off_route_min_s", 2.5),
        Figure("distance_m", "off_route_min_m", 3),
        Figure("max_deviation_m", "corridor_m", 2.5),
        Figure("fixes_outside", 1, 4),
    ),
    "outside_hours": (Figure("driving_s", "driving_min_s", 1.5),),
    "daytime_not_whitelisted": (Figure("driving_s", "driving_min_s", 1.5),),
    "quiet_zone": (Figure("inside_s", "zone_min_s", 2), Figure("fixes_inside", 1, 4)),
    "no_entry": (Figure("inside_s", "zone_min_s", 2), Figure("fixes_inside", 1, 4)),
    "overspeed": (Figure("above_s", "overspeed_min_s", 2), Figure("fixes_above", 1, 4)),
    "uncovered_load": (Figure("open_s", "uncovered_min_s", 2), Figure("fixes_open", 1, 5)),
    "signal_loss": (Figure("silent_s", "silence_min_s", 1.2),),
    "cloned_plate": (Figure("duration_s", "clone_min_s", 3), Figure("fixes_apart", "clone_min_fixes", 4)),
}


def clearness(rule_id: str, evidence: Mapping[str, Any], policy: Policy) -> float:
    """The least clear of a violation's figures, 0 to 1."""
    return min((figure.clear(evidence, policy) for figure in FIGURES.get(rule_id, ())), default=1.0)
