"""A truck drives above the limit, long enough to be no slip of the receiver.

Times above less than a minute apart are one. Where no speed is reported, the way between fixes must be too long even if
drift lengthened it. Cannot see: of a terminal that reports no speed, what drift may explain.

Source: 道路交通安全法 (2021), article 42; the limit is the policy's.
"""

from __future__ import annotations

from rules.ground import Ground
from rules.intervals import Span, total_ms, union
from rules.rule import Breach, EvidenceField, Outing, Rule
from rules.stays import clipped
from rules.stretches import Stretch
from rules.tags import MENDED, Tag

NOISE_KMH = 3.0  # a lone fix this little above the limit is noise of the receiver: it neither counts nor bridges


def judge(outing: Outing, ground: Ground) -> list[Breach]:
    """One breach a merged stretch above the limit."""
    policy = ground.policy
    groups: list[list[tuple[Stretch, int, int]]] = []
    for row, start, end in clipped(outing.rows["speeding"], outing.start_ms, outing.end_ms, key=1):
        if row.n == 1 and row.top_kmh < policy.speed_limit_kmh + NOISE_KMH:
            continue
        if groups and start - groups[-1][-1][2] < policy.overspeed_merge_s * 1000:
            groups[-1].append((row, start, end))
        else:
            groups.append([(row, start, end)])
    breaches = []
    for group in groups:
        spans: list[Span] = union((start, end) for _, start, end in group)
        above_ms, fixes = total_ms(spans), sum(r.n for r, _, _ in group)
        if above_ms < policy.overspeed_min_s * 1000 or fixes < 2:
            continue
        fastest = max((r for r, _, _ in group), key=lambda r: r.top_kmh)
        x, y = fastest.mean_m
        over = fastest.top_kmh / policy.speed_limit_kmh - 1
        evidence = {
            "above_s": above_ms // 1000,
            "top_speed_kmh": round(fastest.top_kmh, 1),
            "limit_kmh": policy.speed_limit_kmh,
            "over_share": round(over, 3),
            "fixes_above": fixes,
        }
        sure = round(min(0.97, 0.7 + 0.15 * min(1.0, above_ms / 90_000) + 0.12 * min(1.0, over / 0.15)), 3)
        breaches.append(Breach(group[0][1], group[-1][2], x, y, sure, evidence))
    return breaches


RULE = Rule(
    rule_id="overspeed",
    title_en="Driving above the speed limit",
    title_zh="超速行驶",
    legal_basis="《道路交通安全法》第四十二条",
    version=1,
    policy_keys=("speed_limit_kmh", "overspeed_min_s", "overspeed_merge_s"),
    evidence=(
        EvidenceField("above_s", "s", "time above the limit"),
        EvidenceField("top_speed_kmh", "km/h", "fastest fix"),
        EvidenceField("limit_kmh", "km/h", "the limit"),
        EvidenceField("over_share", "", "how far above the limit, as a share of it"),
        EvidenceField("fixes_above", "fixes", "fixes above the limit"),
    ),
    accepts=MENDED | Tag.ILL_COVER | Tag.CLOCK_DOUBTED | Tag.REFLECTED,
    on_outing=judge,
    cannot_see="of a terminal that reports no speed, what drift may explain",
)
