"""Reads out of a store what a trip's, a violation's or a truck's day page shows."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from functools import cached_property
from pathlib import Path

import polars as pl

from ingest.datum import from_wgs84, to_wgs84
from maps.basemap import BaseMap
from maps.ground import ROADS_FILE, base_layer, permit_layer, plane_of, read_roads, site_layer, site_name, zone_layer
from maps.layers import Layer, Line, Path6, Place, encode
from maps.tell import MINUTE_MS, Row, Teller, minute, to_ms
from maps.track import Track, set_aside
from maps.trip_page import Rows, StopMark, TripMap
from reports import evidence_fields, queries
from reports.names import RULE_NAMES, UNREGISTERED_SITE, name_of
from reports.patrol.ground import Ground
from reports.registry_copies import REGISTRY_FOLDER
from reports.store import Store
from rules.plane import Plane
from rules.registry import Registry
from rules.voice import Voice, speak

#: Track shown before and after a trip, and before and after a violation that belongs to none.
TRIP_MARGIN_MS = 10 * MINUTE_MS
CASE_MARGIN_MS = 20 * MINUTE_MS
#: A violation or stop that began earlier than this before a page's span is not looked for.
LONGEST_MS = 24 * 60 * MINUTE_MS


@dataclass(frozen=True)
class Heard:
    """What a truck's devices sent: the track of the one that speaks for it, its stray fixes, and the other devices."""

    own: Track
    strays: Track | None = None
    others: tuple[Track, ...] = ()

    def between(self, start_ms: int, end_ms: int) -> Heard:
        """The part in `[start_ms, end_ms)`."""
        span = (start_ms, end_ms - 1)
        strays = self.strays.between(*span) if self.strays is not None else None
        return Heard(self.own.between(*span), strays, tuple(track.between(*span) for track in self.others))

    def layers(self) -> list[Layer]:
        """Strays and other devices, as layers beside the track."""
        found = []
        if paths := tuple(encode(other.positions()) for other in self.others if len(other) > 1):
            found.append(Layer("devices", "同号牌其他终端", (Line("track.other", paths, "同号牌其他终端的轨迹"),)))
        if self.strays is not None and len(self.strays):
            note = ("与前后定位点相距过远，未采用",)
            places = self.strays.positions().tolist()
            found.append(
                Layer("strays", "异常定位点", tuple(Place("stray", x, y, "异常定位点", note) for x, y in places))
            )
        return found


