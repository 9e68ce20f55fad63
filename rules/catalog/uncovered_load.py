"""A laden truck drives with its body open.

Believed only of a cover sensor that also closes. At the site where the load is left the body may be opened. Cannot see:
trucks without a cover sensor.

Source: 城市建筑垃圾管理规定 (Ministry of Construction Order 139, 2005), article 14: haul sealed, let nothing fall.
"""

from __future__ import annotations

from rules.ground import NOWHERE, Ground
from rules.hauls import VISIT_GAP_MS, Haul
from rules.intervals import Span, intersect, total_ms, union
from rules.rule import Breach, EvidenceField, Rule
from rules.stays import clipped, drives_of, site_visits
from rules.stretches import Rows
from rules.tags import MENDED, Tag


def judge(haul: Haul, rows: Rows, ground: Ground) -> list[Breach]:
    """One breach a merged stretch of laden driving with the body open."""
    policy = ground.policy
    open_rows = clipped(rows["cover"], haul.left_ms, haul.end_ms, key=0)
    if open_rows:
        arrived = _arrived(haul, rows)
        open_rows = [part for part in open_rows if not any(a <= part[0].start_ms <= b for a, b in arrived)]
    if not open_rows:
        return []
    motion = [r for r in rows["motion"] if r.end_ms >= haul.left_ms and r.start_ms <= haul.end_ms]
    drives = drives_of(motion, policy.halt_max_s * 1000, policy.silence_min_s * 1000, list(haul.stays))
    bare: list[Span] = intersect(union((start, end) for _, start, end in open_rows), drives)
    breaches = []
    for start, end in union(bare, policy.merge_s * 1000):
        open_ms = total_ms(intersect(bare, [(start, end)]))
        part = [r for r, a, b in open_rows if b > start and a < end]
        fixes = sum(r.n for r in part)
        if open_ms < policy.uncovered_min_s * 1000 or fixes < 2:
            continue
        x, y = part[0].mean_m
        evidence = {
            "open_s": open_ms // 1000,
            "fixes_open": fixes,
            "top_speed_kmh": round(max(r.top_kmh for r in part), 1),
            "loaded_by": haul.loading.by,
        }
        permit_no = haul.permits[0][1].permit.permit_no if haul.permits else None
        sure = round(0.85 + 0.13 * min(1.0, open_ms / 300_000), 3)
        breaches.append(Breach(start, end, x, y, sure, evidence, permit_no))
    return breaches


def _arrived(haul: Haul, rows: Rows) -> list[Span]:
    """When the truck was at the site where it left its load: who opens the body only there is about to leave it."""
    left = haul.unloading
    if left is None or left.site == NOWHERE:
        return []
    return [(v.start_ms, v.end_ms) for v in site_visits(rows["site"], VISIT_GAP_MS) if v.key == left.site]


RULE = Rule(
    rule_id="uncovered_load",
    title_en="Laden driving with the body open",
    title_zh="重车未密闭",
    legal_basis="建设部令第139号《城市建筑垃圾管理规定》第十四条",
    version=1,
    policy_keys=("uncovered_min_s", "halt_max_s", "merge_s", "silence_min_s"),
    evidence=(
        EvidenceField("open_s", "s", "laden driving with the body open"),
        EvidenceField("fixes_open", "fixes", "fixes that say so"),
        EvidenceField("top_speed_kmh", "km/h", "fastest of them"),
        EvidenceField("loaded_by", "", "what told of the load: `load` or `visit`"),
    ),
    accepts=MENDED | Tag.CLOCK_DOUBTED | Tag.REFLECTED | Tag.SPEED_REFUTED,
    on_haul=judge,
    cannot_see="trucks without a cover sensor",
)
