"""Every case as the queue shows it, kept in memory beside the store: lists, counts and neighbours cost milliseconds.

The store stays the truth. What is kept is read anew after any commit that touched a case, before anybody is answered;
planning the query over all cases costs more than reading them, so they are read whole.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import replace

import polars as pl

from reports.cases.deciding import Actor
from reports.cases.reading import DAY_MS, PAGE_ROWS, TABS, VISIBLE_TO_COMPANY, Filter, all_cases
from reports.shared import SharedStore
from reports.store import Store

#: Filters whose order is kept until a case changes.
_ORDERS_MAX = 64
#: Differs whenever anything differs that `all_cases` reads.
_MARK = (
    "SELECT (SELECT count(*) FROM kept.decisions), (SELECT count(*) FROM kept.doubts), "
    "(SELECT bit_xor(hash(subject_id, name)) FROM kept.subjects), count(*), sum(revision), count_if(facts_changed), "
    "max(recorded_ms), bit_xor(hash(violation_id, facts, status)) FROM kept.violations"
)


class Board:
    """The queue of one open store, for all threads of its server."""

    def __init__(self, shared: SharedStore) -> None:
        self._shared = shared
        self._guard = threading.Lock()
        self._commits, self._mark = -1, ()
        self._cases = pl.DataFrame()
        self._orders: OrderedDict[tuple[Actor, Filter], pl.DataFrame] = OrderedDict()

    def queue(
        self, actor: Actor, wanted: Filter, now_ms: int, page: int = 1, rows: int = PAGE_ROWS
    ) -> tuple[pl.DataFrame, int]:
        """A page of the queue, gravest first (points x confidence), each truck's cases together.

        Returns:
            The columns of `all_cases` with `plate_cases` (of the truck, as filtered), and how many cases there are.
        """
        ordered = self._ordered(actor, wanted, now_ms)
        return ordered.slice((page - 1) * rows, rows), len(ordered)

    def counts(self, actor: Actor) -> dict[str, int]:
        """How many cases wait in each tab, within the scope."""
        sums = [condition.sum().cast(pl.Int64).alias(tab) for tab, condition in TABS.items()]
        return self._now().filter(_scope(actor)).select(sums).row(0, named=True)

    def neighbours(self, actor: Actor, wanted: Filter, now_ms: int, case_id: str) -> tuple[str, str]:
        """The cases before and after one in the queue as filtered; empty where there is none.

        A case that has left the filter (it was just decided) is followed by the first that remains.
        """
        ids = self._ordered(actor, wanted, now_ms)["case_id"]
        at = ids.index_of(case_id)
        before = ids[at - 1] if at else ""
        after = 0 if at is None else at + 1
        return str(before), str(ids[after]) if after < len(ids) else ""

    def others_of_truck(self, actor: Actor, plate: str, but: str) -> list[dict[str, object]]:
        """The truck's other cases within the scope, the newest first, fifty at most."""
        others = self._now().filter(_scope(actor) & (pl.col("plate") == plate) & (pl.col("case_id") != but))
        return others.sort("start_ms", "case_id", descending=[True, False]).head(50).to_dicts()

    def _now(self) -> pl.DataFrame:
        """The cases as they are committed now."""
        with self._guard:
            commits = self._shared.commits  # before reading: what is committed meanwhile is read again next time
            if commits != self._commits:
                with self._shared.reading() as store:
                    self._refresh(store)
                self._commits = commits
            return self._cases

    def _refresh(self, store: Store) -> None:
        (mark,) = store.rows(_MARK)
        if mark != self._mark:
            self._cases = all_cases(store)
            self._mark = mark
            self._orders.clear()

    def _ordered(self, actor: Actor, wanted: Filter, now_ms: int) -> pl.DataFrame:
        cases, key = self._now(), (replace(actor, user_id=""), wanted)
        with self._guard:
            if cases is self._cases and key in self._orders:
                self._orders.move_to_end(key)
                return self._orders[key]
        ordered = _order(cases.filter(_scope(actor) & _fits(wanted, now_ms)))
        if not wanted.age_days:  # what is old enough changes by the clock alone
            with self._guard:
                if cases is self._cases:
                    self._orders[key] = ordered
                    while len(self._orders) > _ORDERS_MAX:
                        self._orders.popitem(last=False)
        return ordered


def _order(cases: pl.DataFrame) -> pl.DataFrame:
    found = cases.with_columns(
        plate_weight=pl.col("weight").max().over("plate"), plate_cases=pl.len().over("plate").cast(pl.Int64)
    )
    by = ("plate_weight", "plate", "weight", "start_ms", "case_id")
    return found.sort(by, descending=[True, False, True, False, False])


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