@dataclass(frozen=True)
class Source:
    """A store as maps read it. What is the same for every page (registry, base layer) is read once."""

    store: Store
    roads_file: Path | None = None
    tiles: BaseMap | None = None

    def on(self, store: Store) -> Source:
        """The same store through another reader: what this one has read of the registry is not read again."""
        other = replace(self, store=store)
        kept = ("registry", "tell", "plane", "roads", "base")
        other.__dict__.update({name: value for name, value in self.__dict__.items() if name in kept})
        return other

    @cached_property
    def registry(self) -> Registry:
        """The registry recorded last."""
        return queries.registry_of(self.store)

    @cached_property
    def tell(self) -> Teller:
        """Puts rows into words."""
        return Teller(self.registry)

    @cached_property
    def roads(self) -> tuple[Path6, ...]:
        """Roads of the file given, or of the registry's copy if it has any."""
        file = self.roads_file or self.store.path / REGISTRY_FOLDER / self.registry.digest / ROADS_FILE
        if self.roads_file is None and not file.is_file():
            return ()
        return read_roads(file, self.registry.policy.registry_datum)

    @cached_property
    def ground(self) -> Ground:
        """What a patrol plan stands on: the roads as a network, metres."""
        return Ground.of(self.store, self.roads_file)

    @cached_property
    def base(self) -> Layer:
        """Roads or boundaries."""
        return base_layer(self.registry, self.roads)

    @cached_property
    def datums(self) -> dict[tuple[str, str], str]:
        """Plate and terminal → the datum that its stops fit, where that is not the one it tells."""
        health = queries.terminal_health(self.store).select("plate", "terminal", "datum_found", "faults")
        return {(p, t): d for p, t, d, faults in health.iter_rows() if d and "datum" in json.loads(faults or "{}")}

    @cached_property
    def plane(self) -> Plane | None:
        """Metres for corridors."""
        return plane_of(self.registry)

    @cached_property
    def _ground_layers(self) -> dict[tuple[object, ...], Layer]:
        return {}

    def heard(self, plate: str, start_ms: int, end_ms: int) -> Heard:
        """What a truck's devices sent in `[start_ms, end_ms)`, as the engine hears it.

        Fixes without a position are left out, a device that tells a wrong datum is read in the one that fits, and
        single fixes at which the truck cannot have been are set aside.
        """
        return self._as_heard(plate, queries.fixes_of(self.store, plate, start_ms, end_ms))

    def heard_of(self, plates: Sequence[str], start_ms: int, end_ms: int) -> Iterator[tuple[str, Heard]]:
        """The same of several trucks, read at once; in the order given."""
        fixes = queries.fixes_of_several(self.store, plates, start_ms, end_ms)
        own = fixes.partition_by("plate", as_dict=True) if fixes.height else {}
        for plate in plates:
            yield plate, self._as_heard(plate, own.get((plate,), fixes.clear()))

    def _as_heard(self, plate: str, fixes: pl.DataFrame) -> Heard:
        fixes = fixes.filter(pl.col("valid").fill_null(True))
        if fixes.is_empty():
            return Heard(track_of(fixes))
        told_of = fixes.select("terminal", pl.col("datum").cast(pl.String)).unique() if self.datums else fixes.clear()
        for terminal, told in told_of.select("terminal", "datum").iter_rows():
            if self.datums.get((plate, terminal), told) != told:
                fixes = _read_as(fixes, terminal, told, self.datums[plate, terminal])
        vehicle = self.registry.vehicle.get(plate)
        first = Voice(fixes["terminal"][0], int(fixes["time_ms"][0]), vehicle.terminal if vehicle else "")
        alone = fixes["terminal"].n_unique() == 1  # as of nearly every truck: nobody else could speak for it
        own = fixes if alone else speak(fixes, {plate: first}, None, self.registry.policy)[0]
        track, strays = set_aside(track_of(own))
        if own.height == fixes.height:
            return Heard(track, strays)
        rest = fixes.join(own, on=["terminal", "time_ms"], how="anti").sort("time_ms")
        return Heard(track, strays, tuple(track_of(part) for part in rest.partition_by("terminal") if part.height > 1))

    def trip(self, trip_id: str) -> TripMap:
        """The page of a trip.

        Raises:
            ValueError: if the store has no such trip.
        """
        found = queries.trip(self.store, trip_id)
        if found.is_empty():
            raise ValueError(f"{self.store.path}: there is no trip {trip_id!r}; `muckwatch export trips` lists them")
        row = found.row(0, named=True)
        start_ms, end_ms = trip_span(row, list(queries.violations_of_trip(self.store, trip_id).iter_rows(named=True)))
        return self.trip_page(row, *self._around(str(row["plate"]), start_ms, end_ms))

    def violation(self, violation_id: str) -> TripMap:
        """The page of one violation with some track around it.

        Raises:
            ValueError: if the store has no such violation.
        """
        found = queries.violation(self.store, violation_id)
        if found.is_empty():
            raise ValueError(
                f"{self.store.path}: there is no violation {violation_id!r}; `muckwatch export violations` lists them"
            )
        return self.violation_of(found.row(0, named=True))

    def violation_of(self, row: Row) -> TripMap:
        """The page of one violation, a row of the view, with some track around it."""
        return self.violation_page(row, *self._around(str(row["plate"]), *case_span(row)))

    def vehicle_day(self, plate: str, day: date) -> TripMap:
        """The page of all fixes of a truck on one local date, midnight to midnight."""
        zone = self.registry.zone
        start_ms, end_ms = (to_ms(datetime.combine(day + timedelta(days=n), time(), zone)) for n in (0, 1))
        heard, violations, stops = self._around(plate, start_ms, end_ms)
        trips = queries.trips_between(self.store, start_ms, end_ms).filter(pl.col("plate") == plate)
        facts = (*self.tell.who(plate), ("当日行程", f"{trips.height} 趟"), ("定位点", f"{len(heard.own):,} 个"))
        permits = [*trips["permit_no"].to_list(), *(v["permit_no"] for v in violations)]
        marks = self.tell.stop_marks(stops)
        return self._page(f"{plate} 全日轨迹", f"{day}", facts, heard, violations, stops, permits, start_ms, marks)

    def trip_page(self, trip: Row, heard: Heard, violations: Sequence[Row], stops: Sequence[Row]) -> TripMap:
        """The page of a trip from rows already read, each of its own truck and within the page's span."""
        plate, zone = str(trip["plate"]), self.registry.zone
        loaded_ms, dumped = to_ms(trip["loaded_at"]), trip["dumped_at"]
        origin = site_name(self.registry, trip["origin_site"], UNREGISTERED_SITE)
        end = site_name(self.registry, trip["disposal_site"], UNREGISTERED_SITE) if dumped is not None else "未见卸载"
        until = f"，{minute(to_ms(dumped), zone, loaded_ms)} 卸载" if dumped is not None else ""
        when = f"{minute(loaded_ms, zone)} 装载{until}"
        facts = (
            *self.tell.who(plate),
            ("起讫", f"{origin} → {end}"),
            ("里程", evidence_fields.distance(float(trip["distance_m"] or 0))),
            *self.tell.permit_facts(trip["permit_no"]),
        )
        span = (loaded_ms, max(to_ms(at) for at in (trip["loaded_at"], trip["left_at"], dumped) if at is not None))
        own = [v for v in violations if v["trip_id"] == trip["trip_id"]]
        own += [v for v in touching(violations, *span) if v["trip_id"] is None]
        own.sort(key=lambda v: (v["start_time"], v["rule"]))
        dumping = any(v["rule"] == "unauthorised_dumping" for v in own)
        permits, marks = [trip["permit_no"]], self.tell.stop_marks(stops, trip, dumping)
        return self._page(f"{plate} 运输行程", when, facts, heard, own, stops, permits, loaded_ms, marks)

    def violation_page(self, row: Row, heard: Heard, violations: Sequence[Row], stops: Sequence[Row]) -> TripMap:
        """The page of a violation from rows already read."""
        plate, start_ms = str(row["plate"]), to_ms(row["start_time"])
        when = f"{minute(start_ms, self.registry.zone)}，前后各 {CASE_MARGIN_MS // MINUTE_MS} 分钟"
        facts = (*self.tell.who(plate), *self.tell.permit_facts(row["permit_no"]))
        title = f"{plate} {name_of(RULE_NAMES, row['rule'])}"
        within = touching(violations, start_ms, to_ms(row["end_time"]))
        own = sorted(within, key=lambda v: (v["violation_id"] != row["violation_id"], v["start_time"], v["rule"]))
        marks = self.tell.stop_marks(stops)
        return self._page(title, when, facts, heard, own, stops, [v["permit_no"] for v in own], start_ms, marks)

    def _around(self, plate: str, start_ms: int, end_ms: int) -> tuple[Heard, list[Row], list[Row]]:
        """Fixes, violations and stops of a truck that touch a span."""
        before_ms = start_ms - LONGEST_MS
        reads = (queries.violations_between, queries.stops_between)
        violations, stops = (list(read(self.store, before_ms, end_ms, plate).iter_rows(named=True)) for read in reads)
        return (
            self.heard(plate, start_ms, end_ms),
            touching(violations, start_ms, end_ms),
            touching(stops, start_ms, end_ms),
        )

    def _page(
        self, title: str, subtitle: str, facts: Rows, heard: Heard, violations: Sequence[Row], stops: Sequence[Row],
        permits: Iterable[str | None], at_ms: int, marks: Iterable[StopMark],
    ) -> TripMap:  # fmt: skip
        registry = self.registry
        return TripMap(
            title, heard.own, registry.zone, registry.policy.silence_min_s * 1000, subtitle, facts,
            tuple(self.tell.case(v) for v in violations), tuple(marks),
            self.tell.stop_rows(stops), (*self._ground(at_ms, permits), *heard.layers()), self.tiles,
        )  # fmt: skip

    def _ground(self, at_ms: int, permits: Iterable[str | None]) -> list[Layer]:
        """Base, zones, permits and sites as of an instant; made once for pages that share them."""
        registry, made = self.registry, self._ground_layers
        zones = tuple(z.zone_id for z in registry.zones if z.validity.holds(at_ms))
        sites = tuple(s.site_id for s in registry.sites if s.validity.holds(at_ms))
        named = tuple(sorted({no for no in permits if no and no in registry.permit}))
        layers = [self.base]
        if (key := ("zones", *zones)) not in made:
            made[key] = zone_layer(registry, at_ms)
        layers.append(made[key])
        if (key := ("permits", *named)) not in made:
            made[key] = permit_layer([registry.permit[no] for no in named], self.plane)
        layers.append(made[key])
        if (key := ("sites", *sites)) not in made:
            made[key] = site_layer(registry, at_ms)
        return [*layers, made[key]]


