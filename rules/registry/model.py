"""What is permitted, as plain frozen records. Geometry is shapely in WGS 84 degrees; spans are epoch ms, half-open."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from zoneinfo import ZoneInfo

from shapely.geometry.base import BaseGeometry

from rules.hours import ALWAYS, Hours
from rules.policy import Policy

FOREVER_MS = 4_102_444_800_000  # 2100-01-01: the end of an open span


@dataclass(frozen=True)
class Validity:
    """When a row is in force: `[from_ms, to_ms)`; a date as `valid_to` is inclusive: it ends at the next midnight."""

    from_ms: int = 0
    to_ms: int = FOREVER_MS

    def holds(self, at_ms: int) -> bool:
        """Whether the row is in force at that instant."""
        return self.from_ms <= at_ms < self.to_ms


@dataclass(frozen=True)
class Company:
    """A haulage company."""

    company_id: str
    name: str


@dataclass(frozen=True)
class Vehicle:
    """A registered truck; `kind` is `new_type` (active-safety system) or `ordinary`."""

    plate: str
    company_id: str
    terminal: str
    kind: str


@dataclass(frozen=True)
class WhitelistEntry:
    """Leave for one truck to drive by day within `hours`."""

    plate: str
    hours: Hours
    validity: Validity
    document: str


@dataclass(frozen=True)
class Route:
    """A permitted route and the half-width of its corridor, metres."""

    line: BaseGeometry
    corridor_m: float


@dataclass(frozen=True)
class Permit:
    """Leave to haul from one site to others by night; an empty `plates` means all trucks of the company."""

    permit_no: str
    company_id: str
    origin_site: str
    disposal_sites: tuple[str, ...]
    plates: tuple[str, ...]
    hours: Hours
    validity: Validity
    routes: tuple[Route, ...] = ()


@dataclass(frozen=True)
class Site:
    """A place where trucks load, leave muck or stop."""

    site_id: str
    name: str
    kind: str
    polygon: BaseGeometry
    validity: Validity = Validity()

    @property
    def takes_muck(self) -> bool:
        """Whether muck may be left here (while the site is in force)."""
        return self.kind in ("disposal", "soil_bank")


@dataclass(frozen=True)
class Zone:
    """A `quiet` or `no_entry` zone with its daily hours."""

    zone_id: str
    name: str
    kind: str
    polygon: BaseGeometry
    hours: Hours = ALWAYS
    validity: Validity = Validity()


@dataclass(frozen=True)
class District:
    """A street (街道) by which reports are broken down."""

    district_id: str
    name: str
    polygon: BaseGeometry


@dataclass(frozen=True)
class Ban:
    """A span in which no muck may be hauled at all."""

    start_ms: int
    end_ms: int
    reason: str


@dataclass(frozen=True)
class Registry:
    """A whole registry folder, validated. Order of the tuples is the files' order."""

    policy: Policy
    companies: tuple[Company, ...] = ()
    vehicles: tuple[Vehicle, ...] = ()
    whitelist: tuple[WhitelistEntry, ...] = ()
    permits: tuple[Permit, ...] = ()
    sites: tuple[Site, ...] = ()
    zones: tuple[Zone, ...] = ()
    districts: tuple[District, ...] = ()
    bans: tuple[Ban, ...] = ()
    digest: str = ""  # SHA-256 over the files read, for evidence
    files: Mapping[str, str] = field(default_factory=dict)  # file name -> SHA-256

    @property
    def zone(self) -> ZoneInfo:
        """The policy's local time zone."""
        return self.policy.zone

    @cached_property
    def vehicle(self) -> dict[str, Vehicle]:
        """Vehicles by plate."""
        return {v.plate: v for v in self.vehicles}

    @cached_property
    def company(self) -> dict[str, Company]:
        """Companies by id."""
        return {c.company_id: c for c in self.companies}

    @cached_property
    def site(self) -> dict[str, Site]:
        """Sites by id."""
        return {s.site_id: s for s in self.sites}

    @cached_property
    def permit(self) -> dict[str, Permit]:
        """Permits by number."""
        return {p.permit_no: p for p in self.permits}

    @cached_property
    def whitelist_of(self) -> dict[str, tuple[WhitelistEntry, ...]]:
        """Whitelist entries by plate."""
        found: dict[str, list[WhitelistEntry]] = {}
        for entry in self.whitelist:
            found.setdefault(entry.plate, []).append(entry)
        return {plate: tuple(entries) for plate, entries in found.items()}

    @cached_property
    def _permits_by_plate(self) -> dict[str, list[Permit]]:
        found: dict[str, list[Permit]] = {}
        for permit in self.permits:
            for plate in permit.plates:
                found.setdefault(plate, []).append(permit)
        return found

    @cached_property
    def _permits_by_company(self) -> dict[str, list[Permit]]:
        found: dict[str, list[Permit]] = {}
        for permit in self.permits:
            if not permit.plates:
                found.setdefault(permit.company_id, []).append(permit)
        return found

    def permits_of(self, plate: str) -> tuple[Permit, ...]:
        """Every permit that covers the truck, whatever its validity, in the registry's order."""
        vehicle = self.vehicle.get(plate)
        of_company = self._permits_by_company.get(vehicle.company_id, []) if vehicle else []
        both = [*self._permits_by_plate.get(plate, []), *of_company]
        return tuple(sorted(both, key=lambda p: p.permit_no))
