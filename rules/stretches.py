"""Stage 2: runs of like fixes of one truck, with the figures that later stages need and nothing else.

A channel is one thing that may stay alike (moving, the site, the load word ...). Stretches of a channel follow each
other without overlap. Two neighbouring parts of one stretch join into exactly the stretch that one cut would have
made: every figure is an integer sum, a first or a last.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import repeat, starmap
from operator import itemgetter
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from rules.annotate import STILL, Annotated
from rules.raster import Ints

#: Figures of the fixes are kept in whole decimetres, so that sums do not depend on their order.
DM_PER_M = 10
PLACE_BITS = 31  # two places pack into one whole number, since none is farther than 1e9 dm
MOVED_MM = (
    150_000  # between two standing fixes so far apart the truck has driven unseen; noise and reflections are less
)
WORD_GAP_MS = 120_000  # a lone word of the load before such a gap is weighed by itself
DARK_MS = 600_000  # and so is what comes after such a one
TRAIL_FIXES = 32  # a reflection of two and a half minutes has fewer, five seconds apart


Place = tuple[int, int]  # on the plane, whole decimetres


class Stretch(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Fixes of one truck, alike in one channel. `key` says alike in what; the rest are figures.

    `lead_ms`, `lead_mm`: the leg from the truck's fix before to the first one here (-1, 0 when there is none).
    `length_mm`: the legs inside. `sum_x_dm / n` is the mean place. `top_kmh` is the fastest fix. `leapt`: the
    truck cannot have driven the leg that leads here from the stand before it. `trail`: of the channels `corridor`
    (where one does not hold it) and `zone` (inside zones) the place of every fix as long as they are few, else the
    outermost four (west, east, south, north). `off`: of the channel `motion` the fixes at which the ignition was off.

    A struct, because its figures are read many times as often as it is made, four times as fast as a named tuple's.
    """

    key: Any
    start_ms: int
    end_ms: int
    n: int
    lead_ms: int
    lead_mm: int
    length_mm: int
    x0_dm: int
    y0_dm: int
    x1_dm: int
    y1_dm: int
    sum_x_dm: int
    sum_y_dm: int
    top_kmh: float
    leapt: bool = False
    trail: tuple[Place, ...] = ()
    off: int = 0

    @property
    def mean_m(self) -> tuple[float, float]:
        """Mean place of the fixes, metres on the plane."""
        return self.sum_x_dm / self.n / DM_PER_M, self.sum_y_dm / self.n / DM_PER_M

    def _replace(self, **figures: Any) -> Stretch:
        """Another stretch, with some figures changed."""
        return msgspec.structs.replace(self, **figures)


def join(a: Stretch, b: Stretch) -> Stretch:
    """Two stretches of like fixes that follow each other, as one."""
    trail = a.trail + b.trail
    if trail and a.n + b.n > TRAIL_FIXES:
        trail = _outermost(trail)
    return Stretch(
        a.key, a.start_ms, b.end_ms, a.n + b.n, a.lead_ms, a.lead_mm, a.length_mm + b.lead_mm + b.length_mm,
        a.x0_dm, a.y0_dm, b.x1_dm, b.y1_dm, a.sum_x_dm + b.sum_x_dm, a.sum_y_dm + b.sum_y_dm,
        max(a.top_kmh, b.top_kmh), a.leapt, trail, a.off + b.off,
    )  # fmt: skip


def join_all(parts: Sequence[Stretch], key: Any) -> Stretch:
    """Stretches that follow each other as one under another key: what `join` makes of them two by two."""
    first, last = parts[0], parts[-1]
    if len(parts) == 1:
        return first if first.key == key else first._replace(key=key)
    n = sum(p.n for p in parts)
    trail = tuple(place for p in parts for place in p.trail)
    if n > TRAIL_FIXES and trail:
        trail = _outermost(trail)
    return Stretch(
        key, first.start_ms, last.end_ms, n, first.lead_ms, first.lead_mm,
        sum(p.lead_mm + p.length_mm for p in parts) - first.lead_mm, first.x0_dm, first.y0_dm, last.x1_dm, last.y1_dm,
        sum(p.sum_x_dm for p in parts), sum(p.sum_y_dm for p in parts), max(p.top_kmh for p in parts), first.leapt,
        trail, sum(p.off for p in parts),
    )  # fmt: skip


