"""Between the files: what one names must stand in another."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from rules.registry.faults import guess, shown
from rules.registry.model import Company, Permit, Route, Site, Vehicle, WhitelistEntry
from rules.registry.records import Read
from rules.registry.row import Row

#: The engine keeps a truck's corridors as the bits of one word.
MAX_PERMITS_OF_PLATE = 62

_WRONG_SEPARATORS = "；，、,"


def check_companies(companies: Read[Company], vehicles: Read[Vehicle], permits: Read[Permit]) -> None:
    """Every company named must be in `companies.csv`, where there is one."""
    known = {company.company_id for company in companies.records}
    for row, named in [*vehicles.pairs(), *permits.pairs()]:
        if named.company_id and named.company_id not in known:
            _unknown(row, "company_id", named.company_id, "a company", known, "a company_id of companies.csv")


def check_permit_sites(permits: Read[Permit], sites: Read[Site]) -> None:
    """A permit leads from a construction site to sites that take muck."""
    by_id = {site.site_id: site for site in sites.records}
    for row, permit in permits.pairs():
        origin = by_id.get(permit.origin_site)
        if permit.origin_site and origin is None:
            known = [s.site_id for s in sites.records if s.kind == "construction"]
            _unknown(row, "origin_site", permit.origin_site, "a site", known, "a construction site of sites.geojson")
        elif origin and origin.kind not in ("construction", ""):
            row.error("origin_site", f"{shown(origin.site_id)} is of kind {origin.kind}", "a site of kind construction")
        for site_id in filter(None, permit.disposal_sites):
            site = by_id.get(site_id)
            if site is None:
                known = [s.site_id for s in sites.records if s.takes_muck]
                _unknown(row, "disposal_sites", site_id, "a site", known, "sites of kind disposal or soil_bank")
            elif not site.takes_muck and site.kind:
                problem = f"{shown(site_id)} is of kind {site.kind}, which may not take muck"
                row.error("disposal_sites", problem, "sites of kind disposal or soil_bank")


def check_plates(vehicles: Read[Vehicle], permits: Read[Permit], whitelist: Read[WhitelistEntry]) -> None:
    """Warns of plates that are not registered, and of ordinary vehicles that are whitelisted."""
    by_plate = {vehicle.plate: vehicle for vehicle in vehicles.records}
    for row, permit in permits.pairs():
        for plate in filter(None, permit.plates):
            if plate not in by_plate:
                row.warn("plates", _not_known(plate, "a vehicle", by_plate), "plates of vehicles.csv")
    for row, entry in whitelist.pairs():
        vehicle = by_plate.get(entry.plate)
        if entry.plate and vehicle is None:
            row.warn("plate", _not_known(entry.plate, "a vehicle", by_plate), "a plate of vehicles.csv")
        elif vehicle and vehicle.kind == "ordinary":
            row.warn("plate", f"{shown(entry.plate)} is an ordinary vehicle", "vehicles of kind new_type")


def check_routes(permits: Read[Permit], routes: Read[tuple[str, Route]]) -> None:
    """A permit has a route, and a route a permit; either alone would flag every haul, or none."""
    known = {permit.permit_no for permit in permits.records}
    routed = {permit_no for permit_no, _ in routes.records}
    if routes.whole:
        for row, permit in permits.pairs():
            if permit.permit_no and permit.permit_no not in routed:
                row.error("permit_no", f"{shown(permit.permit_no)} has no route", "a feature of routes.geojson")
    if permits.whole:
        for row, (permit_no, _) in routes.pairs():
            if permit_no and permit_no not in known:
                _unknown(row, "permit_no", permit_no, "a permit", known, "a permit_no of permits.csv")


def check_permits_of_plate(vehicles: Read[Vehicle], permits: Read[Permit]) -> None:
    """Tells trucks that more permits cover than the engine can hold apart."""
    of_company = Counter(p.company_id for p in permits.records if not p.plates)
    by_plate = Counter(plate for p in permits.records for plate in p.plates)
    company_of: Mapping[str, str] = {v.plate: v.company_id for v in vehicles.records}
    rows = {vehicle.plate: row for row, vehicle in vehicles.pairs()}
    for plate in dict.fromkeys([*company_of, *by_plate]):
        count = by_plate[plate] + of_company[company_of.get(plate, "")]
        if plate and count > MAX_PERMITS_OF_PLATE:
            problem, allowed = (
                f"{shown(plate)} has {count} permits",
                f"at most {MAX_PERMITS_OF_PLATE} permits of one truck",
            )
            if plate in rows:
                rows[plate].error("plate", problem, allowed)
            else:
                _last_naming(permits.pairs(), plate).error("plates", problem, allowed)


def _last_naming(pairs: Iterable[tuple[Row, Permit]], plate: str) -> Row:
    return [row for row, permit in pairs if plate in permit.plates][-1]


def _unknown(row: Row, field: str, name: str, what: str, known: Iterable[str], allowed: str) -> None:
    row.error(field, _not_known(name, what, known), allowed)


def _not_known(name: str, what: str, known: Iterable[str]) -> str:
    if any(sign in name for sign in _WRONG_SEPARATORS):
        return f"{shown(name)} is not {what}; names are separated by ';'"
    return f"{shown(name)} is not {what}{guess(name, known)}"
