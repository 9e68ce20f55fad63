"""Between the files: what one names must stand in another."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection

from rules.registry.faults import guess, shown
from rules.registry.model import Company, Permit, Route, Site, Vehicle, WhitelistEntry
from rules.registry.records import Read

#: The engine keeps a truck's corridors as the bits of one word.
MAX_PERMITS_OF_PLATE = 62

_WRONG_SEPARATORS = "；，、,"

#: Suggestions a check makes: a search among thousands of names takes 10 ms, and if all are unknown, none helps.
_GUESSES_MAX = 20


class _Known:
    """The names of one file, and what is said of a name that is not among them."""

    def __init__(self, what: str, names: Collection[str], lost: Collection[str] = ()) -> None:
        self.what = what
        self.names = names
        self._all = {*names, *lost}
        self._guesses = 0

    def __contains__(self, name: str) -> bool:
        return name in self._all

    def problem(self, name: str) -> str:
        """Says that the name is unknown and, for the first few, which known one it is like."""
        if any(sign in name for sign in _WRONG_SEPARATORS):
            return f"{shown(name)} is not {self.what}; names are separated by ';'"
        self._guesses += 1
        return f"{shown(name)} is not {self.what}{guess(name, self.names) if self._guesses <= _GUESSES_MAX else ''}"


def check_companies(companies: Read[Company], vehicles: Read[Vehicle], permits: Read[Permit]) -> None:
    """Every company named must be in `companies.csv`, where there is one."""
    known = _Known("a company", [company.company_id for company in companies.records], companies.lost)
    named = [(row, vehicle.company_id) for row, vehicle in vehicles.pairs()]
    named += [(row, permit.company_id) for row, permit in permits.pairs()]
    for row, company_id in named:
        if company_id and company_id not in known:
            row.error("company_id", known.problem(company_id), "a company_id of companies.csv")


def check_permit_sites(permits: Read[Permit], sites: Read[Site]) -> None:
    """A permit leads from a construction site to sites that take muck."""
    by_id = {site.site_id: site for site in reversed(sites.records)}  # of two with one id the first counts
    load_at = _Known("a site", [site.site_id for site in sites.records if site.kind == "construction"])
    leave_at = _Known("a site", [site.site_id for site in sites.records if site.takes_muck])
    for row, permit in permits.pairs():
        origin = by_id.get(permit.origin_site)
        allowed = "a site of kind construction in sites.geojson"
        if permit.origin_site and origin is None:
            row.error("origin_site", load_at.problem(permit.origin_site), allowed)
        elif origin and origin.kind not in ("construction", ""):
            row.error("origin_site", f"{shown(origin.site_id)} is of kind {origin.kind}", allowed)
        allowed = "sites of kind disposal or soil_bank in sites.geojson"
        for site_id in permit.disposal_sites:
            site = by_id.get(site_id)
            if site is None:
                row.error("disposal_sites", leave_at.problem(site_id), allowed)
            elif not site.takes_muck and site.kind:
                problem = f"{shown(site_id)} is of kind {site.kind}, which may not take muck"
                row.error("disposal_sites", problem, allowed)


def check_plates(vehicles: Read[Vehicle], permits: Read[Permit], whitelist: Read[WhitelistEntry]) -> None:
    """Warns of plates that are not registered, and of ordinary vehicles that are whitelisted."""
    by_plate = {vehicle.plate: vehicle for vehicle in reversed(vehicles.records)}
    known = _Known("a vehicle", by_plate, vehicles.lost)
    for row, permit in permits.pairs():
        for plate in permit.plates:
            if plate not in known:
                row.warn("plates", known.problem(plate), "plates of vehicles.csv")
    for row, entry in whitelist.pairs():
        vehicle = by_plate.get(entry.plate)
        if entry.plate and entry.plate not in known:
            row.warn("plate", known.problem(entry.plate), "a plate of vehicles.csv")
        elif vehicle and vehicle.kind == "ordinary":
            row.warn("plate", f"{shown(entry.plate)} is an ordinary vehicle", "vehicles of kind new_type")


def check_routes(permits: Read[Permit], routes: Read[tuple[str, Route]]) -> None:
    """A permit has a route, and a route a permit; either alone would flag every haul, or none."""
    known = _Known("a permit", [permit.permit_no for permit in permits.records], permits.lost)
    routed = {permit_no for permit_no, _ in routes.records}
    if routes.whole:
        for row, permit in permits.pairs():
            if permit.permit_no and permit.permit_no not in routed:
                row.error("permit_no", f"{shown(permit.permit_no)} has no route", "a feature of routes.geojson")
    if permits.whole:
        for row, (permit_no, _) in routes.pairs():
            if permit_no and permit_no not in known:
                row.error("permit_no", known.problem(permit_no), "a permit_no of permits.csv")


def check_permits_of_plate(vehicles: Read[Vehicle], permits: Read[Permit]) -> None:
    """Tells trucks that more permits cover than the engine can hold apart."""
    of_company = Counter(permit.company_id for permit in permits.records if not permit.plates)
    of_plate = Counter(plate for permit in permits.records for plate in permit.plates)
    last_row = {plate: row for row, permit in permits.pairs() for plate in permit.plates}
    registered = {vehicle.plate: (row, vehicle.company_id) for row, vehicle in vehicles.pairs()}
    for plate in filter(None, dict.fromkeys([*registered, *of_plate])):
        row, company_id = registered.get(plate) or (last_row[plate], "")
        count = of_plate[plate] + of_company[company_id]
        if count > MAX_PERMITS_OF_PLATE:
            problem = f"{shown(plate)} is covered by {count} permits"
            field = "plate" if plate in registered else "plates"
            row.error(field, problem, f"at most {MAX_PERMITS_OF_PLATE} of one truck")
