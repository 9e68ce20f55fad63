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
from numpy.typing import NDArray

from ingest.datum import from_wgs84, to_wgs84
from ingest.fix import DATUMS
from rules.findings import TerminalHealth
from rules.fleet import Fleet
from rules.ground import NOWHERE, Ground
from rules.plane import Floats
from rules.raster import Ints
from rules.sensors import (
    DRIVING_KMH,
    SENSOR_SAMPLE,
    STANDING_KMH,
    Illness,
    cover_illness,
    last_visit,
    lift_illness,
    load_illness,
)
from rules.tags import Mark, Tag, summed

#: Stands, and fixes on the way, looked at for a terminal's datum. It is doubted when they fit the truck's own sites and
#: corridors worse than `datum_poor_fit` of what they could; another datum is believed that fits `datum_better_by`
#: better. A wrong datum fits about a tenth as well, but for stands that it shifts into another site.
DATUM_SAMPLE = 150
CANDIDATES = ("wgs84", "gcj02", "bd09")

OFF_GAP_MS = 330_000  # with the ignition off terminals report every five minutes


@dataclass(frozen=True)
class Knowledge:
    """What is known of terminals before judging, by (plate, terminal). Whatever is not named is believed as told."""

    datums: Mapping[tuple[str, str], str] = field(default_factory=dict)
    ill_sensors: Mapping[tuple[str, str], frozenset[str]] = field(default_factory=dict)
    ill_since_ms: Mapping[tuple[str, str, str], int] = field(default_factory=dict)  # by sensor too; from the start else
    fleet: Fleet = field(default_factory=Fleet)
    doubted_clocks: Mapping[tuple[str, str], int] = field(default_factory=dict)  # since when, epoch ms


@dataclass(frozen=True)
class _Terminal:
    """One terminal's fixes as arrays. `told` indexes `DATUMS`; sensors are 1, 0 or -1 for nothing said."""

    plate: str
    time_ms: Ints
    lon: Floats
    lat: Floats
    told: Ints
    speed_kmh: Floats
    load: Ints
    lift: Ints
    cover: Ints
    valid: NDArray[np.bool_]
    ignition_off: NDArray[np.bool_]

    def at(self, rows: Ints | slice) -> _Terminal:
        """Some of the fixes."""
        return _Terminal(self.plate, *(getattr(self, name)[rows] for name in list(self.__dataclass_fields__)[1:]))

    def read_in(self, datum: str) -> tuple[Floats, Floats]:
        """Degrees in WGS 84 if the numbers had been in `datum`, whatever the terminal said."""
        lon, lat = self.lon.copy(), self.lat.copy()
        for code in np.unique(self.told).tolist():
            if DATUMS[code] != datum:
                rows = np.flatnonzero(self.told == code)
                lon[rows], lat[rows] = to_wgs84(*from_wgs84(lon[rows], lat[rows], DATUMS[code]), datum)
        return lon, lat


def learn(fixes: pl.DataFrame, ground: Ground) -> tuple[Knowledge, list[TerminalHealth]]:
    """Learns from all stored fixes of some trucks.

    Args:
        fixes: `FIX_SCHEMA`, sorted by plate and time, each identity once.
        ground: the registry on the plane.

    Returns:
        What the engine should know, and the health of each terminal as people read it.
    """
    datums: dict[tuple[str, str], str] = {}
    ill: dict[tuple[str, str], frozenset[str]] = {}
    since: dict[tuple[str, str, str], int] = {}
    health: list[TerminalHealth] = []
    for terminal, own in _terminals(fixes):
        key = (own.plate, terminal)
        found, why = _datum(own, ground)
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
        tags = told(_own_marks(key, own, found if why else "", sick))
        health.append(TerminalHealth(*key, first, last, count, _completeness(own), found, faults, tags))
    return Knowledge(datums, ill, since), health


#: The tag of an ill sensor.
ILL = {"load": Tag.ILL_LOAD, "lift": Tag.ILL_LIFT, "cover": Tag.ILL_COVER}


def _own_marks(key: tuple[str, str], own: _Terminal, found: str, sick: Mapping[str, Illness]) -> list[Mark]:
    """What is odd about a terminal's fixes by themselves; `found` is the datum that fits where another is told."""
    odd = {Tag.NOT_FIXED: ~own.valid}
    if found:
        odd[Tag.WRONG_DATUM] = own.told != DATUMS.index(found)
    odd |= {ILL[name]: own.time_ms >= one.since_ms for name, one in sick.items()}
    marks = []
    for tag, which in odd.items():
        rows = np.flatnonzero(which)
        if len(rows):
            marks.append(Mark(*key, tag, int(own.time_ms[rows[0]]), int(own.time_ms[rows[-1]]), len(rows)))
    return marks


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


