"""A load is left at an authorised site that is in force but that the permit does not name.

Cannot see: where trucks without sensors merely stop inside another site and leave still laden.

Source: 城市建筑垃圾管理规定 (Ministry of Construction Order 139, 2005), article 14: haul to the place approved.
"""

from __future__ import annotations

from rules.ground import Ground
from rules.hauls import VISIT_GAP_MS, Haul, site_at
from rules.rule import Breach, EvidenceField, Rule
from rules.stays import Stay
from rules.stretches import Rows
from rules.tags import MENDED, Tag


def judge(haul: Haul, rows: Rows, ground: Ground) -> list[Breach]:
    """One breach a haul that ends at a site which takes muck but is none of the permit's."""
    left = haul.unloading
    site = ground.site(left.site) if left else None
    if not haul.permits or left is None or left.stay is None or left.in_silence or site is None:
        return []
    named = [s for _, p in haul.permits for s in p.permit.disposal_sites]
    if not site.takes_muck or not site.validity.holds(left.at_ms) or site.site_id in named:
        return []
    end_ms = _stayed_until_ms(left.stay, left.site, haul, rows)
    evidence = {
        "duration_s": (end_ms - left.stay.start_ms) // 1000,
        "site_id": site.site_id,
        "permitted_sites": sorted(set(named)),
        "unloaded_by": list(left.signs),
        "fixes_standing": left.stay.n,
    }
    permit_no = haul.permits[0][1].permit.permit_no
    return [
        Breach(
            left.stay.start_ms,
            end_ms,
            left.stay.x_m,
            left.stay.y_m,
            left.confidence,
            evidence,
            permit_no,
            site.site_id,
        )
    ]


def _stayed_until_ms(stay: Stay, site: int, haul: Haul, rows: Rows) -> int:
    """The end of the stay at the site: a rest there after the unloading belongs to it."""
    end_ms = stay.end_ms
    for later in haul.stays:
        if later.start_ms >= stay.end_ms and later.start_ms - end_ms < VISIT_GAP_MS and not later.silence:
            if site_at(rows, later, later.start_ms) != site:
                break
            end_ms = later.end_ms
    return end_ms


RULE = Rule(
    rule_id="wrong_destination",
    title_en="Load left at a site that the permit does not name",
    title_zh="未运往核准消纳场所",
    legal_basis="建设部令第139号《城市建筑垃圾管理规定》第十四条",
    version=1,
    policy_keys=("site_margin_m",),
    evidence=(
        EvidenceField("duration_s", "s", "length of the stay"),
        EvidenceField("site_id", "site_id", "where the load was left"),
        EvidenceField("permitted_sites", "site_id", "what the permits name"),
        EvidenceField("unloaded_by", "", "what told of leaving the load: `load`, `lift`, `visit`"),
        EvidenceField("fixes_standing", "fixes", "standing fixes of the stay"),
    ),
    accepts=MENDED | Tag.ILL_COVER | Tag.CLOCK_DOUBTED | Tag.REFLECTED | Tag.SPEED_REFUTED,
    on_haul=judge,
    cannot_see="a truck without sensors that merely stops inside another site and leaves still laden",
)
