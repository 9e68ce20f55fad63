"""A laden truck under a permit is outside the corridor of every route of it, long and far enough to be no noise.

Short excursions that one constant shift explains are reflections between towers, not driving, and are left out. Cannot
see: a detour wholly within a silence, or one shorter than the thresholds.

Source: 城市建筑垃圾管理规定 (Ministry of Construction Order 139, 2005), article 14: haul by the route approved.
"""

from __future__ import annotations

import shapely
from shapely.geometry.base import BaseGeometry

from rules.ground import Ground
from rules.hauls import Haul
from rules.intervals import subtract
from rules.policy import Policy
from rules.reflection import LONGEST_MS, is_reflection
from rules.rule import Breach, EvidenceField, Excused, Rule
from rules.stays import driven_m, outer_end_ms, outer_start_ms
from rules.stretches import Rows, Stretch, join_all, places_m
from rules.tags import MENDED, Tag

FAR_SHARE = 1.75  # of `off_route_beside_m`: no fix beside a corridor lies farther out than this

Part = tuple[Stretch, int, int]  # a stretch outside with the span of it that lies on the laden leg, epoch ms


def judge(haul: Haul, rows: Rows, ground: Ground) -> list[Breach | Excused]:
    """One breach a merged stretch outside every corridor of the permits in force; reflections are excused."""
    if not haul.permits:
        return []
    allowed = {haul.loading.site}.union(*(p.disposal for _, p in haul.permits))
    outside = _outside(haul, rows["corridor"], _laden_until_ms(haul, allowed))
    if not outside:
        return []
    policy, lines, corridor = ground.policy, ground.lines_of(haul.permits), ground.corridors_of(haul.permits)
    at_allowed = [(r.start_ms, r.end_ms) for r in rows["site"] if r.key in allowed]
    frozen = [(s.start_ms, s.end_ms) for s in haul.stays if s.silence and s.n]  # nobody knows where the truck was
    parts = [
        (row, a, b)
        for row, start, end in outside
        if not any(a <= row.start_ms and row.end_ms <= b for a, b in at_allowed)
        for a, b in subtract([(start, end)], frozen)
    ]
    driven, reflected = _driven(parts, rows["motion"], lines, corridor, policy)
    breaches: list[Breach | Excused] = [Excused(Tag.REFLECTED, r.start_ms, r.end_ms, r.n) for r, _, _ in reflected]
    for group in driven:
        outside_ms, length_m = _size(group, rows["motion"])
        (x, y), worst = _worst([r for r, _, _ in group], lines)
        evidence = {
            "outside_s": outside_ms // 1000,
            "distance_m": length_m,
            "max_deviation_m": round(worst),
            "fixes_outside": sum(r.n for r, _, _ in group),
            "parts": len(group),
            "corridors_of": [p.permit.permit_no for _, p in haul.permits],
        }
        confidence = min(0.98, 0.8 + 0.1 * min(outside_ms / 300_000, 1) + 0.1 * min(worst / 300, 1)) * min(
            1.0, 0.2 + (haul.unloading.confidence if haul.unloading else 0.6)
        )
        start, end = group[0][1], max(group[-1][2], _dumped_outside_ms(group[-1][2], haul, allowed, policy))
        breaches.append(
            Breach(start, end, x, y, round(confidence, 3), evidence, permit_no=haul.permits[0][1].permit.permit_no)
        )
    return breaches


def _driven(
    parts: list[Part], motion: list[Stretch], lines: BaseGeometry, corridor: BaseGeometry, policy: Policy
) -> tuple[list[list[Part]], list[Part]]:
    """Merged stretches that are long enough without reflections and drift at the corridor's edge; the reflections."""
    bridge_ms = policy.merge_s * 1000
    suspects = [group for group in _merged(parts, bridge_ms) if _enough(group, motion, policy)]
    if not suspects:
        return [], []
    real: list[Part] = []
    reflected: list[Part] = []
    for part in (part for group in suspects for part in group):
        (reflected if is_reflection(part[0], lines, corridor) else real).append(part)
    found = [group for group in _merged(real, bridge_ms) if _enough(group, motion, policy)]
    return [group for group in found if not _drifted(group, motion, corridor, policy)], reflected


