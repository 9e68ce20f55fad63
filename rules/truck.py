"""Stage 3 for one truck: its stretches cut into outings and hauls, each handed to the rules once it is complete.

Both cuts are fixed by the stretches alone, scanning forward, and look only at stretches that later fixes cannot undo.
So the same outings and hauls come out however the stream arrived, and each is judged in isolation.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from operator import attrgetter
from typing import Any

import msgspec

from rules.annotate import STILL
from rules.clones import Sighting, counts, joined
from rules.findings import Findings
from rules.fleet import Fleet
from rules.ground import NOWHERE, Ground
from rules.hauls import Loading, load_visits
from rules.judge import judge_haul, judge_outing, judge_sighting, withheld
from rules.load_word import FORGET_MS, Flip, LoadWord
from rules.policy import Policy
from rules.stays import REST_MS, Stay, stays_of
from rules.stretches import KEPT, Rows, Stretch, extended

KEEP_MS = 5_400_000  # how far before the open haul stretches are kept: the longest queue and loading
SEPARATOR_MM = 500_000  # a drive of this length parts stays for good


class Truck(msgspec.Struct, frozen=True):
    """What is carried of a truck from step to step. Small and plain; what is in it is replaced, never changed."""

    plate: str
    rows: Rows = msgspec.field(default_factory=lambda: {name: [] for name in KEPT})
    word: LoadWord = LoadWord()
    flips: tuple[Flip, ...] = ()
    heard: tuple[tuple[int, int], ...] = ()  # spans in which the load sensor spoke
    loading: Loading | None = None
    outing_from_ms: int = 0
    sightings: tuple[Sighting, ...] = ()  # spans in which another truck bore the plate
    told: int = 0  # how many of them have been reported

    def hear(self, more: Rows, policy: Policy, sightings: list[Sighting]) -> Truck:
        """The truck with later stretches appended, and with sightings of its plate elsewhere."""
        word, flips = self.word.hear(more["load"])
        heard = list(self.heard)
        for row in more["load"]:
            if row.key < 0:
                continue
            if heard and row.start_ms - heard[-1][1] < FORGET_MS:
                heard[-1] = (heard[-1][0], row.end_ms)
            else:
                heard.append((row.start_ms, row.end_ms))
        return self._replace(
            rows=extended(self.rows, more, policy.silence_min_s * 1000),
            word=word,
            flips=(*self.flips, *flips),
            heard=tuple(heard),
            sightings=joined(self.sightings, sightings, policy) if sightings else self.sightings,
        )

    def settle(self, ground: Ground, fleet: Fleet, final: bool = False) -> tuple[Truck, Findings]:
        """Judges every complete outing and haul (`final`: the open ones too), forgets what is no longer needed."""
        findings = Findings()
        if not self.rows["motion"]:
            return self, findings
        policy = ground.policy
        outings, begun_ms = self._outings(ground, final)
        hauls, loading = self._hauls(ground, final)
        if outings or hauls:
            stays = stays_of(self.rows["motion"], policy.silence_min_s * 1000, policy.frozen_min_s * 1000)
            for begin, end in outings:
                self._settle_outing(begin, end, stays, ground, findings)
            for begun, until_ms in hauls:
                self._settle_haul(begun, until_ms, stays, ground, fleet, findings)
            findings = withheld(findings, self.sightings, policy)
        seen_ms = self.rows["motion"][-1].end_ms
        over = [s for s in self.sightings if final or s.end_ms + policy.clone_merge_s * 1000 < seen_ms]
        for sighting in over[self.told :]:
            if counts(sighting, policy):
                findings += judge_sighting(self.plate, sighting, ground)
        return self._replace(outing_from_ms=begun_ms, loading=loading, told=len(over))._forget(), findings

    def _outings(self, ground: Ground, final: bool) -> tuple[list[tuple[int, int]], int]:
        """Complete outings as ranges of motion stretches, and when the open one began.

        An outing ends where a long rest or a silence begins; the rest opens the next one.
        """
        silence_ms = ground.policy.silence_min_s * 1000
        motion = self.rows["motion"]
        begin = bisect_left(motion, self.outing_from_ms, key=_start)
        found = []
        for i in range(begin + 1, len(motion)):
            row = motion[i]
            if row.lead_ms > silence_ms or (row.key == STILL and row.end_ms - row.start_ms >= REST_MS):
                found.append((begin, i))
                begin = i
        if final and begin < len(motion):
            found.append((begin, len(motion)))
            begin = len(motion)
        return found, motion[begin].start_ms if begin < len(motion) else motion[-1].end_ms + 1

    def _settle_outing(self, begin: int, end: int, stays: list[Stay], ground: Ground, findings: Findings) -> None:
        motion = self.rows["motion"]
        start_ms = motion[begin].start_ms
        end_ms = motion[end].start_ms if end < len(motion) else motion[-1].end_ms + 1
        rows = _Window(self.rows, start_ms, end_ms)
        within = stays[bisect_left(stays, start_ms, key=_first_fix) : bisect_left(stays, end_ms, key=_first_fix)]
        silent = end < len(motion) and motion[end].lead_ms > ground.policy.silence_min_s * 1000
        rows["motion"] = motion[begin : end if silent else end + 1]
        findings += judge_outing(self.plate, start_ms, end_ms, rows, within, ground)

    def _hauls(self, ground: Ground, final: bool) -> tuple[list[tuple[Loading, int]], Loading | None]:
        """Complete hauls as loadings with the instant by which they are over, and the open one's loading."""
        loading = self.loading
        found: list[tuple[Loading, int]] = []
        for following in self._loadings(ground):
            if loading is not None:
                found.append((loading, following.at_ms))
            loading = following
        if final and loading is not None:
            found.append((loading, self.rows["motion"][-1].end_ms + 1))
            loading = None
        return found, loading

    def _loadings(self, ground: Ground) -> list[Loading]:
        """Loadings after the open haul's: flips of a believed sensor, else long enough visits to construction sites.

        A sensor whose first flip takes a load away tells of a haul that began before the first fix.
        """
        since = self.loading.at_ms if self.loading else -1
        found = [Loading(f.at_ms, NOWHERE, "load") for f in self.flips if f.loaded and f.at_ms > since]
        if self.loading is None and self.flips and not self.flips[0].loaded:
            found.append(Loading(self.heard[0][0], NOWHERE, "before"))
        dwell_ms = ground.policy.load_stay_min_s * 1000
        for visit in load_visits(self.rows["site"], ground):
            heard = any(a <= visit.start_ms + dwell_ms and visit.start_ms <= b for a, b in self.heard)
            if visit.start_ms > since and not heard:
                found.append(Loading(visit.start_ms, visit.key, "visit"))
        return sorted(found, key=lambda x: x.at_ms)

    def _settle_haul(
        self, loading: Loading, until_ms: int, stays: list[Stay], ground: Ground, fleet: Fleet, findings: Findings
    ) -> None:
        from_ms = self._separator(loading.at_ms - KEEP_MS)
        rows = _Window(self.rows, from_ms, until_ms)
        within = stays[bisect_left(stays, from_ms, key=_first_fix) : bisect_left(stays, until_ms, key=_first_fix)]
        findings += judge_haul(self.plate, loading, until_ms, rows, within, self.flips, ground, fleet)

    def _separator(self, before_ms: int) -> int:
        """Start of the last long drive that begins before an instant; 0 where there is none."""
        motion = self.rows["motion"]
        for i in range(bisect_left(motion, before_ms, key=_start) - 1, -1, -1):
            if motion[i].length_mm >= SEPARATOR_MM:
                return motion[i].start_ms
        return 0

    def _forget(self) -> Truck:
        open_ms = min(self.outing_from_ms, self.loading.at_ms if self.loading else self.outing_from_ms)
        keep_ms = self._separator(open_ms - KEEP_MS)
        if not keep_ms:
            return self
        rows = {name: _since(held, keep_ms) for name, held in self.rows.items()}
        flips = tuple(f for f in self.flips if f.at_ms >= keep_ms)
        kept = tuple(s for i, s in enumerate(self.sightings) if s.end_ms >= keep_ms or i >= self.told)
        return self._replace(
            rows=rows,
            flips=flips,
            heard=tuple(h for h in self.heard if h[1] >= keep_ms),
            sightings=kept,
            told=self.told - (len(self.sightings) - len(kept)),
        )

    def _replace(self, **parts: Any) -> Truck:
        """Another state of the truck, with some parts changed."""
        return msgspec.structs.replace(self, **parts)


def _since(rows: list[Stretch], keep_ms: int) -> list[Stretch]:
    """The stretches without those that ended before an instant."""
    return rows[bisect_left(rows, keep_ms, key=_end) :] if rows and rows[0].end_ms < keep_ms else rows


_start: Callable[[Stretch], int] = attrgetter("start_ms")
_end: Callable[[Stretch], int] = attrgetter("end_ms")
_first_fix: Callable[[Stay], int] = attrgetter("first_fix_ms")


class _Window(Rows):
    """The stretches that overlap `[from_ms, to_ms)`, whole; a channel is looked through once a rule asks for it."""

    def __init__(self, held: Rows, from_ms: int, to_ms: int) -> None:
        super().__init__()
        self._held, self._from_ms, self._to_ms = held, from_ms, to_ms

    def __missing__(self, name: str) -> list[Stretch]:
        rows = self._held[name]
        rows = rows[bisect_left(rows, self._from_ms, key=_end) : bisect_left(rows, self._to_ms, key=_start)]
        self[name] = rows
        return rows
