"""Reads out of a store what a trip's, a violation's or a truck's day page shows."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import cached_property
from pathlib import Path

import numpy as np
import polars as pl

from ingest.datum import from_wgs84, to_wgs84
from maps.ground import ROADS_FILE, base_layer, permit_layer, plane_of, read_roads, site_layer, site_name, zone_layer
from maps.layers import Layer, Line, Path6, encode
from maps.shell import Tiles
from maps.tell import MINUTE_MS, Row, Teller, clock, minute, to_ms
from maps.track import Track
from maps.trip_page import Rows, StopMark, TripMap
from reports import evidence_words, queries
from reports.names import RULE_NAMES, UNREGISTERED_SITE, name_of
from reports.registry_copies import REGISTRY_FOLDER
from reports.store import Store
from rules.registry import Registry
from rules.voice import Voice, speak

#: Track shown before and after a trip, and before and after a violation that belongs to none.
TRIP_MARGIN_MS = 10 * MINUTE_MS
CASE_MARGIN_MS = 20 * MINUTE_MS


@dataclass(frozen=True)
class Source:
    """A store as maps read it. What is the same for every page (registry, base layer) is read once."""

    store: Store
    roads_file: Path | None = None
    tiles: Tiles | None = None

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
    def base(self) -> Layer:
        """Roads or boundaries."""
        return base_layer(self.registry, self.roads)

    @cached_property
    def datums(self) -> dict[tuple[str, str], str]:
        """Plate and terminal → the datum that its stops fit, where that is not the one it tells."""
        health = queries.terminal_health(self.store).select("plate", "terminal", "datum_found", "faults")
        return {(p, t): d for p, t, d, faults in health.iter_rows() if d and "datum" in json.loads(faults or "{}")}

    def fixes(self, plate: str, start_ms: int, end_ms: int) -> pl.DataFrame:
        """Valid fixes of a truck in `[start_ms, end_ms)`, in the datum that the engine judged them in, by time."""
        fixes = queries.fixes_of(self.store, plate, start_ms, end_ms).filter(pl.col("valid").fill_null(True))
        parts = [
            self._settled(part, plate, str(terminal), str(told))
            for (terminal, told), part in fixes.group_by("terminal", "datum")
        ]
        return pl.concat(parts).sort("time_ms", "terminal") if parts else fixes

    def _settled(self, fixes: pl.DataFrame, plate: str, terminal: str, told: str) -> pl.DataFrame:
        found = self.datums.get((plate, terminal), told)
        if found == told:
            return fixes
        lon, lat = to_wgs84(*from_wgs84(fixes["lon"].to_numpy(), fixes["lat"].to_numpy(), told), found)
        return fixes.with_columns(lon=pl.Series(lon), lat=pl.Series(lat))

    def voices(self, plate: str, fixes: pl.DataFrame) -> tuple[Track, list[Track]]:
        """The track of the device that speaks for a truck, as the engine hears it, and those of its other devices."""
        vehicle = self.registry.vehicle.get(plate)
        known = (
            {plate: Voice(vehicle.terminal, int(fixes["time_ms"][0]), vehicle.terminal)}
            if vehicle and vehicle.terminal and fixes.height
            else {}
        )
        own, _ = speak(fixes, known, None)
        others = fixes.join(own, on=["terminal", "time_ms"], how="anti").sort("time_ms")
        return track_of(own), [
            track_of(part) for _, part in others.group_by("terminal", maintain_order=True) if part.height > 1
        ]

    # -- pages

    def trip(self, trip_id: str) -> TripMap:
        """The page of a trip.

        Raises:
            ValueError: if the store has no such trip.
        """
        found = queries.trip(self.store, trip_id)
        if found.is_empty():
            raise ValueError(f"{self.store.path}: there is no trip {trip_id!r}; `muckwatch export trips` lists them")
        row = found.row(0, named=True)
        start_ms, end_ms = trip_span(row, queries.violations_of_trip(self.store, trip_id))
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
        row = found.row(0, named=True)
        return self.violation_page(row, *self._around(str(row["plate"]), *case_span(row)))

    def vehicle_day(self, plate: str, day: date) -> TripMap:
        """The page of all fixes of a truck on one local date, midnight to midnight."""
        zone = self.registry.zone
        start_ms, end_ms = (to_ms(datetime.combine(day + timedelta(days=n), time(), zone)) for n in (0, 1))
        fixes, violations, stops = self._around(plate, start_ms, end_ms)
        trips = queries.trips_between(self.store, start_ms, end_ms).filter(pl.col("plate") == plate)
        facts = (*self.tell.who(plate), ("当日行程", f"{trips.height} 趟"), ("定位点", f"{fixes.height:,} 个"))
        permits = self._permits([*trips["permit_no"].to_list(), *violations["permit_no"].to_list()])
        return self._page(
            f"{plate} 全日轨迹", f"{day:%Y-%m-%d}", facts, plate, fixes, violations, stops, permits, start_ms
        )

    def trip_page(self, trip: Row, fixes: pl.DataFrame, violations: pl.DataFrame, stops: pl.DataFrame) -> TripMap:
        """The page of a trip from rows already read, each of its own truck and within the page's span."""
        plate, zone = str(trip["plate"]), self.registry.zone
        loaded_ms, dumped = to_ms(trip["loaded_at"]), trip["dumped_at"]
        origin = site_name(self.registry, trip["origin_site"], UNREGISTERED_SITE)
        end = site_name(self.registry, trip["disposal_site"], UNREGISTERED_SITE) if dumped is not None else "未见卸载"
        when = f"{minute(loaded_ms, zone)} 装载" + (
            f"，{minute(to_ms(dumped), zone, loaded_ms)} 卸载" if dumped is not None else ""
        )
        facts = (
            *self.tell.who(plate),
            ("起讫", f"{origin} → {end}"),
            ("里程", evidence_words.distance(float(trip["distance_m"] or 0))),
            *self.tell.permit_facts(trip["permit_no"]),
        )
        marks = []
        if trip.get("dump_lon") is not None and dumped is not None:
            takes = self.registry.site.get(trip["disposal_site"] or "")
            style = "dumped" if takes and takes.takes_muck else "dumping"
            label = f"{'卸载' if style == 'dumped' else '涉嫌倾倒'} {clock(to_ms(dumped), zone)}"
            marks.append(StopMark(style, trip["dump_lon"], trip["dump_lat"], label, label, (end,), 95))
        permits = self._permits([trip["permit_no"], *violations["permit_no"].to_list()])
        return self._page(
            f"{plate} 运输行程", when, facts, plate, fixes, violations, stops, permits, loaded_ms, marks, loaded_ms
        )

    def violation_page(self, row: Row, fixes: pl.DataFrame, violations: pl.DataFrame, stops: pl.DataFrame) -> TripMap:
        """The page of a violation from rows already read."""
        plate, start_ms = str(row["plate"]), to_ms(row["start_time"])
        when = f"{minute(start_ms, self.registry.zone)}，前后各 {CASE_MARGIN_MS // MINUTE_MS} 分钟"
        facts = (*self.tell.who(plate), *self.tell.permit_facts(row["permit_no"]))
        return self._page(
            f"{plate} {name_of(RULE_NAMES, row['rule'])}",
            when,
            facts,
            plate,
            fixes,
            violations,
            stops,
            self._permits([row["permit_no"]]),
            start_ms,
        )

    def _around(self, plate: str, start_ms: int, end_ms: int) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
        """Fixes, violations and stops of a truck that touch a span."""
        day_ms = 24 * 60 * MINUTE_MS
        violations = touching(
            queries.violations_between(self.store, start_ms - day_ms, end_ms), plate, start_ms, end_ms
        )
        stops = touching(queries.stops_between(self.store, start_ms - day_ms, end_ms), plate, start_ms, end_ms)
        return self.fixes(plate, start_ms, end_ms), violations, stops

    def _page(
        self, title: str, subtitle: str, facts: Rows, plate: str, fixes: pl.DataFrame, violations: pl.DataFrame,
        stops: pl.DataFrame, permits: list[str], at_ms: int, marks: Iterable[StopMark] = (),
        loaded_ms: int | None = None,
    ) -> TripMap:  # fmt: skip
        registry = self.registry
        track, others = self.voices(plate, fixes)
        named = {s for s in (*violations["site_id"].to_list(), *stops["site_id"].to_list()) if s}
        plane = plane_of(registry)
        own = [registry.permit[no] for no in permits]
        layers = [
            self.base,
            zone_layer(registry, at_ms),
            *([permit_layer(own, plane)] if plane and own else []),
            site_layer(registry, at_ms, {s: 60 for s in named}),
        ]
        if others:
            paths = tuple(encode(other.positions()) for other in others)
            layers.append(Layer("devices", "同号牌其他终端", (Line("track.other", paths, "同号牌其他终端的轨迹"),)))
        return TripMap(
            title, track, registry.zone, registry.policy.silence_min_s * 1000, subtitle, facts,
            tuple(self.tell.case(v) for v in violations.iter_rows(named=True)),
            (*self.tell.stop_marks(stops, loaded_ms), *marks), self.tell.stop_rows(stops), tuple(layers), self.tiles,
        )  # fmt: skip

    def _permits(self, numbers: Iterable[str | None]) -> list[str]:
        return sorted({no for no in numbers if no and no in self.registry.permit})