def _drifted(group: list[Part], motion: list[Stretch], corridor: BaseGeometry, policy: Policy) -> bool:
    """Whether a truck is seen beside the corridor no farther than drift takes it, and for no long way."""
    if _size(group, motion)[1] >= policy.off_route_beside_max_m:
        return False
    beyond_m = shapely.distance(corridor, shapely.points(places_m(row for row, _, _ in group)))
    beside_m = policy.off_route_beside_m
    return bool(beyond_m.mean() < beside_m and beyond_m.max() < FAR_SHARE * beside_m)


def _enough(group: list[Part], motion: list[Stretch], policy: Policy) -> bool:
    outside_ms, length_m = _size(group, motion)
    return outside_ms >= policy.off_route_min_s * 1000 and length_m >= policy.off_route_min_m


def _size(group: list[Part], motion: list[Stretch]) -> tuple[int, int]:
    """Time (ms) and way driven (m) outside, as far as it lies on the laden leg."""
    return sum(end - start for _, start, end in group), sum(driven_m(motion, a, b) for _, a, b in group)


def _dumped_outside_ms(end_ms: int, haul: Haul, allowed: set[int], policy: Policy) -> int:
    """Where the stretch ends with leaving the load: when a sensor said so, else with that stop, a rest left out."""
    left = haul.unloading
    if left is None or left.stay is None or left.in_silence or left.site in allowed or end_ms < haul.end_ms:
        return end_ms
    return left.sensed_ms or min(left.stay.end_ms, left.stay.start_ms + policy.dump_stand_max_s * 1000)


def _laden_until_ms(haul: Haul, allowed: set[int]) -> int:
    """The haul's end; where a sensor saw the load go in a stay where it may not be left, when it said so."""
    left = haul.unloading
    if left is None or left.sensed_ms is None or left.stay is None or left.in_silence or left.site in allowed:
        return haul.end_ms
    return max(haul.end_ms, left.sensed_ms)


def _outside(haul: Haul, corridor: list[Stretch], until_ms: int) -> list[Part]:
    """Where the laden leg lies outside every corridor of the permits: neighbouring stretches joined, of key 0."""
    word = haul.word
    found: list[Part] = []
    parts: list[Stretch] = []
    for after in [*corridor, None]:
        outside = after is not None and not after.key & word
        if parts and not (outside and after is not None and after.lead_ms <= LONGEST_MS):
            end_ms = outer_end_ms(parts[-1], after)
            if end_ms > haul.left_ms:
                start_ms, end_ms = max(outer_start_ms(parts[0]), haul.left_ms), min(end_ms, until_ms)
                if start_ms < end_ms:
                    found.append((join_all(parts, 0), start_ms, end_ms))
            parts = []
        if outside and after is not None:
            parts.append(after)
    return found


def _merged(parts: list[Part], bridge_ms: int) -> list[list[Part]]:
    groups: list[list[Part]] = []
    for part in parts:
        if groups and part[1] - groups[-1][-1][2] < bridge_ms:
            groups[-1].append(part)
        else:
            groups.append([part])
    return groups


def _worst(group: list[Stretch], lines: BaseGeometry) -> tuple[tuple[float, float], float]:
    """Of the places that the stretches remember, the one farthest from every permitted route."""
    places = places_m(group)
    far = shapely.distance(lines, shapely.points(places))
    worst = int(far.argmax())
    return (float(places[worst, 0]), float(places[worst, 1])), float(far[worst])


RULE = Rule(
    rule_id="off_route",
    title_en="Laden off the permitted route",
    title_zh="偏离核准路线",
    legal_basis="建设部令第139号《城市建筑垃圾管理规定》第十四条",
    version=1,
    policy_keys=(
        *("off_route_min_s", "off_route_min_m", "off_route_beside_m", "off_route_beside_max_m", "corridor_m"),
        *("merge_s", "silence_min_s", "dump_stand_max_s"),
    ),
    evidence=(
        EvidenceField("outside_s", "s", "time outside every corridor, what lies between merged parts left out"),
        EvidenceField("distance_m", "m", "way driven outside"),
        EvidenceField("max_deviation_m", "m", "farthest from the nearest permitted route"),
        EvidenceField("fixes_outside", "fixes", "fixes outside"),
        EvidenceField("parts", "", "excursions merged into one"),
        EvidenceField("corridors_of", "permit_no", "permits whose corridors were looked at"),
    ),
    accepts=MENDED | Tag.ILL_COVER | Tag.CLOCK_DOUBTED | Tag.SPEED_REFUTED,
    on_haul=judge,
    cannot_see="a detour wholly within a silence, or one shorter than the thresholds",
)
