"""Chooses shifts and places so that the most of what is expected is met: maximum coverage with travel, solved exactly.

A mixed integer program an inspection for HiGHS (through scipy): which place at which stop, such that every stop can be
reached from the one before, a truck of one night counts once however many stops it passes, and one truck counts no more
in a week than its gravest trip. No two inspections fall on one date, and they stand at different places unless the same
one is clearly worth it. Hours are chosen one inspection after another, places of all at once: one program of both took
ten times as long and met no more.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import coo_array

from reports.patrol.outlook import DRIVE_MAX_S, Outlook, Shift, chance_within

Floats = NDArray[np.float64]
Chosen = list[tuple[Shift, tuple[int, ...]]]

#: So many shifts are weighed, and at each stop so many places: the best by what they meet alone.
SHIFTS, PLACES = 12, 10
#: A team that can meet this much of the optimum without driving on stays where it is.
STAY_SHARE = 0.97
#: A place that another inspection stands at, too, has to be worth so much of a mean stop more than another place: twice
#: the same is soon known among drivers, and if the forecast is wrong, it is wrong twice.
REPEAT_SHARE = 0.3
#: Places that a car reaches within this time (some 400 m) are one place to those who pass.
SAME_PLACE_S = 45.0
#: Nodes of the search, so that a plan never depends on how fast the machine is.
_NODES = 20_000


@dataclass(frozen=True)
class Choice:
    """Shifts with their places, stop by stop, and how far at most the optimum lies above (share; 0 is exact)."""

    shifts: Chosen
    gap: float


class _Program:
    """Columns and rows of the program as they are written down."""

    def __init__(self) -> None:
        self.gain: list[float] = []
        self.top: list[float] = []
        self.whole: list[int] = []
        self.cells: list[tuple[int, int, float]] = []
        self.low: list[float] = []
        self.high: list[float] = []

    def column(self, gain: float = 0.0, top: float = 1.0, whole: bool = False) -> int:
        self.gain.append(gain)
        self.top.append(top)
        self.whole.append(int(whole))
        return len(self.gain) - 1

    def row(self, terms: list[tuple[int, float]], low: float, high: float) -> None:
        self.cells += [(len(self.low), column, value) for column, value in terms]
        self.low.append(low)
        self.high.append(high)

    def solve(self) -> tuple[Floats, float]:
        rows, columns, values = (np.array(part) for part in zip(*self.cells, strict=True))
        matrix = coo_array((values, (rows, columns)), shape=(len(self.low), len(self.gain))).tocsr()
        found = milp(
            -np.array(self.gain),
            integrality=np.array(self.whole),
            bounds=Bounds(0.0, np.array(self.top)),
            constraints=LinearConstraint(matrix, np.array(self.low), np.array(self.high)),
            options={"mip_rel_gap": 1e-6, "node_limit": _NODES},
        )
        if found.x is None:
            return np.zeros(len(self.gain)), 0.0
        return np.asarray(found.x), float(found.mip_gap or 0.0)


def choose(outlook: Outlook, travel_s: Floats, inspections: int, shifts: list[Shift]) -> Choice:
    """The best inspections, each on a date of its own, in the order of the week.

    Hours come one after another, each the best beside those before; then all places at once.

    Args:
        outlook: what may be met.
        travel_s: seconds from place to place, shape (places, places).
        inspections: how many, 7 at most.
        shifts: those that may be chosen.
    """
    if outlook.passes.is_empty() or not shifts:
        return Choice([], 0.0)
    search = _Search(_Tables(outlook, len(travel_s)), travel_s, shifts)
    made: list[_Made] = []
    for _n in range(inspections):
        if found := search.best(made):
            made.append(found)
    if len(made) > 1:
        made = search.together(made)
    made.sort(key=lambda m: m.shift.day)
    chosen = [(m.shift, _settled(search.tables, m.shift, m.stops, travel_s)) for m in made]
    return Choice(chosen, max((m.gap for m in made), default=0.0))


@dataclass(frozen=True)
class _Made:
    """An inspection: what it is worth beside the others, its places, and what it meets of each truck."""

    value: float
    shift: Shift
    stops: tuple[int, ...]
    of_truck: dict[str, float]
    gap: float


@dataclass(frozen=True)
class _Search:
    """Looks for one inspection beside others."""

    tables: _Tables
    travel_s: Floats
    shifts: list[Shift]

    def best(self, others: list[_Made]) -> _Made | None:
        """The inspection that adds most to the others; None if nothing is left to meet."""
        tables, taken = self.tables, {m.shift.day for m in others}
        bounds = [(tables.bound(s), s) for s in self.shifts if s.day not in taken]
        left = dict(tables.gravest)
        for plate, met in (pair for made in others for pair in made.of_truck.items()):
            left[plate] -= met
        best: _Made | None = None
        for bound, shift in sorted(bounds, key=lambda b: (-b[0], b[1].day, b[1].start_min))[:SHIFTS]:
            if best and bound <= best.value:
                break
            found = self._at(shift, left, {place for m in others for place in m.stops})
            if found and (best is None or found.value > best.value * (1 + 1e-9)):
                best = found
        return best

    def _at(self, shift: Shift, left: dict[str, float], taken: set[int]) -> _Made | None:
        """The best places for the stops of a shift, beside places that are taken."""
        program = _Program()
        stops = _stops(program, self.tables, shift, self.travel_s)
        price = REPEAT_SHARE * self.tables.bound(shift) / shift.stops
        for place, column in (pair for own in stops if taken for pair in own.items()):
            if min(self.travel_s[place, other] for other in taken) <= SAME_PLACE_S:
                program.gain[column] -= price
        return self._solved(program, {shift: stops}, left)[0]

    def together(self, made: list[_Made]) -> list[_Made]:
        """The best places for all inspections at once, at the hours that they have."""
        program = _Program()
        picks = {m.shift: _stops(program, self.tables, m.shift, self.travel_s) for m in made}
        price = REPEAT_SHARE * float(np.mean([self.tables.bound(m.shift) / m.shift.stops for m in made]))
        _apart(program, list(picks.values()), self.travel_s, price)
        found = self._solved(program, picks, self.tables.gravest)
        return [f for f in found if f] if all(found) else made

    def _solved(
        self, program: _Program, picks: dict[Shift, list[dict[int, int]]], left: dict[str, float]
    ) -> list[_Made | None]:
        met = {shift: _meet(program, self.tables, shift, stops) for shift, stops in picks.items()}
        for plate in sorted({plate for of_truck in met.values() for plate in of_truck}):
            terms = [(column, 1.0) for of_truck in met.values() for column in of_truck.get(plate, ())]
            program.row(terms, 0.0, max(0.0, left[plate]))
        values, gap = program.solve()
        value = float(values @ np.array(program.gain))
        found: list[_Made | None] = []
        for shift, stops in picks.items():
            places = tuple(next((p for p, column in own.items() if values[column] > 0.5), -1) for own in stops)
            of_truck = {plate: float(values[columns].sum()) for plate, columns in met[shift].items()}
            found.append(_Made(value, shift, places, of_truck, gap) if -1 not in places and value > 0 else None)
        return found


def _settled(tables: _Tables, shift: Shift, places: tuple[int, ...], travel_s: Floats) -> tuple[int, ...]:
    """The same without drives that hardly pay: a team stays where it is if that meets nearly as much."""
    for n in range(1, len(places)):
        staying = (*places[:n], places[n - 1], *places[n + 1 :])
        reached = all(travel_s[a, b] <= DRIVE_MAX_S for a, b in pairwise(staying))
        if reached and tables.of(shift, staying) >= STAY_SHARE * tables.of(shift, places):
            places = staying
    return places


class _Tables:
    """What each shift's stops may meet: by night of a truck and place, points once an act."""

    def __init__(self, outlook: Outlook, places: int) -> None:
        self.outlook, self.places = outlook, places
        cases = outlook.cases
        of_trip = cases.group_by("night", "plate", "trip").agg(pl.col("worth").sum())
        of_night = of_trip.group_by("night", "plate").agg(pl.col("worth").max()).sort("night")
        self.real = frozenset(cases.filter(pl.col("rule").is_not_null())["night"].to_list())
        self.plate_of = dict(of_night.select("night", "plate").iter_rows())
        self.most = {night: float(worth) for night, worth in of_night.select("night", "worth").iter_rows()}
        self.gravest = {p: float(n) for p, n in of_night.group_by("plate").agg(pl.col("worth").max()).iter_rows()}
        self._met: dict[tuple[int, int], pl.DataFrame] = {}
        self._by_date: dict[tuple[int, int], Floats] = {}
        # For worth(), which is asked for every hour of the day: rows and places as arrays.
        passes = outlook.passes.join(cases.select("row", "date", "worth"), on="row")
        self._passed = passes.filter(pl.col("worth") > 0).select("minute", "place", "date", "worth").to_numpy()

    def met(self, span_min: tuple[int, int]) -> pl.DataFrame:
        """`night`, `place`, `date` and `worth` (expected if the night comes again) within the hours."""
        if span_min not in self._met:
            told = self.outlook.met(*span_min).join(
                self.outlook.cases.select("row", "night", "date", "worth"), on="row"
            )
            self._met[span_min] = (
                told.group_by("night", "place")
                .agg(pl.col("date").first(), (pl.col("chance") * pl.col("worth")).sum().alias("worth"))
                .sort("night", "place")
            )
        return self._met[span_min]

    def of(self, shift: Shift, places: tuple[int, ...]) -> float:
        """What a whole inspection is expected to be worth, each truck's night once."""
        expected, found = self.outlook.share(shift.day), dict[int, float]()
        for n, place in enumerate(places):
            moved = n > 0 and places[n - 1] != place
            met = self.met(shift.slot(n, moved)).filter(pl.col("place") == place)
            for night, day, worth in met.select("night", "date", "worth").iter_rows():
                found[night] = min(found.get(night, 0.0) + worth * expected[day], self.most[night] * expected[day])
        return sum(found.values())

    def worth(self, shift: Shift, n: int) -> Floats:
        """What each place is expected to be worth at stop `n` of a shift, each stop for itself; shape (places,)."""
        span = shift.slot(n)
        if span not in self._by_date:
            minute, place, day, worth = self._passed.T
            chance = chance_within(minute, *span)
            cell = day.astype(np.int64) * self.places + place.astype(np.int64)
            size = len(self.outlook.dates) * self.places
            summed: Floats = np.bincount(cell, chance * worth, minlength=size).astype(np.float64)
            self._by_date[span] = summed.reshape(-1, self.places)
        return np.asarray(self.outlook.share(shift.day) @ self._by_date[span])

    def bound(self, shift: Shift) -> float:
        """No inspection of the shift is worth more: its stops at their best places, each for itself."""
        return float(sum(self.worth(shift, n).max() for n in range(shift.stops)))


