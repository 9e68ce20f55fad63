"""Maps of a store: one page, a week's pages, or the data behind them."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

from maps.basemap import BaseMap
from maps.gather import Source
from maps.trip_page import TripMap, trip_map
from maps.week_drawing import WeekMapFiles, write_week_maps
from maps.week_of_maps import WeekOfMaps, page_name, write_page
from maps.week_page import WeekMap
from reports.calendar import Week
from reports.store import Store

__all__ = [
    "WeekMapFiles", "page_name", "trip_data", "vehicle_day_data", "vehicle_day_map", "violation_data", "week_data",
    "write_page", "write_trip", "write_vehicle_day", "write_violation", "write_week_maps",
]  # fmt: skip


def trip_data(store: Store, trip_id: str) -> TripMap:
    """What the page of a trip shows.

    Raises:
        ValueError: if the store has no such trip.
    """
    return Source(store).trip(trip_id)


def violation_data(store: Store, violation_id: str) -> TripMap:
    """What the page of a single violation shows.

    Raises:
        ValueError: if the store has no such violation.
    """
    return Source(store).violation(violation_id)


def vehicle_day_data(store: Store, plate: str, day: date) -> TripMap:
    """What the page of a truck's local date shows."""
    return Source(store).vehicle_day(plate, day)


def week_data(store: Store, week: Week) -> WeekMap:
    """What the page of a week shows; its marks lead to the pages that `write_week_maps` writes."""
    return WeekOfMaps(Source(store), week).data()


def vehicle_day_map(data: TripMap) -> str:
    """The page of a truck's day as one HTML file: the parts of a trip's page."""
    return trip_map(data)


def write_trip(
    store: Store, trip_id: str, out_dir: Path, tiles: BaseMap | None = None, roads: Path | None = None
) -> Path:
    """Writes the page of a trip; gives its path."""
    name = page_name("trip", trip_id)
    return write_page(out_dir / name, trip_map(Source(store, roads, tiles).trip(trip_id)))


def write_violation(
    store: Store, violation_id: str, out_dir: Path, tiles: BaseMap | None = None, roads: Path | None = None
) -> Path:
    """Writes the page of a single violation; gives its path."""
    name = page_name("violation", violation_id)
    return write_page(out_dir / name, trip_map(Source(store, roads, tiles).violation(violation_id)))


def write_vehicle_day(
    store: Store, plate: str, day: date, out_dir: Path, tiles: BaseMap | None = None, roads: Path | None = None
) -> Path:
    """Writes the page of a truck's local date; gives its path.

    Raises:
        ValueError: if the store has no fix of it.
    """
    data = Source(store, roads, tiles).vehicle_day(plate, day)
    if not len(data.track):
        raise ValueError(f"{store.path}: no fix of {plate!r} on {day}; `muckwatch export fixes` shows what there is")
    safe = re.sub(r"\W", "", plate)[:20] or "truck"
    return write_page(out_dir / f"day-{safe}-{day:%Y-%m-%d}.html", vehicle_day_map(data))
