"""What stays off every registered site tell: a load left, a load taken on, or only a rest.

A sensor's word, or the engine's own verdict on a haul, makes a stay a sign. Where no sensor spoke, the order of stays
does: a truck that leaves a construction site and comes back to one without having been where muck may be left has left
its load somewhere between; one that goes from a disposal site to a disposal site has loaded between. Everything else
(fuel, meals, queues at gates, lights, parking) is a passing stay: the truck delivered afterwards, or was empty.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from operator import attrgetter

from rules.findings import Stop, Trip, Violation
from rules.hauls import SEEN_SLACK_MS
from rules.registry import Registry

DUMPING, LOADING = "dumping", "loading"
#: Signs of the engine that a sensor stands behind.
SENSORS = frozenset({"load", "lift"})
#: The sign of a stay that only the order of stays tells of.
BETWEEN = "between"
LOAD_STAY_MS = (240_000, 3_600_000)  # filling a truck takes at least the one; the other is a parked truck


@dataclass(frozen=True, order=True)
class Visit:
    """A stay with a sign. `signs` is what told so, best first; empty where only the trip's end did."""

    start_ms: int
    end_ms: int
    plate: str
    kind: str
    lon: float
    lat: float
    signs: tuple[str, ...]
    trip_id: str = ""
    violation_id: str = ""
    site_id: str = ""

    @property
    def sensed(self) -> int:
        """How many sensors told of it."""
        return len(SENSORS.intersection(self.signs))


def visits_of(
    trips: Iterable[Trip],
    stops: Iterable[Stop],
    violations: Iterable[Violation],
    registry: Registry,
    rejected: Iterable[Violation] = (),
) -> tuple[list[Visit], list[Stop]]:
    """Stays with a sign, in order, and the passing stays off every site.

    Args:
        trips: what the engine recorded, any order.
        stops: the same.
        violations: those that nobody rejected.
        registry: the sites in force.
        rejected: violations that a reviewer rejected; what they rest on is no sign any more.
    """
    refused = {(v.rule, v.trip_id) for v in rejected}
    by_plate: dict[str, list[Stop]] = {}
    for stop in sorted(stops, key=attrgetter("plate", "start_ms", "end_ms", "lon", "lat")):
        of_plate = by_plate.setdefault(stop.plate, [])
        if not of_plate or of_plate[-1] != stop:
            of_plate.append(stop)
    known_trips = sorted(set(trips), key=lambda t: (t.plate, t.loaded_ms))
    dumped = _dumped(known_trips, violations, registry, refused)
    loaded = _loaded(known_trips, by_plate, {trip_id for rule, trip_id in refused if rule == "no_permit"})
    between = _between(known_trips, by_plate, registry)
    signed = {(v.plate, v.start_ms) for v in (*loaded, *between)}
    spans: dict[str, list[tuple[int, int]]] = {}
    for visit in dumped:
        spans.setdefault(visit.plate, []).append((visit.start_ms, visit.end_ms))
    passing = [
        s
        for s in (s for of in by_plate.values() for s in of if s.site_id is None)
        if (s.plate, s.start_ms) not in signed
        and not any(s.start_ms <= b and a <= s.end_ms for a, b in spans.get(s.plate, ()))
    ]
    return sorted({*dumped, *loaded, *between}), passing


