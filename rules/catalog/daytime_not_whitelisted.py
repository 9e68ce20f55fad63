"""A truck drives by day without a whitelist entry in force at that time, laden or not.

The whitelist's hours rule the day. A halt shorter than five minutes belongs to the driving. Cannot see: driving within
a silence.

Source: the city's notice that opens daytime haulage to new-type trucks with active-safety systems, by whitelist.
"""

from __future__ import annotations

from rules.ground import Ground
from rules.intervals import intersect, subtract, total_ms, union
from rules.rule import Breach, EvidenceField, Outing, Rule
from rules.stays import travelled_m
from rules.tags import MENDED, Tag


def judge(outing: Outing, ground: Ground) -> list[Breach]:
    """One breach a merged stretch of driving by day that no whitelist entry covers."""
    policy, zone = ground.policy, ground.registry.zone
    day = policy.day.between(outing.start_ms, outing.end_ms, zone)
    if not day:
        return []
    entries = ground.registry.whitelist_of.get(outing.plate, ())
    leave = union(
        part
        for e in entries
        for part in e.hours.between(
            max(outing.start_ms, e.validity.from_ms), min(outing.end_ms, e.validity.to_ms), zone
        )
    )
    closed = subtract(day, leave)
    bare = intersect(outing.drives, closed) if closed else []
    if not bare:
        return []
    vehicle = ground.registry.vehicle.get(outing.plate)
    breaches = []
    for start, end in union(bare, policy.merge_s * 1000):
        driven_ms = total_ms(intersect(bare, [(start, end)]))
        if driven_ms < policy.driving_min_s * 1000:
            continue
        rows = [r for r in outing.rows["motion"] if r.end_ms >= start and r.start_ms <= end]
        evidence = {
            "driving_s": driven_ms // 1000,
            "distance_m": travelled_m(rows, start, end),
            "top_speed_kmh": round(max(r.top_kmh for r in rows), 1),
            "day_hours": policy.day_hours,
            "vehicle_kind": vehicle.kind if vehicle else None,
            "whitelist_entries": [
                {"document": e.document, "hours": str(e.hours), "in_force": e.validity.holds(start)} for e in entries
            ],
        }
        breaches.append(Breach(start, end, rows[0].x0_dm / 10, rows[0].y0_dm / 10, 0.97, evidence))
    return breaches


RULE = Rule(
    rule_id="daytime_not_whitelisted",
    title_en="Driving by day without being whitelisted",
    title_zh="日间无白名单通行",
    legal_basis="本市新型渣土车日间运输白名单管理规定",
    version=1,
    policy_keys=("driving_min_s", "halt_max_s", "merge_s", "day_hours", "silence_min_s"),
    evidence=(
        EvidenceField("driving_s", "s", "driving by day that no entry covers"),
        EvidenceField("distance_m", "m", "ground covered"),
        EvidenceField("top_speed_kmh", "km/h", "fastest fix"),
        EvidenceField("day_hours", "local HH:MM", "what counts as day"),
        EvidenceField("vehicle_kind", "", "`new_type`, `ordinary`, or null when not registered"),
        EvidenceField("whitelist_entries", "", "every entry of the truck, and whether it was in force"),
    ),
    accepts=MENDED | Tag.ILL_COVER | Tag.REFLECTED | Tag.SPEED_REFUTED,
    on_outing=judge,
    cannot_see="driving within a silence",
)
