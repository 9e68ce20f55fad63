"""How far a week's tracks can be relied on, so that fewer flags are not mistaken for fewer violations."""

from __future__ import annotations

import json
import re
from typing import Any

import polars as pl

from reports.week.input import WeekCut, WeekInput
from reports.week.model_quality import (
    FaultLine,
    Figure,
    Quality,
    RejectedLine,
    SilentTruck,
    TagLine,
    TerminalLine,
    TrackDay,
)
from reports.week.tables import company_name

#: What counts as "less data than the week before": part of the figure for counts, difference for shares. A fleet's
#: weather and repairs move these by a few per cent from week to week.
FALL_RATIO = 0.05
FALL_SHARE = 0.03

#: An example begins with the file and row that it is from; where that file lay on some machine is nobody's business.
_FOLDERS = re.compile(r"^[^{]*[/\\\\](?=[^/\\\\]*:\d+: )")


def quality(given: WeekInput, now: WeekCut, before: WeekCut | None) -> Quality:
    """Everything the report says about the tracks themselves."""
    registered = {v.plate for v in given.registry.vehicles}
    seen = set(now.tracks["plate"].unique().to_list())
    figures = _figures(now, before, registered, given.registry.policy.silence_min_s)
    faults = _faults(given.health)
    days = _days(now, before)
    return Quality(
        figures=figures,
        registered=len(registered),
        days=days,
        empty_days=tuple(d.day for d in days if not d.fixes),
        terminals=_terminals(given, now, faults),
        silent=_silent(given, seen),
        unregistered=tuple(sorted(seen - registered)),
        rejected=_rejected(given.rejected),
        tagged=tuple(TagLine(*row) for row in given.tagged.sort("fixes", "tag", descending=[True, False]).iter_rows()),
        repeats=given.repeats,
        faults=faults,
        falls=_falls(figures),
        fewer_clues=before is not None and now.live.height < before.live.height,
        slot_s=given.registry.policy.silence_min_s,
    )


def _figures(now: WeekCut, before: WeekCut | None, registered: set[str], slot_s: int) -> tuple[Figure, ...]:
    measured, earlier = _measure(now, registered, slot_s), _measure(before, registered, slot_s) if before else {}
    names = {
        "fixes": ("有效定位点", "个"),
        "trucks_seen": ("有轨迹车辆", "辆"),
        "online_share": ("登记车辆上线率", "%"),
        "track_hours": ("有轨迹时长", "车·小时"),
        "completeness": ("轨迹完整度", "%"),
    }
    return tuple(Figure(key, name, unit, measured[key], earlier.get(key)) for key, (name, unit) in names.items())


def _measure(cut: WeekCut, registered: set[str], slot_s: int) -> dict[str, float]:
    tracks = cut.tracks
    seen = set(tracks["plate"].unique().to_list())
    slots, due = int(tracks["slots"].sum()), int(tracks["slots_due"].sum())
    return {
        "fixes": int(tracks["fixes"].sum()),
        "trucks_seen": len(seen),
        "online_share": len(seen & registered) / len(registered) if registered else 0.0,
        "track_hours": slots * slot_s / 3600,
        "completeness": slots / due if due else 0.0,
    }


def _falls(figures: tuple[Figure, ...]) -> tuple[str, ...]:
    found = []
    for f in figures:
        if f.previous is None:
            continue
        limit = FALL_SHARE if f.unit == "%" else FALL_RATIO * f.previous
        if f.previous - f.value > limit or (f.previous and not f.value):
            found.append(f.key)
    return tuple(found)


def _days(now: WeekCut, before: WeekCut | None) -> tuple[TrackDay, ...]:
    of_day = _per_day(now)
    earlier = _per_day(before) if before else {}
    found = []
    for day, day_before in zip(now.week.dates, now.week.back().dates, strict=True):
        fixes, trucks = of_day.get(day, (0, 0))
        previous = earlier.get(day_before, (0, 0))[0] if before else None
        found.append(TrackDay(day, fixes, trucks, previous))
    return tuple(found)


def _per_day(cut: WeekCut) -> dict[Any, tuple[int, int]]:
    rows = cut.tracks.group_by("day").agg(pl.col("fixes").sum(), pl.col("plate").n_unique())
    return {day: (fixes, trucks) for day, fixes, trucks in rows.iter_rows()}


def _terminals(given: WeekInput, now: WeekCut, faults: tuple[FaultLine, ...]) -> tuple[TerminalLine, ...]:
    """Trucks with tracks in the week, the least complete first."""
    rows = now.tracks.group_by("plate").agg(
        pl.col("fixes").sum(), pl.len().alias("days"), pl.col("slots").sum(), pl.col("slots_due").sum()
    )
    health: dict[str, list[dict[str, Any]]] = {}
    for row in given.health.sort("plate", "terminal").iter_rows(named=True):
        health.setdefault(row["plate"], []).append(row)
    owner = {v.plate: v.company_id for v in given.registry.vehicles}
    lines = []
    for plate, fixes, days, slots, due in rows.iter_rows():
        own = health.get(plate, [])
        believed = [h["completeness"] for h in own if h["completeness"] is not None]
        lines.append(
            TerminalLine(
                plate=plate,
                terminal="、".join(dict.fromkeys(h["terminal"] for h in own if h["terminal"])),
                company=company_name(given.registry, owner.get(plate)),
                fixes=fixes,
                days=days,
                completeness=slots / due if due else None,
                health=min(believed) if believed else None,
                datum_found="、".join(dict.fromkeys(h["datum_found"] for h in own if h["datum_found"])),
                faults=tuple(dict.fromkeys(f.fault for f in faults if f.plate == plate)),
            )
        )
    return tuple(sorted(lines, key=lambda t: (t.completeness if t.completeness is not None else -1.0, t.plate)))


def _silent(given: WeekInput, seen: set[str]) -> tuple[SilentTruck, ...]:
    lines = [
        SilentTruck(v.plate, company_name(given.registry, v.company_id), v.terminal, given.heard_ms.get(v.plate))
        for v in given.registry.vehicles
        if v.plate not in seen
    ]
    return tuple(sorted(lines, key=lambda s: (s.company, s.plate)))


def _faults(health: pl.DataFrame) -> tuple[FaultLine, ...]:
    found = []
    for plate, terminal, text in health.select("plate", "terminal", "faults").iter_rows():
        for fault, about in (json.loads(text) if text else {}).items():
            about = about if isinstance(about, dict) else {"why": about}
            since = about.get("since_ms")
            why = about.get("why")
            found.append(FaultLine(plate, terminal or "", fault, "" if why is None else str(why), since))
    return tuple(sorted(found, key=lambda f: (f.fault, f.plate, f.terminal)))


def _rejected(rejected: pl.DataFrame) -> tuple[RejectedLine, ...]:
    lines = [
        RejectedLine(r["reason"] or "", r["count"], r["first_ms"], r["last_ms"], _FOLDERS.sub("", r["example"] or ""))
        for r in rejected.iter_rows(named=True)
    ]
    return tuple(sorted(lines, key=lambda r: (-r.count, r.reason)))
