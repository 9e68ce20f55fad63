"""Locations as fixes: the names and units of the contract, ready to be sent as JSON."""

from __future__ import annotations

from ingest.jt808.dialect import Dialect
from ingest.jt808.location import MILEAGE, Location

Fix = dict[str, object]


def to_fix(location: Location, dialect: Dialect, plate: str, terminal: str) -> Fix:
    """One fix; what the terminal does not say is left out.

    Nothing is judged here: a time that is none, or a latitude of 116, goes along and is set aside, and counted, where
    all fixes are.
    """
    said = dialect.read(location)
    fix: Fix = {
        "plate": plate,
        "terminal": terminal,
        "time": f"bcd {location.time_bcd}" if location.time_ms is None else location.time_ms,
        "lon": location.lon,
        "lat": location.lat,
        "speed_kmh": location.speed_kmh,
        "heading_deg": location.heading_deg,
        "load": said.load,
        "lift": said.lift,
        "cover": said.cover,
        "acc": location.acc,
        "valid": location.valid,
        "mileage_km": location.number(MILEAGE),
        "weight_kg": said.weight_kg,
    }
    if dialect.datum != "wgs84":
        fix["datum"] = dialect.datum
    return {name: value for name, value in fix.items() if value is not None}
