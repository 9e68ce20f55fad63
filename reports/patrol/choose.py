"""Chooses shifts and places so that the most expected points are met: maximum coverage with travel, solved exactly.

A mixed integer program for HiGHS (through scipy): which shifts, which place at which stop of each, such that every
stop can be reached from the one before, no two inspections fall on one date, a truck of one night counts once however
many stops it passes, and one truck counts no more in a week than its gravest trip.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from itertools import pairwise

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import coo_array

from reports.patrol.outlook import DRIVE_MAX_S, Outlook, Shift

Floats = NDArray[np.float64]
Chosen = list[tuple[Shift, tuple[int, ...]]]

#: The program weighs so many shifts, and at each stop so many places: the best by what they meet alone.
SHIFTS, PLACES = 8, 10
#: A team that can meet this much of the optimum without driving on stays where it is.
STAY_SHARE = 0.97
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

    Args:
        outlook: what may be met.
        travel_s: seconds from place to place, shape (places, places).
        inspections: how many, 7 at most.
        shifts: those that may be chosen.
    """
    if outlook.passes.is_empty() or not shifts:
        return Choice([], 0.0)
    tables = _Tables(outlook, len(travel_s))
    likely = _likely(tables, shifts, inspections)
    program, picks = _Program(), {}
    on_date: dict[date, list[tuple[int, float]]] = {}
    of_truck: dict[str, list[tuple[int, float]]] = {}
    for shift in likely:
        held = program.column(whole=True)
        on_date.setdefault(shift.day, []).append((held, 1.0))
        picks[shift] = _stops(program, tables, shift, held, travel_s)
        _meet(program, tables, shift, picks[shift], of_truck)
    for terms in on_date.values():
        program.row(terms, 0, 1)
    program.row([term for terms in on_date.values() for term in terms], 0, min(inspections, len(on_date)))
    for plate, terms in of_truck.items():
        program.row(terms, 0, tables.gravest[plate])
    values, gap = program.solve()
    chosen: Chosen = []
    for shift, stops in picks.items():
        places = tuple(next((p for p, column in own.items() if values[column] > 0.5), -1) for own in stops)
        if -1 not in places:
            chosen.append((shift, _settled(tables, shift, places, travel_s)))
    return Choice(sorted(chosen, key=lambda c: (c[0].day, c[0].start_min)), max(0.0, gap))


def _settled(tables: _Tables, shift: Shift, places: tuple[int, ...], travel_s: Floats) -> tuple[int, ...]:
    """The same without drives that hardly pay: a team stays where it is if that meets nearly as much."""
    for n in range(1, len(places)):
        staying = (*places[:n], places[n - 1], *places[n + 1 :])
        reached = all(travel_s[a, b] <= DRIVE_MAX_S for a, b in pairwise(staying))
        if reached and tables.points(shift, staying) >= STAY_SHARE * tables.points(shift, places):
            places = staying
    return places