Keys = NDArray[np.int64] | NDArray[np.int32] | NDArray[np.int8]

#: The channels that are kept of a truck, and where their keys come from.
CHANNELS: dict[str, Callable[[Annotated], Keys]] = {
    "motion": lambda a: a.motion,
    "site": lambda a: a.site,
    "zone": lambda a: a.zone,
    "corridor": lambda a: a.corridor,
    "lift": lambda a: a.lift,
    "cover": lambda a: a.cover,
    "speeding": lambda a: a.speeding.view(np.int8),
}

#: The words of the load are weighed as they come, and not kept.
WORDS: dict[str, Callable[[Annotated], Keys]] = {"load": lambda a: a.load}

#: Legs in which a load may have been left unseen, each a stretch of no fix from where it began to where it led.
GAP = "gap"
KEPT = (*CHANNELS, GAP)

#: A truck's stretches by channel, in order of time.
Rows = dict[str, list[Stretch]]


def stretches(fixes: Annotated, silence_ms: int) -> list[Rows]:
    """The stretches of every truck, in the order of `fixes.plates`. Silences and leaps end them all."""
    count = len(fixes.time_ms)
    rows: list[Rows] = [{name: [] for name in (*KEPT, *WORDS)} for _ in fixes.plates]
    if not count:
        return rows
    x_dm = np.rint(np.clip(fixes.x_m, -1e8, 1e8) * DM_PER_M).astype(np.int64)
    y_dm = np.rint(np.clip(fixes.y_m, -1e8, 1e8) * DM_PER_M).astype(np.int64)
    sums = [np.r_[0, np.cumsum(column)] for column in (x_dm, y_dm, fixes.lead_mm)]
    off = np.r_[0, np.cumsum(fixes.ignition_off)]
    broken = np.zeros(count, dtype=bool)
    broken[fixes.starts[:-1][fixes.starts[:-1] < count]] = True
    broken |= (fixes.lead_ms > silence_ms) | fixes.leapt
    for name, key_of in (CHANNELS | WORDS).items():
        keys = key_of(fixes)
        cut = broken
        if name == "motion":
            cut = broken | ((keys == STILL) & (fixes.lead_mm > MOVED_MM))
        elif name == "load":
            cut = broken | (fixes.lead_ms > DARK_MS)
        begins = np.r_[True, keys[1:] != keys[:-1]] | cut
        if name == "load":
            begins[1:] |= begins[:-1] & (fixes.lead_ms[1:] > WORD_GAP_MS)
        first = np.flatnonzero(begins)
        last = np.r_[first[1:], count] - 1
        columns = [
            keys[first], fixes.time_ms[first], fixes.time_ms[last], last - first + 1,
            fixes.lead_ms[first], fixes.lead_mm[first],
            sums[2][last + 1] - sums[2][first + 1], x_dm[first], y_dm[first], x_dm[last], y_dm[last],
            sums[0][last + 1] - sums[0][first], sums[1][last + 1] - sums[1][first],
            np.maximum.reduceat(fixes.speed_kmh, first), fixes.leapt[first],
        ]  # fmt: skip
        values = [column.tolist() for column in columns]
        if name == "zone":
            values[0] = [fixes.zone_sets[k] for k in values[0]]
        trails: Iterable[tuple[Place, ...]] = repeat((), len(first))
        if name == "corridor":
            truck = np.searchsorted(fixes.starts, first, side="right") - 1
            trails = _trails_where(np.flatnonzero(keys[first] != fixes.permitted[truck]), first, last, x_dm, y_dm)
        elif name == "zone":
            trails = _trails_where(np.flatnonzero(keys[first]), first, last, x_dm, y_dm)
        offs = (off[last + 1] - off[first]).tolist() if name == "motion" else repeat(0, len(first))
        listed = list(starmap(Stretch, zip(*values, trails, offs, strict=True)))
        bounds = np.searchsorted(first, fixes.starts).tolist()
        for k, row in enumerate(rows):
            row[name] = listed[bounds[k] : bounds[k + 1]]
    _add_gaps(rows, fixes, x_dm, y_dm)
    return rows


