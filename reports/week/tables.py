"""The report's tables: each counts the week's clues and trips by one thing, and the week before beside it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import polars as pl

from reports.names import (
    NO_DISTRICT,
    RULE_FAMILIES,
    RULE_NAMES,
    UNREGISTERED_COMPANY,
    UNREGISTERED_SITE,
)
from reports.week.input import WeekCut
from reports.week.model import CompanyLine, DistrictLine, Outcomes, RuleLine, SiteLine, VehicleLine
from rules.registry.model import Registry

_FAMILY_OF = {rule: family for family, (_, rules) in RULE_FAMILIES.items() for rule in rules}
_ORDER = {rule: n for n, rule in enumerate(RULE_NAMES)}
Tally = Mapping[str, Mapping[str, Any]]


def outcomes_of(row: Mapping[str, Any] | None) -> Outcomes:
    """The three counts of a tally's row."""
    return Outcomes(row["open"], row["upheld"], row["dismissed"]) if row else Outcomes()


def tally(clues: pl.DataFrame, by: str) -> dict[str, dict[str, Any]]:
    """Counts clues by a column, null as "": open, upheld, dismissed, live, points and trucks (of live ones)."""
    live = pl.col("live")
    rows = clues.group_by(pl.col(by).fill_null("").alias("key")).agg(
        open=(pl.col("outcome") == "open").sum(),
        upheld=(pl.col("outcome") == "upheld").sum(),
        dismissed=(pl.col("outcome") == "dismissed").sum(),
        live=live.sum(),
        points=pl.col("scored").sum(),
        trucks=pl.col("plate").filter(live).n_unique(),
    )
    return {row["key"]: row for row in rows.iter_rows(named=True)}


def counts(rows: pl.DataFrame, by: str) -> dict[str, int]:
    """How many rows each value of a column has, null as ""."""
    return dict(rows.group_by(pl.col(by).fill_null("").alias("key")).len().iter_rows())


def rules_by(clues: pl.DataFrame, by: str, *, frequent_first: bool = True) -> dict[str, tuple[tuple[str, int], ...]]:
    """The live rules of each value of a column, with their counts."""
    found: dict[str, list[tuple[str, int]]] = {}
    live = clues.filter(pl.col("live")).group_by(pl.col(by).fill_null("").alias("key"), "rule").len()
    for key, rule, number in live.iter_rows():
        found.setdefault(key, []).append((rule, number))
    order = lambda pair: (-pair[1] if frequent_first else 0, rule_order(pair[0]))
    return {key: tuple(sorted(pairs, key=order)) for key, pairs in found.items()}


def rule_order(rule: str) -> tuple[int, str]:
    """Sorts rules as the contract lists them, unknown ones last."""
    return _ORDER.get(rule, len(_ORDER)), rule


def family_of(rule: str) -> str:
    """The family of a rule; "" for one that the names do not know yet."""
    return _FAMILY_OF.get(rule, "")


def _previous(before: Tally | None, key: str) -> int | None:
    return None if before is None else int(before[key]["live"]) if key in before else 0


def _rate(live: int, trips: int) -> float | None:
    return 100.0 * live / trips if trips else None


def by_rule(now: WeekCut, before: WeekCut | None) -> tuple[RuleLine, ...]:
    """All rules of the contract, and any other that flagged something, in the contract's order."""
    found = tally(now.clues, "rule")
    earlier = tally(before.clues, "rule") if before else None
    rules = sorted({*RULE_NAMES, *found, *(earlier or {})}, key=rule_order)
    return tuple(
        RuleLine(
            rule=rule,
            name=RULE_NAMES.get(rule, rule),
            family=family_of(rule),
            outcomes=outcomes_of(found.get(rule)),
            trucks=found[rule]["trucks"] if rule in found else 0,
            points=found[rule]["points"] if rule in found else 0,
            previous=_previous(earlier, rule),
        )
        for rule in rules
    )


def by_company(now: WeekCut, before: WeekCut | None, registry: Registry) -> tuple[CompanyLine, ...]:
    """Companies by rate; after them those with too few trips for one, by count, and last what is of no company."""
    found, trips = tally(now.clues, "company_id"), counts(now.trips, "company_id")
    earlier = tally(before.clues, "company_id") if before else None
    company_of = {v.plate: v.company_id for v in registry.vehicles}
    registered: dict[str, int] = {}
    for owner in company_of.values():
        registered[owner] = registered.get(owner, 0) + 1
    seen: dict[str, int] = {}
    for plate in now.tracks["plate"].unique().to_list():
        owner = company_of.get(plate, "")
        seen[owner] = seen.get(owner, 0) + 1
    lines = []
    for key in {*registry.company, *registered, *found, *trips, *seen}:
        outcomes = outcomes_of(found.get(key))
        lines.append(
            CompanyLine(
                company_id=key,
                name=company_name(registry, key),
                registered=registered.get(key, 0),
                seen=seen.get(key, 0),
                trips=trips.get(key, 0),
                outcomes=outcomes,
                rate_per_100=_rate(outcomes.live, trips.get(key, 0)),
                small=trips.get(key, 0) < registry.policy.min_trips_for_rate,
                points=found[key]["points"] if key in found else 0,
                previous=_previous(earlier, key),
            )
        )
    rank = lambda c: (
        *(not c.company_id, c.small, 0 if c.small else -(c.rate_per_100 or 0)),
        *(-c.outcomes.live, c.name, c.company_id),
    )
    return tuple(sorted(lines, key=rank))


