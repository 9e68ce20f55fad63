"""One act is scored once: where several rules flag the same stretch, only the gravest carries points."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from rules.findings import Violation
from rules.policy import Policy


def share_points(violations: Iterable[Violation], policy: Policy) -> list[Violation]:
    """The violations by truck and time, each knowing the graver one of the same act that carries its points."""
    shared: list[Violation] = []
    by_plate: dict[str, list[Violation]] = {}
    for v in violations:
        by_plate.setdefault(v.plate, []).append(v)
    for plate in sorted(by_plate):
        carrying: list[Violation] = []
        judged: list[Violation] = []
        for v in sorted(by_plate[plate], key=lambda v: (-v.points, v.start_ms, v.rule)):
            graver = next((c for c in carrying if _one_act(c, v, policy.same_act_share)), None)
            if graver is None:
                carrying.append(v)
            scored_under = graver.violation_id if graver else ""
            judged.append(
                msgspec.structs.replace(v, scored_under=scored_under) if scored_under != v.scored_under else v
            )
        shared += sorted(judged, key=lambda v: (v.start_ms, v.rule))
    return shared


def _one_act(a: Violation, b: Violation, share: float) -> bool:
    inside_ms = min(a.end_ms, b.end_ms) - max(a.start_ms, b.start_ms)
    shorter_ms = min(a.end_ms - a.start_ms, b.end_ms - b.start_ms)
    return inside_ms >= 0 and inside_ms >= share * shorter_ms