def _terminals(fixes: pl.DataFrame) -> list[tuple[str, _Terminal]]:
    """Every terminal of every plate with its fixes."""
    whole = _Terminal(
        "",
        fixes["time_ms"].to_numpy(),
        fixes["lon"].to_numpy(),
        fixes["lat"].to_numpy(),
        fixes["datum"].to_physical().to_numpy(),
        fixes["speed_kmh"].fill_null(0.0).to_numpy(),
        np.minimum(_word(fixes["load"].to_physical()), 1),
        _word(fixes["lift"]),
        _word(fixes["cover"]),
        fixes["valid"].to_numpy(),
        _word(fixes["acc"]) != 1,
    )
    found: list[tuple[str, _Terminal]] = []
    distinct = fixes["terminal"].unique().sort()
    codes = fixes["terminal"].cast(pl.Enum(distinct)).to_physical().to_numpy()
    start = 0
    runs = fixes["plate"].rle().struct.unnest()
    for length, plate in zip(runs["len"].to_list(), runs["value"].to_list(), strict=True):
        here = codes[start : start + length]
        alone = bool((here == here[0]).all())
        for code in [int(here[0])] if alone else np.unique(here).tolist():
            rows = slice(start, start + length) if alone else start + np.flatnonzero(here == code)
            found.append((distinct[code], replace(whole.at(rows), plate=plate)))
        start += length
    return found


def _word(column: pl.Series) -> Ints:
    """What a sensor says, -1 for nothing."""
    return column.cast(pl.Int64).fill_null(-1).to_numpy()


def _thinned(rows: Ints, most: int) -> Ints:
    return rows[:: max(1, len(rows) // most)]


def _datum(own: _Terminal, ground: Ground) -> tuple[str, str]:
    """The datum that fits and, where it is not the one told, why."""
    told = DATUMS[int(np.bincount(own.told).argmax())]
    alike = "wgs84" if told == "cgcs2000" else told
    if int(own.valid.sum()) < ground.policy.datum_min_fixes:
        return told, ""
    standing = own.at(_thinned(np.flatnonzero(own.valid & (own.speed_kmh < STANDING_KMH)), DATUM_SAMPLE))
    moving = own.at(_thinned(np.flatnonzero(own.valid & (own.speed_kmh > DRIVING_KMH)), DATUM_SAMPLE))

    def fit(datum: str) -> float:
        share = 0.0
        if len(standing.lon):
            x, y = ground.plane.to_m(*standing.read_in(datum))
            share += float((ground.sites_at(x, y, standing.time_ms) != NOWHERE).mean())
        if len(moving.lon) and ground.permits_of(own.plate):
            x, y = ground.plane.to_m(*moving.read_in(datum))
            share += float((ground.corridors_at(own.plate, x, y) != 0).mean())
        return share

    fits = {alike: fit(alike)}
    best_possible = bool(len(standing.lon)) + bool(len(moving.lon) and ground.permits_of(own.plate))
    if fits[alike] >= ground.policy.datum_poor_fit * best_possible:
        return told, ""
    fits |= {d: fit(d) for d in CANDIDATES if d != alike}
    best = max(fits, key=lambda d: fits[d])
    if fits[best] < fits[alike] + ground.policy.datum_better_by:
        return told, ""
    return best, f"stands and routes fit {best} ({fits[best]:.2f}), not {told} ({fits[alike]:.2f})"


def _sensors(own: _Terminal, datum: str, ground: Ground) -> dict[str, Illness]:
    """The sensors that contradict their own truck."""
    found = {"lift": lift_illness(own.time_ms, own.lift, own.speed_kmh, ground.policy)}
    speaking = (own.load >= 0).any() or (own.cover >= 0).any()
    if speaking:
        part = own.at(_thinned(np.flatnonzero(own.valid), SENSOR_SAMPLE))
        x, y = ground.plane.to_m(*part.read_in(datum))
        site = ground.sites_at(x, y, part.time_ms)
        after = last_visit(site, part.time_ms, part.speed_kmh, ground)
        road = (part.speed_kmh > DRIVING_KMH) & (site == NOWHERE)
        found["load"] = load_illness(part.time_ms, part.load, road, after, ground.policy)
        found["cover"] = cover_illness(part.time_ms, part.cover, road, ground.policy)
    return {name: one for name, one in found.items() if one is not None}


def _completeness(own: _Terminal) -> float:
    """Share of the time between first and last fix that no silence took, beyond what the terminal's rhythm explains.

    The rhythm is twice the median gap, at least a minute; with the ignition off terminals may rest five minutes.
    """
    gaps = np.diff(own.time_ms)
    if not len(gaps) or gaps.sum() == 0:
        return 1.0
    off = own.ignition_off[:-1] | own.ignition_off[1:]
    allowed = np.where(off, OFF_GAP_MS, max(60_000.0, 2 * float(np.median(gaps))))
    return round(1 - float(np.maximum(gaps - allowed, 0).sum() / gaps.sum()), 4)
