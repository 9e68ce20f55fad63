"""A laden truck is silent, or stuck at one position, and is next seen far away or without its load.

A load lost in a silence is this and not a dumping: nobody saw where it went. Cannot see: a silence shorter than ten
minutes, or one after which the truck is where it was and still laden.

Source: 道路运输车辆动态监督管理办法 (2022), article 26: tampering with or shielding the positioning device.
"""

from __future__ import annotations

from rules.ground import Ground
from rules.hauls import Haul
from rules.rule import Breach, EvidenceField, Rule
from rules.stretches import Rows
from rules.tags import MENDED, Tag


def judge(haul: Haul, rows: Rows, ground: Ground) -> list[Breach]:
    """One breach a silence on the laden leg."""
    policy = ground.policy
    breaches = []
    for dark in haul.stays:
        if not dark.silence or dark.end_ms - dark.start_ms < policy.silence_min_s * 1000:
            continue
        lost = bool(haul.unloading and haul.unloading.in_silence and haul.unloading.stay == dark)
        if not lost and not haul.left_ms <= dark.start_ms < haul.end_ms:
            continue
        if dark.moved_m <= policy.signal_loss_min_m and not lost:
            continue
        evidence = {
            "silent_s": (dark.end_ms - dark.start_ms) // 1000,
            "moved_m": round(dark.moved_m),
            "load_lost": lost,
            "frozen": dark.n > 0,
            "loaded_by": haul.loading.by,
        }
        permit_no = haul.permits[0][1].permit.permit_no if haul.permits else None
        sure = 0.97 if haul.loading.by == "load" or not lost else 0.85
        breaches.append(Breach(dark.start_ms, dark.end_ms, dark.x_m, dark.y_m, sure, evidence, permit_no))
    return breaches


RULE = Rule(
    rule_id="signal_loss",
    title_en="Silent on a laden leg",
    title_zh="重车定位中断",
    legal_basis="《道路运输车辆动态监督管理办法》第二十六条",
    version=1,
    policy_keys=("silence_min_s", "signal_loss_min_m", "frozen_min_s"),
    evidence=(
        EvidenceField("silent_s", "s", "length of the silence"),
        EvidenceField("moved_m", "m", "how far away the truck was next seen"),
        EvidenceField("load_lost", "", "whether the load was gone by then"),
        EvidenceField("frozen", "", "whether a stuck position was sent instead of nothing"),
        EvidenceField("loaded_by", "", "what told of the load: `load` or `visit`"),
    ),
    accepts=MENDED | Tag.ILL_COVER | Tag.NOT_FIXED | Tag.FROZEN | Tag.REFLECTED | Tag.SPEED_REFUTED,
    on_haul=judge,
    cannot_see="a silence shorter than ten minutes, or one after which truck and load are where they were",
)
