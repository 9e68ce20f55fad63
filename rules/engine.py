"""The one judge for stored and streamed fixes: `step(fixes, state) -> (findings, state)`, pure.

No clock, no files, no randomness. Fixes may come in any cut, repeated and out of order within `hold_ms`; what has been
judged is never judged again, so what comes later than that is counted as late and left to a re-judgement of the day.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, replace

import numpy as np
import polars as pl

from ingest.arrange import arrange
from ingest.fix import FIX_SCHEMA
from rules.annotate import AFTER, BEFORE, CONTEXT_FIXES, JUDGED, Annotated, annotate
from rules.catalog import RULES
from rules.clones import sightings
from rules.findings import Findings, Violation
from rules.ground import Ground
from rules.health import Knowledge
from rules.judge import located
from rules.policy import Policy
from rules.registry.model import FOREVER_MS
from rules.stretches import stretches
from rules.tags import Mark, Tag
from rules.truck import Truck
from rules.voice import Voice, speak

#: So many fixes are judged at a time where all are there: their columns fit into the cache of a core.
PART_FIXES = 128_000


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
    """Where fixes went that were not judged: said twice, too late, without a position, from a second device."""

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
) -> tuple[Findings, State, Counts]:
    """Takes in fixes and judges what can no longer change.

    Args:
        fixes: `FIX_SCHEMA`, any order, repeats allowed.
        state: what the step before gave; `State()` at first.
        ground: the registry on the plane.
        knowledge: what is known of terminals.
        hold_ms: how long a truck's newest fixes are held back for stragglers; None when nothing more is to come
            (then everything is judged, open outings and hauls too).

    Returns:
        What was settled, the new state, and where the fixes went.
    """
    final = hold_ms is None
    merged, repeated = arrange(pl.concat([state.pending, fixes]) if state.pending.height else fixes)
    late = 0
    if state.judged_ms:
        done = pl.DataFrame(
            {"plate": list(state.judged_ms), "done_ms": list(state.judged_ms.values())},
            schema={"plate": pl.String, "done_ms": pl.Int64},
        )
        known = merged.join(done, on="plate", how="left", maintain_order="left")["done_ms"]
        fresh = (merged["time_ms"] > known).fill_null(True)
        late = int((~fresh).sum())
        merged = merged.filter(fresh)
    if final:
        now, pending = merged, merged.clear()
    else:
        ripe = merged.select(ripe=pl.col("time_ms") <= pl.col("time_ms").max().over("plate") - hold_ms)["ripe"]
        now, pending = merged.filter(ripe), merged.filter(~ripe)
    findings, carried, counts = _judge(now, pending, state, ground, knowledge, final)
    return findings, replace(carried, pending=pending), replace(counts, repeated=repeated, late=late)


def judge_all(arranged: pl.DataFrame, ground: Ground, knowledge: Knowledge) -> tuple[Findings, Counts]:
    """Judges the whole history of some trucks at once: `step` with nothing before and nothing to come.

    Args:
        arranged: `FIX_SCHEMA` as `ingest.arrange` leaves it: sorted by truck and time, each fix once.
        ground: the registry on the plane.
        knowledge: what is known of terminals.
    """
    findings, counts = Findings(), Counts()
    for part in _whole_trucks(arranged):
        found, _, counted = _judge(part, part.clear(), State(), ground, knowledge, final=True)
        findings += found
        counts += counted
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
    now: pl.DataFrame, pending: pl.DataFrame, state: State, ground: Ground, knowledge: Knowledge, final: bool
) -> tuple[Findings, State, Counts]:
    positions = now.filter("valid") if not now["valid"].all() else now
    own, others, voices = speak(positions, state.voices, ground)
    counts = Counts(
        judged=own.height, invalid=now.height - positions.height, other_device=positions.height - own.height
    )
    rows, roles = _with_neighbours(own, pending, state.context, voices, ground.policy)
    annotated = annotate(rows, roles, ground, knowledge)
    silence_ms = ground.policy.silence_min_s * 1000
    elsewhere = sightings(others, own, state.context, ground)
    findings = Findings()
    trucks = dict(state.trucks)
    for plate, more in zip(annotated.plates, stretches(annotated, silence_ms), strict=True):
        if more["motion"]:
            truck, settled = (
                trucks.get(plate, Truck(plate))
                .hear(more, ground.policy, elsewhere.get(plate, []))
                .settle(ground, knowledge.fleet, final)
            )
            findings += settled
            trucks[plate] = truck
    if final:
        for plate in trucks.keys() - set(annotated.plates):
            findings += trucks[plate].settle(ground, knowledge.fleet, final)[1]
    findings.violations = _accepted(findings.violations, knowledge)
    findings.marks = [*_odd(rows, annotated, others), *_owned(findings.marks, rows, annotated, voices)]
    if final:
        return located(findings, ground), State(), counts
    judged_ms = dict(state.judged_ms)
    if now.height:
        judged_ms |= dict(now.group_by("plate").agg(pl.col("time_ms").max()).iter_rows())
    context = _context(rows, roles, state.context)
    return located(findings, ground), State(trucks, voices, judged_ms, context=context), counts


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


def _with_neighbours(
    own: pl.DataFrame, pending: pl.DataFrame, context: pl.DataFrame, voices: Mapping[str, Voice], policy: Policy
) -> tuple[pl.DataFrame, np.ndarray]:
    """The fixes to judge with each truck's fix before and after them, sorted by truck and time."""
    parts = [own.with_columns(role=pl.lit(JUDGED, pl.Int8))]
    if context.height:
        parts.append(context.with_columns(role=pl.lit(BEFORE, pl.Int8)))
    if pending.height:
        follow, _, _ = speak(pending.filter("valid"), voices, None, policy)
        parts.append(
            follow.group_by("plate", maintain_order=True)
            .first()
            .select(list(FIX_SCHEMA))
            .with_columns(role=pl.lit(AFTER, pl.Int8))
        )
    if len(parts) == 1:
        return own, np.full(own.height, JUDGED, dtype=np.int8)
    rows = pl.concat(parts).sort("plate", "time_ms", "terminal", maintain_order=True)
    return rows.drop("role"), rows["role"].to_numpy()


def _context(rows: pl.DataFrame, roles: np.ndarray, before: pl.DataFrame) -> pl.DataFrame:
    """The last few fixes of every truck, for the next step to look back on."""
    last = (
        rows.filter(roles != AFTER).group_by("plate", maintain_order=True).tail(CONTEXT_FIXES).select(list(FIX_SCHEMA))
    )
    idle = before.filter(~before["plate"].is_in(last["plate"].unique().to_list())) if before.height else before
    return pl.concat([idle, last])
