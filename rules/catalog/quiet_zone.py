"""A truck drives in a quiet zone during the zone's hours.

Halts inside the zone shorter than five minutes belong to the driving. Cannot see: a passage between two fixes, or wholly
within a silence.

Source: 噪声污染防治法 (2022), chapter 5 (traffic noise); hours and zones are the city's.
"""

from __future__ import annotations

from rules.ground import Ground
from rules.intervals import Span, intersect, total_ms, union
from rules.rule import Breach, EvidenceField, Outing, Rule
from rules.stays import clipped
from rules.stretches import Stretch


def judge(outing: Outing, ground: Ground) -> list[Breach]:
    """One breach a passage through a quiet zone."""
    breaches: list[Breach] = []
    for k in sorted({k for row in outing.rows["zone"] for k in row.key}):
        if ground.registry.zones[k].kind == "quiet":
            breaches += passages(outing, k, ground)
    return breaches


def passages(outing: Outing, k: int, ground: Ground) -> list[Breach]:
    """Driving in zone `k` during its hours, stretches less than five minutes apart as one."""
    zone, policy = ground.registry.zones[k], ground.policy
    rows: list[Stretch] = []
    spans: list[Span] = []
    for row, start, end in clipped(outing.rows["zone"], outing.start_ms, outing.end_ms):
        if k in row.key:
            rows.append(row)
            spans.append((start, end))
    in_hours = [
        s
        for a, b in spans
        for s in zone.hours.between(max(a, zone.validity.from_ms), min(b, zone.validity.to_ms), ground.registry.zone)
    ]
    driven = intersect(union(in_hours), list(outing.drives))
    breaches = []
    for start, end in union(driven, policy.zone_merge_s * 1000):
        inside_ms = total_ms(intersect(driven, [(start, end)]))
        if inside_ms < policy.zone_min_s * 1000:
            continue
        part = [r for r in rows if r.end_ms >= start and r.start_ms <= end] or rows[:1]
        x, y = part[0].mean_m
        evidence = {
            "inside_s": inside_ms // 1000,
            "distance_m": sum(r.length_mm for r in part) // 1000,
            "top_speed_kmh": round(max(r.top_kmh for r in part), 1),
            "fixes_inside": sum(r.n for r in part),
            "zone_id": zone.zone_id,
            "zone_hours": str(zone.hours),
        }
        enough = min(1.0, evidence["fixes_inside"] / 3)
        breaches.append(
            Breach(start, end, x, y, round(0.8 + 0.17 * enough * min(1.0, inside_ms / 90_000), 3), evidence)
        )
    return breaches


RULE = Rule(
    rule_id="quiet_zone",
    title_en="Driving in a quiet zone during its hours",
    title_zh="违规驶入夜间禁噪区",
    legal_basis="《噪声污染防治法》第五章;本市禁噪区划定文件",
    version=1,
    policy_keys=("zone_min_s", "zone_merge_s", "halt_max_s"),
    evidence=(
        EvidenceField("inside_s", "s", "driving inside during the hours"),
        EvidenceField("distance_m", "m", "ground covered inside, between first and last fix"),
        EvidenceField("top_speed_kmh", "km/h", "fastest fix inside"),
        EvidenceField("fixes_inside", "fixes", "fixes inside"),
        EvidenceField("zone_id", "zone_id", "the zone"),
        EvidenceField("zone_hours", "local HH:MM", "its hours"),
    ),
    on_outing=judge,
    cannot_see="a passage between two fixes, or wholly within a silence",
)
