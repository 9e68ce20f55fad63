"""Stage 3: hauls. From loading to leaving the load, by sensors that are believed, else by what the truck does next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import hypot

from rules.annotate import FAST
from rules.ground import NOWHERE, Ground, PermitGround
from rules.load_word import Flip
from rules.stays import Stay, outer_end_ms, site_visits, travelled_m, turned_back
from rules.stretches import DM_PER_M, Rows, Stretch

VISIT_GAP_MS = 180_000  # stepping over a site's edge for less is one visit
STAND_MIN_MS = 45_000  # leaving a load takes at least so long
SEEN_SLACK_MS = 90_000  # a sensor may speak this much before the stand or after it
UNSEEN_MAX_MS = 120_000  # the load word was not heard for longer than this when the load went
PULSE_MIN_MS = 20_000  # a lone raised fix counts where fixes are this far apart
WILD_STAND_MIN_MS = 60_000  # traffic lights are shorter
LONG_STAND_MS = 150_000  # and no light is this long
FAR_END_SHARE = 0.85  # of the trip's farthest distance from where it loaded
WILD_SIGNS = 2.0  # of four signs, each at most 1
WILD_SIGNS_HOME = 2.5
SURER_THAN_SILENCE = 0.85  # a stand this likely was the dumping, though the truck was silent for a while, too
DUMP_STAND_MAX_MS = 900_000  # who stands longer off every site rests or sleeps; leaving a load takes minutes


@dataclass(frozen=True)
class Loading:
    """A load taken on. `site` is an index or `NOWHERE`; `by` is `load` (sensor), `visit` or `before` (the start)."""

    at_ms: int
    site: int
    by: str


@dataclass(frozen=True)
class Unloading:
    """A load left. `stay` is the stop (None where the sensor spoke on the move); `signs` tell so, best first."""

    at_ms: int
    stay: Stay | None
    site: int
    signs: tuple[str, ...]
    confidence: float
    sensed_ms: int | None = None  # when a sensor said that the load was gone

    @property
    def in_silence(self) -> bool:
        """Whether nobody saw it."""
        return self.stay is not None and self.stay.silence


@dataclass(frozen=True)
class Haul:
    """One laden leg: from `left_ms` (leaving the loading place) to `end_ms` (at the load's leaving, or last seen)."""

    plate: str
    loading: Loading
    left_ms: int
    end_ms: int
    unloading: Unloading | None
    permits: tuple[tuple[int, PermitGround], ...]  # in force at `left_ms` for this origin, with their bit
    distance_m: int
    stays: tuple[Stay, ...]
    turned_back: float  # cosine at the unloading, see `stays.turned_back`

    @property
    def word(self) -> int:
        """The bits of the permits' corridors."""
        return sum(1 << k for k, _ in self.permits)


def load_visits(site: list[Stretch], ground: Ground) -> list[Stretch]:
    """Visits to construction sites that are long enough to load where no sensor tells."""
    least = ground.policy.load_stay_min_s * 1000
    found = []
    for visit in site_visits(site, VISIT_GAP_MS):
        place = ground.site(visit.key)
        if (
            place is not None
            and place.kind == "construction"
            and visit.end_ms - visit.start_ms + max(visit.lead_ms, 0) // 2 >= least
        ):
            found.append(visit)
    return found


def build_haul(
    plate: str, loading: Loading, until_ms: int, rows: Rows, stays: list[Stay], flips: Sequence[Flip], ground: Ground
) -> Haul | None:
    """The haul that a loading began, by what the truck did before `until_ms`; None where it never left laden."""
    motion = rows["motion"]
    stays = [s for s in stays if s.end_ms <= until_ms]
    if loading.by == "load":
        loading = replace(loading, site=_origin(rows, stays, loading.at_ms, ground))
    left_ms = _left(loading, rows, stays, until_ms)
    if left_ms is None or left_ms >= until_ms:
        return None
    later = [s for s in stays if s.end_ms > left_ms]
    if loading.by != "visit":
        gone = next((f for f in flips if not f.loaded and f.at_ms > loading.at_ms), None)
        unloading = _sensed(gone, stays, rows) if gone else None
        end_ms = unloading.at_ms if unloading else until_ms
    else:
        unloading = _lifted(left_ms, until_ms, stays, rows) or _inferred(left_ms, until_ms, later, rows, ground)
        if unloading is None:
            return None
        end_ms = unloading.stay.start_ms if unloading.stay else unloading.at_ms
    laid = enumerate(ground.permits_of(plate))
    site = ground.site(loading.site)
    permits = tuple(
        (k, p) for k, p in laid if site and p.permit.origin_site == site.site_id and p.permit.validity.holds(left_ms)
    )
    distance = travelled_m(motion, left_ms, end_ms)
    back = turned_back(unloading.stay, motion) if unloading and unloading.stay else 0.0
    return Haul(plate, loading, left_ms, end_ms, unloading, permits, distance, tuple(later), round(back, 2))


def _left(loading: Loading, rows: Rows, stays: list[Stay], until_ms: int) -> int | None:
    """When the truck pulled away laden for good: the end of its last stand at the site; off every site, of the stand.

    None while it has not left the site.
    """
    if loading.site != NOWHERE:
        for visit in site_visits(rows["site"], VISIT_GAP_MS):
            if (
                visit.key == loading.site
                and visit.start_ms - SEEN_SLACK_MS <= loading.at_ms <= visit.end_ms + SEEN_SLACK_MS
            ):
                after = next((r for r in rows["site"] if r.start_ms > visit.end_ms), None)
                if after is None or after.start_ms > until_ms:
                    return None
                gone_ms = outer_end_ms(visit, after)
                stands = [s.end_ms for s in stays if not s.silence and visit.start_ms <= s.end_ms <= gone_ms]
                return max((ms for ms in stands if ms > loading.at_ms), default=gone_ms)
    stay = stay_at(stays, loading.at_ms)
    return stay.end_ms if stay and not stay.silence else loading.at_ms


def _origin(rows: Rows, stays: list[Stay], at_ms: int, ground: Ground) -> int:
    """The construction site at which the load word flipped, `NOWHERE` when it was at none."""
    index = site_at(rows, stay_at([s for s in stays if not s.silence], at_ms), at_ms)
    site = ground.site(index)
    return index if site and site.kind == "construction" else NOWHERE


def stay_at(stays: list[Stay], at_ms: int) -> Stay | None:
    """The silence that holds an instant, else the stand that does, else the nearest stand within `SEEN_SLACK_MS`."""
    dark = next((s for s in stays if s.silence and s.start_ms < at_ms <= s.end_ms), None)
    if dark:
        return dark
    near = [s for s in stays if not s.silence and s.holds(at_ms, SEEN_SLACK_MS)]
    return min(near, key=lambda s: (max(s.start_ms - at_ms, at_ms - s.end_ms, 0), -s.still_ms), default=None)


def site_at(rows: Rows, stay: Stay | None, at_ms: int) -> int:
    """The site a truck was at during a stay: where it spent most of the standing, or at an instant off every stay."""
    a, b = (stay.first_fix_ms, stay.last_fix_ms) if stay else (at_ms, at_ms)
    spent: dict[int, int] = {}
    for row in rows["site"]:
        if row.start_ms <= b and row.end_ms >= a:
            spent[row.key] = spent.get(row.key, 0) + min(b, row.end_ms) - max(a, row.start_ms) + 1
    return max(spent, key=lambda k: (spent[k], k), default=NOWHERE)


def _sensed(gone: Flip, stays: list[Stay], rows: Rows) -> Unloading:
    stay = stay_at(stays, gone.at_ms)
    raised = any(
        r.key == 1 and r.start_ms - SEEN_SLACK_MS <= gone.at_ms <= r.end_ms + SEEN_SLACK_MS for r in rows["lift"]
    )
    site = NOWHERE if stay and stay.silence else site_at(rows, stay, gone.at_ms)
    unseen = gone.at_ms - gone.last_ms > UNSEEN_MAX_MS
    if stay and not stay.silence and unseen and not (stay.start_ms <= gone.at_ms and gone.last_ms <= stay.end_ms):
        stay = None  # the load went in a gap; the next stand is not to blame for it
    at_ms = stay.start_ms if stay and not stay.silence else gone.last_ms
    return Unloading(
        max(at_ms, gone.last_ms) if stay is None else at_ms,
        stay,
        site,
        ("load", "lift") if raised else ("load",),
        0.98 if raised else 0.95,
        gone.at_ms,
    )


def _lifted(left_ms: int, until_ms: int, stays: list[Stay], rows: Rows) -> Unloading | None:
    """The first raising of the body after leaving the loading site, at a stand."""
    for row in rows["lift"]:
        if row.key != 1 or not left_ms < row.start_ms < until_ms or (row.n < 2 and row.lead_ms < PULSE_MIN_MS):
            continue
        stay = stay_at(stays, (row.start_ms + row.end_ms) // 2)
        if stay is not None:
            site = NOWHERE if stay.silence else site_at(rows, stay, row.start_ms)
            return Unloading(stay.start_ms, stay, site, ("lift",), 0.93)
    return None


def _inferred(left_ms: int, until_ms: int, later: list[Stay], rows: Rows, ground: Ground) -> Unloading | None:
    """Without sensors: a stand where muck may be left, else the likeliest stand off every site."""
    stands = [
        (s, site_at(rows, s, s.start_ms))
        for s in later
        if not s.silence and s.still_ms >= STAND_MIN_MS and left_ms < s.start_ms < until_ms
    ]
    for in_force in (True, False):
        for stay, index in stands:
            site = ground.site(index)
            if site and site.takes_muck and site.validity.holds(stay.start_ms) == in_force:
                at = _longest_at(index, stay, stands)
                return Unloading(at.start_ms, at, index, ("visit",), 0.97 if in_force else 0.9)
    dark = next(
        (s for s in later if s.silence and left_ms < s.start_ms and s.moved_m > ground.policy.signal_loss_min_m), None
    )
    wild = _wild(stands, left_ms, until_ms, rows, ground)
    if dark is not None and (wild is None or wild.confidence < SURER_THAN_SILENCE):
        return Unloading(dark.start_ms, dark, NOWHERE, ("silence",), 0.7)
    return wild


def _longest_at(index: int, first: Stay, stands: list[tuple[Stay, int]]) -> Stay:
    """Of the stands of one visit to a site the longest: the others are queues at its gate."""
    visit = [first]
    for stay, at in stands:
        if at == index and 0 < stay.start_ms - visit[-1].end_ms < VISIT_GAP_MS:
            visit.append(stay)
    return max(visit, key=lambda s: s.still_ms)


def _wild(stands: list[tuple[Stay, int]], left_ms: int, until_ms: int, rows: Rows, ground: Ground) -> Unloading | None:
    """The likeliest stand off every site of a trip that never came to a place which takes muck.

    Signs add up: crept there and back; stood longer than at any light; went back the way it came; near the far end of
    the trip. Who then goes back to load again has left a load; of who goes home, more is asked.
    """
    motion = rows["motion"]
    x0, y0 = _place(rows, left_ms)
    away = [hypot(r.x1_dm / DM_PER_M - x0, r.y1_dm / DM_PER_M - y0) for r in motion if left_ms <= r.end_ms < until_ms]
    far = max(away, default=0.0)
    weighed: list[tuple[float, Stay]] = []
    for stay, index in stands:
        if index != NOWHERE or not WILD_STAND_MIN_MS <= stay.still_ms <= DUMP_STAND_MAX_MS:
            continue
        near_end = hypot(stay.x_m - x0, stay.y_m - y0) >= FAR_END_SHARE * far
        signs = _off_road(stay, rows) + (stay.still_ms >= LONG_STAND_MS) + turned_back(stay, motion) + near_end
        weighed.append((round(signs, 3), stay))
    if not weighed:
        return None
    signs, best = max(weighed, key=lambda w: (w[0], w[1].start_ms))
    home = any((site := ground.site(index)) and site.kind == "depot" for _, index in stands)
    if signs < (WILD_SIGNS_HOME if home else WILD_SIGNS):
        return None
    return Unloading(best.start_ms, best, NOWHERE, ("turned_back",), round(min(0.9, 0.5 + 0.12 * signs), 2))


def _off_road(stay: Stay, rows: Rows) -> bool:
    """Whether the truck crept to the stand and away from it, as one does off the road."""
    motion = rows["motion"]
    i = next((k for k, r in enumerate(motion) if r.start_ms >= stay.first_fix_ms), None)
    j = next((k for k, r in enumerate(motion) if r.start_ms > stay.last_fix_ms), None)
    return bool(i and j is not None and motion[i - 1].key != FAST and motion[j].key != FAST)


def _place(rows: Rows, at_ms: int) -> tuple[float, float]:
    row = next((r for r in rows["motion"] if r.end_ms >= at_ms), rows["motion"][-1])
    return row.x0_dm / DM_PER_M, row.y0_dm / DM_PER_M
