"""Every case as the queue shows it, kept in memory beside the store: lists, counts and neighbours cost milliseconds.

The store stays the truth. After a commit, the cases that it touched are read again before anybody is answered; where a
commit did not say what it touched, one small query tells whether all have to be.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from reports.cases.deciding import Actor
from reports.cases.reading import DAY_MS, PAGE_ROWS, TABS, VISIBLE_TO_COMPANY, Filter, all_cases, companies, one
from reports.shared import ACCOUNTS, SharedStore
from reports.store import Store

#: Filters whose order is kept until a case changes.
_ORDERS_MAX = 64
#: More cases than this are quicker read all at once.
_SINGLY_MAX = 20
#: Differs whenever anything differs that `all_cases` reads.
_MARK = (
    "SELECT (SELECT count(*) FROM kept.decisions), (SELECT count(*) FROM kept.doubts), "
    "(SELECT bit_xor(hash(subject_id, name)) FROM kept.subjects), count(*), sum(revision), count_if(facts_changed), "
    "max(recorded_ms), bit_xor(hash(violation_id, facts, status)) FROM kept.violations"
)
#: Each truck's cases stand together, the gravest first; what decides this never changes by a decision.
_PLACED_BY = ("plate", "weight", "start_ms", "case_id")


@dataclass(frozen=True)
class _Order:
    """A filtered queue: places in the frame of all cases, and how many of the truck's cases are in it."""

    places: npt.NDArray[np.intp]
    of_plate: npt.NDArray[np.int64]


class _Cases:
    """All cases at one moment, by truck and weight."""

    def __init__(self, frame: pl.DataFrame, companies: list[tuple[str, str]]) -> None:
        self.frame = frame.sort(_PLACED_BY, descending=[False, True, False, False])
        self.companies = companies
        self.orders: OrderedDict[tuple[Actor, Filter], _Order] = OrderedDict()
        self.counts: dict[Actor, dict[str, int]] = {}

    @cached_property
    def place(self) -> dict[str, int]:
        """Where each case stands."""
        return {case_id: at for at, case_id in enumerate(self.frame["case_id"])}

    @cached_property
    def _trucks(self) -> npt.NDArray[np.uint32]:
        return self.frame["plate"].rle_id().to_numpy()

    @cached_property
    def _weights(self) -> npt.NDArray[np.float64]:
        return self.frame["weight"].to_numpy()

    def with_changed(self, found: dict[str, dict[str, Any] | None]) -> _Cases | None:
        """The cases with some of them as they are now; None where a place changes, or one came or went."""
        frame = self.frame
        places = []
        for case_id, values in found.items():
            at = self.place.get(case_id)
            if at is None and values is None:
                continue
            if at is None or values is None or any(frame[at, name] != values[name] for name in _PLACED_BY):
                return None
            places.append(at)
        rows = [{name: values[name] for name in frame.columns} for values in found.values() if values]
        changed = pl.DataFrame(rows, schema=frame.schema)
        parts, begin = [], 0
        for at, number in sorted((at, number) for number, at in enumerate(places)):
            parts += [frame[begin:at], changed[number : number + 1]]
            begin = at + 1
        other = object.__new__(_Cases)
        other.frame, other.companies = pl.concat([*parts, frame[begin:]], rechunk=True), self.companies
        other.orders, other.counts = OrderedDict(), {}
        for name in ("place", "_trucks", "_weights"):  # as they were: nothing has moved
            if name in self.__dict__:
                other.__dict__[name] = self.__dict__[name]
        return other

    def ordered(self, fits: pl.Expr) -> _Order:
        """The queue of those that fit: trucks by their gravest case, each truck's cases together."""
        places = np.flatnonzero(self.frame.select(fits.fill_null(False)).to_series().to_numpy())
        if not len(places):
            return _Order(places, places)
        trucks, weights = self._trucks[places], self._weights[places]
        begins = np.flatnonzero(np.concatenate([[True], trucks[1:] != trucks[:-1]]))
        lengths = np.diff(np.append(begins, len(places)))
        by_weight = np.argsort(-weights[begins], kind="stable")  # of equals, the first plate
        begins, lengths = begins[by_weight], lengths[by_weight]
        ends = np.cumsum(lengths)
        within = np.arange(len(places)) - np.repeat(ends - lengths, lengths)
        return _Order(places[np.repeat(begins, lengths) + within], np.repeat(lengths, lengths))


