"""The report's lines beside the counts: repeat offenders, the whitelist audit, what lapses soon, inspections held."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime

import polars as pl

from reports.names import FAULT_NAMES, name_of
from reports.week.input import WeekCut, WeekInput
from reports.week.model_quality import Quality
from reports.week.model_work import LapseLine, RepeaterLine, WhitelistLine
from reports.week.tables import company_name, counts, rule_order, site_name
from rules.registry.model import WhitelistEntry

#: An active-safety terminal that is silent more than this is not on line that week.
COMPLETENESS_MIN = 0.9
_DAYTIME = "daytime_not_whitelisted"
_DAY_MS = 86_400_000


def repeaters(given: WeekInput, now: WeekCut, trend: Sequence[WeekCut]) -> tuple[RepeaterLine, ...]:
    """Trucks flagged this week and in at least one other of the weeks looked at, most weeks first."""
    per_week = [counts(cut.live, "plate") for cut in trend]
    every = pl.concat([cut.clues for cut in trend]) if trend else now.clues
    lines = []
    for plate in counts(now.live, "plate"):
        weekly = tuple(found.get(plate, 0) for found in per_week)
        weeks = sum(map(bool, weekly))
        if weeks < 2:
            continue
        own = every.filter(pl.col("plate") == plate, pl.col("live"))
        rules = sorted(own.group_by("rule").len().iter_rows(), key=lambda pair: (-pair[1], rule_order(pair[0])))
        owner = own["company_id"].drop_nulls()
        upheld = own.filter(pl.col("outcome") == "upheld").height
        name = company_name(given.registry, owner[-1] if len(owner) else None)
        lines.append(RepeaterLine(plate, name, weeks, weekly, upheld, tuple(rules)))
    return tuple(sorted(lines, key=lambda x: (-x.weeks, -sum(x.weekly), x.plate)))


def whitelist(given: WeekInput, now: WeekCut, quality: Quality) -> tuple[WhitelistLine, ...]:
    """Trucks that drove by day or were free to; those of which a condition failed come first."""
    registry = given.registry
    start_ms, end_ms = given.week.span_ms(registry.policy)
    by_day = now.tracks.filter(pl.col("day_slots").fill_null(0) > 0).group_by("plate")
    driven = {p: (days, slots) for p, days, slots in by_day.agg(pl.len(), pl.col("day_slots").sum()).iter_rows()}
    clues = counts(now.live.filter(pl.col("rule") == _DAYTIME), "plate")
    terminals = {t.plate: t for t in quality.terminals}
    lines = []
    for plate in {*driven, *clues, *(p for p, e in registry.whitelist_of.items() if _in_force(e, start_ms, end_ms))}:
        vehicle, terminal = registry.vehicle.get(plate), terminals.get(plate)
        entries = registry.whitelist_of.get(plate, ())
        days, slots = driven.get(plate, (0, 0))
        new_type = vehicle is not None and vehicle.kind == "new_type"
        faults = terminal.faults if terminal else ()
        complete = terminal.completeness if terminal else None
        failed = list(_lacking(entries, start_ms, end_ms, given))
        if not new_type:
            failed.append("不是装有主动安全系统的新型车")
        if days and (complete is None or complete < COMPLETENESS_MIN):
            failed.append(f"轨迹完整度不足 {100 * COMPLETENESS_MIN:.0f}%")
        failed += [f"终端故障：{name_of(FAULT_NAMES, fault)}" for fault in faults]
        if clues.get(plate):
            failed.append(f"准许范围以外的日间行驶 {clues[plate]} 起")
        documents = tuple(e.document for e in _in_force(entries, start_ms, end_ms))
        owner = company_name(registry, vehicle.company_id if vehicle else None)
        driven_min = slots * registry.policy.silence_min_s // 60
        told = (documents, new_type, days, driven_min, complete, faults, clues.get(plate, 0), tuple(failed))
        lines.append(WhitelistLine(plate, owner, *told))
    return tuple(sorted(lines, key=lambda x: (not x.failed, -x.clues, -x.driven_min, x.plate)))


def _in_force(entries: Sequence[WhitelistEntry], start_ms: int, end_ms: int) -> list[WhitelistEntry]:
    return [e for e in entries if e.validity.from_ms < end_ms and e.validity.to_ms > start_ms]


def _lacking(entries: Sequence[WhitelistEntry], start_ms: int, end_ms: int, given: WeekInput) -> Iterator[str]:
    """What is wrong with a truck's leave to drive by day."""
    within = _in_force(entries, start_ms, end_ms)
    if not within:
        ended = max((e.validity.to_ms for e in entries if e.validity.to_ms <= start_ms), default=None)
        yield "不在白名单" if ended is None else f"白名单已于 {_last_day(ended, given)} 到期"
    elif all(e.validity.to_ms < end_ms for e in within):
        yield f"白名单于 {_last_day(max(e.validity.to_ms for e in within), given)} 到期"


def lapses(given: WeekInput, now: WeekCut) -> tuple[LapseLine, ...]:
    """Permits and whitelist entries that end within `lapse_days` of the week's end, or ended in it, soonest first."""
    registry = given.registry
    start_ms, end_ms = given.week.span_ms(registry.policy)
    until_ms = end_ms + registry.policy.lapse_days * _DAY_MS
    trips = counts(now.trips, "permit_no")
    lines = []
    for permit in registry.permits:
        if start_ms < permit.validity.to_ms <= until_ms:
            holder, place = company_name(registry, permit.company_id), site_name(registry, permit.origin_site)
            last = _last_day(permit.validity.to_ms, given)
            left = (last - given.week.sunday).days
            number = permit.permit_no
            lines.append(LapseLine("处置核准证", number, holder, place, last, left, trips.get(number, 0)))
    for plate, entries in registry.whitelist_of.items():
        ends = max(entries, key=lambda e: e.validity.to_ms)  # a later entry renews an earlier one
        if start_ms < ends.validity.to_ms <= until_ms:
            vehicle = registry.vehicle.get(plate)
            holder = company_name(registry, vehicle.company_id if vehicle else None)
            last = _last_day(ends.validity.to_ms, given)
            line = LapseLine(
                "日间白名单", ends.document, holder, "", last, (last - given.week.sunday).days, None, plate
            )
            lines.append(line)
    return tuple(sorted(lines, key=lambda x: (x.last_day, x.kind, x.number, x.plate)))


def _last_day(to_ms: int, given: WeekInput) -> date:
    """The last local date of a validity that ends before `to_ms`."""
    return datetime.fromtimestamp((to_ms - 1) / 1000, given.registry.zone).date()
