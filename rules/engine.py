"""The one judge for stored and streamed fixes: `step(fixes, state) -> (findings, state)`, pure.

No clock, no files, no randomness. Fixes may come in any cut, repeated and out of order within `hold_ms`; what has been
judged is never judged again, so what comes later than that is counted as late and left to a re-judgement of the day.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields

import numpy as np
import polars as pl

from ingest.fix import FIX_IDENTITY, FIX_SCHEMA
from rules.annotate import AFTER, BEFORE, CONTEXT_FIXES, JUDGED, Annotated, annotate
from rules.catalog import RULES
from rules.clones import sightings
from rules.cut import Cut, Picked, cut, cut_all, merged, taken
from rules.findings import Findings, Violation
from rules.ground import Ground
from rules.health import Knowledge
from rules.judge import located
from rules.policy import DEFAULTS, Policy
from rules.registry.model import FOREVER_MS
from rules.stretches import stretches
from rules.tags import Mark, Tag
from rules.truck import Truck
from rules.voice import Voice, listen

#: So many fixes are judged at a time where all are there: their columns fit into the cache of a core.
PART_FIXES = 128_000

#: What is looked at of the fixes that are judged.
_LOOKED_AT = [name for name in FIX_SCHEMA if name not in ("heading_deg", "valid", "mileage_km")]


@dataclass(frozen=True)
class State:
    """What is carried from step to step. `pending` waits for neighbours, `context` are neighbours already judged."""

    trucks: Mapping[str, Truck] = field(default_factory=dict)
    voices: Mapping[str, Voice] = field(default_factory=dict)
    judged_ms: Mapping[str, int] = field(default_factory=dict)
    pending: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=FIX_SCHEMA))
    context: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=FIX_SCHEMA))


@dataclass(frozen=True)
class Counts:
    """Where fixes went: judged, or said twice, too late, without a position, from a second device."""

    judged: int = 0
    repeated: int = 0
    late: int = 0
    invalid: int = 0
    other_device: int = 0

    def __add__(self, other: Counts) -> Counts:
        """Both together."""
        return Counts(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))


def step(
    fixes: pl.DataFrame, state: State, ground: Ground, knowledge: Knowledge, hold_ms: int | None
) -> tuple[Findings, State, dict[str, Counts]]:
    """Takes in fixes and judges what can no longer change.

    Args:
        fixes: `FIX_SCHEMA`, any order, repeats allowed.
        state: what the step before gave; `State()` at first.
        ground: the registry on the plane.
        knowledge: what is known of terminals.
        hold_ms: how long a truck's newest fixes are held back for stragglers; None when nothing more is to come
            (then everything is judged, open outings and hauls too).

    Returns:
        What was settled, the new state, and where the fixes of each truck went.
    """
    final = hold_ms is None
    taken_in = pl.concat([state.pending, fixes]) if state.pending.height else fixes
    return _judge(cut(state.context, taken_in, state.judged_ms, hold_ms), state, ground, knowledge, final)


def judge_all(arranged: pl.DataFrame, ground: Ground, knowledge: Knowledge) -> tuple[Findings, Counts]:
    """Judges the whole history of some trucks at once: `step` with nothing before and nothing to come.

    Args:
        arranged: `FIX_SCHEMA` as `ingest.arrange` leaves it: sorted by truck and time, each fix once.
        ground: the registry on the plane.
        knowledge: what is known of terminals.
    """
    findings, counts = Findings(), Counts()
    for part in _whole_trucks(arranged):
        found, _, counted = _judge(cut_all(part), State(), ground, knowledge, final=True)
        findings += found
        counts = sum(counted.values(), counts)
    return findings, counts


def _whole_trucks(arranged: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """The fixes in parts of whole trucks, of about `PART_FIXES` each."""
    start = end = 0
    for length in arranged["plate"].rle().struct.field("len").to_list():
        end += length
        if end - start >= PART_FIXES:
            yield arranged[start:end]
            start = end
    if start < end:
        yield arranged[start:end]


def _judge(
    told: Cut, state: State, ground: Ground, knowledge: Knowledge, final: bool
) -> tuple[Findings, State, dict[str, Counts]]:
    own, others, voices = _speaking(told, told.now, state.voices, ground)
    follow, _, _ = _speaking(told, told.pending, voices, None, ground.policy)
    picked, roles = merged((told.before, BEFORE), (own, JUDGED), (follow.first(), AFTER))
    rows = taken(told.fixes.select(_LOOKED_AT), picked.rows)
    annotated = annotate(rows, roles, ground, knowledge)
    silence_ms = ground.policy.silence_min_s * 1000
    foreign = told.fixes[others.rows]
    beside = own.where(np.isin(own.truck, others.truck)).rows if foreign.height else others.rows
    elsewhere = sightings(foreign, told.fixes[beside], state.context, ground)
    findings = Findings()
    trucks = dict(state.trucks)
    unheard = set(trucks)
    for plate, more in zip(annotated.plates, stretches(annotated, silence_ms), strict=True):
        if more["motion"]:
            truck, settled = (
                trucks.get(plate, Truck(plate))
                .hear(more, ground.policy, elsewhere.get(plate, []))
                .settle(ground, knowledge.fleet, final)
            )
            findings += settled
            trucks[plate] = truck
            unheard.discard(plate)
    if final:
        for plate in unheard:
            findings += trucks[plate].settle(ground, knowledge.fleet, final)[1]
    findings.violations = _accepted(findings.violations, knowledge)
    findings.marks = [*_odd(rows, annotated, foreign), *_owned(findings.marks, rows, annotated, voices)]
    found, counts = located(findings, ground), _counts(told, own, others)
    if final:
        return found, State(), counts
    context = picked.where(roles != AFTER).last(CONTEXT_FIXES)
    judged_ms = {**state.judged_ms, **told.newest_ms()}
    return found, State(trucks, voices, judged_ms, told.fixes[told.pending.rows], told.fixes[context.rows]), counts


def _speaking(
    told: Cut, some: Picked, voices: Mapping[str, Voice], ground: Ground | None, policy: Policy = DEFAULTS
) -> tuple[Picked, Picked, dict[str, Voice]]:
    """Of some fixes those with a position that the devices told which speak for their trucks; the others'; `listen`."""
    valid = told.fixes["valid"].to_numpy()
    some = some.where(valid[some.rows])
    heard, voices = listen(taken(told.fixes.select(FIX_IDENTITY), some.rows), voices, ground, policy)
    return some.where(heard), some.where(~heard), voices