def track_of(fixes: pl.DataFrame) -> Track:
    """Fixes in the columns of `FIX_SCHEMA`, sorted by time, as a track."""
    speed = fixes["speed_kmh"].cast(pl.Float64).fill_null(float("nan")).to_numpy()
    return Track(fixes["time_ms"].to_numpy(), fixes["lon"].to_numpy(), fixes["lat"].to_numpy(), speed)


def trip_span(trip: Row, violations: Iterable[Row]) -> tuple[int, int]:
    """The span of a trip's page: loading to leaving the load, whatever its violations last, and a margin."""
    times = [trip["loaded_at"], trip["left_at"], trip["dumped_at"]]
    times += [v[end] for v in violations for end in ("start_time", "end_time")]
    known = [to_ms(t) for t in times if t is not None]
    return min(known) - TRIP_MARGIN_MS, max(known) + TRIP_MARGIN_MS


def case_span(violation: Row) -> tuple[int, int]:
    """The span of a violation's own page."""
    return to_ms(violation["start_time"]) - CASE_MARGIN_MS, to_ms(violation["end_time"]) + CASE_MARGIN_MS


def touching(rows: Iterable[Row], start_ms: int, end_ms: int) -> list[Row]:
    """Rows (with `start_time`, `end_time`) that touch a span."""
    return [row for row in rows if to_ms(row["start_time"]) < end_ms and to_ms(row["end_time"]) >= start_ms]


def _read_as(fixes: pl.DataFrame, terminal: str, told: str, found: str) -> pl.DataFrame:
    """One terminal's positions, which it told in `told`, read as the `found` that they really are."""
    lying = ((fixes["terminal"] == terminal) & (fixes["datum"] == told)).to_numpy()
    lon, lat = fixes["lon"].to_numpy().copy(), fixes["lat"].to_numpy().copy()
    lon[lying], lat[lying] = to_wgs84(*from_wgs84(lon[lying], lat[lying], told), found)
    return fixes.with_columns(lon=pl.Series(lon), lat=pl.Series(lat))
