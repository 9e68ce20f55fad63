"""Stage 3: hauls. From loading to leaving the load, by sensors that are believed, else by what the truck does next."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import hypot
from operator import attrgetter

import msgspec
import shapely

from rules.fleet import Fleet
from rules.ground import NOWHERE, Ground, PermitGround
from rules.load_word import Flip
from rules.reflection import LARGEST_M, LONGEST_MS
from rules.stays import Stay, ending, holding, outer_end_ms, site_visits, travelled_m
from rules.stretches import DM_PER_M, Rows, Stretch
from rules.unseen import delivery, parked, stand_before_ms
from rules.wild import likeliest

VISIT_GAP_MS = 180_000  # stepping over a site's edge for less is one visit
STAND_MIN_MS = 45_000  # leaving a load takes at least so long
SEEN_SLACK_MS = 90_000  # a sensor may speak this much before the stand or after it
UNSEEN_MAX_MS = 120_000  # the load word was not heard for longer than this when the load went
PULSE_MIN_MS = 20_000  # a lone raised fix counts where fixes are this far apart
SURER_THAN_SILENCE = 0.8  # a stand this likely was the dumping, though the truck was silent for a while, too


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


class Haul(msgspec.Struct, frozen=True):
    """One laden leg: from `left_ms` (leaving the loading place) to `end_ms` (at the load's leaving, or last seen)."""

    plate: str
    loading: Loading
    left_ms: int
    end_ms: int
    unloading: Unloading | None
    permits: tuple[tuple[int, PermitGround], ...]  # in force at `left_ms` for this origin, with their bit
    distance_m: int
    stays: tuple[Stay, ...]

    @property
    def word(self) -> int:
        """The bits of the permits' corridors."""
        return sum(1 << k for k, _ in self.permits)


_end: Callable[[Stretch | Stay], int] = attrgetter("end_ms")


def load_visits(site: list[Stretch], ground: Ground) -> list[Stretch]:
    """Visits to construction sites that are long enough to load where no sensor tells."""
    least, found = ground.policy.load_stay_min_s * 1000, []
    for visit in site_visits(site, VISIT_GAP_MS):
        place = ground.site(visit.key)
        if place is None or place.kind != "construction":
            continue
        stood_ms = visit.end_ms - visit.start_ms + stand_before_ms(visit) // 2
        if stood_ms >= least and not _at_neighbour(visit, ground):
            found.append(visit)
    return found


def _at_neighbour(visit: Stretch, ground: Ground) -> bool:
    """Whether the visit may as well have been one to another site beside, by the mean place."""
    doubtful = ground.doubtful_edge(visit.key)
    return doubtful is not None and bool(shapely.contains_xy(doubtful, *visit.mean_m))


def build_haul(
    plate: str,
    loading: Loading,
    until_ms: int,
    rows: Rows,
    stays: list[Stay],
    flips: Sequence[Flip],
    ground: Ground,
    fleet: Fleet,
) -> Haul | None:
    """The haul that a loading began, by what the truck did before `until_ms`; None where it never left laden."""
    stays = stays[: bisect_right(stays, until_ms, key=_end)]
    if loading.by == "load":
        loading = replace(loading, site=_origin(rows, stays, loading.at_ms, ground))
    left_ms = _left(loading, rows, stays, until_ms)
    if left_ms is None or left_ms >= until_ms:
        return None
    later = stays[bisect_right(stays, left_ms, key=_end) :]
    if loading.by != "visit":
        gone = next((f for f in flips if not f.loaded and f.at_ms > loading.at_ms), None)
        unloading = _sensed(gone, stays, rows, ground) if gone else None
        end_ms = unloading.at_ms if unloading else until_ms
    else:
        unloading = _lifted(left_ms, until_ms, stays, rows) or _inferred(left_ms, until_ms, later, rows, ground, fleet)
        if unloading is None:
            return None
        end_ms = unloading.stay.start_ms if unloading.stay else unloading.at_ms
    laid = enumerate(ground.permits_of(plate))
    site = ground.site(loading.site)
    permits = tuple(
        (k, p) for k, p in laid if site and p.permit.origin_site == site.site_id and p.permit.validity.holds(left_ms)
    )
    distance = travelled_m(rows["motion"], left_ms, end_ms)
    return Haul(plate, loading, left_ms, end_ms, unloading, permits, distance, tuple(later))


def _left(loading: Loading, rows: Rows, stays: list[Stay], until_ms: int) -> int | None:
    """When the truck pulled away laden for good: the end of its last stand at the site; off every site, of the stand.

    None while it has not left the site.
    """
    visit = _visit_at(loading, rows)
    if visit is not None:
        after = next((r for r in rows["site"] if r.start_ms > visit.end_ms), None)
        if after is None or after.start_ms > until_ms:
            return None
        gone_ms = outer_end_ms(visit, after)
        stands = [s.end_ms for s in ending(stays, visit.start_ms, gone_ms) if not s.silence]
        return max((ms for ms in stands if ms > loading.at_ms), default=gone_ms)
    stay = stay_at(stays, loading.at_ms)
    return stay.end_ms if stay and not stay.silence else loading.at_ms


def _visit_at(loading: Loading, rows: Rows) -> Stretch | None:
    """The visit to the loading site that holds the loading, else the nearest within `SEEN_SLACK_MS`."""
    visits = [v for v in site_visits(rows["site"], VISIT_GAP_MS) if v.key == loading.site != NOWHERE]
    apart = [(max(v.start_ms - loading.at_ms, loading.at_ms - v.end_ms, 0), k) for k, v in enumerate(visits)]
    return next((visits[k] for ms, k in sorted(apart) if ms <= SEEN_SLACK_MS), None)


def _origin(rows: Rows, stays: list[Stay], at_ms: int, ground: Ground) -> int:
    """The construction site at which the load word flipped, `NOWHERE` when it was at none.

    A truck that stands at one just before or after, no farther off than a reflection shifts, was there.
    """
    stands = [s for s in holding(stays, at_ms, LONGEST_MS) if not s.silence]
    here = stay_at(stands, at_ms)
    x, y = (here.x_m, here.y_m) if here else _place(rows["motion"], at_ms)
    beside = [s for s in stands if hypot(s.x_m - x, s.y_m - y) <= LARGEST_M]
    for stay in [here, *sorted(beside, key=lambda s: max(s.start_ms - at_ms, at_ms - s.end_ms, 0))]:
        index = site_at(rows, stay, at_ms)
        site = ground.site(index)
        if site and site.kind == "construction":
            return index
    return NOWHERE


def _place(motion: list[Stretch], at_ms: int) -> tuple[float, float]:
    """About where the truck was: where the stretch of motion that reaches an instant ended, metres."""
    row = motion[min(bisect_left(motion, at_ms, key=_end), len(motion) - 1)]
    return row.x1_dm / DM_PER_M, row.y1_dm / DM_PER_M


def stay_at(stays: Sequence[Stay], at_ms: int) -> Stay | None:
    """The silence that holds an instant, else the stand that does, else the nearest stand within `SEEN_SLACK_MS`."""
    near = holding(stays, at_ms, SEEN_SLACK_MS)
    dark = next((s for s in near if s.silence and s.start_ms < at_ms <= s.end_ms), None)
    if dark:
        return dark
    stands = [s for s in near if not s.silence]
    return min(stands, key=lambda s: (max(s.start_ms - at_ms, at_ms - s.end_ms, 0), -s.still_ms), default=None)


def site_at(rows: Rows, stay: Stay | None, at_ms: int) -> int:
    """The site a truck was at during a stay: where it spent most of the standing, or at an instant off every stay."""
    a, b = (stay.first_fix_ms, stay.last_fix_ms) if stay else (at_ms, at_ms)
    site = rows["site"]
    first = bisect_left(site, a, key=_end)
    if first < len(site) and site[first].end_ms >= b:
        return int(site[first].key) if site[first].start_ms <= b else NOWHERE
    spent: dict[int, int] = {}
    for row in site[first:]:
        if row.start_ms > b:
            break
        spent[row.key] = spent.get(row.key, 0) + min(b, row.end_ms) - max(a, row.start_ms) + 1
    return max(spent, key=lambda k: (spent[k], k), default=NOWHERE)


def _sensed(gone: Flip, stays: list[Stay], rows: Rows, ground: Ground) -> Unloading:
    stay = stay_at(stays, gone.at_ms)
    raised = any(
        r.key == 1 and r.start_ms - SEEN_SLACK_MS <= gone.at_ms <= r.end_ms + SEEN_SLACK_MS for r in rows["lift"]
    )
    site = NOWHERE if stay and stay.silence else site_at(rows, stay, gone.at_ms)
    unseen_ms = gone.at_ms - gone.last_ms
    unseen, brief = unseen_ms > UNSEEN_MAX_MS, unseen_ms < ground.policy.silence_min_s * 1000
    delivered = _unseen_delivery(gone.last_ms - 1, gone.at_ms + 1, [], rows, ground) if unseen and brief else None
    if delivered and site == NOWHERE:
        return replace(delivered, signs=("load",), sensed_ms=gone.at_ms)
    stood = stay is None or (stay.first_fix_ms < gone.at_ms and gone.last_ms <= stay.end_ms)
    if stay and not stay.silence and unseen and not stood and (site == NOWHERE or stay.start_ms > gone.at_ms):
        stay, site = None, NOWHERE  # the load went in a gap; the next stand is not to blame for it
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


def _inferred(
    left_ms: int, until_ms: int, later: list[Stay], rows: Rows, ground: Ground, fleet: Fleet
) -> Unloading | None:
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
        (
            s
            for s in later
            if s.silence
            and left_ms < s.start_ms
            and s.moved_m > ground.policy.signal_loss_min_m
            and s.end_ms - s.start_ms >= ground.policy.silence_min_s * 1000
        ),
        None,
    )
    unseen = _unseen_delivery(left_ms, until_ms, later, rows, ground)
    hidden = unseen is not None and not parked(unseen.at_ms, site_at(rows, None, unseen.at_ms), rows, ground)
    found = likeliest(stands, left_ms, until_ms, rows, ground, fleet, hidden)
    wild = None
    if found is not None:
        sure = round(min(0.9, 0.5 + 0.12 * found.signs), 2)
        wild = Unloading(found.stay.start_ms, found.stay, NOWHERE, found.words, sure)
    if dark is not None and unseen is not None and unseen.at_ms <= dark.start_ms:
        return unseen  # at a site, before the silence began
    if dark is not None and (wild is None or wild.confidence < SURER_THAN_SILENCE):
        return Unloading(dark.start_ms, dark, NOWHERE, ("silence",), 0.7)
    return wild or unseen


def _unseen_delivery(left_ms: int, until_ms: int, later: list[Stay], rows: Rows, ground: Ground) -> Unloading | None:
    """A gap in which the truck may have delivered at a place that takes muck."""
    found = delivery(left_ms, until_ms, later, rows, ground)
    return Unloading(found[0], None, found[1], ("visit",), 0.75) if found else None


def _longest_at(index: int, first: Stay, stands: list[tuple[Stay, int]]) -> Stay:
    """Of the stands of one visit to a site the longest: the others are queues at its gate."""
    visit = [first]
    for stay, at in stands:
        if at == index and 0 < stay.start_ms - visit[-1].end_ms < VISIT_GAP_MS:
            visit.append(stay)
    return max(visit, key=lambda s: s.still_ms)
