"""Stage 3 and 4 for one truck: its stretches cut into outings and hauls, each judged once it is complete.

Both cuts are fixed by the stretches alone, scanning forward, and look only at stretches that later fixes cannot undo.
So the same outings and hauls come out however the stream arrived, and each is judged in isolation.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field, replace
from typing import Any

from rules.annotate import STILL
from rules.catalog import RULES
from rules.findings import Findings, Stop, Trip, Violation
from rules.ground import NOWHERE, Ground
from rules.hauls import Haul, Loading, build_haul, load_visits, site_at
from rules.load_word import Flip, LoadWord
from rules.rule import Breach, Outing, Rule
from rules.stays import drives_of, stays_of
from rules.stretches import CHANNELS, Rows, Stretch, extend

STOP_MIN_MS = 120_000  # shorter stands are traffic, not stops
REST_MS = 900_000  # longer than any time within which two stretches of a rule are still one
KEEP_MS = 5_400_000  # how far before the open haul stretches are kept: the longest queue and loading
SEPARATOR_MM = 500_000  # a drive of this length parts stays for good


@dataclass(frozen=True)
class Truck:
    """What is carried of a truck from step to step. Small, plain, never shared between two states."""

    plate: str
    rows: Rows = field(default_factory=lambda: {name: [] for name in CHANNELS})
    word: LoadWord = field(default_factory=LoadWord)
    flips: tuple[Flip, ...] = ()
    heard: tuple[tuple[int, int], ...] = ()  # spans in which the load sensor spoke
    loading: Loading | None = None
    outing_from_ms: int = 0

    def hear(self, more: Rows, silence_ms: int) -> Truck:
        """The truck with later stretches appended."""
        word, flips = self.word.hear(more["load"])
        heard = list(self.heard)
        for row in more["load"]:
            if row.key >= 0:
                if heard and row.start_ms - heard[-1][1] < REST_MS * 4:
                    heard[-1] = (heard[-1][0], row.end_ms)
                else:
                    heard.append((row.start_ms, row.end_ms))
        rows = {name: list(held) for name, held in self.rows.items()}
        extend(rows, more, silence_ms)
        return replace(self, rows=rows, word=word, flips=(*self.flips, *flips), heard=tuple(heard))

    def settle(self, ground: Ground, final: bool = False) -> tuple[Truck, Findings]:
        """Judges every outing and haul that is complete (`final`: the open ones too) and forgets what is no longer needed."""
        findings = Findings()
        truck = self._settle_outings(ground, findings, final)
        truck = truck._settle_hauls(ground, findings, final)
        return truck._forget(), findings

    def _settle_outings(self, ground: Ground, findings: Findings, final: bool) -> Truck:
        silence_ms = ground.policy.silence_min_s * 1000
        motion = self.rows["motion"]
        begin = first = bisect_left(motion, self.outing_from_ms, key=_start)
        for i in range(first + 1, len(motion)):
            row = motion[i]
            if row.lead_ms > silence_ms or (row.key == STILL and row.end_ms - row.start_ms >= REST_MS):
                self._judge_outing(motion, begin, i, ground, findings)
                begin = i
        if final and begin < len(motion):
            self._judge_outing(motion, begin, len(motion), ground, findings)
            begin = len(motion)
        start = (
            motion[begin].start_ms
            if begin < len(motion)
            else (motion[-1].end_ms + 1 if motion else self.outing_from_ms)
        )
        return replace(self, outing_from_ms=start)

    def _judge_outing(self, motion: list[Stretch], begin: int, end: int, ground: Ground, findings: Findings) -> None:
        policy = ground.policy
        silence_ms = policy.silence_min_s * 1000
        rows = motion[begin:end]
        after = motion[end] if end < len(motion) else None
        seen = [*rows, after] if after is not None and after.lead_ms <= silence_ms else rows
        stays = [s for s in stays_of(seen, silence_ms) if s.first_fix_ms < rows[-1].end_ms + 1]
        drives = drives_of(seen, policy.halt_max_s * 1000, silence_ms, stays)
        start_ms, end_ms = (
            rows[0].start_ms,
            rows[-1].end_ms + 1 if after is None else max(rows[-1].end_ms + 1, after.start_ms),
        )
        overlap = {name: _between(self.rows[name], start_ms, end_ms) for name in CHANNELS}
        outing = Outing(self.plate, start_ms, end_ms, overlap, tuple(drives), tuple(stays))
        for rule in RULES:
            if rule.on_outing:
                for breach in rule.on_outing(outing, ground):
                    findings.violations.append(violation(rule, self.plate, breach, ground, None))
        for stay in stays:
            if not stay.silence and stay.still_ms >= STOP_MIN_MS:
                site = ground.site(site_at(overlap, stay, stay.start_ms))
                lon, lat = ground.plane.place(stay.x_m, stay.y_m)
                stop = Stop(
                    self.plate,
                    stay.start_ms,
                    stay.end_ms,
                    lon,
                    lat,
                    site.site_id if site else None,
                    site.kind if site else "unknown",
                )
                findings.stops.append(stop)

    def _settle_hauls(self, ground: Ground, findings: Findings, final: bool) -> Truck:
        loading = self.loading
        for following in self._loadings(ground):
            if loading is not None:
                self._judge_haul(loading, following.at_ms, ground, findings)
            loading = following
        if final and loading is not None and self.rows["motion"]:
            self._judge_haul(loading, self.rows["motion"][-1].end_ms + 1, ground, findings)
            loading = None
        return replace(self, loading=loading)

    def _loadings(self, ground: Ground) -> list[Loading]:
        """Loadings after the open haul's, in order: flips of a believed sensor, else long enough visits to construction sites."""
        since = self.loading.at_ms if self.loading else -1
        found: list[Loading] = []
        for flip in self.flips:
            if flip.at_ms > since and flip.loaded:
                found.append(Loading(flip.at_ms, NOWHERE, "load"))
        gone = next((f for f in self.flips if not f.loaded), None)
        if (
            self.loading is None
            and gone
            and not any(f.loaded and f.at_ms < gone.at_ms for f in self.flips)
            and self.heard
            and gone.at_ms > since
        ):
            found.append(Loading(self.heard[0][0], NOWHERE, "before"))
        dwell_ms = ground.policy.load_stay_min_s * 1000
        for visit in load_visits(self.rows, ground):
            if visit.start_ms > since and not any(
                a <= visit.start_ms + dwell_ms and visit.start_ms <= b for a, b in self.heard
            ):
                found.append(Loading(visit.start_ms, visit.key, "visit"))
        return sorted(found, key=lambda x: x.at_ms)

    def _judge_haul(self, loading: Loading, until_ms: int, ground: Ground, findings: Findings) -> None:
        rows = self._around(loading.at_ms, until_ms)
        haul = build_haul(self.plate, loading, until_ms, rows, list(self.flips), ground)
        if haul is None:
            return
        trip = _trip(haul, ground)
        if trip is not None:
            findings.trips.append(trip)
        for rule in RULES:
            if rule.on_haul:
                for breach in rule.on_haul(haul, rows, ground):
                    findings.violations.append(
                        violation(rule, self.plate, breach, ground, trip.trip_id if trip else None)
                    )

    def _around(self, at_ms: int, until_ms: int) -> Rows:
        """The stretches that a haul is judged by: from the drive before its loading's queue to its end."""
        from_ms = self._separator(at_ms - KEEP_MS)
        return {name: _between(held, from_ms, until_ms) for name, held in self.rows.items()}

    def _separator(self, before_ms: int) -> int:
        """Start of the last long drive that begins before an instant; 0 where there is none."""
        motion = self.rows["motion"]
        for i in range(bisect_left(motion, before_ms, key=_start) - 1, -1, -1):
            if motion[i].length_mm >= SEPARATOR_MM:
                return motion[i].start_ms
        return 0

    def _forget(self) -> Truck:
        keep_ms = self._separator(
            min(self.outing_from_ms, self.loading.at_ms if self.loading else self.outing_from_ms) - KEEP_MS
        )
        if not keep_ms:
            return self
        rows = {name: [r for r in held if r.end_ms >= keep_ms] for name, held in self.rows.items()}
        flips = tuple(f for f in self.flips if f.at_ms >= keep_ms)
        return replace(self, rows=rows, flips=flips, heard=tuple(h for h in self.heard if h[1] >= keep_ms))


