"""From rows and features to the records of the model, one function a file."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar
from zoneinfo import ZoneInfo

from shapely.geometry import LineString, Polygon

from rules.policy import Policy
from rules.registry.faults import shown
from rules.registry.layout import Place
from rules.registry.model import (
    Ban,
    Company,
    District,
    Permit,
    Route,
    Site,
    Vehicle,
    WhitelistEntry,
    Zone,
)
from rules.registry.row import Row

VEHICLE_KINDS = ("new_type", "ordinary")
SITE_KINDS = ("construction", "disposal", "soil_bank", "depot", "fuel", "wash", "other")
ZONE_KINDS = ("quiet", "no_entry")

#: Columns of the CSV files, and properties of the GeoJSON files with the one that names a feature first.
COLUMNS = {
    "companies.csv": ("company_id", "name"),
    "vehicles.csv": ("plate", "company_id", "terminal", "kind"),
    "whitelist.csv": ("plate", "hours", "valid_from", "valid_to", "document"),
    "permits.csv": (
        "permit_no",
        "company_id",
        "origin_site",
        "disposal_sites",
        "plates",
        "hours",
        "valid_from",
        "valid_to",
    ),
    "bans.csv": ("start", "end", "reason"),
}
PROPERTIES = {
    "routes.geojson": ("permit_no", "corridor_m"),
    "sites.geojson": ("site_id", "name", "kind", "valid_from", "valid_to"),
    "zones.geojson": ("zone_id", "name", "kind", "hours", "valid_from", "valid_to"),
    "districts.geojson": ("district_id", "name"),
    "roads.geojson": (),
}

Record = TypeVar("Record")


@dataclass(frozen=True)
class Read(Generic[Record]):
    """What a file gave: rows beside their records.

    `whole` is False where rows could not be read at all; `lost` holds the values of rows that are no rows, so that a
    name in one of them is not called unknown elsewhere.
    """

    rows: Sequence[Row] = ()
    records: Sequence[Record] = ()
    whole: bool = True
    lost: frozenset[str] = frozenset()

    def pairs(self) -> Iterable[tuple[Row, Record]]:
        """Each row with its record."""
        return zip(self.rows, self.records, strict=True)


def companies(rows: Sequence[Row]) -> list[Company]:
    """Companies; one without a name goes by its id."""
    found = [Company(row.identity("company_id"), row.text("name")) for row in rows]
    _unique(rows, [c.company_id for c in found], "company_id")
    return [Company(c.company_id, c.name or c.company_id) for c in found]


def vehicles(rows: Sequence[Row]) -> list[Vehicle]:
    """Vehicles; a truck may be registered before its terminal is known."""
    found = [
        Vehicle(
            row.identity("plate"),
            row.identity("company_id"),
            row.text("terminal"),
            row.choice("kind", VEHICLE_KINDS, otherwise="ordinary"),
        )
        for row in rows
    ]
    _unique(rows, [v.plate for v in found], "plate")
    # A device may move from truck to truck; which one it sits in is told by the plate of its fixes.
    _unique(rows, [v.terminal for v in found], "terminal", grave=False)
    return found


def whitelist(rows: Sequence[Row], zone: ZoneInfo) -> list[WhitelistEntry]:
    """Whitelist entries; a truck may have several."""
    return [
        WhitelistEntry(row.identity("plate"), row.hours("hours"), row.validity(zone), row.text("document"))
        for row in rows
    ]


def permits(rows: Sequence[Row], zone: ZoneInfo, routes: dict[str, list[Route]]) -> list[Permit]:
    """Permits with their routes."""
    found = []
    for row in rows:
        permit_no = row.identity("permit_no")
        found.append(
            Permit(
                permit_no=permit_no,
                company_id=row.identity("company_id"),
                origin_site=row.identity("origin_site"),
                disposal_sites=row.names("disposal_sites", at_least_one=True),
                plates=row.names("plates"),
                hours=row.hours("hours"),
                validity=row.validity(zone),
                routes=tuple(routes.get(permit_no, ())),
            )
        )
    _unique(rows, [p.permit_no for p in found], "permit_no")
    return found


def bans(rows: Sequence[Row], zone: ZoneInfo) -> list[Ban]:
    """Bans; both ends must be given, because an open ban would forbid everything."""
    found = []
    for row in rows:
        start = row.moment("start", zone, required=True)
        end = row.moment("end", zone, required=True, last=True)
        if start is not None and end is not None and start >= end:
            row.error("end", f"{row.text('start')} to {row.text('end')} ends before it begins", "start before end")
        found.append(Ban(start or 0, end or 0, row.text("reason")))
    return found


def routes(places: Sequence[Place], policy: Policy) -> list[tuple[str, Route]]:
    """Routes beside the number of their permit; a permit may have several."""
    low, high = policy.bounds("corridor_m")
    return [
        (
            place.feature.identity("permit_no"),
            Route(
                place.shape or LineString(),
                place.feature.number("corridor_m", policy.corridor_m, low, high),
            ),
        )
        for place in places
    ]


def sites(places: Sequence[Place]) -> list[Site]:
    """Sites; one without a name goes by its id."""
    found = []
    for place in places:
        site_id = place.feature.identity("site_id")
        name, kind = place.feature.text("name") or site_id, place.feature.choice("kind", SITE_KINDS)
        found.append(Site(site_id, name, kind, place.shape or Polygon(), place.validity))
    _unique([place.feature for place in places], [s.site_id for s in found], "site_id")
    return found


def zones(places: Sequence[Place]) -> list[Zone]:
    """Zones; one without a name goes by its id."""
    found = []
    for place in places:
        row = place.feature
        zone_id = row.identity("zone_id")
        name, kind = row.text("name") or zone_id, row.choice("kind", ZONE_KINDS)
        found.append(Zone(zone_id, name, kind, place.shape or Polygon(), row.hours("hours"), place.validity))
    _unique([place.feature for place in places], [z.zone_id for z in found], "zone_id")
    return found


def districts(places: Sequence[Place]) -> list[District]:
    """Districts; one without a name goes by its id."""
    found = []
    for place in places:
        district_id = place.feature.identity("district_id")
        name = place.feature.text("name") or district_id
        found.append(District(district_id, name, place.shape or Polygon()))
    _unique([place.feature for place in places], [d.district_id for d in found], "district_id")
    return found


def _unique(rows: Sequence[Row], names: Sequence[str], column: str, *, grave: bool = True) -> None:
    """Tells every name that an earlier row has already; empty ones have their own fault, or may be empty."""
    first: dict[str, str] = {}
    for row, name in zip(rows, names, strict=True):
        if name and first.setdefault(name, row.where) != row.where:
            tell = row.error if grave else row.warn
            tell(column, f"{shown(name)} is there already in {first[name]}", "each once")