def track_of(fixes: pl.DataFrame) -> Track:
    """Fixes in the columns of `FIX_SCHEMA`, sorted by time, as a track."""
    speed = fixes["speed_kmh"].cast(pl.Float64).fill_null(float("nan")).to_numpy()
    return Track(fixes["time_ms"].to_numpy(), fixes["lon"].to_numpy(), fixes["lat"].to_numpy(), np.asarray(speed))


def trip_span(trip: Row, violations: pl.DataFrame) -> tuple[int, int]:
    """The span of a trip's page: loading to leaving the load, whatever its violations last, and a margin."""
    times = [
        trip["loaded_at"],
        trip["left_at"],
        trip["dumped_at"],
        *violations["start_time"].to_list(),
        *violations["end_time"].to_list(),
    ]
    known = [to_ms(t) for t in times if t is not None]
    return min(known) - TRIP_MARGIN_MS, max(known) + TRIP_MARGIN_MS


def case_span(violation: Row) -> tuple[int, int]:
    """The span of a violation's own page."""
    return to_ms(violation["start_time"]) - CASE_MARGIN_MS, to_ms(violation["end_time"]) + CASE_MARGIN_MS


def touching(rows: pl.DataFrame, plate: str, start_ms: int, end_ms: int) -> pl.DataFrame:
    """Rows of a truck (with `start_time`, `end_time`) that touch a span."""
    return rows.filter(
        (pl.col("plate") == plate)
        & (pl.col("start_time").dt.epoch("ms") < end_ms)
        & (pl.col("end_time").dt.epoch("ms") >= start_ms)
    )
