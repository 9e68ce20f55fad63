"""Every number of a weekly report, computed once from what was read of a store."""

from __future__ import annotations

from typing import Any

import polars as pl

from reports.calendar import weekday_and_hour
from reports.names import RULE_FAMILIES
from reports.week.input import WeekCut, WeekInput
from reports.week.issue import issue_of
from reports.week.model import ClueLine, Outcomes, TripLine, WeekReport
from reports.week.model_quality import Figure
from reports.week.quality import quality
from reports.week.suspects import suspect_lines
from reports.week.tables import (
    by_company,
    by_district,
    by_origin,
    by_receiver,
    by_rule,
    by_vehicle,
    company_name,
    family_of,
    rules_by,
    site_name,
)
from reports.week.work import lapses, repeaters, whitelist
from rules.registry.model import Registry

#: How many weeks before this one the means and the trend look at.
WEEKS_BACK = 4
_MIN_WEEKS_FOR_MEAN = 2

HEADLINES = {
    "trucks_seen": ("有轨迹车辆", "辆"),
    "trips": ("运输趟次", "趟"),
    "clues": ("疑似违规线索", "条"),
    "rate_per_100": ("每百趟线索数", "条"),
    "flagged_trips": ("涉线索趟次", "趟"),
    "flagged_trucks": ("涉线索车辆", "辆"),
    "points": ("线索对应记分", "分"),
    "upheld_points": ("其中已属实记分", "分"),
}


