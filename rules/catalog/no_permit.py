"""A truck hauls a load from a site for which it has no permit in force, or from a place that is not in the registry.

The permit counts that was in force when the truck left the loading place. Cannot see: a load taken on off every
registered site by a truck without a load sensor.

Source: 城市建筑垃圾管理规定 (Ministry of Construction Order 139, 2005), articles 7 and 13.
"""

from __future__ import annotations

from rules.ground import NOWHERE, Ground
from rules.hauls import Haul
from rules.rule import Breach, EvidenceField, Rule
from rules.stretches import Rows
from rules.tags import MENDED, Tag


def judge(haul: Haul, rows: Rows, ground: Ground) -> list[Breach]:
    """One breach a haul without permit: the laden leg."""
    if haul.permits or haul.unloading is None:
        return []
    if haul.loading.site == NOWHERE and haul.loading.by != "load":
        return []
    origin = ground.site(haul.loading.site)
    first = next(r for r in rows["motion"] if r.end_ms >= haul.left_ms)
    others = [p.permit.permit_no for p in ground.permits_of(haul.plate)]
    evidence = {
        "duration_s": (haul.end_ms - haul.left_ms) // 1000,
        "distance_m": haul.distance_m,
        "origin_site": origin.site_id if origin else None,
        "loaded_by": haul.loading.by,
        "unloaded_by": list(haul.unloading.signs),
        "permits_of_truck": others,
    }
    sure = haul.unloading.confidence if haul.loading.by == "visit" else 0.97
    x, y = first.x0_dm / 10, first.y0_dm / 10
    return [
        Breach(haul.left_ms, haul.end_ms, x, y, round(sure, 2), evidence, site_id=origin.site_id if origin else None)
    ]


RULE = Rule(
    rule_id="no_permit",
    title_en="Laden haul without a permit in force",
    title_zh="无处置核准运输",
    legal_basis="建设部令第139号《城市建筑垃圾管理规定》第七条、第十三条",
    version=1,
    policy_keys=("load_stay_min_s", "site_margin_m"),
    evidence=(
        EvidenceField("duration_s", "s", "length of the laden leg"),
        EvidenceField("distance_m", "m", "ground covered laden"),
        EvidenceField("origin_site", "site_id", "where it loaded; null is a place that is not in the registry"),
        EvidenceField("loaded_by", "", "what told of the load: `load` (sensor) or `visit` (stay inside the site)"),
        EvidenceField("unloaded_by", "", "what told of leaving it: `load`, `lift`, `visit`, `turned_back`"),
        EvidenceField("permits_of_truck", "permit_no", "every permit of the truck, whatever its origin and validity"),
    ),
    # of a frozen fix the place is no evidence, but its load sensor's word is
    accepts=MENDED | Tag.ILL_COVER | Tag.CLOCK_DOUBTED | Tag.FROZEN | Tag.REFLECTED | Tag.SPEED_REFUTED,
    on_haul=judge,
    cannot_see="a load taken on off every registered site by a truck without a load sensor",
)