def by_vehicle(now: WeekCut, before: WeekCut | None, registry: Registry) -> tuple[VehicleLine, ...]:
    """Every truck with a clue, by points and then by count."""
    found, trips, rules = tally(now.clues, "plate"), counts(now.trips, "plate"), rules_by(now.clues, "plate")
    earlier = tally(before.clues, "plate") if before else None
    owner = dict(now.clues.select("plate", pl.col("company_id").fill_null("")).iter_rows())
    lines = [
        VehicleLine(
            plate=plate,
            company=company_name(registry, owner[plate]),
            trips=trips.get(plate, 0),
            outcomes=outcomes_of(row),
            points=row["points"],
            rules=rules.get(plate, ()),
            previous=_previous(earlier, plate),
            rate_per_100=_rate(row["live"], trips.get(plate, 0)),
            small=trips.get(plate, 0) < registry.policy.min_trips_for_rate,
        )
        for plate, row in found.items()
    ]
    return tuple(sorted(lines, key=lambda v: (-v.points, -v.outcomes.live, v.plate)))


def by_origin(now: WeekCut, registry: Registry) -> tuple[SiteLine, ...]:
    """Loading places, with the clues of the trips that began there."""
    clues = now.clues.filter(pl.col("trip_found"))
    keys = {site.site_id for site in registry.sites if site.kind == "construction"}
    return _by_site(now, clues, "origin_site", "origin_site", keys & set(counts(now.trips, "origin_site")), registry)


def by_receiver(now: WeekCut, registry: Registry) -> tuple[SiteLine, ...]:
    """Places where loads were left, with the clues of the trips that ended there."""
    clues = now.clues.filter(pl.col("trip_found"))
    return _by_site(now, clues, "to_site", "disposal_site", set(), registry)


def _by_site(
    now: WeekCut, clues: pl.DataFrame, clue_site: str, trip_site: str, keys: Iterable[str], registry: Registry
) -> tuple[SiteLine, ...]:
    found, trips, rules = tally(clues, clue_site), counts(now.trips, trip_site), rules_by(clues, clue_site)
    flagged = now.trips.filter(pl.col("trip_id").is_in(now.live["trip_id"].drop_nulls().implode()))
    flagged_trips = counts(flagged, trip_site)
    lines = []
    for key in {*keys, *found, *trips}:
        outcomes = outcomes_of(found.get(key))
        site = registry.site.get(key)
        lines.append(
            SiteLine(
                site_id=key,
                name=site_name(registry, key),
                kind=site.kind if site else "unknown",
                trips=trips.get(key, 0),
                flagged_trips=flagged_trips.get(key, 0),
                outcomes=outcomes,
                rate_per_100=_rate(outcomes.live, trips.get(key, 0)),
                small=trips.get(key, 0) < registry.policy.min_trips_for_rate,
                rules=rules.get(key, ()),
            )
        )
    return tuple(sorted(lines, key=lambda s: (-s.outcomes.live, -s.trips, s.name, s.site_id)))


def by_district(now: WeekCut, before: WeekCut | None, registry: Registry) -> tuple[DistrictLine, ...]:
    """Every street, most clues first; what lies in none comes last."""
    found, rules = tally(now.clues, "district_id"), rules_by(now.clues, "district_id")
    earlier = tally(before.clues, "district_id") if before else None
    names = {d.district_id: d.name for d in registry.districts}
    lines = []
    for key in {*names, *found}:
        row, per_rule = found.get(key), dict(rules.get(key, ()))
        lines.append(
            DistrictLine(
                district_id=key,
                name=names.get(key, key) or NO_DISTRICT,
                outcomes=outcomes_of(row),
                trucks=row["trucks"] if row else 0,
                points=row["points"] if row else 0,
                families=tuple(sum(per_rule.get(r, 0) for r in members) for _, members in RULE_FAMILIES.values()),
                previous=_previous(earlier, key),
            )
        )
    return tuple(sorted(lines, key=lambda d: (not d.district_id, -d.outcomes.live, d.name, d.district_id)))


def company_name(registry: Registry, company_id: str | None) -> str:
    """A company's name; its id where the registry has no such company."""
    if not company_id:
        return UNREGISTERED_COMPANY
    company = registry.company.get(company_id)
    return company.name if company and company.name else company_id


def site_name(registry: Registry, site_id: str | None) -> str:
    """A site's name; its id where the registry has no such site."""
    if not site_id:
        return UNREGISTERED_SITE
    site = registry.site.get(site_id)
    return site.name if site and site.name else site_id