def _counts(told: Cut, own: Picked, others: Picked) -> dict[str, Counts]:
    """Where the fixes of each truck went that had any."""
    judged, foreign, now, late = (each.counted(len(told.plates)) for each in (own, others, told.now, told.late))
    fates = np.stack([judged, told.repeated, late, now - judged - foreign, foreign], axis=1).tolist()
    return {plate: Counts(*fate) for plate, fate in zip(told.plates, fates, strict=True) if any(fate)}


#: Rules that no fix may prove whose time may be hours off.
_ASK_THE_TIME = frozenset(rule.rule_id for rule in RULES if Tag.CLOCK_DOUBTED not in rule.accepts)


def _accepted(violations: list[Violation], knowledge: Knowledge) -> list[Violation]:
    """The violations without those whose rule does not accept the truck's doubted time."""
    doubted = knowledge.fleet.mixed_clocks_ms
    if not doubted:
        return violations
    since_ms: dict[str, int] = {}
    for (plate, _), ms in doubted.items():
        since_ms[plate] = min(ms, since_ms.get(plate, ms))
    return [v for v in violations if v.rule not in _ASK_THE_TIME or v.end_ms < since_ms.get(v.plate, FOREVER_MS)]


def _odd(rows: pl.DataFrame, annotated: Annotated, others: pl.DataFrame) -> list[Mark]:
    """What the columns found odd of single fixes, and the fixes of devices that did not speak for their trucks."""
    marks = []
    for tag, at in ((Tag.JUMP, annotated.jumps), (Tag.SPEED_REFUTED, annotated.refuted)):
        found = rows[at].select("plate", "terminal", "time_ms").iter_rows() if len(at) else ()
        marks += [Mark(plate, terminal, tag, time_ms, time_ms, 1) for plate, terminal, time_ms in found]
    if others.height:
        by_device = others.group_by("plate", "terminal", maintain_order=True)
        sums = by_device.agg(pl.col("time_ms").min().alias("a"), pl.col("time_ms").max().alias("b"), pl.len())
        marks += [Mark(plate, device, Tag.OTHER_DEVICE, *span) for plate, device, *span in sums.iter_rows()]
    return marks


def _owned(marks: list[Mark], rows: pl.DataFrame, annotated: Annotated, voices: Mapping[str, Voice]) -> list[Mark]:
    """The marks of a truck's stretches with the device that spoke for it then."""
    if not marks:
        return marks
    number = {plate: k for k, plate in enumerate(annotated.plates)}
    time_ms, terminal = rows["time_ms"], rows["terminal"]
    owned = []
    for mark in marks:
        device, k = voices[mark.plate].terminal if mark.plate in voices else "", number.get(mark.plate)
        if k is not None:
            first, last = annotated.row_starts[k], annotated.row_starts[k + 1]
            at = first + int(time_ms[first:last].search_sorted(mark.end_ms))
            device = terminal[int(min(at, last - 1))] if at > first else device
        owned.append(mark._replace(terminal=device))
    return owned
