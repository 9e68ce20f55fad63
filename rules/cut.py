"""What a step takes in, cut by truck and time: what comes too late, what is judged now, what waits for neighbours.

All of it as rows of one frame, so that columns are moved once, and only those that are looked at.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ingest.arrange import Ranks, Rows, order_of, ranks_of

NEVER_MS = -(1 << 62)


@dataclass(frozen=True)
class Picked:
    """Some rows of a frame by truck and time, each with the number of its truck."""

    rows: Rows
    truck: Ranks

    def where(self, chosen: NDArray[np.bool_]) -> Picked:
        """Those of them that are chosen."""
        return self if chosen.all() else Picked(self.rows[chosen], self.truck[chosen])

    def first(self) -> Picked:
        """The first of every truck."""
        starts = np.ones(len(self.rows), dtype=bool)
        starts[1:] = self.truck[1:] != self.truck[:-1]
        return self.where(starts)

    def last(self, few: int) -> Picked:
        """The last few of every truck."""
        chosen = np.ones(len(self.rows), dtype=bool)
        chosen[:-few] = self.truck[few:] != self.truck[:-few]
        return self.where(chosen)

    def counted(self, trucks: int) -> Rows:
        """How many of them every truck has; there are so many trucks."""
        return np.bincount(self.truck, minlength=trucks)


@dataclass(frozen=True)
class Cut:
    """The fixes of a step, and which of them are what; the trucks' plates by number.

    `before` are the last ones of the steps before, of all trucks; `repeated` is how many every truck said again.
    """

    fixes: pl.DataFrame
    plates: list[str]
    before: Picked
    now: Picked
    pending: Picked
    late: Picked
    repeated: Rows

    def newest_ms(self) -> dict[str, int]:
        """By truck, the newest of the fixes that are judged now."""
        newest = self.now.last(1)
        times = self.fixes["time_ms"].to_numpy()[newest.rows].tolist()
        return {self.plates[k]: ms for k, ms in zip(newest.truck.tolist(), times, strict=True)}


def cut(before: pl.DataFrame, fixes: pl.DataFrame, judged_ms: Mapping[str, int], hold_ms: int | None) -> Cut:
    """Cuts what a step takes in.

    Args:
        before: `FIX_SCHEMA`, the last fixes of the steps before; a truck's in order.
        fixes: `FIX_SCHEMA`, any order, repeats allowed.
        judged_ms: by truck, until when its fixes have been judged.
        hold_ms: how long a truck's newest fixes are held back; None when nothing is.
    """
    every = pl.concat([before, fixes], rechunk=True)  # a few rows of one piece are had faster than of many
    fixes = every[before.height :]
    names, rank = ranks_of(every["plate"])
    order, truck = order_of(fixes, rank[before.height :])
    time_ms = fixes["time_ms"].to_numpy()[order]
    done_ms = np.array([judged_ms.get(plate, NEVER_MS) for plate in names], dtype=np.int64)
    heard = Picked(order + before.height, truck)
    newest = heard.last(1)
    until_ms = np.zeros_like(done_ms)
    until_ms[newest.truck] = fixes["time_ms"].to_numpy()[newest.rows - before.height] - (hold_ms or 0)
    fresh, ripe = time_ms > done_ms[truck], time_ms <= until_ms[truck]
    return Cut(
        every,
        names,
        Picked(np.arange(before.height), rank[: before.height]),
        heard.where(fresh & ripe),
        heard.where(fresh & ~ripe),
        heard.where(~fresh),
        np.bincount(rank[before.height :], minlength=len(names)) - heard.counted(len(names)),
    )


def cut_all(arranged: pl.DataFrame) -> Cut:
    """The same where nothing was before and nothing is to come; sorted by truck and time already, each fix once."""
    runs = arranged["plate"].rle().struct.unnest()
    names, lengths = runs["value"].to_list(), runs["len"].to_numpy()
    heard = Picked(np.arange(arranged.height), np.repeat(np.arange(len(names), dtype=np.uint32), lengths))
    none = heard.where(np.zeros(arranged.height, dtype=bool))
    return Cut(arranged, names, none, heard, none, none, np.zeros(len(names), dtype=np.int64))


def merged(*parts: tuple[Picked, int]) -> tuple[Picked, NDArray[np.int8]]:
    """Some rows by truck, each truck's in the order of the parts; and which part each row is of, as it is called."""
    several = [part for part in parts if len(part[0].rows)] or parts[:1]
    rows, truck = (np.concatenate([getattr(picked, name) for picked, _ in several]) for name in ("rows", "truck"))
    role = np.concatenate([np.full(len(picked.rows), name, dtype=np.int8) for picked, name in several])
    if len(several) == 1:
        return Picked(rows, truck), role
    order = np.argsort(truck, kind="stable")
    return Picked(rows[order], truck[order]), role[order]


def taken(fixes: pl.DataFrame, rows: Rows) -> pl.DataFrame:
    """Some rows of fixes; nothing is moved where they are all of them in order."""
    if not (rows[1:] > rows[:-1]).all():
        return fixes[rows]
    if len(rows) == fixes.height:
        return fixes
    chosen = np.zeros(fixes.height, dtype=bool)
    chosen[rows] = True
    return fixes.filter(chosen)  # takes half as long
