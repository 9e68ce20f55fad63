"""A week on its way out of the store: share by share of its trucks, so that several processes may gather it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import polars as pl
import shapely

from maps.gather import LONGEST_MS, Heard, Source, case_span, touching, trip_span
from maps.gather_week import WeekTracks, live, week_page_data
from maps.index_page import IndexRow
from maps.rates import RoadRates
from maps.tell import Row, minute, to_ms
from maps.trip_page import TripMap
from maps.week_page import WeekMap
from reports import queries
from reports.calendar import Week
from reports.names import RULE_NAMES, name_of
from reports.roads import Roads, permitted_ways

TakePage = Callable[[str, TripMap], object]
#: Trucks whose fixes are read together: enough to read a row group of the archive once, few enough to hold.
SHARE_TRUCKS = 24
_ID = re.compile(r"[0-9a-f]{8,64}")


@dataclass(frozen=True)
class Share:
    """What some trucks add to a week: their tracks, and the passes of road pieces by piece."""

    tracks: WeekTracks
    passed: Mapping[int, int]
    violating: Mapping[int, int]

    @classmethod
    def of(cls, tracks: WeekTracks) -> Share:
        """Without the road pieces themselves, which every process has."""
        rates = tracks.rates
        counts = (dict(rates.passed), dict(rates.violating)) if rates else ({}, {})
        return cls(replace(tracks, rates=None), *counts)


class WeekOfMaps:
    """A week on its way out of the store, truck by truck."""

    def __init__(
        self, source: Source, week: Week, on_progress: Callable[[int, int], None] | None = None, company: str = ""
    ) -> None:
        self.source, self.week, self.on_progress = source, week, on_progress
        self._gathered = 0
        self.start_ms, self.end_ms = week.span_ms(source.registry.policy)
        self.violations = live(queries.violations_between(source.store, self.start_ms, self.end_ms))
        self.trips = queries.trips_between(source.store, self.start_ms, self.end_ms)
        if company:
            own = [plate for plate, v in source.registry.vehicle.items() if v.company_id == company]
            self.violations = self.violations.filter((pl.col("company_id") == company).fill_null(False))
            self.trips = self.trips.filter(pl.col("plate").is_in(own))
        roads, few = source.ground.roads, source.registry.policy.min_trips_for_rate
        roads = roads if roads.pieces else Roads(roads.plane, permitted_ways(source.registry))
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

    def data(self, take_page: TakePage | None = None) -> WeekMap:
        """Goes through the trucks; `take_page` is given each page's file name and data as soon as it is there."""
        return self.told(self.gather(plates, take_page) for plates in self.shares())

    def shares(self) -> list[tuple[str, ...]]:
        """The plates of the week, so many together as are read together; a few shares at least, to be shared out."""
        plates = sorted({*self._trips, *self._violations})
        each = max(1, min(SHARE_TRUCKS, len(plates) // 6))
        return [tuple(plates[n : n + each]) for n in range(0, len(plates), each)]

    def gather(self, plates: Sequence[str], take_page: TakePage | None = None) -> Share:
        """What the tracks of some trucks add to the week."""
        tracks = WeekTracks(rates=self.rates.fresh() if self.rates else None)
        read = (self.start_ms - LONGEST_MS, self.end_ms + LONGEST_MS)
        gap_ms = self.source.registry.policy.silence_min_s * 1000
        for plate, heard in self.source.heard_of(plates, *read):
            own = self._violations.get(plate, [])
            tracks.add(heard.own, self._trips.get(plate, []), own, self._districts, gap_ms)
            for name, page in self._pages_of(own, heard, self._stops.get(plate, [])) if take_page else ():
                assert take_page
                take_page(name, page)
            self._gathered += 1
            if self.on_progress:
                self.on_progress(self._gathered, len({*self._trips, *self._violations}))
        return Share.of(tracks)

    def told(self, shares: Iterable[Share]) -> WeekMap:
        """The week from all its shares, in their order."""
        tracks = WeekTracks(rates=self.rates)
        for share in shares:
            tracks.take(share.tracks)
            if self.rates:
                self.rates.take(share.passed, share.violating)
        return week_page_data(self.source, self.week, self.violations, self.trips.height, tracks, self.pages)

    @cached_property
    def _trips(self) -> dict[str, list[Row]]:
        return _by_plate(self.trips)

    @cached_property
    def _violations(self) -> dict[str, list[Row]]:
        return _by_plate(self.violations)

    @cached_property
    def _stops(self) -> dict[str, list[Row]]:
        read = (self.start_ms - LONGEST_MS, self.end_ms + LONGEST_MS)
        return _by_plate(queries.stops_between(self.source.store, *read))

    @cached_property
    def _districts(self) -> dict[str, shapely.Geometry]:
        districts = {d.district_id: d.polygon for d in self.source.registry.districts}
        shapely.prepare(list(districts.values()))
        return districts

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


def page_name(kind: str, identifier: str) -> str:
    """The file name of a page: `trip-<id>.html` or `violation-<id>.html`.

    Raises:
        ValueError: for an id that is not 8 to 64 hexadecimal digits; nothing else may become part of a path or link.
    """
    if kind not in ("trip", "violation") or not _ID.fullmatch(identifier):
        raise ValueError(f"{identifier!r} is no id of a {kind}: an id is 8 to 64 hexadecimal digits")
    return f"{kind}-{identifier}.html"


def write_page(file: Path, html: str) -> Path:
    """Writes a page whole or not at all."""
    file.parent.mkdir(parents=True, exist_ok=True)
    aside = file.with_name(f".{file.name}.part")
    aside.write_text(html, encoding="utf-8", newline="\n")
    aside.replace(file)
    return file
