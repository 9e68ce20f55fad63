"""Labels, from what truly happened: each rule's stretches by the contract's definitions, and what cannot be known."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from sample_tracks.clock import DAY_HOURS, Bools, Spans, cut, join, mask_of, spans_of
from sample_tracks.driver import World
from sample_tracks.fleet import Permit, Truck, whitelist_spans
from sample_tracks.timeline import Haul, Truth

LIMIT_KMH = 60.0
_SILENCE_S = 600
_HALT_S = 300
#: A stretch shorter than its minimum times this may be missed or flagged: nobody is blamed.
_SURE = 1.5
_DRIFT_M = 80.0  # two places lie apart by less through drift alone
_AFTERMATH = ("off_route", "outside_hours", "signal_loss", "wrong_destination", "unauthorised_dumping", "no_permit")


@dataclass(frozen=True)
class Label:
    """A line of truth.csv; seconds of the simulation."""

    kind: str
    rule: str
    plate: str
    start_s: float
    end_s: float
    note: str = ""


def corridor_of(world: World, permits: list[Permit]) -> BaseGeometry:
    """Where any of the permits lets a truck go, metres; made once."""
    key = tuple(p.permit_no for p in permits)
    if key not in world.corridors:
        usual_m = world.city.settings.corridor_m
        world.corridors[key] = shapely.union_all(
            [shapely.LineString(line).buffer(p.corridor_m or usual_m) for p in permits for line in p.lines]
        )
    return world.corridors[key]


class Judge:
    """Labels one truck. `sound_s` are the seconds of fixes whose position can be believed, from all its devices."""

    def __init__(self, world: World, truck: Truck, truth: Truth, sound_s: NDArray[np.int64], reflected: Spans) -> None:
        self.world, self.truck, self.truth = world, truck, truth
        self.size = len(truth.speed)
        self.labels: list[Label] = []
        gaps = [(a, b) for a, b in pairwise(sound_s.tolist()) if b - a > 95]
        self.silences = [(a, b) for a, b in gaps if b - a >= _SILENCE_S]
        self.maybe_silences = [(a, b) for a, b in gaps if 540 <= b - a < _SILENCE_S]
        awake = truth.speed > 0.3 if truck.by_events else truth.acc  # who reports events says nothing while standing
        blind = [(a + 20, b - 20) for a, b in gaps if awake[a : b + 1].any()]
        self.blind = mask_of(join(blind + reflected, 0), self.size)
        self.moving: Bools = truth.speed > 0.3
        self.driving = mask_of(join(spans_of(self.moving), _HALT_S), self.size)
        day = mask_of(world.clock.daily(DAY_HOURS), self.size)
        self.day, self.night = day, ~day
        self.ban = mask_of(world.ban_spans, self.size)
        self.laden = np.zeros(self.size, dtype=bool)
        self.hauling = self.laden.copy()  # laden and under way: opening the body at the end is part of the dumping

    def judge(self) -> list[Label]:
        """Every label of the truck, in no order."""
        over_hours = np.zeros(self.size, dtype=bool)
        for haul in self.truth.hauls:
            depart = self._departure(haul)
            end = haul.dumped_s if haul.dumped_s > 0 else self.size
            if depart is None or depart >= end:
                continue
            self.laden[depart:end] = True
            self.hauling[depart : haul.arrived_s if haul.arrived_s > 0 else self.size] = True
            permits = [p for p in self.world.fleet.permits_of(self.truck, haul.origin) if p.holds(depart)]
            if permits:
                allowed = [s for p in permits for s in self.world.clock.daily(p.hours)]
                over_hours[depart:end] |= self.night[depart:end] & ~mask_of(
                    [(a - depart, b - depart) for a, b in allowed], end - depart
                )
                self._off_route(haul, permits, depart, end, self._told_dumped(haul))
                self._wrong_destination(haul, permits)
            else:
                self._no_permit(haul, depart, end)
            self._dumping(haul)
            self._aftermath(haul)
        over_hours |= self.ban
        self._timed("outside_hours", self.hauling & self.driving & over_hours, 180, 600)
        allowed_by_day = mask_of(whitelist_spans(self.truck, self.world.clock), self.size)
        self._timed("daytime_not_whitelisted", self.driving & self.day & ~allowed_by_day, 180, 600)
        self._zones()
        # who tells no speed is seen above the limit only where no drift explains the way between two fixes
        drift_kmh = 3.6 * _DRIFT_M / self.truck.interval_s if "speed_kmh" in self.truck.omits else 0.0
        self._speeding(drift_kmh)
        if self.truck.works("cover"):
            self._timed("uncovered_load", self.hauling & self.driving & self.truth.open, 60, 600)
        self._signal_loss()
        self._unknowable()
        return self.labels

    # -- one haul ------------------------------------------------------------------------------------------------------

    def _departure(self, haul: Haul) -> int | None:
        """The second at which it left the loading site, margin included."""
        place = self.world.city.places[haul.origin]
        area = self._area(haul.origin)
        if area is None:
            area = shapely.Point(self.world.city.network.nodes[place.node]).buffer(60.0)
        for a in range(haul.loaded_s, self.size, 1800):
            inside = self._inside(area, a, min(a + 1800, self.size))
            if not inside.all():
                return a + int(np.argmin(inside))
        return None

    def _no_permit(self, haul: Haul, depart: int, end: int) -> None:
        for a, b in cut([(depart, end)], self.silences):
            known = self.truck.works("load") or self._registered(haul.origin)
            self._say("positive" if known and b - a >= 240 else "ignore", "no_permit", a, b, haul.act)

    def _off_route(self, haul: Haul, permits: list[Permit], depart: int, end: int, known: bool) -> None:
        corridor = corridor_of(self.world, permits)
        outside = np.zeros(self.size, dtype=bool)
        outside[depart:end] = ~self._inside(corridor, depart, end)
        for a, b in join(cut(spans_of(outside), self.silences), 600):
            travel = float(self.truth.speed[a:b][outside[a:b]].sum())
            far = float(shapely.distance(corridor, shapely.points(self.truth.xy[a:b:5].astype(float))).max())
            driven_s = min(b, haul.arrived_s if haul.arrived_s > 0 else b) - a
            enough = driven_s >= 60 * _SURE and travel >= 120 * _SURE and far >= 80
            sure = known and enough and self._seen(a, b, 60 * _SURE)
            self._say("positive" if sure else "ignore", "off_route", a, b, haul.act)

    def _wrong_destination(self, haul: Haul, permits: list[Permit]) -> None:
        named = {d for p in permits for d in p.disposals}
        if self._takes_muck(haul) and haul.goal not in named:
            a, b = self._stay(haul)
            sure = self._told_dumped(haul) and self._seen(a, b, 0.4 * (b - a))
            self._say("positive" if sure else "ignore", "wrong_destination", a, b, haul.goal)

    def _dumping(self, haul: Haul) -> None:
        """A load left anywhere but where muck may be taken then."""
        if haul.dumped_s < 0 or self._takes_muck(haul):
            return
        a, b = haul.arrived_s, self._moves_on(haul.left_s)
        lost = any(c <= haul.dumped_s < d for c, d in self.silences + self.maybe_silences)
        known = self._told_dumped(haul)
        sure = known and not lost and self._seen(a, b, 0.4 * (b - a))
        note = "expired site" if self._registered(haul.goal) else haul.act
        self._say(
            "positive" if sure else "ignore", "unauthorised_dumping", a, b, note if known else f"{note}, no sensor"
        )

    def _aftermath(self, haul: Haul) -> None:
        """Where nobody can tell that a load was left, whoever drives on empty may be taken for laden."""
        if not self.world.city.style.grown or haul.dumped_s < 0 or self._takes_muck(haul) or self._told_dumped(haul):
            return
        loads = [h.loaded_s for h in self.truth.hauls if h.number > haul.number]
        for rule in _AFTERMATH:
            self._say("ignore", rule, haul.dumped_s, min([*loads, haul.dumped_s + 3 * 3600]), "load left unseen")

    def _moves_on(self, second: int) -> int:
        """When the truck next moves: a stop does not end with the work that was done in it."""
        return second + int(np.argmax(np.append(self.moving[second:], True)))

    def _told_dumped(self, haul: Haul) -> bool:
        """Whether sensors, or else stops, tell where the load was left."""
        if self.truck.works("load") or haul.dumped_s < 0:
            return True
        if not self._seen(haul.arrived_s, haul.left_s, 0.5 * (haul.left_s - haul.arrived_s)):
            return False
        if self._takes_muck(haul) or (self.truck.works("lift") and self._registered(haul.origin)):
            return True
        stood = haul.left_s - haul.arrived_s >= 200
        returns = any(h.number == haul.number + 1 and h.loaded_s - haul.left_s < 2 * 3600 for h in self.truth.hauls)
        return self._registered(haul.origin) and stood and (returns or self._registered(haul.goal))

    # -- masks ---------------------------------------------------------------------------------------------------------

    def _timed(
        self, rule: str, mask: Bools, least_s: float, merge_s: float, note: str = "", least_fixes: float = 0.0
    ) -> None:
        """Stretches of a mask: cut at silences, merged, then asked for their minimum."""
        for a, b in join(cut(spans_of(mask), self.silences), merge_s):
            need = max(least_s * _SURE, least_fixes * self.truck.interval_s)
            sure = int(mask[a:b].sum()) >= need and self._seen(a, b, need)
            self._say("positive" if sure else "ignore", rule, a, b, note)

    def _speeding(self, drift_kmh: float) -> None:
        above = self.truth.speed > LIMIT_KMH / 3.6
        if not drift_kmh:
            self._timed("overspeed", above, 30, 60, least_fixes=2.5)
            return
        for a, b in join(cut(spans_of(above), self.silences), 60):
            plain = int((self.truth.speed[a:b] > (LIMIT_KMH + drift_kmh) / 3.6).sum())
            sure = plain >= max(30 * _SURE, 2.5 * self.truck.interval_s) and self._seen(a, b, plain)
            self._say("positive" if sure else "ignore", "overspeed", a, b, "no speed told")

    def _zones(self) -> None:
        for zone in self.world.city.zones:
            rule = "quiet_zone" if zone.kind == "quiet" else "no_entry"
            hours = mask_of(self.world.clock.daily(zone.hours), self.size)
            at = np.flatnonzero(self.driving & hours)
            shapely.prepare(zone.polygon)
            near, deep = zone.polygon.buffer(self.world.city.settings.near_zone_m), zone.polygon.buffer(-30.0)
            masks = []
            for polygon in (zone.polygon, near, deep):
                mask = np.zeros(self.size, dtype=bool)
                mask[at] = shapely.contains_xy(polygon, *self.truth.xy[at].T.astype(float))
                masks.append(mask)
            inside, near_it, deep_in = masks
            for a, b in join(cut(spans_of(near_it), self.silences), 300):
                need = max(30 * _SURE, 2.0 * self.truck.interval_s)
                parts = join(cut(spans_of(inside[a:b]), []), 300)
                c, d = (a + parts[0][0], a + parts[-1][1]) if parts else (a, b)
                sure = deep_in[a:b].sum() >= need and self._seen(c, d, need)
                self._say("positive" if sure else "ignore", rule, c, d, zone.zone_id)

    def _signal_loss(self) -> None:
        for a, b in self.silences + self.maybe_silences:
            if not self.laden[a : b + 1].any():
                continue
            moved = float(np.hypot(*(self.truth.xy[b].astype(float) - self.truth.xy[a])))
            gone = not self.laden[min(b, self.size - 1)]
            sure = self.laden[a] and b - a >= 630 and (moved > 650 if not gone else self.truck.works("load"))
            if moved > 350 or gone:
                self._say("positive" if sure else "ignore", "signal_loss", a, b, "dumped in it" if gone else "")

    def _unknowable(self) -> None:
        """Visits without a load look like loadings where no sensor says otherwise."""
        if self.truck.works("load"):
            return
        for a, _ in self.truth.dry_visits:
            after = [h.loaded_s for h in self.truth.hauls if h.loaded_s > a]
            self._say(
                "ignore", "*", a, min(after[0] if after else self.size, a + 3 * 3600), "empty visit, no load sensor"
            )

    # -- asking the truth ----------------------------------------------------------------------------------------------

    def _say(self, kind: str, rule: str, a: float, b: float, note: str = "") -> None:
        kind = "ignore" if b >= self.size - 5 else kind
        self.labels.append(Label(kind, rule, self.truck.plate, a, b, note))

    def _seen(self, a: int, b: int, need_s: float) -> bool:
        """Whether enough of a stretch was reported with positions to be believed."""
        seen = int((~self.blind[a:b]).sum())
        return seen >= need_s and seen >= 0.6 * (b - a)

    def _registered(self, place_id: str) -> bool:
        return self._area(place_id) is not None

    def _area(self, place_id: str) -> BaseGeometry | None:
        polygon = self.world.city.places[place_id].polygon
        return None if polygon is None else polygon.buffer(self.world.city.settings.site_margin_m)

    def _takes_muck(self, haul: Haul) -> bool:
        place = self.world.city.places.get(haul.goal)
        takes = place is not None and place.kind in ("disposal", "soil_bank")
        return takes and self.world.fleet.open_at(haul.goal, haul.dumped_s)

    def _inside(self, area: BaseGeometry, a: int, b: int) -> Bools:
        shapely.prepare(area)
        return np.asarray(shapely.contains_xy(area, *self.truth.xy[a:b].T.astype(float)))

    def _stay(self, haul: Haul) -> tuple[int, int]:
        """From entering the site to leaving it, around the dumping."""
        area = self._area(haul.goal)
        assert area is not None
        a, b = max(0, haul.dumped_s - 7200), min(self.size, haul.dumped_s + 4 * 3600)
        inside = self._inside(area, a, b)
        at = haul.dumped_s - a
        before, after = np.flatnonzero(~inside[:at]), np.flatnonzero(~inside[at:])
        return a + (int(before[-1]) + 1 if len(before) else 0), haul.dumped_s + (
            int(after[0]) if len(after) else b - haul.dumped_s
        )
