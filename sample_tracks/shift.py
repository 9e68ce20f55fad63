"""A truck's weeks: nights, days, the trips in them, and the acts that were dealt to it."""

from __future__ import annotations

import numpy as np

from sample_tracks.acts import Plan
from sample_tracks.city import Place
from sample_tracks.clock import DAY_S, Spans, cut
from sample_tracks.driver import Driver, World
from sample_tracks.driving import Leg
from sample_tracks.fleet import Permit, Truck, whitelist_spans
from sample_tracks.jobs import one, pick
from sample_tracks.plane import stream
from sample_tracks.roads import Path
from sample_tracks.timeline import Truth

_H = 3600
_LOADING_S = 760.0
#: Acts that belong to the way back rather than to the load.
_EMPTY_ACTS = {"quiet_empty": "quiet", "no_entry_empty": "no_entry"}
_LADEN_ZONES = {"quiet_laden": "quiet", "no_entry_laden": "no_entry"}
#: Acts that do not look at the clock.
_ANY_TIME = {"hours", "ban", "spill"}


def simulate(world: World, number: int, truck: Truck, plan: Plan, seed: int, honest: bool) -> Truth:
    """Drives one truck through all the weeks."""
    shift = Shift(world, truck, stream(seed, "shift", number), honest)
    for day in range(-1, world.clock.days):
        acts = plan.get((number, day), [])
        if truck.whitelist is None and "day_errand" in acts and day >= 0:
            shift.errand(day)
        day_shift = day >= 0 and not acts and shift.rng.random() < 0.42
        if truck.whitelist is not None and day_shift and not shift.waiting:
            shift.by_day(day)
        elif acts or shift.driver.tl.carrying or shift.rng.random() < 0.74:
            shift.by_night(day, [a for a in acts if a not in ("day_errand", "clone")])
    return shift.driver.tl.finish(world.clock.end_s)


def fit(spans: Spans, ready_s: float, need_s: float) -> float | None:
    """The earliest second, not before `ready_s`, from which `need_s` seconds lie within one span."""
    for a, b in spans:
        if max(a, ready_s) + need_s <= b:
            return max(a, ready_s)
    return None


