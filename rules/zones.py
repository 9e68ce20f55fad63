"""Passages through zones, for the rules that forbid them."""

from __future__ import annotations

from rules.ground import Ground
from rules.intervals import Span, intersect, total_ms, union
from rules.rule import Breach, EvidenceField, Outing
from rules.stays import clipped
from rules.stretches import Stretch

ZONE_EVIDENCE = (
    EvidenceField("inside_s", "s", "driving inside during the hours"),
    EvidenceField("distance_m", "m", "ground covered inside, between first and last fix"),
    EvidenceField("top_speed_kmh", "km/h", "fastest fix inside"),
    EvidenceField("fixes_inside", "fixes", "fixes inside"),
    EvidenceField("zone_id", "zone_id", "the zone"),
    EvidenceField("zone_hours", "local HH:MM", "its hours"),
)
LEAST_FIXES = 2  # a lone fix inside may be noise, however long the legs that lead to it and away
SURE_FIXES, SURE_MS = 3, 90_000  # so many fixes for so long leave no doubt that the truck was inside


def passages(outing: Outing, kind: str, ground: Ground) -> list[Breach]:
    """Driving in zones of a kind during their hours; stretches in one zone less than five minutes apart are one."""
    found: list[Breach] = []
    for k in sorted({k for row in outing.rows["zone"] for k in row.key}):
        if ground.registry.zones[k].kind == kind:
            found += _through(outing, k, ground)
    return found


def _through(outing: Outing, k: int, ground: Ground) -> list[Breach]:
    zone, policy = ground.registry.zones[k], ground.policy
    within = [
        (row, start, end)
        for row, start, end in clipped(outing.rows["zone"], outing.start_ms, outing.end_ms)
        if k in row.key
    ]
    in_hours: list[Span] = []
    for _, start, end in within:
        start, end = max(start, zone.validity.from_ms), min(end, zone.validity.to_ms)
        in_hours += zone.hours.between(start, end, ground.registry.zone)
    driven = intersect(union(in_hours), list(outing.drives))
    breaches = []
    for start, end in union(driven, policy.zone_merge_s * 1000):
        inside_ms = total_ms(intersect(driven, [(start, end)]))
        if inside_ms < policy.zone_min_s * 1000:
            continue
        rows: list[Stretch] = [r for r, a, b in within if b > start and a < end]
        fixes = sum(r.n for r in rows)
        if fixes < LEAST_FIXES:
            continue
        x, y = rows[0].mean_m
        evidence = {
            "inside_s": inside_ms // 1000,
            "distance_m": sum(r.length_mm for r in rows) // 1000,
            "top_speed_kmh": round(max(r.top_kmh for r in rows), 1),
            "fixes_inside": fixes,
            "zone_id": zone.zone_id,
            "zone_hours": str(zone.hours),
        }
        sure = round(0.85 + 0.13 * min(1.0, fixes / SURE_FIXES) * min(1.0, inside_ms / SURE_MS), 3)
        breaches.append(Breach(start, end, x, y, sure, evidence))
    return breaches
