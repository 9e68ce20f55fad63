"""Evidence grades: A two independent signs, B one, C the pattern of driving alone.

The track itself is one sign: where the truck was, and when. That it was laden is another question, and so the grade of
what asks for a load is that of how the load is known.
"""

from __future__ import annotations

from rules.hauls import Haul

ON_TRACK = "B"  # what only the track tells, and nothing has to be inferred
SENSORS = frozenset({"load", "lift"})


def grade_of(haul: Haul) -> str:
    """The grade of whatever was done on a laden leg."""
    left = haul.unloading
    sensed = haul.loading.by != "visit", bool(left and SENSORS.intersection(left.signs))
    if all(sensed):
        return "A"
    seen = left is not None and left.signs[0] not in ("turned_back", "silence")
    return "B" if any(sensed) or seen else "C"