def report_of(given: WeekInput) -> WeekReport:
    """Computes the report from what was read of a store: pure, so the same input gives the same report."""
    registry, policy = given.registry, given.registry.policy
    now = given.cut(given.week)
    earlier = [given.cut(given.week.back(n)) for n in range(1, WEEKS_BACK + 1)]
    yardsticks = [cut for cut in earlier if cut.has_data and given.whole(cut.week)]
    last = earlier[0]
    before = last if now.has_data and last.has_data and given.whole(last.week) else None
    start_ms, end_ms = given.week.span_ms(policy)
    heat = weekday_and_hour(now.live["start_ms"].to_numpy(), given.week, policy)
    found = quality(given, now, before)
    trend = [cut for cut in reversed([now, *yardsticks]) if cut.has_data]
    return WeekReport(
        week=given.week,
        zone=registry.zone,
        day_hours=str(policy.day),
        start_ms=start_ms,
        end_ms=end_ms,
        cutoff_ms=given.cutoff_ms,
        registry_digest=registry.digest,
        policy_digest=policy.digest,
        rule_versions=_versions(now),
        min_trips_for_rate=policy.min_trips_for_rate,
        has_data=now.has_data,
        has_previous=before is not None,
        previous_starts_ms=given.first_ms if now.has_data and last.has_data and not before else None,
        figures=_headline(now, before, yardsticks if now.has_data else []),
        families=_families(now, before),
        outcomes=_outcomes(now),
        previous_outcomes=_outcomes(before) if before else None,
        trend=tuple((c.week, c.trips.height, c.live.height) for c in trend),
        rules=by_rule(now, before),
        companies=by_company(now, before, registry),
        vehicles=by_vehicle(now, before, registry),
        origins=by_origin(now, registry),
        receivers=by_receiver(now, registry),
        districts=by_district(now, before, registry),
        heat=tuple(tuple(int(n) for n in row) for row in heat),
        heat_hours=_hours_from(policy.day.spans_min[0][0] // 60),
        trips=_trips(given, now),
        clues=_clues(now, registry),
        suspects=suspect_lines(given.suspects, start_ms, end_ms, registry),
        quality=found,
        repeaters=repeaters(given, now, trend),
        whitelist=whitelist(given, now, found),
        lapses=lapses(given, now),
        inspections=tuple(given.inspections),
        issue=issue_of(given.week, policy),
        lapse_days=policy.lapse_days,
        inspections_due=policy.inspections_per_week,
    )


def _hours_from(first: int) -> tuple[int, ...]:
    """The hours of an operating date in order, so that a night is not torn apart at midnight."""
    return tuple((first + n) % 24 for n in range(24))


def _headline(now: WeekCut, before: WeekCut | None, earlier: list[WeekCut]) -> tuple[Figure, ...]:
    value, previous = _totals(now), _totals(before) if before else {}
    means: dict[str, float] = {}
    if len(earlier) >= _MIN_WEEKS_FOR_MEAN:
        totals = [_totals(cut) for cut in earlier]
        means = {key: sum(t[key] for t in totals) / len(totals) for key in value if key != "trucks_seen"}
    return tuple(
        Figure(key, name, unit, value[key], previous.get(key), means.get(key))
        for key, (name, unit) in HEADLINES.items()
    )


def _totals(cut: WeekCut) -> dict[str, float]:
    live = cut.live
    flagged = set(live["trip_id"].drop_nulls()) & set(cut.trips["trip_id"])
    return {
        "trucks_seen": cut.tracks["plate"].n_unique(),
        "trips": cut.trips.height,
        "clues": live.height,
        "rate_per_100": 100.0 * live.height / cut.trips.height if cut.trips.height else 0.0,
        "flagged_trips": len(flagged),
        "flagged_trucks": live["plate"].n_unique(),
        "points": int(live["scored"].sum()),
        "upheld_points": int(live.filter(pl.col("outcome") == "upheld")["scored"].sum()),
    }


def _families(now: WeekCut, before: WeekCut | None) -> tuple[Figure, ...]:
    counts, earlier = _by_family(now), _by_family(before) if before else {}
    names = {**{key: name for key, (name, _) in RULE_FAMILIES.items()}, "": "其他"}
    shown = [key for key in names if key or counts.get(key) or earlier.get(key)]
    return tuple(
        Figure(key, names[key], "条", counts.get(key, 0), earlier.get(key, 0) if before else None) for key in shown
    )


def _by_family(cut: WeekCut) -> dict[str, int]:
    found: dict[str, int] = {}
    for rule in cut.live["rule"]:
        family = family_of(rule)
        found[family] = found.get(family, 0) + 1
    return found


def _outcomes(cut: WeekCut) -> Outcomes:
    found = dict(cut.clues.group_by("outcome").len().iter_rows())
    return Outcomes(found.get("open", 0), found.get("upheld", 0), found.get("dismissed", 0))


def _versions(now: WeekCut) -> tuple[tuple[str, str], ...]:
    pairs = now.clues.select("rule", pl.col("rule_version").fill_null("")).unique()
    return tuple(sorted((rule, version) for rule, version in pairs.iter_rows() if version))


def _trips(given: WeekInput, now: WeekCut) -> tuple[TripLine, ...]:
    """Trips that the week's live clues name, the gravest first; a trip may have begun the week before."""
    live = now.live.filter(pl.col("trip_found"))
    rules = rules_by(live, "trip_id", frequent_first=False)
    totals = live.group_by("trip_id").agg(pl.col("scored").sum(), pl.len())
    found: dict[str, Any] = {t["trip_id"]: t for t in given.trips_of_clues.iter_rows(named=True)}
    owner = dict(live.select("plate", "company_id").iter_rows())
    lines = []
    for trip_id, points, count in totals.iter_rows():
        trip = found[trip_id]
        lines.append(
            TripLine(
                trip_id=trip_id,
                plate=trip["plate"],
                company=company_name(given.registry, owner.get(trip["plate"])),
                origin=site_name(given.registry, trip["origin_site"]),
                destination=site_name(given.registry, trip["disposal_site"]),
                loaded_ms=trip["loaded_ms"],
                dumped_ms=trip["dumped_ms"],
                distance_m=trip["distance_m"],
                rules=rules[trip_id],
                points=points,
                count=count,
            )
        )
    return tuple(sorted(lines, key=lambda t: (-t.points, -t.count, t.loaded_ms, t.plate)))


def _clues(now: WeekCut, registry: Registry) -> tuple[ClueLine, ...]:
    streets = {d.district_id: d.name for d in registry.districts}
    bounds = now.week.dates_of(now.clues["start_ms"].to_numpy(), registry.policy)
    lines = []
    for day, row in zip(bounds, now.clues.iter_rows(named=True), strict=True):
        lines.append(
            ClueLine(
                violation_id=row["violation_id"],
                rule=row["rule"],
                plate=row["plate"],
                company=company_name(registry, row["company_id"]),
                day=day,
                start_ms=row["start_ms"],
                end_ms=row["end_ms"],
                district=streets.get(row["district_id"], row["district_id"] or ""),
                origin=site_name(registry, row["origin_site"]) if row["trip_found"] else "",
                site=site_name(registry, row["site_id"]) if row["site_id"] else "",
                permit_no=row["permit_no"] or "",
                trip_id=row["trip_id"] or "",
                confidence=row["confidence"],
                points=row["scored"],
                status=row["status"],
                lon=row["lon"],
                lat=row["lat"],
            )
        )
    return tuple(lines)
