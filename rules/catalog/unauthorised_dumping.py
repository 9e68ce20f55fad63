"""A load is left anywhere but at a site that may take muck and is in force then.

With a load or lift sensor the stop is where the sensor spoke; without, it is the stand off every site at which the
truck crept off the road and turned back the way it came, and no delivery followed. A load lost in a silence is
`signal_loss`, not this. Cannot see: a truck without sensors that dumps first and then visits a disposal site for show.

Source: 固体废物污染环境防治法 (2020), article 63; 城市建筑垃圾管理规定 (Ministry of Construction Order 139, 2005),
article 15.
"""

from __future__ import annotations

from rules.ground import NOWHERE, Ground
from rules.hauls import Haul
from rules.rule import Breach, EvidenceField, Rule
from rules.stays import turned_back
from rules.stretches import Rows
from rules.tags import MENDED, Tag


def judge(haul: Haul, rows: Rows, ground: Ground) -> list[Breach]:
    """One breach a load that was seen to be left where no muck may be."""
    left = haul.unloading
    if left is None or left.stay is None or left.in_silence:
        return []
    site = ground.site(left.site)
    if site and site.takes_muck and site.validity.holds(left.at_ms):
        return []
    evidence = {
        "duration_s": (left.stay.end_ms - left.stay.start_ms) // 1000,
        "standing_s": left.stay.still_ms // 1000,
        "site_id": site.site_id if site else None,
        "site_in_force": bool(site and site.validity.holds(left.at_ms)),
        "unloaded_by": list(left.signs),
        "turned_back_cos": round(turned_back(left.stay, rows["motion"]), 2),
        "fixes_standing": left.stay.n,
        "grade": "CBA"[len({"load", "lift"}.intersection(left.signs))],
    }
    confidence = left.confidence if left.site == NOWHERE or (site and site.takes_muck) else left.confidence - 0.1
    permit_no = haul.permits[0][1].permit.permit_no if haul.permits else None
    return [
        Breach(
            left.stay.start_ms,
            left.stay.end_ms,
            left.stay.x_m,
            left.stay.y_m,
            round(confidence, 2),
            evidence,
            permit_no,
            site.site_id if site else None,
        )
    ]


RULE = Rule(
    rule_id="unauthorised_dumping",
    title_en="Muck dumped where it may not be",
    title_zh="擅自倾倒渣土",
    legal_basis="《固体废物污染环境防治法》第六十三条、第一百一十一条;建设部令第139号第十五条",
    version=1,
    policy_keys=(
        *("site_margin_m", "load_stay_min_s", "silence_min_s"),
        *("dump_stand_min_s", "dump_stand_long_s", "dump_stand_max_s", "gate_m"),
    ),
    evidence=(
        EvidenceField("duration_s", "s", "length of the stop"),
        EvidenceField("standing_s", "s", "standing alone"),
        EvidenceField("site_id", "site_id", "the site at which it happened, null off every site"),
        EvidenceField("site_in_force", "", "whether that site was in force"),
        EvidenceField("unloaded_by", "", "what told: `load`, `lift`, `visit`, `turned_back`, `gate`, `known_place`"),
        EvidenceField(
            "turned_back_cos", "", "cosine between where the truck came from and went to; 1 is straight back"
        ),
        EvidenceField("fixes_standing", "fixes", "standing fixes of the stop"),
        EvidenceField("grade", "", "A two independent signs, B one, C pattern only"),
    ),
    accepts=MENDED | Tag.ILL_COVER | Tag.CLOCK_DOUBTED | Tag.REFLECTED | Tag.SPEED_REFUTED,
    on_haul=judge,
    cannot_see="a truck without sensors that dumps first and then visits a disposal site for show",
)
