"""From stretches of motion: stays, silences and drives of one truck. Plain Python over few rows."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Sequence
from math import hypot
from operator import attrgetter

import msgspec

from rules.annotate import FAST, STILL
from rules.ground import NOWHERE
from rules.intervals import Span, subtract, union
from rules.policy import DEFAULTS, REST_S
from rules.stretches import DM_PER_M, Stretch

CREEP_MAX_M = 80.0  # a move shorter than this between two stands is shunting within one stay
CREEP_MAX_MS = 120_000
LEAD_MAX_MS = 120_000  # half of a longer leg is not added to the stretches at its ends: nobody saw what was in between
REST_MS = REST_S * 1000  # a stand this long is a stay of its own; no policy merges stretches of a rule over it
AWAY_M = 120.0  # two places so far apart show a direction
STUCK_MM = 200  # positions that agree to the last digit sent; noise alone moves even a standing truck by more
STUCK_FIXES = 2
STUCK_GONE_MM = 500_000
TREMBLE_MM = 25_000  # a way this short between two stands is noise


class Stay(msgspec.Struct, frozen=True, gc=False):
    """A truck at one place. `start_ms`..`end_ms` reach half a leg beyond its fixes; `still_ms` is standing alone.

    `n` counts its standing fixes, `off` those of them at which the ignition was off.

    A `silence` is no fix at all (or a position frozen by a jammer, then `n` counts its fixes): the truck may have been
    anywhere, and was next seen `moved_m` away.
    """

    start_ms: int
    end_ms: int
    x_m: float
    y_m: float
    still_ms: int
    first_fix_ms: int
    last_fix_ms: int
    n: int
    silence: bool = False
    moved_m: float = 0.0
    off: int = 0


def holding(stays: Sequence[Stay], at_ms: int, slack_ms: int) -> Sequence[Stay]:
    """Those of a truck's stays in order in which an instant lies, give or take."""
    first, last = at_ms - slack_ms, at_ms + slack_ms
    return stays[bisect_left(stays, first, key=_stay_end) : bisect_right(stays, last, key=_stay_start)]


def ending(stays: Sequence[Stay], from_ms: int, to_ms: int) -> Sequence[Stay]:
    """Those of a truck's stays in order that ended in a time, both ends inclusive."""
    return stays[bisect_left(stays, from_ms, key=_stay_end) : bisect_right(stays, to_ms, key=_stay_end)]


_stay_start: Callable[[Stay], int] = attrgetter("start_ms")
_stay_end: Callable[[Stay], int] = attrgetter("end_ms")


def turned_back(stay: Stay, motion: list[Stretch]) -> float:
    """Cosine of the angle between where the truck came from and where it went: 1 is straight back, -1 straight on.

    Measured to the last end of a stretch before it and the first after it that are well away; 0 where one is missing.
    """
    i = bisect_left(motion, stay.first_fix_ms, key=_start)
    j = bisect_right(motion, stay.last_fix_ms, key=_start)
    before = (place for r in reversed(motion[:i]) for place in ((r.x1_dm, r.y1_dm), (r.x0_dm, r.y0_dm)))
    after = (place for r in motion[j:] for place in ((r.x0_dm, r.y0_dm), (r.x1_dm, r.y1_dm)))
    came, went = _first_away(stay, before), _first_away(stay, after)
    if came is None or went is None:
        return 0.0
    (ax, ay), (bx, by) = came, went
    size = hypot(ax, ay) * hypot(bx, by)
    return (ax * bx + ay * by) / size if size > 0 else 0.0


def _first_away(stay: Stay, places: Iterable[tuple[int, int]]) -> tuple[float, float] | None:
    """From the stand to the first place that is too far away to be noise or shunting."""
    ways = ((x / DM_PER_M - stay.x_m, y / DM_PER_M - stay.y_m) for x, y in places)
    return next((way for way in ways if hypot(*way) >= AWAY_M), None)


_start: Callable[[Stretch], int] = attrgetter("start_ms")
_end: Callable[[Stretch], int] = attrgetter("end_ms")


def outer_start_ms(row: Stretch) -> int:
    """Where a stretch begins: halfway along the leg that leads to it, unless that leg is too long to say."""
    return row.start_ms - row.lead_ms // 2 if 0 < row.lead_ms <= LEAD_MAX_MS else row.start_ms


def outer_end_ms(row: Stretch, after: Stretch | None) -> int:
    """Where a stretch ends: halfway along the leg to the next one, unless that leg is too long to say."""
    return row.end_ms + after.lead_ms // 2 if after is not None and 0 < after.lead_ms <= LEAD_MAX_MS else row.end_ms


