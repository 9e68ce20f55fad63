"""A truck drives in a no-entry zone during the zone's hours.

Halts inside the zone shorter than five minutes belong to the driving. Cannot see: a passage between two fixes, or
wholly within a silence.

Source: 道路交通安全法 (2021), article 39: restrictions set by the traffic police; zones and hours are the city's.
"""

from __future__ import annotations

from rules.ground import Ground
from rules.rule import Breach, Excused, Outing, Rule
from rules.tags import MENDED, Tag
from rules.zones import ZONE_EVIDENCE, passages


def judge(outing: Outing, ground: Ground) -> list[Breach | Excused]:
    """One breach a passage through a no-entry zone."""
    return passages(outing, "no_entry", ground)


RULE = Rule(
    rule_id="no_entry",
    title_en="Driving in a no-entry zone during its hours",
    title_zh="驶入禁行区",
    legal_basis="《道路交通安全法》第三十九条;本市货车禁行通告",
    version=1,
    policy_keys=("zone_min_s", "zone_depth_m", "zone_merge_s", "halt_max_s", "silence_min_s"),
    evidence=ZONE_EVIDENCE,
    accepts=MENDED | Tag.ILL_COVER | Tag.SPEED_REFUTED,
    on_outing=judge,
    cannot_see="a passage between two fixes, or wholly within a silence",
)