def _add_gaps(rows: list[Rows], fixes: Annotated, x_dm: Ints, y_dm: Ints) -> None:
    at = fixes.gap
    x0, y0 = (np.rint(np.clip(v, -1e8, 1e8) * DM_PER_M).astype(np.int64) for v in (fixes.gap_x_m, fixes.gap_y_m))
    to_ms = fixes.time_ms[at]
    columns = [to_ms - fixes.lead_ms[at], to_ms, x0, y0, x_dm[at], y_dm[at]]
    trucks = (np.searchsorted(fixes.starts, at, side="right") - 1).tolist()
    for truck, from_ms, till_ms, *places in zip(trucks, *(column.tolist() for column in columns), strict=True):
        x0_dm, y0_dm, x1_dm, y1_dm = places
        rows[truck][GAP].append(Stretch(GAP, from_ms, till_ms, 0, -1, 0, 0, x0_dm, y0_dm, x1_dm, y1_dm, 0, 0, 0.0))


_by_y: Callable[[Place], Place] = itemgetter(1, 0)


def _outermost(places: Sequence[Place]) -> tuple[Place, ...]:
    """The places farthest west, east, south and north; of equals the smallest by the other axis."""
    return (
        min(places),
        max(places),
        min(places, key=_by_y),
        max(places, key=_by_y),
    )


def _trails(first: Ints, last: Ints, x_dm: Ints, y_dm: Ints) -> list[tuple[Place, ...]]:
    """The places of each run of at most `TRAIL_FIXES` fixes, the outermost ones of longer runs."""
    few = last - first < TRAIL_FIXES
    sizes = np.where(few, last - first + 1, 0)
    ends = np.cumsum(sizes)
    rows = np.repeat(first - (ends - sizes), sizes) + np.arange(ends[-1])
    places = list(zip(x_dm[rows].tolist(), y_dm[rows].tolist(), strict=True))
    trails = [tuple(places[a:b]) for a, b in zip((ends - sizes).tolist(), ends.tolist(), strict=True)]
    if few.all():
        return trails
    long = np.flatnonzero(~few)
    bounds = np.c_[first[long], last[long] + 1].ravel()
    over = slice(int(bounds[0]), int(bounds[-1]))
    x, y = x_dm[over], y_dm[over]
    bounds = bounds[:-1] - bounds[0]  # from each long run's first fix to its last, and what lies between the runs
    by_x, by_y = (x << PLACE_BITS) + y, (y << PLACE_BITS) + x
    outermost = [f.reduceat(column, bounds)[::2].tolist() for column in (by_x, by_y) for f in (np.minimum, np.maximum)]
    for i, *packed in zip(long.tolist(), *outermost, strict=True):
        west, east, south, north = map(_place, packed)
        trails[i] = (west, east, south[::-1], north[::-1])
    return trails


def _trails_where(chosen: Ints, first: Ints, last: Ints, x_dm: Ints, y_dm: Ints) -> list[tuple[Place, ...]]:
    """Trails of some runs, none of the others."""
    trails: list[tuple[Place, ...]] = [()] * len(first)
    if len(chosen):
        for i, trail in zip(chosen.tolist(), _trails(first[chosen], last[chosen], x_dm, y_dm), strict=True):
            trails[i] = trail
    return trails


def _place(packed: int) -> Place:
    """Two whole numbers out of one; the lower may be negative."""
    low = (packed + (1 << PLACE_BITS - 1)) % (1 << PLACE_BITS) - (1 << PLACE_BITS - 1)
    return (packed - low) >> PLACE_BITS, low


def places_m(rows: Iterable[Stretch]) -> NDArray[np.float64]:
    """The places that stretches remember (`trail`), metres on the plane, shape (n, 2)."""
    return np.array([place for row in rows for place in row.trail], dtype=np.float64) / DM_PER_M


def extended(rows: Rows, more: Rows, silence_ms: int) -> Rows:
    """A truck's later stretches after those kept of it, with the stretch joined that the cut went through."""
    longer = {}
    for name, earlier in rows.items():
        later = more[name]
        if (
            earlier
            and later
            and later[0].key == earlier[-1].key
            and 0 <= later[0].lead_ms <= silence_ms
            and not later[0].leapt
            and not (name == "motion" and later[0].key == STILL and later[0].lead_mm > MOVED_MM)
        ):
            longer[name] = [*earlier[:-1], join(earlier[-1], later[0]), *later[1:]]
        else:
            longer[name] = earlier + later if later else earlier
    return longer