def stays_of(motion: list[Stretch], silence_ms: int, frozen_ms: int = DEFAULTS.frozen_min_s * 1000) -> list[Stay]:
    """The stays and silences in a truck's motion stretches, in order."""
    found: list[Stay] = []
    first = last = -1  # the standing stretches of the stay at hand
    way_mm = 0  # since the last of them
    for i, row in enumerate(motion):
        if row.lead_ms > silence_ms and i:
            if first >= 0:
                found.append(_stay(motion, first, last, frozen_ms))
                first = -1
            found.append(_silence(motion[i - 1].end_ms, row.start_ms, motion[i - 1], row))
        if row.key != STILL:
            way_mm += row.lead_mm + row.length_mm
            continue
        if first >= 0 and (
            row.leapt
            or row.end_ms - row.start_ms >= REST_MS
            or way_mm + row.lead_mm > CREEP_MAX_M * 1000
            or row.start_ms - motion[last].end_ms > CREEP_MAX_MS
        ):
            found.append(_stay(motion, first, last, frozen_ms))
            first = -1
        first, last, way_mm = i if first < 0 else first, i, 0
    if first >= 0:
        found.append(_stay(motion, first, last, frozen_ms))
    return found


def _stay(motion: list[Stretch], i: int, j: int, frozen_ms: int) -> Stay:
    first, last = motion[i], motion[j]
    after = motion[j + 1] if j + 1 < len(motion) else None
    if after is not None and (after.leapt or after.lead_mm >= STUCK_GONE_MM):
        stood_ms = last.end_ms - first.start_ms
        if (after.leapt and stood_ms >= frozen_ms) or _stuck_at_speed(motion, i, j):
            since_ms = motion[i - 1].end_ms if i and first.lead_mm <= STUCK_MM else first.start_ms
            return _silence(since_ms, after.start_ms, first, after, sum(r.n for r in motion[i : j + 1]))
    start_ms, end_ms = outer_start_ms(first), outer_end_ms(last, after)
    n, sum_x, sum_y, still_ms, off = first.n, first.sum_x_dm, first.sum_y_dm, end_ms - start_ms, first.off
    if i < j:
        n = sum_x = sum_y = still_ms = off = 0
        for k in range(i, j + 1):
            row = motion[k]
            if row.key == STILL:
                n, sum_x, sum_y, off = n + row.n, sum_x + row.sum_x_dm, sum_y + row.sum_y_dm, off + row.off
                still_ms += outer_end_ms(row, motion[k + 1] if k + 1 < len(motion) else None) - outer_start_ms(row)
    x, y = sum_x / n / DM_PER_M, sum_y / n / DM_PER_M
    return Stay(start_ms, end_ms, x, y, still_ms, first.start_ms, last.end_ms, n, False, 0.0, off)


def _stuck_at_speed(motion: list[Stretch], i: int, j: int) -> bool:
    """Whether a truck at speed is all at once told to stand at its last place, then is silent, then far away."""
    before, first, after = motion[i - 1] if i else None, motion[i], motion[j + 1]
    if before is None or before.key != FAST or after.lead_mm < STUCK_GONE_MM:
        return False
    way_mm = first.lead_mm + sum(r.length_mm for r in motion[i : j + 1]) + sum(r.lead_mm for r in motion[i + 1 : j + 1])
    fixes = sum(r.n for r in motion[i : j + 1])
    return fixes >= STUCK_FIXES and way_mm <= STUCK_MM and after.lead_ms > LEAD_MAX_MS


def _silence(start_ms: int, end_ms: int, before: Stretch, after: Stretch, stuck: int = 0) -> Stay:
    x, y = before.x1_dm / DM_PER_M, before.y1_dm / DM_PER_M
    gone = hypot(after.x0_dm - before.x1_dm, after.y0_dm - before.y1_dm) / DM_PER_M
    return Stay(start_ms, end_ms, x, y, 0, start_ms, end_ms, stuck, silence=True, moved_m=gone)


def drives_of(motion: list[Stretch], halt_max_ms: int, silence_ms: int, stays: Sequence[Stay]) -> list[Span]:
    """Spans of driving: a halt shorter than `halt_max_ms` belongs to the driving around it, silences and others end it.

    A truck that only trembles at one place is halting, too.
    """
    halts = [*_halts(motion, halt_max_ms, silence_ms), *((s.start_ms, s.end_ms) for s in stays if s.silence)]
    spans: list[Span] = []
    moving: list[Span] = []
    start = end = -1
    last = len(motion) - 1
    for i, row in enumerate(motion):
        if start >= 0 and row.lead_ms > silence_ms:
            spans.append((start, end))
            start = -1
        if row.key != STILL:
            lead, follow = row.lead_ms, motion[i + 1].lead_ms if i < last else 0
            begin = row.start_ms - lead // 2 if 0 < lead <= LEAD_MAX_MS else row.start_ms
            end = row.end_ms + follow // 2 if 0 < follow <= LEAD_MAX_MS else row.end_ms
            if begin < end:
                moving.append((begin, end))
            start = begin if start < 0 else start
    if start >= 0:
        spans.append((start, end))
    driven = subtract(spans, union(halts)) if halts else spans
    return _trimmed(driven, moving)


