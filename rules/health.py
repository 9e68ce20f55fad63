"""How far a terminal is to be believed: the datum its stops fit, and which of its sensors contradict its own truck.

Learnt from stored fixes before they are judged, never while judging: `Knowledge` is a plain input of the engine, so
that a judgement can be repeated with what was known when it was made.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ingest.datum import from_wgs84, to_wgs84
from rules.findings import TerminalHealth
from rules.ground import Ground
from rules.raster import Ints

#: A terminal's datum is looked into when it says enough and fits its own sites and routes this badly; another datum
#: is believed when it fits that much better. A wrong datum fits about a tenth as well as the right one.
DATUM_SAMPLE = 150
DATUM_MIN_FIXES = 40
DATUM_POOR_FIT = 0.35
DATUM_BETTER_BY = 0.35
CANDIDATES = ("wgs84", "gcj02", "bd09")

SENSOR_MIN_FIXES = 40  # fewer fixes on the road after a visit say nothing of a sensor
AFTER_VISIT_MS = 600_000  # so long after a visit even a truck that dumps on the way is mostly still as it left
LOAD_CONTRAST = 0.4  # a load word that tells loaded from emptied roads apart by less is ill
RAISED_DRIVING_MIN = 5  # fixes with the body up at speed; one or two may be a late word
RAISED_DRIVING_SHARE = 0.1
DRIVING_KMH = 20.0
STANDING_KMH = 2.0


@dataclass(frozen=True)
class Knowledge:
    """What is known of terminals before judging, by (plate, terminal). Whatever is not named is believed as told."""

    datums: Mapping[tuple[str, str], str] = field(default_factory=dict)
    ill_sensors: Mapping[tuple[str, str], frozenset[str]] = field(default_factory=dict)


def learn(fixes: pl.DataFrame, ground: Ground) -> tuple[Knowledge, list[TerminalHealth]]:
    """Learns from all stored fixes of some trucks (`FIX_SCHEMA`, sorted by plate and time, repeats gone)."""
    datums: dict[tuple[str, str], str] = {}
    ill: dict[tuple[str, str], frozenset[str]] = {}
    health: list[TerminalHealth] = []
    numbers = fixes.select(pl.col("plate", "terminal").rle_id().name.suffix("_run"), row=pl.int_range(pl.len()))
    changes = numbers.select(((pl.col("plate_run").diff() != 0) | (pl.col("terminal_run").diff() != 0)).fill_null(True))
    first = np.flatnonzero(changes.to_series().to_numpy())
    last = np.r_[first[1:], fixes.height]
    spans: dict[tuple[str, str], list[tuple[int, int]]] = {}
    plates, terminals = fixes["plate"], fixes["terminal"]
    for a, b in zip(first.tolist(), last.tolist(), strict=True):
        spans.setdefault((plates[a], terminals[a]), []).append((a, b))
    for (plate, terminal), parts in spans.items():
        own = fixes[parts[0][0] : parts[0][1]] if len(parts) == 1 else pl.concat([fixes[a:b] for a, b in parts])
        found, why = _datum(own, plate, ground)
        faults: dict[str, dict[str, Any]] = {}
        if why:
            datums[plate, terminal] = found
            faults["datum"] = {"why": why, "since_ms": int(own["time_ms"][0])}
        sick = _sensors(own, found, ground)
        if sick:
            ill[plate, terminal] = frozenset(sick)
            faults |= {name: {"why": reason, "since_ms": int(own["time_ms"][0])} for name, reason in sick.items()}
        health.append(
            TerminalHealth(
                plate,
                terminal,
                int(own["time_ms"][0]),
                int(own["time_ms"][-1]),
                own.height,
                _completeness(own),
                found,
                faults,
            )
        )
    return Knowledge(datums, ill), health


def _read_in(part: pl.DataFrame, datum: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Degrees in WGS 84 if the terminal's numbers had been in `datum`, whatever it said."""
    lon, lat = part["lon"].to_numpy().copy(), part["lat"].to_numpy().copy()
    for told in part["datum"].unique().to_list():
        if told != datum:
            rows = np.flatnonzero((part["datum"] == told).to_numpy())
            lon[rows], lat[rows] = to_wgs84(*from_wgs84(lon[rows], lat[rows], told), datum)
    return lon, lat


