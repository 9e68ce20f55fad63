"""A laden truck drives by night outside its permit's hours, or anybody drives laden during a ban.

A halt shorter than five minutes belongs to the driving. By day the whitelist rules, not the permit. Cannot see: driving
within a silence.

Source: 城市建筑垃圾管理规定 (Ministry of Construction Order 139, 2005), article 14: haul in the hours approved.
"""

from __future__ import annotations

from rules.ground import Ground
from rules.hauls import Haul
from rules.intervals import Span, intersect, subtract, total_ms, union
from rules.rule import Breach, EvidenceField, Rule
from rules.stays import drives_of
from rules.stretches import Rows
from rules.tags import MENDED, Tag


def judge(haul: Haul, rows: Rows, ground: Ground) -> list[Breach]:
    """One breach a merged stretch of laden driving outside the hours."""
    policy, zone = ground.policy, ground.registry.zone
    left = haul.unloading
    sensed_ms = left.sensed_ms if left and left.sensed_ms and left.stay and not left.in_silence else haul.end_ms
    end_ms = max(haul.end_ms, sensed_ms)  # shunting in the queue for the tip is driving with a load
    leg: list[Span] = [(haul.left_ms, end_ms)]
    banning = [b for b in ground.registry.bans if b.start_ms < end_ms and b.end_ms > haul.left_ms]
    bans = intersect(leg, union((b.start_ms, b.end_ms) for b in banning))
    closed: list[Span] = []
    if haul.permits:
        open_hours = union(span for _, p in haul.permits for span in p.permit.hours.between(*leg[0], zone))
        closed = subtract(subtract(leg, policy.day.between(*leg[0], zone)), open_hours)
    if not bans and not closed:
        return []
    motion = [r for r in rows["motion"] if r.end_ms >= haul.left_ms and r.start_ms <= end_ms]
    driving = drives_of(motion, policy.halt_max_s * 1000, policy.silence_min_s * 1000, list(haul.stays))
    banned, beyond = intersect(driving, bans), intersect(driving, closed)
    breaches = []
    parts = union([*banned, *beyond])
    for start, end in union(parts, policy.merge_s * 1000):
        inside = intersect(parts, [(start, end)])
        if total_ms(inside) < policy.driving_min_s * 1000:
            continue
        row = next(r for r in rows["motion"] if r.end_ms >= start)
        evidence = {
            "driving_s": total_ms(inside) // 1000,
            "banned_s": total_ms(intersect(banned, [(start, end)])) // 1000,
            "permitted_hours": sorted({str(p.permit.hours) for _, p in haul.permits}),
            "ban_reasons": [b.reason for b in ground.registry.bans if b.start_ms < end and b.end_ms > start],
            "loaded_by": haul.loading.by,
        }
        sure = haul.unloading.confidence if haul.unloading else 0.7
        permit_no = haul.permits[0][1].permit.permit_no if haul.permits else None
        breaches.append(Breach(start, end, row.x0_dm / 10, row.y0_dm / 10, round(sure, 2), evidence, permit_no))
    return breaches


RULE = Rule(
    rule_id="outside_hours",
    title_en="Laden driving outside the permitted hours or during a ban",
    title_zh="超出核准时段运输",
    legal_basis="建设部令第139号《城市建筑垃圾管理规定》第十四条",
    version=1,
    policy_keys=("driving_min_s", "halt_max_s", "merge_s", "day_hours", "silence_min_s"),
    evidence=(
        EvidenceField("driving_s", "s", "laden driving outside the hours"),
        EvidenceField("banned_s", "s", "of which during a ban"),
        EvidenceField("permitted_hours", "local HH:MM", "hours of the permits in force"),
        EvidenceField("ban_reasons", "", "reasons of the bans touched"),
        EvidenceField("loaded_by", "", "what told of the load: `load` or `visit`"),
    ),
    accepts=MENDED | Tag.ILL_COVER | Tag.REFLECTED | Tag.SPEED_REFUTED,
    on_haul=judge,
    cannot_see="driving within a silence",
)
