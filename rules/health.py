"""How far a terminal is to be believed: the datum its stops fit, and which of its sensors contradict its own truck.

Learnt from stored fixes before they are judged, never while judging: `Knowledge` is a plain input of the engine, so
that a judgement can be repeated with what was known when it was made.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import polars as pl

from ingest.fix import DATUMS
from rules.clocks import clock_doubt
from rules.datum_fit import datums_of
from rules.findings import TerminalHealth
from rules.fleet import Fleet
from rules.ground import NOWHERE, Ground
from rules.sensors import (
    DRIVING_KMH,
    SENSOR_SAMPLE,
    Bools,
    Illness,
    cover_illness,
    last_visit,
    lift_illness,
    load_illness,
)
from rules.tags import Mark, Tag, summed
from rules.terminals import Terminal, terminals_of, thinned

NO_FLEET = Fleet()
OFF_GAP_MS = 330_000  # with the ignition off terminals report every five minutes


@dataclass(frozen=True)
class Knowledge:
    """What is known of terminals before judging, by (plate, terminal). Whatever is not named is believed as told."""

    datums: Mapping[tuple[str, str], str] = field(default_factory=dict)
    ill_sensors: Mapping[tuple[str, str], frozenset[str]] = field(default_factory=dict)
    ill_since_ms: Mapping[tuple[str, str, str], int] = field(default_factory=dict)  # by sensor too; from the start else
    fleet: Fleet = field(default_factory=Fleet)


def learn(fixes: pl.DataFrame, ground: Ground, fleet: Fleet = NO_FLEET) -> tuple[Knowledge, list[TerminalHealth]]:
    """Learns from all stored fixes of some trucks.

    Args:
        fixes: `FIX_SCHEMA`, sorted by plate and time, each identity once.
        ground: the registry on the plane.
        fleet: what was learnt while reading, clocks among it.

    Returns:
        What the engine should know, and the health of each terminal as people read it.
    """
    datums: dict[tuple[str, str], str] = {}
    ill: dict[tuple[str, str], frozenset[str]] = {}
    since: dict[tuple[str, str, str], int] = {}
    knowledge = Knowledge(datums, ill, since, fleet)  # of the terminals looked at so far
    health: list[TerminalHealth] = []
    terminals = terminals_of(fixes)
    datums_found = datums_of([own for _, own in terminals], ground)
    for (terminal, own), (found, why) in zip(terminals, datums_found, strict=True):
        key = (own.plate, terminal)
        faults: dict[str, dict[str, Any]] = {}
        if why:
            datums[key] = found
            faults["datum"] = {"why": why, "since_ms": int(own.time_ms[0])}
        sick = _sensors(own, found, ground)
        if sick:
            ill[key] = frozenset(sick)
            since |= {(*key, name): one.since_ms for name, one in sick.items()}
            faults |= {name: {"why": one.why, "since_ms": one.since_ms} for name, one in sick.items()}
        first, last, count = int(own.time_ms[0]), int(own.time_ms[-1]), len(own.time_ms)
        if doubt := _clock(key, own, ground, fleet):
            faults["clock_doubt"] = {"why": doubt.why, "since_ms": doubt.since_ms}
        tags = told(_own_marks(key, own, knowledge))
        health.append(TerminalHealth(*key, first, last, count, _completeness(own), found, faults, tags))
    return knowledge, health


def _clock(key: tuple[str, str], own: Terminal, ground: Ground, fleet: Fleet) -> Illness | None:
    """Why a clock may be off and since when; where the order of arrival tells the time, by that alone."""
    since_ms = fleet.mixed_clocks_ms.get(key)
    if since_ms is not None:
        why = "clock 8 h off the trucks heard at the same time in some fixes; not judged by rules that ask the time"
        return Illness(why, since_ms)
    if fleet.arrival or key in fleet.clocks_ms:
        return None
    why = clock_doubt(own.plate, own.time_ms[own.valid], own.speed_kmh[own.valid], ground)
    return Illness(why, int(own.time_ms[0])) if why else None


#: The tag of an ill sensor.
ILL = {"load": Tag.ILL_LOAD, "lift": Tag.ILL_LIFT, "cover": Tag.ILL_COVER}


def odd_by_itself(key: tuple[str, str], own: Terminal, knowledge: Knowledge) -> dict[Tag, Bools]:
    """Which of a terminal's fixes bear a tag by themselves, by what is known of it."""
    odd = {Tag.NOT_FIXED: ~own.valid}
    if key in knowledge.datums:
        odd[Tag.WRONG_DATUM] = own.told != DATUMS.index(knowledge.datums[key])
    for name in sorted(knowledge.ill_sensors.get(key, ())):
        odd[ILL[name]] = own.time_ms >= knowledge.ill_since_ms.get((*key, name), 0)
    if key in knowledge.fleet.mixed_clocks_ms:
        odd[Tag.CLOCK_DOUBTED] = own.time_ms >= knowledge.fleet.mixed_clocks_ms[key]
    return odd