class Shift:
    """One driver's work. A job is a permit, one of its disposal sites and the route between."""

    def __init__(self, world: World, truck: Truck, rng: np.random.Generator, honest: bool) -> None:
        self.world, self.truck, self.rng, self.honest = world, truck, rng, honest
        self.driver = Driver(world, truck, rng)
        self.city, self.fleet, self.tl = world.city, world.fleet, self.driver.tl
        self.waiting: tuple[Permit, Path] | None = None  # a load kept in the depot over the day

    # -- shifts --------------------------------------------------------------------------------------------------------

    def by_night(self, day: int, acts: list[str]) -> None:
        """From eight in the evening to half past five, or what is left of it at either end of the weeks."""
        ban = "ban" in acts
        begin = max(
            day * DAY_S + 20 * _H + self.rng.uniform(60, 2700) * (0.1 if {"hours", "ban"} & set(acts) else 1), 400.0
        )
        home_by = min((day + 1) * DAY_S + 5.55 * _H, self.world.clock.end_s - 1500)
        self.tl.hold_until(begin)
        self._deliver_the_waiting(home_by)
        order = sorted(acts, key=lambda a: a not in ("hours", "ban"))
        if not ban and self.rng.random() < 0.5:
            order.insert(int("hours" in acts), "")
        wants = order + [""] * 12
        if "spill" in order:
            wants = [a for a in order if a != "spill"] + [""] * 12
        ate = False
        while wants:
            act = wants.pop(0)
            if act.startswith("quiet") and self._too_early_for_quiet() and "" in wants:
                wants.remove("")
                wants.insert(0, act)
                act = ""
            if not self.trip(act, home_by, None):
                if act == "":
                    break
                continue
            if not ate and not self.tl.carrying and self.rng.random() < self.city.style.meals:
                ate = True
                self._break(home_by)
        if "spill" in acts:
            self._spill(day)
        if not self.tl.carrying and not self.waiting and self.truck.company_id == "JK" and self.rng.random() < 0.12:
            self._keep_overnight(home_by)
        self._home()

    def by_day(self, day: int) -> None:
        """Within the whitelist's hours; a driver whose entry has lapsed may go on as before."""
        spans = whitelist_spans(self.truck, self.world.clock)
        if not self.honest and self.truck.whitelist and self.rng.random() < 0.7:
            spans = self.world.clock.daily(self.truck.whitelist[0])
        for a, b in cut([s for s in spans if s[0] // DAY_S == day], self.world.ban_spans):
            self.tl.hold_until(a + self.rng.uniform(200, 1500))
            while self.trip("", b - 300, [(a, b)]):
                pass
            self._home()

    def errand(self, day: int) -> None:
        """By day, empty, to a far pump or wash and back, without leave."""
        self.tl.hold_until(day * DAY_S + self.rng.uniform(9.0, 15.5) * _H)
        goal = max(self.city.of_kind("fuel", "wash"), key=self.driver.seconds_to)
        self.driver.go(goal)
        self.driver.pause(self.rng.uniform(240, 900))
        self._home()

    # -- trips ---------------------------------------------------------------------------------------------------------

    def trip(self, act: str, home_by: float, by_day: Spans | None) -> bool:
        """One load, if there is time for it; the act says what is wrong with it."""
        job = pick(self.world, self.truck, act, self.tl.now, self.rng)
        if job is None:
            return False
        permit, origin, goal, path = job.permit, job.origin, job.goal, job.path
        there = self.driver.seconds_to(origin)
        need = self.city.network.seconds_of(path) * 1.25 + 240
        ready = self.tl.now + there + _LOADING_S
        spans = by_day or (cut(self.world.clock.daily(permit.hours), self.world.ban_spans) if permit else None)
        if act in _ANY_TIME or (act in ("pit", "foreign") and not by_day):
            spans = cut([(int(self.tl.now), int(home_by))], self.world.ban_spans if act != "ban" else [])
        leave = fit(spans or [], ready, need)
        back = self.city.network.seconds_of(self.city.route(goal, self.driver.depot)) * 1.1 + 480
        if leave is None or leave + need + back > home_by:
            return False
        if leave - ready > 2400:
            self._home()
            self.tl.hold_until(leave - self.driver.seconds_to(origin) - _LOADING_S)
        elif leave > ready + 30:
            self.driver.pause(leave - ready)
        self._to_origin(origin, act)
        if self.rng.random() < 0.02:
            return self._dry_visit()
        haul = self.driver.load(origin, act)
        if act not in _ANY_TIME:
            self.tl.hold_until(leave + self.rng.uniform(20, 90))
        self._haul(haul.number - 1, act, goal, path)
        return True

    def _to_origin(self, origin: Place, act: str) -> None:
        """Empty to the loading place; some acts belong to this leg."""
        if act in _EMPTY_ACTS:
            zones = self.city.crossed_zones(_EMPTY_ACTS[act])
            path = self.driver.through(one(self.rng, zones), origin)
            if path is not None:
                self.driver.go(origin, path=path)
                return
        self.driver.go(origin)

    def _haul(self, index: int, act: str, goal: Place, path: Path) -> None:
        """The laden leg and the dumping."""
        rng, tl = self.rng, self.tl
        haul = tl.hauls[index]
        leg = Leg()
        if act == "detour":
            path = self.driver.detour(path)
        elif act in _LADEN_ZONES:
            zones = self.city.crossed_zones(_LADEN_ZONES[act])
            path = self.driver.through(one(rng, zones), goal) or path
        elif act == "race":
            a = rng.uniform(0.15, 0.45)
            share = rng.uniform(0.25, 0.45) if rng.random() < 0.8 else rng.uniform(0.03, 0.06)
            leg.race, leg.race_kmh = (a, a + share), float(rng.uniform(70, 84))
        elif act in ("silence", "frozen"):
            leg.halts = [(rng.uniform(0.35, 0.6), rng.uniform(200, 285))]
        elif rng.random() < 0.05:
            leg.halts = [(rng.uniform(0.2, 0.8), rng.uniform(360, 1500))]
        if goal.kind in ("disposal", "soil_bank") and self.city.style.grown:
            leg.halts += self._queue(path)
        elif goal.kind in ("disposal", "soil_bank") and rng.random() < self.city.style.queues:
            leg.halts += [(0.988 - 0.012 * i, rng.uniform(25, 110)) for i in range(int(rng.integers(1, 5)))]
        start, end = self.driver.go(goal, leg, path)
        if act in ("silence", "frozen"):
            a = start + rng.uniform(0.06, 0.12) * (end - start)
            tl.silences.append((round(a), round(min(a + rng.uniform(720, 1000), end - 40)), act))
        self.driver.dump(haul, goal, quick=goal.kind == "wild" and rng.random() < 0.4)
        if act == "silence_dump":
            tl.silences.append(
                (haul.arrived_s - round(rng.uniform(280, 420)), haul.left_s + round(rng.uniform(200, 400)), act)
            )

    def _queue(self, path: Path) -> list[tuple[float, float]]:
        """Halts in a queue of a few hundred metres outside a gate, up to twenty minutes in all."""
        rng = self.rng
        if rng.random() > self.city.style.queues:
            return []
        length_m = float(sum(self.city.network.road(n).length_m for n, _ in path.roads))
        ahead_m = self.city.network.road(path.roads[-1][0]).length_m + np.cumsum(
            rng.uniform(25, 80, rng.integers(1, 7))
        )
        return [(1 - float(m) / length_m, float(rng.uniform(30, 240))) for m in ahead_m if m < 0.5 * length_m]

    # -- the rest of the day -------------------------------------------------------------------------------------------

    def _dry_visit(self) -> bool:
        """Came for a load, found none."""
        start = self.tl.now
        self.driver.pause(self.rng.uniform(200, 700), engine=True)
        self.tl.dry_visits.append((start, self.tl.now))
        return True

    def _break(self, home_by: float) -> None:
        """A meal, the pump or the wash, if the night is long enough."""
        goal = self._any("meal", "meal", "fuel", "wash")
        if self.tl.now + 3 * _H < home_by:
            self.driver.go(goal)
            self.driver.pause(self.rng.uniform(900, 2100) if goal.kind == "meal" else self.rng.uniform(240, 720))

    def _spill(self, day: int) -> None:
        """A last load that ends after six in the morning."""
        self._home()
        self.tl.hold_until((day + 1) * DAY_S + self.rng.uniform(4.75, 5.1) * _H)
        self.trip("spill", self.tl.now + 3 * _H, None)

    def _keep_overnight(self, home_by: float) -> None:
        """Loads at the end of the night, parks laden in the depot on the permitted way, delivers next evening."""
        permits = [p for p in self.fleet.permits_of(self.truck) if p.depot == self.truck.depot and p.holds(home_by)]
        if not permits or home_by > self.world.clock.end_s - 2 * DAY_S:
            return
        permit = permits[0]
        origin = self.city.places[permit.origin]
        spans = cut(self.world.clock.daily(permit.hours), self.world.ban_spans)
        way = self.city.route(origin, self.driver.depot)
        need = self.city.network.seconds_of(way) * 1.25 + 120
        ready = self.tl.now + self.driver.seconds_to(origin) + _LOADING_S
        if fit(spans, ready, need) != ready or ready + need > home_by:
            return
        self.driver.go(origin)
        self.driver.load(origin, "overnight")
        self.driver.go(self.driver.depot, path=way)
        self.waiting = (permit, self.city.route(self.driver.depot, self.city.places[permit.disposals[0]]))

    def _deliver_the_waiting(self, home_by: float) -> None:
        if self.waiting is None:
            return
        permit, way = self.waiting
        spans = cut(self.world.clock.daily(permit.hours), self.world.ban_spans)
        leave = fit(spans, self.tl.now, self.city.network.seconds_of(way) * 1.25 + 120)
        assert leave is not None
        self.tl.hold_until(leave + self.rng.uniform(30, 600))
        self._haul(len(self.tl.hauls) - 1, "overnight", self.city.places[permit.disposals[0]], way)
        self.waiting = None

    def _home(self) -> None:
        if self.driver.at != self.driver.depot.node:
            self.driver.go(self.driver.depot)
        self.driver.pause(60)

    def _too_early_for_quiet(self) -> bool:
        """Before ten in the evening nobody is disturbed."""
        return 19.5 * _H < self.tl.now % DAY_S < 21.95 * _H

    def _any(self, *kinds: str) -> Place:
        return one(self.rng, self.city.of_kind(*kinds))