def _halts(motion: list[Stretch], least_ms: int, silence_ms: int) -> list[Span]:
    """Stands of at least `least_ms`, trembling at one place included. Shunting in a queue is moving."""
    found: list[Span] = []
    start = end = -1
    way_mm = 0
    for i, row in enumerate(motion):
        way_mm += row.lead_mm + row.length_mm
        if row.key != STILL:
            continue
        follow = motion[i + 1] if i + 1 < len(motion) else None
        if start < 0 or way_mm - row.length_mm > TREMBLE_MM or row.lead_ms > silence_ms or row.leapt:
            if end - start >= least_ms:
                found.append((start, end))
            start = outer_start_ms(row)
        end, way_mm = outer_end_ms(row, follow), 0
    if end - start >= least_ms:
        found.append((start, end))
    return found


def _trimmed(driven: list[Span], moving: list[Span]) -> list[Span]:
    """Each span cut back to its first and last moving instant; spans without any are dropped."""
    found: list[Span] = []
    ends = [m[1] for m in moving]
    starts = [m[0] for m in moving]
    for a, b in driven:
        i, j = bisect_right(ends, a), bisect_left(starts, b) - 1
        if i <= j:
            found.append((max(a, starts[i]), min(b, ends[j])))
    return found


def travelled_m(rows: list[Stretch], start_ms: int, end_ms: int) -> int:
    """Ground covered between two instants; a stretch that reaches over one counts by its share of the time."""
    total_mm = 0
    for row in rows[bisect_left(rows, start_ms, key=_end) : bisect_right(rows, end_ms, key=_start) + 1]:
        begin = row.start_ms - row.lead_ms if row.lead_ms > 0 else row.start_ms
        till = row.end_ms
        if start_ms <= begin and till <= end_ms:
            if begin < till:
                total_mm += row.lead_mm + row.length_mm
            continue
        inside = min(till, end_ms) - max(begin, start_ms)
        if inside > 0:
            total_mm += (row.lead_mm + row.length_mm) * inside // (till - begin)
    return total_mm // 1000


def driven_m(motion: list[Stretch], start_ms: int, end_ms: int) -> int:
    """Ground covered between two instants, without what noise adds to the way of a truck that stands."""
    rows = motion[bisect_left(motion, start_ms, key=_end) : bisect_right(motion, end_ms, key=_start) + 1]
    moved = [r if r.key != STILL else r._replace(end_ms=r.start_ms, length_mm=0) for r in rows]
    return travelled_m([r for r in moved if r.lead_ms > 0 or r.end_ms > r.start_ms], start_ms, end_ms)


def site_visits(site: list[Stretch], gap_ms: int) -> list[Stretch]:
    """Visits to sites: stretches at one site, joined over absences shorter than `gap_ms`. Nowhere is left out."""
    visits: list[Stretch] = []
    for row in site:
        if row.key == NOWHERE:
            continue
        if visits and visits[-1].key == row.key and row.start_ms - visits[-1].end_ms < gap_ms:
            last = visits[-1]
            visits[-1] = last._replace(
                end_ms=row.end_ms, n=last.n + row.n, x1_dm=row.x1_dm, y1_dm=row.y1_dm,
                sum_x_dm=last.sum_x_dm + row.sum_x_dm, sum_y_dm=last.sum_y_dm + row.sum_y_dm,
            )  # fmt: skip
        else:
            visits.append(row)
    return visits


def clipped(rows: list[Stretch], start_ms: int, end_ms: int, key: int | None = None) -> list[tuple[Stretch, int, int]]:
    """Each stretch (of one key, if it is given) that overlaps a span, with its part inside: (stretch, from, to)."""
    found = []
    reach_ms = LEAD_MAX_MS // 2  # of a stretch beyond its fixes
    first, last = bisect_left(rows, start_ms - reach_ms, key=_end), bisect_right(rows, end_ms + reach_ms, key=_start)
    for k in range(first, last):
        row, after = rows[k], rows[k + 1] if k + 1 < len(rows) else None
        if key is not None and row.key != key:
            continue
        a, b = max(outer_start_ms(row), start_ms), min(outer_end_ms(row, after), end_ms)
        if a < b:
            found.append((row, a, b))
    return found
