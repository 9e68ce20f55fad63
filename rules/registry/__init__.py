"""The registry: what is permitted, loaded from a folder, validated, and asked as of a time."""

from rules.hours import ALWAYS, Hours
from rules.registry.faults import Fault, RegistryError
from rules.registry.loading import Inspection, inspect, load, load_with_files, snapshot
from rules.registry.model import (
    FOREVER_MS,
    Ban,
    Company,
    District,
    Permit,
    Registry,
    Route,
    Site,
    Validity,
    Vehicle,
    WhitelistEntry,
    Zone,
)
from rules.registry.policy_file import PolicyRow
from rules.registry.references import MAX_PERMITS_OF_PLATE
from rules.registry.source import digest

__all__ = [
    "ALWAYS",
    "FOREVER_MS",
    "MAX_PERMITS_OF_PLATE",
    "Ban",
    "Company",
    "District",
    "Fault",
    "Hours",
    "Inspection",
    "Permit",
    "PolicyRow",
    "Registry",
    "RegistryError",
    "Route",
    "Site",
    "Validity",
    "Vehicle",
    "WhitelistEntry",
    "Zone",
    "digest",
    "inspect",
    "load",
    "load_with_files",
    "snapshot",
]
