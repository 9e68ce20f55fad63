"""What nobody saw: legs without a fix in which a truck may have loaded or delivered, or has merely parked."""

from __future__ import annotations

from collections.abc import Iterator
from math import hypot

import shapely

from rules.annotate import UNSEEN_STAND_MS
from rules.ground import UNSEEN_REACH_M, Ground
from rules.stays import LEAD_MAX_MS, TREMBLE_MM, Stay
from rules.stretches import DM_PER_M, GAP, Place, Rows, Stretch

DRIVEN_MM_PER_MS = 10  # 36 km/h: how fast a truck covers a way that nobody saw


def stand_before_ms(visit: Stretch) -> int:
    """How long the leg that leads to a visit may have been a stand; the way of a long leg was driven meanwhile."""
    if visit.lead_ms <= LEAD_MAX_MS:
        return max(visit.lead_ms, 0)
    return max(visit.lead_ms - visit.lead_mm // DRIVEN_MM_PER_MS, 0)


def delivery(left_ms: int, until_ms: int, later: list[Stay], rows: Rows, ground: Ground) -> tuple[int, int] | None:
    """The first gap in which the truck may have delivered: when it began, and the site at either end of it.

    Args:
        left_ms: when the truck pulled away laden, epoch ms.
        until_ms: when it loaded again, or was last seen.
        later: its stays since then; what a frozen position hides is a gap, too.
        rows: its stretches.
        ground: the registry on the plane.
    """
    for before, after_it, from_ms, to_ms in sorted(_gaps(left_ms, until_ms, later, rows), key=lambda g: g[2]):
        if to_ms - from_ms < UNSEEN_STAND_MS:
            continue
        ends = [shapely.Point(x / DM_PER_M, y / DM_PER_M) for x, y in (before, after_it)]
        for index, (site, polygon) in enumerate(zip(ground.registry.sites, ground.site_polygons, strict=True)):
            fits = site.takes_muck and site.validity.holds(from_ms)
            if fits and min(polygon.distance(end) for end in ends) <= UNSEEN_REACH_M:
                return from_ms, index
    return None


def _gaps(left_ms: int, until_ms: int, later: list[Stay], rows: Rows) -> Iterator[tuple[Place, Place, int, int]]:
    """Where each gap began and led, and when."""
    for gap in rows[GAP]:
        if left_ms < gap.start_ms and gap.end_ms < until_ms:
            yield (gap.x0_dm, gap.y0_dm), (gap.x1_dm, gap.y1_dm), gap.start_ms, gap.end_ms
    for silence in later:
        if silence.silence and silence.n and left_ms < silence.start_ms and silence.end_ms <= until_ms:
            after = next((r for r in rows["motion"] if r.start_ms >= silence.end_ms), None)
            there = (round(silence.x_m * DM_PER_M), round(silence.y_m * DM_PER_M))
            yield there, (after.x0_dm, after.y0_dm) if after else there, silence.start_ms, silence.end_ms


def parked(from_ms: int, site_index: int, rows: Rows, ground: Ground) -> bool:
    """Whether the truck is seen at one place before and after the gap that began then, at a site that takes no muck."""
    gap = next((g for g in rows[GAP] if g.start_ms == from_ms), None)
    if gap is None or hypot(gap.x1_dm - gap.x0_dm, gap.y1_dm - gap.y0_dm) * 1000 > TREMBLE_MM * DM_PER_M:
        return False
    site = ground.site(site_index)
    return site is not None and not site.takes_muck
