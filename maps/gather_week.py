"""Reads out of a store what a week's page shows: live violations, their tracks, how many trips passed each district."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
import polars as pl
import shapely
from shapely.geometry import LineString

from maps.gather import Source
from maps.ground import simplified, site_layer, zone_layer
from maps.hotspots import Grid, Sighting
from maps.layers import Layer, Line, Path6, Place, lines_of, rings_of
from maps.rates import RoadRates
from maps.styles import rule_style
from maps.suspected import suspected_layer
from maps.tell import Row, to_ms
from maps.track import Track, runs
from maps.week_page import DistrictWeek, WeekMap
from reports import evidence_words, queries
from reports.calendar import Week
from reports.names import OUTCOME_OF_STATUS, RULE_FAMILIES, RULE_NAMES, name_of

#: Corners of less than this are cut off the tracks of a week's page; a trip's own page keeps every fix.
TRACK_TOLERANCE_M = 5.0
#: Fixes nearer in time than this are not all asked which district they lie in.
_PASS_STEP_MS = 30_000
_HOUR_MS = 3_600_000
_AXES = ("lon", "lat")


@dataclass
class WeekTracks:
    """What the tracks of a week add to its page, gathered truck by truck so that only one truck's fixes are held."""

    stretches: dict[str, tuple[Path6, ...]] = field(default_factory=dict)  # violation id → its paths
    plain: list[Path6] = field(default_factory=list)  # the rest of the flagged trips
    passes: Counter[str] = field(default_factory=Counter)  # district id → trips that passed
    rates: RoadRates | None = None  # passes of road pieces, where roads are known

    def add(
        self,
        track: Track,
        trips: Iterable[Row],
        cases: Sequence[Row],
        districts: Mapping[str, shapely.Geometry],
        gap_ms: int,
    ) -> None:
        """Takes in one truck's week."""
        trips = list(trips)
        if self.rates:
            self.rates.add(track, trips, cases)
        flagged = {case["trip_id"] for case in cases}
        parts = [track.between(to_ms(t["loaded_at"]), to_ms(t["dumped_at"] or t["left_at"])) for t in trips]
        self._pass(parts, districts)
        for trip, part in zip(trips, parts, strict=True):
            if trip["trip_id"] in flagged:
                self.plain += _paths(part, gap_ms)
        for case in cases:
            start_ms, end_ms = to_ms(case["start_time"]), to_ms(case["end_time"])
            self.stretches[case["violation_id"]] = tuple(_paths(track.between(start_ms, end_ms), gap_ms))

    def take(self, other: WeekTracks) -> None:
        """Takes in what was gathered elsewhere, of trucks that come later."""
        self.stretches |= other.stretches
        self.plain += other.plain
        for district, count in other.passes.items():
            self.passes[district] += count

    def _pass(self, parts: Sequence[Track], districts: Mapping[str, shapely.Geometry]) -> None:
        """Counts the districts that each trip passed; every truck's fixes are asked about at once."""
        kept = [np.unique(part.time_ms // _PASS_STEP_MS, return_index=True)[1] for part in parts]
        if not sum(map(len, kept)):
            return
        trip = np.repeat(np.arange(len(parts)), [len(keep) for keep in kept])
        lon, lat = (np.concatenate([getattr(p, axis)[k] for p, k in zip(parts, kept, strict=True)]) for axis in _AXES)
        for district_id, polygon in districts.items():
            if passed := len(np.unique(trip[shapely.contains_xy(polygon, lon, lat)])):
                self.passes[district_id] += passed


def live(violations: pl.DataFrame) -> pl.DataFrame:
    """Violations that no reviewer has dismissed."""
    dismissed = [status for status, outcome in OUTCOME_OF_STATUS.items() if outcome == "dismissed"]
    return violations.filter(~pl.col("status").is_in(dismissed))


def week_page_data(
    source: Source, week: Week, violations: pl.DataFrame, trips: int, tracks: WeekTracks, pages: Mapping[str, str]
) -> WeekMap:
    """The page of a week from its live violations and what their tracks gave.

    Args:
        source: the store.
        week: the week.
        violations: live violations of the week, in the columns of the view.
        trips: how many trips the week had.
        tracks: stretches and passes.
        pages: violation id → file name of the page that shows it.
    """
    registry, rows = source.registry, list(violations.iter_rows(named=True))
    start_ms, end_ms = week.span_ms(registry.policy)
    acts = _points_by_act(rows)
    sightings = tuple(
        Sighting(row["lon"], row["lat"], row["rule"], acts[row["violation_id"]], _hours(row, source)) for row in rows
    )
    trucks, companies = (
        violations["plate"].n_unique(),
        len({source.tell.company_name(p) for p in violations["plate"].unique()}),
    )
    flagged = violations["trip_id"].drop_nulls().n_unique()
    facts = (
        ("疑似线索", f"{len(rows)} 起，记 {sum(acts.values())} 分"),
        ("涉嫌行程", f"{flagged} 趟，全周共 {trips} 趟"),
        ("涉及", f"{trucks} 辆车、{companies} 家企业"),
    )
    layers = [source.base, zone_layer(registry, end_ms - 1), site_layer(registry, end_ms - 1)]
    if tracks.plain:
        layers.append(Layer("tracks", "涉嫌行程轨迹", (Line("track.faint", tuple(tracks.plain)),), shown=False))
    if tracks.rates:
        layers.append(tracks.rates.layer())
    layers += _families(rows, source, tracks, pages)
    suspected = queries.suspected_sites(source.store).iter_rows(named=True)
    layers.append(suspected_layer(suspected, start_ms, end_ms, registry.zone))
    centre = source.plane.lat_deg if source.plane else float(np.mean([s.lat for s in sightings] or [0.0]))
    return WeekMap(
        f"{week.year} 年第 {week.number} 周疑似违规热点图", registry.zone, start_ms, tuple(layers),
        tuple(_districts(source, rows, tracks)), sightings, f"{week.monday} 至 {week.sunday}（夜间计入开始之日）",
        facts, Grid(round(centre)), source.tiles,
    )  # fmt: skip


def _families(rows: Sequence[Row], source: Source, tracks: WeekTracks, pages: Mapping[str, str]) -> list[Layer]:
    """For each family of rules a layer of marks that lead to pages, and one, at first hidden, of what was driven."""
    known = {rule for _, rules in RULE_FAMILIES.values() for rule in rules}
    families = [(key, name, rules) for key, (name, rules) in RULE_FAMILIES.items()]
    families.append(("other", "其他", tuple(sorted({row["rule"] for row in rows} - known))))
    marks, lines = [], []
    for key, name, rules in families:
        if own := [row for row in rows if row["rule"] in rules]:
            features = tuple(_mark(row, source, pages) for row in own)
            marks.append(Layer(f"family.{key}", f"{name} {len(own)} 起", features))
            driven = [_driven(rule, own, tracks) for rule in rules]
            lines.append(Layer(f"driven.{key}", name, tuple(line for line in driven if line.paths), shown=False))
    return [*lines, *marks]


def _driven(rule: str, rows: Sequence[Row], tracks: WeekTracks) -> Line:
    """The stretches of one rule as one thin line."""
    paths = (path for row in rows if row["rule"] == rule for path in tracks.stretches.get(row["violation_id"], ()))
    return Line(rule_style(rule), tuple(paths))


def _mark(row: Row, source: Source, pages: Mapping[str, str]) -> Place:
    evidence, start_ms, end_ms = source.tell.evidence(row)
    told = evidence_words.describe(row["rule"], evidence, start_ms, end_ms, source.registry.zone)
    day = f"{datetime.fromtimestamp(start_ms / 1000, source.registry.zone):%m-%d}"
    text = (f"{row['plate']}　{source.tell.company_name(row['plate'])}", f"{day} {told}")
    return Place(
        rule_style(row["rule"]), row["lon"], row["lat"], name_of(RULE_NAMES, row["rule"]), text,
        page=pages.get(row["violation_id"], ""),
    )  # fmt: skip


def _districts(source: Source, rows: Sequence[Row], tracks: WeekTracks) -> Iterable[DistrictWeek]:
    few = source.registry.policy.min_trips_for_rate
    for district in source.registry.districts:
        middle = district.polygon.representative_point()
        count, trips = (
            sum(row["district_id"] == district.district_id for row in rows),
            tracks.passes.get(district.district_id, 0),
        )
        rate = 100 * count / trips if trips >= few else None
        yield DistrictWeek(district.name, rings_of(district.polygon), (middle.x, middle.y), count, trips, rate)


def _points_by_act(rows: Sequence[Row]) -> dict[str, int]:
    """Points by violation, each act once: only its gravest live violation carries them."""
    carrier: dict[str, Row] = {}
    for row in rows:
        act = row["scored_under"] or row["violation_id"]
        best = carrier.get(act)
        if best is None or (row["points"], row["violation_id"] == act, row["violation_id"]) > (
            best["points"],
            best["violation_id"] == act,
            best["violation_id"],
        ):
            carrier[act] = row
    carriers = {row["violation_id"] for row in carrier.values()}
    return {row["violation_id"]: row["points"] if row["violation_id"] in carriers else 0 for row in rows}


def _hours(row: Row, source: Source) -> tuple[int, ...]:
    """The local hours of the day that a violation lasted into, a day at most."""
    start_ms, end_ms = to_ms(row["start_time"]), to_ms(row["end_time"])
    count = min(24, end_ms // _HOUR_MS - start_ms // _HOUR_MS + 1)
    return tuple(
        datetime.fromtimestamp((start_ms + n * _HOUR_MS) / 1000, source.registry.zone).hour for n in range(count)
    )


def _paths(track: Track, gap_ms: int) -> list[Path6]:
    """The track without its gaps, thinned."""
    found: list[Path6] = []
    for run in runs(track, [], gap_ms):
        if not run.gap:
            line = LineString(track.positions()[run.first : run.last + 1])
            found += lines_of(simplified(line, TRACK_TOLERANCE_M))
    return found