class _Tables:
    """What each shift's stops may meet: by night of a truck and place, points once an act."""

    def __init__(self, outlook: Outlook, places: int) -> None:
        self.outlook, self.places = outlook, places
        cases = outlook.cases
        of_trip = cases.group_by("night", "plate", "trip").agg(pl.col("points").sum())
        of_night = of_trip.group_by("night", "plate").agg(pl.col("points").max()).sort("night")
        self.real = frozenset(cases.filter(pl.col("rule").is_not_null())["night"].to_list())
        self.plate_of = dict(of_night.select("night", "plate").iter_rows())
        self.most = {night: float(points) for night, points in of_night.select("night", "points").iter_rows()}
        self.gravest = {p: float(n) for p, n in of_night.group_by("plate").agg(pl.col("points").max()).iter_rows()}
        self._met: dict[tuple[int, int], pl.DataFrame] = {}
        self._by_date: dict[tuple[int, int], Floats] = {}

    def met(self, span_min: tuple[int, int]) -> pl.DataFrame:
        """`night`, `place`, `date` and `points` (expected if the night comes again) within the hours."""
        if span_min not in self._met:
            told = self.outlook.met(*span_min).join(
                self.outlook.cases.select("row", "night", "date", "points"), on="row"
            )
            self._met[span_min] = (
                told.group_by("night", "place")
                .agg(pl.col("date").first(), (pl.col("chance") * pl.col("points")).sum().alias("points"))
                .sort("night", "place")
            )
        return self._met[span_min]

    def points(self, shift: Shift, places: tuple[int, ...]) -> float:
        """Expected points of a whole inspection, each truck's night once."""
        expected, found = self.outlook.share(shift.day), dict[int, float]()
        for n, place in enumerate(places):
            moved = n > 0 and places[n - 1] != place
            met = self.met(shift.slot(n, moved)).filter(pl.col("place") == place)
            for night, day, points in met.select("night", "date", "points").iter_rows():
                found[night] = min(found.get(night, 0.0) + points * expected[day], self.most[night] * expected[day])
        return sum(found.values())

    def worth(self, shift: Shift, n: int) -> Floats:
        """Expected points of each place at stop `n` of a shift, each stop for itself; shape (places,)."""
        span = shift.slot(n)
        if span not in self._by_date:
            met, table = self.met(span), np.zeros((len(self.outlook.dates), self.places))
            np.add.at(table, (met["date"].to_numpy(), met["place"].to_numpy()), met["points"].to_numpy())
            self._by_date[span] = table
        return np.asarray(self.outlook.share(shift.day) @ self._by_date[span])


def _likely(tables: _Tables, shifts: list[Shift], inspections: int) -> list[Shift]:
    """The shifts that could meet most, had each stop its best place; enough different dates among them."""
    most = []
    for shift in shifts:
        best = sum(float(tables.worth(shift, n).max()) for n in range(shift.stops))
        most.append((-best, shift.day, shift.start_min, shift))
    ranked = [shift for *_, shift in sorted(most, key=lambda m: m[:3])]
    kept = ranked[:SHIFTS]
    for shift in ranked:
        if len({s.day for s in kept}) > inspections:
            break
        if shift.day not in {s.day for s in kept}:
            kept.append(shift)
    return kept


def _stops(program: _Program, tables: _Tables, shift: Shift, held: int, travel_s: Floats) -> list[dict[int, int]]:
    """A column a place for each stop, one of them taken where the shift is; each reachable from the one before."""
    stops: list[dict[int, int]] = []
    for n in range(shift.stops):
        worth = tables.worth(shift, n)
        best = np.argsort(-worth, kind="stable")[:PLACES]
        earlier = list(stops[-1]) if stops else []  # staying is always possible
        places = list(dict.fromkeys([*best.tolist(), *earlier]))
        stops.append({place: program.column(whole=True) for place in places})
        program.row([(column, 1.0) for column in stops[n].values()] + [(held, -1.0)], 0, 0)
    for before, after in pairwise(stops):
        for place, column in before.items():
            reach = [(own, -1.0) for other, own in after.items() if travel_s[place, other] <= DRIVE_MAX_S]
            program.row([(column, 1.0), *reach], -np.inf, 0)
    return stops


def _meet(
    program: _Program, tables: _Tables, shift: Shift, stops: list[dict[int, int]],
    of_truck: dict[str, list[tuple[int, float]]],
) -> None:  # fmt: skip
    """A column a night of a truck: the points met in it, by whatever stops are taken, each truck once."""
    terms: dict[int, list[tuple[int, float]]] = {}
    share: dict[int, float] = {}
    expected = tables.outlook.share(shift.day)
    for n, own in enumerate(stops):
        met = tables.met(shift.slot(n)).filter(pl.col("place").is_in(list(own)))
        for night, place, day, points in met.select("night", "place", "date", "points").iter_rows():
            if night not in tables.real:  # traffic alone: small, so that no stop could meet it twice
                program.gain[own[place]] += points * expected[day]
            elif points * expected[day] > 1e-9:
                terms.setdefault(night, []).append((own[place], -points * expected[day]))
                share[night] = expected[day]
    for night, own_terms in terms.items():
        column = program.column(gain=1.0, top=tables.most[night] * share[night])
        program.row([(column, 1.0), *own_terms], -np.inf, 0)
        of_truck.setdefault(tables.plate_of[night], []).append((column, 1.0))