def _stops(program: _Program, tables: _Tables, shift: Shift, travel_s: Floats) -> list[dict[int, int]]:
    """A column a place for each stop, one of them taken; each reachable from the one before."""
    stops: list[dict[int, int]] = []
    for n in range(shift.stops):
        worth = tables.worth(shift, n)
        best = np.argsort(-worth, kind="stable")[:PLACES]
        earlier = list(stops[-1]) if stops else []  # staying is always possible
        places = list(dict.fromkeys([*best.tolist(), *earlier]))
        stops.append({place: program.column(whole=True) for place in places})
        program.row([(column, 1.0) for column in stops[n].values()], 1.0, 1.0)
    for before, after in pairwise(stops):
        for place, column in before.items():
            reach = [(own, -1.0) for other, own in after.items() if travel_s[place, other] <= DRIVE_MAX_S]
            program.row([(column, 1.0), *reach], -np.inf, 0)
    return stops


def _apart(program: _Program, picks: list[list[dict[int, int]]], travel_s: Floats, price: float) -> None:
    """A price for each place at which a second inspection stands as well, or beside which it does."""
    everywhere = sorted({place for stops in picks for own in stops for place in own})
    near = {place: [p for p in everywhere if travel_s[place, p] <= SAME_PLACE_S] for place in everywhere}
    for place in everywhere:
        there = []
        for stops in picks:
            columns = [own[p] for own in stops for p in near[place] if p in own]
            if columns:
                there.append(program.column())
                for column in columns:
                    program.row([(there[-1], 1.0), (column, -1.0)], 0.0, np.inf)
        if len(there) > 1:
            again = program.column(gain=-price, top=float(len(there)))
            program.row([(again, 1.0), *((column, -1.0) for column in there)], -1.0, np.inf)


def _meet(program: _Program, tables: _Tables, shift: Shift, stops: list[dict[int, int]]) -> dict[str, list[int]]:
    """A column a night of a truck: the worth met in it, by whatever stops are taken; gives them by truck."""
    of_truck: dict[str, list[int]] = {}
    terms: dict[int, list[tuple[int, float]]] = {}
    share: dict[int, float] = {}
    expected = tables.outlook.share(shift.day)
    for n, own in enumerate(stops):
        met = tables.met(shift.slot(n)).filter(pl.col("place").is_in(list(own)))
        for night, place, day, worth in met.select("night", "place", "date", "worth").iter_rows():
            if night not in tables.real:  # traffic alone: small, so that no stop could meet it twice
                program.gain[own[place]] += worth * expected[day]
            elif worth * expected[day] > 1e-9:
                terms.setdefault(night, []).append((own[place], -worth * expected[day]))
                share[night] = expected[day]
    for night, own_terms in terms.items():
        column = program.column(gain=1.0, top=tables.most[night] * share[night])
        program.row([(column, 1.0), *own_terms], -np.inf, 0)
        of_truck.setdefault(tables.plate_of[night], []).append(column)
    return of_truck
