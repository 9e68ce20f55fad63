"""Maps of a store: one page, a week's pages, or the data behind them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import polars as pl
import shapely

from maps.basemap import BaseMap
from maps.gather import LONGEST_MS, Heard, Source, case_span, touching, trip_span
from maps.gather_week import WeekTracks, live, week_page_data
from maps.index_page import IndexRow, index_page
from maps.rates import RoadRates
from maps.tell import Row, minute, to_ms
from maps.trip_page import TripMap, trip_map
from maps.week_page import WeekMap, week_map
from reports import queries
from reports.calendar import Week
from reports.names import RULE_NAMES, name_of
from reports.patrol.model import PatrolPlan
from reports.store import Store

_ID = re.compile(r"[0-9a-f]{8,64}")


@dataclass(frozen=True)
class WeekMapFiles:
    """The files of a week's maps. Iterating gives those to open first: the week's map and the index.

    `trips` and `violations` map ids to the page that shows them; a violation of a trip is on the trip's page.
    """

    week_map: Path
    index: Path
    trips: dict[str, Path]
    violations: dict[str, Path]
    data: WeekMap | None = None

    def __iter__(self) -> Iterator[Path]:
        return iter((self.week_map, self.index))

    @property
    def pages(self) -> list[Path]:
        """The pages of trips and single violations, each once."""
        return sorted({*self.trips.values(), *self.violations.values()})


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
    return WeekOfMaps(Source(store), week).data(lambda name, page: None)


def vehicle_day_map(data: TripMap) -> str:
    """The page of a truck's day as one HTML file: the parts of a trip's page."""
    return trip_map(data)


def page_name(kind: str, identifier: str) -> str:
    """The file name of a page: `trip-<id>.html` or `violation-<id>.html`.

    Raises:
        ValueError: for an id that is not 8 to 64 hexadecimal digits; nothing else may become part of a path or link.
    """
    if kind not in ("trip", "violation") or not _ID.fullmatch(identifier):
        raise ValueError(f"{identifier!r} is no id of a {kind}: an id is 8 to 64 hexadecimal digits")
    return f"{kind}-{identifier}.html"


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


def write_week_maps(
    store: Store, week: Week, out_dir: Path, on_progress: Callable[[int, int], None] | None = None,
    tiles: BaseMap | None = None, roads: Path | None = None, plan: PatrolPlan | None = None,
) -> WeekMapFiles:  # fmt: skip
    """Writes a week's map, a page for each flagged trip and for each flagged violation without one, and an index.

    Args:
        store: an open store.
        week: the week, by operating night.
        out_dir: where to; made if it is not there.
        on_progress: told how many trucks of how many are done.
        tiles: what lies under the maps besides our own roads; only a server makes a page ask for anything.
        roads: a GeoJSON file of roads instead of the registry's.
        plan: suggested checkpoints, drawn on the week's map and each inspection on a page of its own (PDF).
    """
    out_dir.mkdir(parents=True, exist_ok=True)
    gathered = WeekOfMaps(Source(store, roads, tiles), week, on_progress)
    data = gathered.data(lambda name, page: write_page(out_dir / name, trip_map(page)))
    data = replace(data, plan=plan)
    map_file = write_page(out_dir / f"week-{week}.html", week_map(data))
    index = write_page(
        out_dir / f"index-{week}.html", index_page(data.title, data.subtitle, map_file.name, gathered.index_rows())
    )
    trips = {i: out_dir / page_name("trip", i) for i in gathered.trips_by_id}
    violations = {i: out_dir / name for i, name in gathered.pages.items()}
    return WeekMapFiles(map_file, index, trips, violations, data)


class WeekOfMaps:
    """A week on its way out of the store, truck by truck."""

    def __init__(
        self, source: Source, week: Week, on_progress: Callable[[int, int], None] | None = None, company: str = ""
    ) -> None:
        self.source, self.week, self.on_progress = source, week, on_progress
        self.start_ms, self.end_ms = week.span_ms(source.registry.policy)
        self.violations = live(queries.violations_between(source.store, self.start_ms, self.end_ms))
        self.trips = queries.trips_between(source.store, self.start_ms, self.end_ms)
        if company:
            own = [plate for plate, v in source.registry.vehicle.items() if v.company_id == company]
            self.violations = self.violations.filter((pl.col("company_id") == company).fill_null(False))
            self.trips = self.trips.filter(pl.col("plate").is_in(own))
        roads, few = source.ground.roads, source.registry.policy.min_trips_for_rate
        self.rates = RoadRates(roads.pieces, few, roads.plane) if roads.pieces else None
        flagged = self.violations["trip_id"].drop_nulls().unique(maintain_order=True).to_list()
        known = {row["trip_id"]: row for row in self.trips.iter_rows(named=True)}
        found = {i: known.get(i) or _only(queries.trip(source.store, i)) for i in flagged}
        self.trips_by_id = {i: row for i, row in found.items() if row is not None}
        self.pages = {row["violation_id"]: self._page_of(row) for row in self.violations.iter_rows(named=True)}

    def _page_of(self, violation: Row) -> str:
        """The trip's page, or one of its own for a violation that belongs to no trip."""
        if violation["trip_id"] in self.trips_by_id:
            return page_name("trip", violation["trip_id"])
        return page_name("violation", violation["violation_id"])

    def data(self, take_page: Callable[[str, TripMap], object]) -> WeekMap:
        """Goes through the trucks; `take_page` is given each page's file name and data as soon as it is there."""
        source, tracks = self.source, WeekTracks(rates=self.rates)
        districts = {d.district_id: d.polygon for d in source.registry.districts}
        shapely.prepare(list(districts.values()))
        read = (self.start_ms - LONGEST_MS, self.end_ms + LONGEST_MS)
        stops = _by_plate(queries.stops_between(source.store, *read))
        trips, violations = _by_plate(self.trips), _by_plate(self.violations)
        gap_ms = source.registry.policy.silence_min_s * 1000
        plates = sorted({*trips, *violations})
        for done, plate in enumerate(plates, 1):
            own, heard = violations.get(plate, []), source.heard(plate, *read)
            tracks.add(heard.own, trips.get(plate, []), own, districts, gap_ms)
            for name, page in self._pages_of(own, heard, stops.get(plate, [])):
                take_page(name, page)
            if self.on_progress:
                self.on_progress(done, len(plates))
        return week_page_data(source, self.week, self.violations, self.trips.height, tracks, self.pages)

    def _pages_of(self, own: list[Row], heard: Heard, stops: list[Row]) -> Iterator[tuple[str, TripMap]]:
        """The pages of one truck: of each flagged trip, and of each violation without one."""
        for trip_id in dict.fromkeys(row["trip_id"] for row in own if row["trip_id"] in self.trips_by_id):
            trip = self.trips_by_id[trip_id]
            span = trip_span(trip, [row for row in own if row["trip_id"] == trip_id])
            yield page_name("trip", trip_id), self.source.trip_page(trip, *_cut(span, heard, own, stops))
        for row in own:
            if row["trip_id"] not in self.trips_by_id:
                part = _cut(case_span(row), heard, own, stops)
                yield self.pages[row["violation_id"]], self.source.violation_page(row, *part)

    def index_rows(self) -> list[IndexRow]:
        """The pages as lines of the index, by time."""
        zone, tell = self.source.registry.zone, self.source.tell
        shown: dict[str, list[Row]] = {}
        for row in self.violations.iter_rows(named=True):
            shown.setdefault(self.pages[row["violation_id"]], []).append(row)
        rows = []
        for page, cases in shown.items():
            plate, trip = cases[0]["plate"], self.trips_by_id.get(cases[0]["trip_id"])
            when = minute(to_ms(trip["loaded_at"] if trip else cases[0]["start_time"]), zone)
            rules = "、".join(dict.fromkeys(name_of(RULE_NAMES, case["rule"]) for case in cases))
            gravest = max(case["points"] for case in cases)
            rows.append(IndexRow(when, plate, tell.company_name(plate), rules, len(cases), gravest, page))
        return sorted(rows, key=lambda r: (r.when, r.plate, r.page))


def _cut(
    span: tuple[int, int], heard: Heard, violations: list[Row], stops: list[Row]
) -> tuple[Heard, list[Row], list[Row]]:
    return heard.between(*span), touching(violations, *span), touching(stops, *span)


def _by_plate(rows: pl.DataFrame) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for row in rows.iter_rows(named=True):
        found.setdefault(row["plate"], []).append(row)
    return found


def _only(found: pl.DataFrame) -> Row | None:
    return None if found.is_empty() else found.row(0, named=True)


def write_page(file: Path, html: str) -> Path:
    """Writes a page whole or not at all."""
    file.parent.mkdir(parents=True, exist_ok=True)
    aside = file.with_name(f".{file.name}.part")
    aside.write_text(html, encoding="utf-8", newline="\n")
    aside.replace(file)
    return file