class Board:
    """The queue of one open store, for all threads of its server."""

    def __init__(self, shared: SharedStore) -> None:
        self._shared = shared
        self._guard = threading.Lock()
        self._commits, self._mark = -1, ()
        self._cases = _Cases(pl.DataFrame(schema=dict.fromkeys(_PLACED_BY, pl.String)), [])

    def queue(
        self, actor: Actor, wanted: Filter, now_ms: int, page: int = 1, rows: int = PAGE_ROWS
    ) -> tuple[pl.DataFrame, int]:
        """A page of the queue, gravest first (points x confidence), each truck's cases together.

        Returns:
            The columns of `all_cases` with `plate_cases` (of the truck, as filtered), and how many cases there are.
        """
        cases = self._now()
        order = self._ordered(cases, actor, wanted, now_ms)
        page_of = slice((page - 1) * rows, page * rows)
        found = cases.frame[order.places[page_of]].with_columns(plate_cases=pl.Series(order.of_plate[page_of]))
        return found, len(order.places)

    def counts(self, actor: Actor) -> dict[str, int]:
        """How many cases wait in each tab, within the scope."""
        cases, scope = self._now(), replace(actor, user_id="")
        if scope not in cases.counts:
            sums = [condition.sum().cast(pl.Int64).alias(tab) for tab, condition in TABS.items()]
            cases.counts[scope] = cases.frame.filter(_scope(actor)).select(sums).row(0, named=True)
        return cases.counts[scope]

    def companies(self) -> list[tuple[str, str]]:
        """Every company as (id, name), by name."""
        return self._now().companies

    def neighbours(self, actor: Actor, wanted: Filter, now_ms: int, case_id: str) -> tuple[str, str]:
        """The cases before and after one in the queue as filtered; empty where there is none.

        A case that has left the filter (it was just decided) is followed by the first that remains.
        """
        cases = self._now()
        places = self._ordered(cases, actor, wanted, now_ms).places
        (found,) = np.nonzero(places == cases.place.get(case_id, -1))
        at = int(found[0]) if len(found) else -1
        before, after = places[max(at - 1, 0) : max(at, 0)], places[at + 1 : at + 2]
        before_id, after_id = ("".join(cases.frame["case_id"][int(n)] for n in some) for some in (before, after))
        return before_id, after_id

    def others_of_truck(self, actor: Actor, plate: str, but: str) -> list[dict[str, object]]:
        """The truck's other cases within the scope, the newest first, fifty at most."""
        others = self._now().frame.filter(_scope(actor) & (pl.col("plate") == plate) & (pl.col("case_id") != but))
        return others.sort("start_ms", "case_id", descending=[True, False]).head(50).to_dicts()

    def _now(self) -> _Cases:
        """The cases as they are committed now."""
        with self._guard:
            commits = self._shared.commits  # before reading: what is committed meanwhile is read again next time
            if commits != self._commits:
                touched = self._shared.touched_since(self._commits)
                if touched is None or touched - {ACCOUNTS}:
                    with self._shared.reading() as store:
                        self._refresh(store, touched and touched - {ACCOUNTS})
                self._commits = commits
            return self._cases

    def _refresh(self, store: Store, touched: frozenset[str] | None) -> None:
        """Reads the touched cases again, or all of them."""
        some = touched is not None and len(touched) <= _SINGLY_MAX
        found = {case_id: one(store, case_id) for case_id in touched or ()} if some else {}
        if some and (changed := self._cases.with_changed(found)):
            self._cases, self._mark = changed, ()
            return
        (mark,) = store.rows(_MARK)
        if mark != self._mark:
            self._cases = _Cases(all_cases(store), companies(store))
            self._mark = mark

    def _ordered(self, cases: _Cases, actor: Actor, wanted: Filter, now_ms: int) -> _Order:
        key = (replace(actor, user_id=""), wanted)
        with self._guard:
            if key in cases.orders:
                cases.orders.move_to_end(key)
                return cases.orders[key]
        found = cases.ordered(_scope(actor) & _fits(wanted, now_ms))
        if not wanted.age_days:  # what is old enough changes by the clock alone
            with self._guard:
                cases.orders[key] = found
                while len(cases.orders) > _ORDERS_MAX:
                    cases.orders.popitem(last=False)
        return found


def _scope(actor: Actor) -> pl.Expr:
    """What exists for who asks."""
    if actor.role == "company":
        return (pl.col("company_id") == actor.company_id) & pl.col("state").is_in(VISIBLE_TO_COMPANY)
    return pl.col("district_id").is_in(actor.districts).fill_null(False) if actor.districts else pl.lit(True)


def _fits(wanted: Filter, now_ms: int) -> pl.Expr:
    fits = TABS.get(wanted.tab, TABS["all"])
    for name, column in (("rule", "rule"), ("district", "district_id"), ("company", "company_id")):
        if value := getattr(wanted, name):
            fits &= pl.col(column) == value
    if wanted.plate:
        fits &= pl.col("plate").str.contains(wanted.plate.strip().upper(), literal=True)
    if wanted.confidence:
        fits &= pl.col("confidence") >= wanted.confidence
    if wanted.age_days:
        fits &= pl.col("recorded_ms") <= now_ms - wanted.age_days * DAY_MS
    return fits