def _start(row: Stretch) -> int:
    return row.start_ms


def _end(row: Stretch) -> int:
    return row.end_ms


def _between(rows: list[Stretch], from_ms: int, to_ms: int) -> list[Stretch]:
    """The stretches that overlap `[from_ms, to_ms)`, whole."""
    return rows[bisect_left(rows, from_ms, key=_end) : bisect_left(rows, to_ms, key=_start)]


def _trip(haul: Haul, ground: Ground) -> Trip | None:
    if haul.loading.by == "before" or haul.unloading is None:
        return None
    origin, left = ground.site(haul.loading.site), haul.unloading
    site = ground.site(left.site)
    lon, lat = ground.plane.place(left.stay.x_m, left.stay.y_m) if left.stay and not left.in_silence else (None, None)
    named = [p.permit for _, p in haul.permits]
    permit = next((p for p in named if site and site.site_id in p.disposal_sites), named[0] if named else None)
    return Trip(
        haul.plate, haul.loading.at_ms, haul.left_ms, left.at_ms, origin.site_id if origin else None,
        site.site_id if site else None, permit.permit_no if permit else None, haul.distance_m, lon, lat,
    )  # fmt: skip


def violation(rule: Rule, plate: str, breach: Breach, ground: Ground, trip_id: str | None) -> Violation:
    """A breach with who, where and what was in force."""
    vehicle = ground.registry.vehicle.get(plate)
    lon, lat = ground.plane.place(breach.x_m, breach.y_m)
    evidence: dict[str, Any] = dict(breach.evidence)
    evidence["rule_version"] = rule.version
    evidence["policy_digest"] = ground.policy.digest
    evidence["registry_digest"] = ground.registry.digest
    return Violation(
        rule=rule.rule_id,
        plate=plate,
        start_ms=breach.start_ms,
        end_ms=breach.end_ms,
        lon=lon,
        lat=lat,
        confidence=breach.confidence,
        points=ground.policy.points.get(rule.rule_id, 0),
        company_id=vehicle.company_id if vehicle else None,
        permit_no=breach.permit_no,
        trip_id=trip_id,
        district_id=ground.district_at(breach.x_m, breach.y_m),
        site_id=breach.site_id,
        evidence=evidence,
    )