def _datum(own: pl.DataFrame, plate: str, ground: Ground) -> tuple[str, str]:
    """The datum that fits and, where it is not the one told, why."""
    told = str(own["datum"].mode().sort()[0])
    alike = "wgs84" if told == "cgcs2000" else told
    if own["valid"].sum() < DATUM_MIN_FIXES:
        return told, ""
    speed = own["speed_kmh"].fill_null(0.0)
    sample = lambda mask: own.filter(own["valid"] & mask).pipe(
        lambda d: d.gather_every(max(1, d.height // DATUM_SAMPLE))
    )
    standing, moving = sample(speed < STANDING_KMH), sample(speed > DRIVING_KMH)

    def fit(datum: str) -> float:
        share = 0.0
        if standing.height:
            x, y = ground.plane.to_m(*_read_in(standing, datum))
            share += float((ground.sites_at(x, y, standing["time_ms"].to_numpy()) >= 0).mean())
        if moving.height and ground.permits_of(plate):
            x, y = ground.plane.to_m(*_read_in(moving, datum))
            share += float((ground.corridors_at(plate, x, y) != 0).mean())
        return share

    fits = {alike: fit(alike)}
    if fits[alike] >= DATUM_POOR_FIT:
        return told, ""
    fits |= {d: fit(d) for d in CANDIDATES if d != alike}
    best = max(fits, key=lambda d: fits[d])
    if fits[best] < fits[alike] + DATUM_BETTER_BY:
        return told, ""
    return best, f"stands and routes fit {best} ({fits[best]:.2f}), not {told} ({fits[alike]:.2f})"


def _sensors(own: pl.DataFrame, datum: str, ground: Ground) -> dict[str, str]:
    """The sensors that contradict their own truck, with the reason."""
    ill: dict[str, str] = {}
    speed = own["speed_kmh"].fill_null(0.0).to_numpy()
    driving = speed > DRIVING_KMH
    raised = np.array(own["lift"].fill_null(False).to_numpy(), dtype=bool)
    if own["lift"].null_count() < own.height:
        at_speed, told = int((raised & driving).sum()), int(raised.sum())
        if at_speed >= RAISED_DRIVING_MIN and at_speed > RAISED_DRIVING_SHARE * told:
            ill["lift"] = f"body up at more than {DRIVING_KMH:.0f} km/h in {at_speed} of {told} raised fixes"
    if own["load"].null_count() == own.height:
        return ill
    load = (own["load"].to_physical() > 0).cast(pl.Float64).to_numpy()
    x, y = ground.plane.to_m(*_read_in(own, datum))
    site = ground.sites_at(x, y, own["time_ms"].to_numpy())
    after = _last_visit(site, own["time_ms"].to_numpy(), speed, ground)
    road = driving & (site < 0) & ~np.isnan(load)
    loaded, emptied = road & (after == 1), road & (after == 0)
    full_share = float(np.nanmean(load))
    if loaded.sum() >= SENSOR_MIN_FIXES and emptied.sum() >= SENSOR_MIN_FIXES:
        contrast = float(load[loaded].mean() - load[emptied].mean())
        if contrast < LOAD_CONTRAST:
            ill["load"] = (
                f"says loaded in {load[loaded].mean():.0%} of fixes after loading and {load[emptied].mean():.0%} after leaving the load"
            )
    elif driving.sum() >= SENSOR_MIN_FIXES and full_share in (0.0, 1.0):
        ill["load"] = f"always {'loaded' if full_share else 'empty'}"
    return ill


def _last_visit(site: NDArray[np.int32], time: Ints, speed: NDArray[np.float32], ground: Ground) -> NDArray[np.int8]:
    """For each fix the kind of the place just left: 1 a construction site, 0 a place that takes muck, -1 neither, or long ago."""
    kinds = np.array(
        [1 if s.kind == "construction" else 0 if s.takes_muck else -1 for s in ground.registry.sites] + [-1],
        dtype=np.int8,
    )
    here = kinds[site]
    runs = np.flatnonzero(np.r_[True, (site[1:] != site[:-1])])
    ends = np.r_[runs[1:], len(site)] - 1
    long = time[ends] - time[runs] >= ground.policy.load_stay_min_s * 1000
    stood = np.minimum.reduceat(speed, runs) < STANDING_KMH
    marks = np.full(len(site), -1, dtype=np.int64)
    visits = runs[long & stood & (here[runs] >= 0)]
    marks[visits] = visits
    latest = np.maximum.accumulate(marks)
    since_end = time - time[ends[np.searchsorted(runs, np.maximum(latest, 0), "right") - 1]]
    return np.where((latest >= 0) & (since_end <= AFTER_VISIT_MS), here[np.maximum(latest, 0)], -1).astype(np.int8)


def _completeness(own: pl.DataFrame) -> float:
    """Share of the time between first and last fix that has no silence longer than the terminal's own rhythm explains.

    The rhythm is twice the median gap, at least a minute; with the ignition off terminals may rest five minutes.
    """
    gaps = own["time_ms"].diff().drop_nulls().to_numpy()
    if not len(gaps) or gaps.sum() == 0:
        return 1.0
    off = ~own["acc"].fill_null(True).to_numpy()
    allowed = np.where(off[:-1] | off[1:], 330_000, max(60_000.0, 2 * float(np.median(gaps))))
    return round(1 - float(np.maximum(gaps - allowed, 0).sum() / gaps.sum()), 4)
