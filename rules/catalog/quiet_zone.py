"""A truck drives in a quiet zone during the zone's hours.

Halts inside the zone shorter than five minutes belong to the driving. Cannot see: a passage between two fixes, or
wholly within a silence.

Source: 噪声污染防治法 (2022), chapter 5 (traffic noise); hours and zones are the city's.
"""

from __future__ import annotations

from rules.ground import Ground
from rules.rule import Breach, Excused, Outing, Rule
from rules.tags import MENDED, Tag
from rules.zones import ZONE_EVIDENCE, passages


def judge(outing: Outing, ground: Ground) -> list[Breach | Excused]:
    """One breach a passage through a quiet zone."""
    return passages(outing, "quiet", ground)


RULE = Rule(
    rule_id="quiet_zone",
    title_en="Driving in a quiet zone during its hours",
    title_zh="限噪时段驶入静音区",
    legal_basis="《噪声污染防治法》第五章;本市禁噪区划定文件",
    version=1,
    policy_keys=("zone_min_s", "zone_depth_m", "zone_merge_s", "halt_max_s", "silence_min_s"),
    evidence=ZONE_EVIDENCE,
    accepts=MENDED | Tag.ILL_COVER | Tag.SPEED_REFUTED,
    on_outing=judge,
    cannot_see="a passage between two fixes, or wholly within a silence",
)
