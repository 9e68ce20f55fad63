"""One plate is seen at two places that no truck can join at road speed.

Two devices in one cab stay together and are no clone. The plate's other rules are withheld while both are seen. Cannot
see: a clone without a terminal, or one that drives while the true truck has been silent for more than five minutes.

Source: 道路交通安全法 (2021), article 16(4) and 96: forged plates, and the use of another vehicle's plate.
"""

from __future__ import annotations

from rules.clones import Sighting
from rules.ground import Ground
from rules.rule import Breach, EvidenceField, Rule
from rules.tags import ALL, Tag


def judge(sighting: Sighting, ground: Ground) -> list[Breach]:
    """One breach a span in which both were seen."""
    evidence = {
        "duration_s": (sighting.end_ms - sighting.start_ms) // 1000,
        "fixes_apart": sighting.n,
        "apart_m": round(sighting.apart_m),
        "other_terminal": sighting.terminal,
    }
    sure = 0.9 if sighting.n < 20 else 0.97
    return [Breach(sighting.start_ms, sighting.end_ms, sighting.x_m, sighting.y_m, sure, evidence)]


RULE = Rule(
    rule_id="cloned_plate",
    title_en="One plate at two places at once",
    title_zh="疑似套牌",
    legal_basis="《道路交通安全法》第十六条、第九十六条",
    version=1,
    policy_keys=(
        *("clone_speed_kmh", "clone_slack_m", "clone_age_max_s", "clone_min_s", "clone_min_fixes", "clone_merge_s"),
        "device_yield_s",
    ),
    evidence=(
        EvidenceField("duration_s", "s", "while both were seen"),
        EvidenceField("fixes_apart", "fixes", "fixes of the other device that the own one rules out"),
        EvidenceField("apart_m", "m", "farthest apart at one time"),
        EvidenceField("other_terminal", "terminal", "the other device"),
    ),
    accepts=ALL & ~(Tag.NOT_FIXED | Tag.CLOCK_DOUBTED),
    on_sighting=judge,
    cannot_see="a clone without a terminal, or one that drives while the true truck is silent",
)
