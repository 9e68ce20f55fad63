"""The registry: what is permitted, loaded from a folder, validated, and asked as of a time."""

from rules.hours import ALWAYS, Hours
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

__all__ = [
    "ALWAYS",
    "FOREVER_MS",
    "Ban",
    "Company",
    "District",
    "Hours",
    "Permit",
    "Registry",
    "Route",
    "Site",
    "Validity",
    "Vehicle",
    "WhitelistEntry",
    "Zone",
]