def _dumped(
    trips: Sequence[Trip], violations: Iterable[Violation], registry: Registry, refused: set[tuple[str, str | None]]
) -> list[Visit]:
    """Loads left off every site or at one that was not in force, as the engine judged."""
    told = {v.violation_id: v for v in violations if v.rule == "unauthorised_dumping"}
    found = []
    for violation_id, v in told.items():
        site = registry.site.get(v.site_id or "")
        if site is not None and not site.takes_muck:
            continue  # a load left in a depot: the place is known
        signs, trip_id = tuple(map(str, v.evidence.get("unloaded_by", ()))), v.trip_id or ""
        visit = Visit(v.start_ms, v.end_ms, v.plate, DUMPING, v.lon, v.lat, signs, trip_id, violation_id)
        found.append(visit if site is None else replace(visit, site_id=site.site_id))
    settled = {v.trip_id for v in told.values()} | {i for rule, i in refused if rule == "unauthorised_dumping"}
    for t in trips:
        if t.disposal_site is not None or t.dumped_ms is None or t.trip_id in settled:
            continue
        if t.dump_lon is not None and t.dump_lat is not None:
            found.append(Visit(t.dumped_ms, t.dumped_ms, t.plate, DUMPING, t.dump_lon, t.dump_lat, (), t.trip_id))
    return found


def _loaded(trips: Sequence[Trip], by_plate: dict[str, list[Stop]], refused: set[str | None]) -> list[Visit]:
    """Stays off every site at which a load sensor told of a load taken on."""
    found = []
    for t in trips:
        if t.origin_site is not None or t.trip_id in refused:
            continue
        stop = _stop_at(by_plate.get(t.plate, ()), t.loaded_ms)
        if stop is not None and stop.site_id is None:
            where = (stop.plate, LOADING, stop.lon, stop.lat)
            found.append(Visit(stop.start_ms, stop.end_ms, *where, ("load",), t.trip_id))
    return found


def _stop_at(stops: Sequence[Stop], at_ms: int) -> Stop | None:
    """The stop in which a sensor spoke at an instant: the nearest within `SEEN_SLACK_MS`."""
    away = [(max(s.start_ms - at_ms, at_ms - s.end_ms, 0), i) for i, s in enumerate(stops)]
    best = min((a for a in away if a[0] <= SEEN_SLACK_MS), default=None)
    return stops[best[1]] if best else None


def _between(trips: Sequence[Trip], by_plate: dict[str, list[Stop]], registry: Registry) -> list[Visit]:
    """Stays between two construction sites, or two disposal sites, of trucks of whose load nothing is known there."""
    dump_max_ms = registry.policy.dump_stand_max_s * 1000
    hauls: dict[str, list[Trip]] = {}
    for t in trips:
        hauls.setdefault(t.plate, []).append(t)
    found: list[Visit] = []
    for plate, stops in by_plate.items():
        loaded_ms = [t.loaded_ms for t in hauls.get(plate, ())]
        anchors = [i for i, s in enumerate(stops) if _anchor(s, registry)]
        for i, j in pairwise(anchors):
            kind = _anchor(stops[i], registry)
            if j == i + 1 or kind != _anchor(stops[j], registry):
                continue
            since = stops[i].start_ms if kind == DUMPING else stops[i].end_ms
            if bisect_left(loaded_ms, since) < bisect_right(loaded_ms, stops[j].start_ms - 1):
                continue  # a haul is known: its end is judged by itself
            found += [_told_by_order(s, kind) for s in stops[i + 1 : j] if _long_enough(s, kind, dump_max_ms)]
    return found


def _anchor(stop: Stop, registry: Registry) -> str:
    """What a stay at a site makes of the stays up to the next such site, "" where it makes nothing of them."""
    if stop.kind == "construction":
        return DUMPING if stop.end_ms - stop.start_ms >= registry.policy.load_stay_min_s * 1000 else ""
    return LOADING if stop.kind in ("disposal", "soil_bank") else ""


def _long_enough(stop: Stop, kind: str, dump_max_ms: int) -> bool:
    stood_ms = stop.end_ms - stop.start_ms
    low, high = LOAD_STAY_MS if kind == LOADING else (0, dump_max_ms)
    return stop.site_id is None and low <= stood_ms <= high


def _told_by_order(stop: Stop, kind: str) -> Visit:
    return Visit(stop.start_ms, stop.end_ms, stop.plate, kind, stop.lon, stop.lat, (BETWEEN,))
