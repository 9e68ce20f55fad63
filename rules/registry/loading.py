"""A registry folder, read once, validated whole, and only then used."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from rules.policy import Policy
from rules.registry import records, references
from rules.registry.faults import Fault, FileFaults, RegistryError
from rules.registry.features import read_features
from rules.registry.layout import SLIVER_M, TOUCHING_M, Place, check_distances, check_overlaps
from rules.registry.model import Registry, Route, Validity
from rules.registry.policy_file import PolicyRow, policy_rows, read_policy
from rules.registry.records import COLUMNS, PROPERTIES, Read
from rules.registry.row import Row
from rules.registry.shapes import AREAS, LINES, convert, geometry_type, read_shapes
from rules.registry.source import KNOWN, REQUIRED, decode, digest, read_folder
from rules.registry.table import read_table

#: How deep places of one file may overlap before it is told, metres: sites are drawn apart, districts meet in slivers.
_OVERLAP_M = {"sites.geojson": TOUCHING_M, "districts.geojson": SLIVER_M}

Record = TypeVar("Record")


@dataclass(frozen=True)
class Inspection:
    """What a look at a folder found; `contents` are the very bytes that were judged."""

    folder: Path
    faults: list[Fault]
    registry: Registry | None
    policy_rows: list[PolicyRow]
    contents: Mapping[str, bytes]

    @property
    def errors(self) -> list[Fault]:
        """The faults that make the folder unusable."""
        return [fault for fault in self.faults if fault.severity == "error"]

    @property
    def warnings(self) -> list[Fault]:
        """The faults that a person should look at."""
        return [fault for fault in self.faults if fault.severity == "warning"]


def load(folder: Path) -> Registry:
    """The registry of a folder.

    Raises:
        RegistryError: with every fault, if there is an error; warnings alone do not hinder.
    """
    return load_with_files(folder)[0]


def load_with_files(folder: Path) -> tuple[Registry, Mapping[str, bytes]]:
    """The registry of a folder and the very bytes it was made from, so that a copy of them is of this registry.

    Raises:
        RegistryError: as `load`.
    """
    found = inspect(folder)
    if found.registry is None:
        raise RegistryError(found.folder, found.faults)
    return found.registry, found.contents


def snapshot(folder: Path) -> dict[str, bytes]:
    """The known files of a folder as they are now, name to content; `load_with_files` gives those of a registry.

    Raises:
        RegistryError: if a required file is missing or a file cannot be read.
    """
    faults: list[Fault] = []
    contents = read_folder(Path(folder), FileFaults("", faults))
    if any(fault.severity == "error" for fault in faults):
        raise RegistryError(Path(folder), faults)
    return contents


def inspect(folder: Path) -> Inspection:
    """Everything that is wrong with a folder and, if no error is, its registry."""
    faults: list[Fault] = []
    contents = read_folder(Path(folder), FileFaults("", faults))
    registry, rows = _Reading(contents, faults).read()
    faults.sort(key=_order)
    sound = not any(fault.severity == "error" for fault in faults)
    return Inspection(Path(folder), faults, registry if sound else None, rows, contents)


def _order(fault: Fault) -> tuple[int, int]:
    number = "".join(c for c in fault.where.split("(")[0] if c.isdecimal())
    return KNOWN.index(fault.file) if fault.file in KNOWN else -1, int(number or 0)


class _Reading:
    """One pass over the contents of a folder."""

    def __init__(self, contents: Mapping[str, bytes], faults: list[Fault]) -> None:
        self.contents = contents
        self.faults = faults
        self.policy = Policy()
        self.places: list[Place] = []

    def read(self) -> tuple[Registry, list[PolicyRow]]:
        """Reads all files, then compares them; the registry is sound only if no error was noted."""
        told: frozenset[str] = frozenset()
        if (text := self._text("policy.toml")) is not None:
            self.policy, told = read_policy(text, FileFaults("policy.toml", self.faults))
        zone = self.policy.zone
        companies = self._table("companies.csv", records.companies)
        vehicles = self._table("vehicles.csv", records.vehicles)
        whitelist = self._table("whitelist.csv", lambda rows: records.whitelist(rows, zone))
        sites = self._map("sites.geojson", records.sites)
        routes = self._map("routes.geojson", lambda places: records.routes(places, self.policy))
        lines: dict[str, list[Route]] = {}
        for permit_no, route in routes.records:
            lines.setdefault(permit_no, []).append(route)
        permits = self._table("permits.csv", lambda rows: records.permits(rows, zone, lines))
        zones = self._map("zones.geojson", records.zones)
        districts = self._map("districts.geojson", records.districts)
        bans = self._table("bans.csv", lambda rows: records.bans(rows, zone))
        self._roads()
        check_distances(self.places)
        if companies.whole and "companies.csv" in self.contents:
            references.check_companies(companies, vehicles, permits)
        if sites.whole:
            references.check_permit_sites(permits, sites)
        if vehicles.whole:
            references.check_plates(vehicles, permits, whitelist)
        references.check_routes(permits, routes)
        references.check_permits_of_plate(vehicles, permits)
        registry = Registry(
            policy=self.policy,
            companies=tuple(companies.records),
            vehicles=tuple(vehicles.records),
            whitelist=tuple(whitelist.records),
            permits=tuple(permits.records),
            sites=tuple(sites.records),
            zones=tuple(zones.records),
            districts=tuple(districts.records),
            bans=tuple(bans.records),
            digest=digest(self.contents),
            files={name: hashlib.sha256(content).hexdigest() for name, content in self.contents.items()},
        )
        return registry, policy_rows(self.policy, told)

    def _text(self, name: str) -> str | None:
        content = self.contents.get(name)
        return None if content is None else decode(content, FileFaults(name, self.faults))

    def _table(self, name: str, build: Callable[[Sequence[Row]], list[Record]]) -> Read[Record]:
        """A CSV's rows and records."""
        text, faults = self._text(name), FileFaults(name, self.faults)
        table = None if text is None else read_table(text, COLUMNS[name], faults)
        if table is None:
            return Read(whole=name not in self.contents and name not in REQUIRED)
        if not table.rows and name in REQUIRED and not self._has_error(name):
            faults.error("", "", "has a header and no rows", "at least one row")
        return Read(table.rows, build(table.rows), table.whole, frozenset(table.lost))

    def _map(self, name: str, build: Callable[[Sequence[Place]], list[Record]]) -> Read[Record]:
        """A GeoJSON file's features and records, its geometry in WGS 84."""
        text, faults = self._text(name), FileFaults(name, self.faults)
        properties = PROPERTIES[name]
        features = None if text is None else read_features(text, properties[0], properties, faults)
        if features is None:
            return Read(whole=name not in self.contents and name not in REQUIRED)
        if not features and name in REQUIRED and not self._has_error(name):
            faults.error("", "features", "is empty", "at least one feature")
        shapes = read_shapes(features, LINES if name == "routes.geojson" else AREAS)
        shapes = convert(shapes, self.policy.registry_datum)
        timed = "valid_from" in properties
        places = [
            Place(feature, shape, feature.validity(self.policy.zone) if timed else Validity())
            for feature, shape in zip(features, shapes, strict=True)
        ]
        self.places += places
        if name in _OVERLAP_M:
            check_overlaps(places, _OVERLAP_M[name], grave=name == "sites.geojson")
        return Read(features, build(places))

    def _roads(self) -> None:
        """Only looks: roads are drawn under the maps, which leave out all but lines, and judge nothing."""
        text = self._text("roads.geojson")
        features = None if text is None else read_features(text, "", (), FileFaults("roads.geojson", self.faults))
        read_shapes([feature for feature in features or () if geometry_type(feature) in LINES], LINES)

    def _has_error(self, name: str) -> bool:
        return any(fault.file == name and fault.severity == "error" for fault in self.faults)