def _own_marks(key: tuple[str, str], own: Terminal, knowledge: Knowledge) -> list[Mark]:
    marks = []
    for tag, which in odd_by_itself(key, own, knowledge).items():
        rows = np.flatnonzero(which)
        if len(rows):
            marks.append(Mark(*key, tag, int(own.time_ms[rows[0]]), int(own.time_ms[rows[-1]]), len(rows)))
    return marks


def marks_known(fixes: pl.DataFrame, knowledge: Knowledge) -> list[Mark]:
    """What is odd about fixes (`FIX_SCHEMA`, sorted by plate and time) by themselves, by what was learnt of more."""
    return [mark for terminal, own in terminals_of(fixes) for mark in _own_marks((own.plate, terminal), own, knowledge)]


def told(marks: Iterable[Mark]) -> dict[str, dict[str, int]]:
    """Marks of one terminal as its health tells them."""
    return {m.tag.word: {"fixes": m.fixes, "first_ms": m.start_ms, "last_ms": m.end_ms} for m in marks}


def with_marks(health: list[TerminalHealth], marks: Iterable[Mark]) -> list[TerminalHealth]:
    """The health of terminals with what the engine found odd about their fixes."""
    own: dict[tuple[str, str], list[Mark]] = {}
    for mark in summed(marks):
        own.setdefault((mark.plate, mark.terminal), []).append(mark)
    return [
        replace(h, tags={**h.tags, **told(own[h.plate, h.terminal])}) if (h.plate, h.terminal) in own else h
        for h in health
    ]


def _sensors(own: Terminal, datum: str, ground: Ground) -> dict[str, Illness]:
    """The sensors that contradict their own truck."""
    found = {"lift": lift_illness(own.time_ms, own.lift, own.speed_kmh, ground.policy)}
    speaking = (own.load >= 0).any() or (own.cover >= 0).any()
    if speaking:
        part = own.at(thinned(np.flatnonzero(own.valid), SENSOR_SAMPLE))
        x, y = ground.plane.to_m(*part.read_in(datum))
        site = ground.sites_at(x, y, part.time_ms)
        after = last_visit(site, part.time_ms, part.speed_kmh, ground)
        road = (part.speed_kmh > DRIVING_KMH) & (site == NOWHERE)
        found["load"] = load_illness(part.time_ms, part.load, road, after, ground.policy)
        found["cover"] = cover_illness(part.time_ms, part.cover, road, ground.policy)
    return {name: one for name, one in found.items() if one is not None}


def _completeness(own: Terminal) -> float:
    """Share of the time between first and last fix that no silence took, beyond what the terminal's rhythm explains.

    The rhythm is twice the median gap, at least a minute; with the ignition off terminals may rest five minutes.
    """
    gaps = np.diff(own.time_ms)
    if not len(gaps) or gaps.sum() == 0:
        return 1.0
    off = own.ignition_off[:-1] | own.ignition_off[1:]
    allowed = np.where(off, OFF_GAP_MS, max(60_000.0, 2 * float(np.median(gaps))))
    return round(1 - float(np.maximum(gaps - allowed, 0).sum() / gaps.sum()), 4)
