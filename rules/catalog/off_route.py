"""A laden truck under a permit is outside the corridor of every route of that permit, long enough and far enough to be no noise.

Short excursions that one constant shift explains are reflections between towers, not driving, and are left out. Cannot
see: a detour wholly within a silence, or one shorter than the thresholds.

Source: 城市建筑垃圾管理规定 (Ministry of Construction Order 139, 2005), article 14: haul by the route approved.
"""

from __future__ import annotations

from math import hypot

import shapely
from shapely.geometry import Point

from rules.ground import Ground, PermitGround
from rules.hauls import Haul
from rules.rule import Breach, EvidenceField, Rule
from rules.stays import clipped
from rules.stretches import DM_PER_M, Rows, Stretch

REFLECTION_MAX_MS = 150_000  # reflections last up to two minutes
REFLECTION_MAX_M = 170.0  # and shift by up to 140 m, noise apart
REFLECTION_SPREAD_M = 45.0  # the shift stays the same but for noise
DRIVEN_SPEED_MS = 22.0


def judge(haul: Haul, rows: Rows, ground: Ground) -> list[Breach]:
    """One breach a merged stretch outside every corridor of the permits in force."""
    if not haul.permits:
        return []
    policy = ground.policy
    allowed = {haul.loading.site} | {
        k
        for k, s in enumerate(ground.registry.sites)
        if any(s.site_id in p.permit.disposal_sites for _, p in haul.permits)
    }
    at_allowed = [(r.start_ms, r.end_ms) for r in rows["site"] if r.key in allowed]
    parts = []
    for row, start, end in clipped(_outside(rows["corridor"], haul.word), haul.left_ms, haul.end_ms):
        if any(a <= row.start_ms and row.end_ms <= b for a, b in at_allowed) or _reflected(row, haul, ground):
            continue
        parts.append((row, start, end))
    breaches = []
    for group in _merged(parts, policy.merge_s * 1000):
        outside_ms = sum(end - start for _, start, end in group)
        length_mm = sum(r.length_mm + r.lead_mm // 2 for r, _, _ in group)
        if outside_ms < policy.off_route_min_s * 1000 or length_mm < policy.off_route_min_m * 1000:
            continue
        (x, y), worst = _worst([r for r, _, _ in group], haul.permits)
        evidence = {
            "outside_s": outside_ms // 1000,
            "distance_m": length_mm // 1000,
            "max_deviation_m": round(worst),
            "fixes_outside": sum(r.n for r, _, _ in group),
            "parts": len(group),
            "corridors_of": [p.permit.permit_no for _, p in haul.permits],
        }
        confidence = min(0.98, 0.8 + 0.1 * min(outside_ms / 300_000, 1) + 0.1 * min(worst / 300, 1)) * min(
            1.0, 0.2 + (haul.unloading.confidence if haul.unloading else 0.6)
        )
        start, end = group[0][1], max(group[-1][2], _dumped_outside_ms(group[-1][2], haul, allowed))
        breaches.append(
            Breach(start, end, x, y, round(confidence, 3), evidence, permit_no=haul.permits[0][1].permit.permit_no)
        )
    return breaches


def _dumped_outside_ms(end_ms: int, haul: Haul, allowed: set[int]) -> int:
    """Where the stretch ends with leaving the load: the end of that stop."""
    left = haul.unloading
    if left is None or left.stay is None or left.in_silence or left.site in allowed or end_ms < haul.end_ms:
        return end_ms
    return left.stay.end_ms


def _outside(corridor: list[Stretch], word: int) -> list[Stretch]:
    """Corridor stretches joined over what the permits do not ask about: those outside all of `word`, each whole."""
    found: list[Stretch] = []
    joined = False
    for row in corridor:
        if row.key & word:
            found.append(row._replace(key=1))
            joined = False
        elif joined and row.lead_ms <= REFLECTION_MAX_MS:
            last = found[-1]
            found[-1] = last._replace(end_ms=row.end_ms, n=last.n + row.n, length_mm=last.length_mm + row.lead_mm + row.length_mm, x1_dm=row.x1_dm, y1_dm=row.y1_dm,
                                      sum_x_dm=last.sum_x_dm + row.sum_x_dm, sum_y_dm=last.sum_y_dm + row.sum_y_dm)  # fmt: skip
        else:
            found.append(row._replace(key=0))
            joined = True
    return found


def _merged(parts: list[tuple[Stretch, int, int]], bridge_ms: int) -> list[list[tuple[Stretch, int, int]]]:
    groups: list[list[tuple[Stretch, int, int]]] = []
    for part in parts:
        if part[0].key:
            continue
        if groups and part[1] - groups[-1][-1][2] < bridge_ms:
            groups[-1].append(part)
        else:
            groups.append([part])
    return groups


def _reflected(row: Stretch, haul: Haul, ground: Ground) -> bool:
    """Whether one constant shift, come and gone at a leap, explains a short excursion."""
    if row.key or row.end_ms - row.start_ms > REFLECTION_MAX_MS:
        return False
    line = shapely.union_all([p.lines for _, p in haul.permits])
    ends = [(row.x0_dm / DM_PER_M, row.y0_dm / DM_PER_M), row.mean_m, (row.x1_dm / DM_PER_M, row.y1_dm / DM_PER_M)]
    shifts = []
    for x, y in ends:
        near = shapely.shortest_line(line, Point(x, y)).coords
        shifts.append((near[1][0] - near[0][0], near[1][1] - near[0][1]))
    sizes = [hypot(*s) for s in shifts]
    if max(sizes) > REFLECTION_MAX_M:
        return False
    spread = max(hypot(a[0] - b[0], a[1] - b[1]) for a in shifts for b in shifts)
    return spread <= REFLECTION_SPREAD_M


def _worst(group: list[Stretch], permits: tuple[tuple[int, PermitGround], ...]) -> tuple[tuple[float, float], float]:
    """Of the places that the stretches remember, the one farthest from every permitted route."""
    line = shapely.union_all([p.lines for _, p in permits])
    places = [
        p
        for r in group
        for p in ((r.x0_dm / DM_PER_M, r.y0_dm / DM_PER_M), r.mean_m, (r.x1_dm / DM_PER_M, r.y1_dm / DM_PER_M))
    ]
    far = shapely.distance(line, shapely.points(places))
    worst = int(far.argmax())
    return places[worst], float(far[worst])


RULE = Rule(
    rule_id="off_route",
    title_en="Laden off the permitted route",
    title_zh="偏离核准路线",
    legal_basis="建设部令第139号《城市建筑垃圾管理规定》第十四条",
    version=1,
    policy_keys=("off_route_min_s", "off_route_min_m", "corridor_m", "merge_s", "silence_min_s"),
    evidence=(
        EvidenceField("outside_s", "s", "time outside every corridor, what lies between merged parts left out"),
        EvidenceField("distance_m", "m", "ground covered outside"),
        EvidenceField("max_deviation_m", "m", "farthest from the nearest permitted route"),
        EvidenceField("fixes_outside", "fixes", "fixes outside"),
        EvidenceField("parts", "", "excursions merged into one"),
        EvidenceField("corridors_of", "permit_no", "permits whose corridors were looked at"),
    ),
    on_haul=judge,
    cannot_see="a detour wholly within a silence, or one shorter than the thresholds",
)
