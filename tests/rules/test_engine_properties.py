"""The week, the place, plates' names, idle trucks, order and repeats change no finding; half the fixes hardly any."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache

import numpy as np
import polars as pl
import pytest
import shapely
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from shapely.geometry.base import BaseGeometry

from bench.trials import Made, Trial, judge, make
from ingest.arrange import arrange
from ingest.fix import FIX_SCHEMA
from rules.findings import Findings, Violation
from rules.ground import Ground
from rules.plane import Plane
from rules.registry import Registry, Validity
from rules.registry.model import FOREVER_MS
from sample_tracks.fleet import Knobs
from sample_tracks.score import Stretch, compare

WEEK_MS = 7 * 86_400_000
#: Few examples, as each judges a week; a failing one is told as it is: making it smaller would take minutes.
FEW = settings(max_examples=4, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])


@cache
def week() -> Made:
    """Five trucks of all outfits, ill sensors among them, two that send GCJ-02 and BD-09, in ordinary noise.

    Nobody lies about the datum: what a wrong datum does differs from place to place.
    """
    return make(Trial(411, 411, Knobs(trucks=5, ill_share=0.2, datum_liars=0)))


@cache
def whole() -> Findings:
    return judge(week())


def told(found: Findings, shift_ms: int = 0, name: Callable[[str], str] = str) -> list[tuple[object, ...]]:
    """Everything that findings say, places apart, in an order of its own."""
    said = lambda v: (v.rule, v.permit_no, v.site_id, v.district_id, v.confidence, v.points, grade(v))
    rows: list[tuple[object, ...]] = [
        (name(v.plate), v.start_ms - shift_ms, v.end_ms - shift_ms, *map(str, said(v))) for v in found.violations
    ]
    rows += [
        (name(t.plate), t.loaded_ms - shift_ms, t.left_ms - shift_ms, str(t.origin_site), str(t.disposal_site))
        for t in found.trips
    ]
    rows += [(name(s.plate), s.start_ms - shift_ms, s.end_ms - shift_ms, str(s.site_id)) for s in found.stops]
    rows += [(name(h.plate), h.first_ms - shift_ms, 0, h.datum_found, *sorted(h.faults)) for h in found.health]
    return sorted(rows)


def grade(violation: Violation) -> object:
    return violation.evidence.get("grade")


def test_the_week_is_worth_asking() -> None:
    assert len({v.rule for v in whole().violations}) >= 9
    assert len(whole().trips) >= 100


# -- time --------------------------------------------------------------------------------------------------------------


def later(span: Validity, shift_ms: int) -> Validity:
    """A validity shifted; an open end stays open."""
    return Validity(
        span.from_ms + shift_ms if span.from_ms else 0,
        span.to_ms + shift_ms if span.to_ms < FOREVER_MS else FOREVER_MS,
    )


def registry_later(registry: Registry, shift_ms: int) -> Registry:
    move = lambda rows: tuple(replace(row, validity=later(row.validity, shift_ms)) for row in rows)
    return replace(
        registry,
        whitelist=move(registry.whitelist),
        permits=move(registry.permits),
        sites=move(registry.sites),
        zones=move(registry.zones),
        bans=tuple(replace(b, start_ms=b.start_ms + shift_ms, end_ms=b.end_ms + shift_ms) for b in registry.bans),
    )


@FEW
@given(weeks=st.integers(-1500, 500))
def test_other_weeks(weeks: int) -> None:
    shift_ms = weeks * WEEK_MS
    fixes = week().fixes.with_columns(pl.col("time_ms") + shift_ms)
    found = judge(Made(registry_later(week().registry, shift_ms), fixes, []))
    assert told(found, shift_ms) == told(whole())


# -- place -------------------------------------------------------------------------------------------------------------


class Move:
    """Takes a place to the same metres around another centre."""

    def __init__(self, lon_deg: float, lat_deg: float) -> None:
        self.here, self.there = Ground(week().registry).plane, Plane(lon_deg, lat_deg)

    def degrees(self, lon: np.ndarray, lat: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return self.there.to_deg(*self.here.to_m(lon, lat))

    def geometry(self, shape: BaseGeometry) -> BaseGeometry:
        return shapely.transform(shape, lambda c: np.column_stack(self.degrees(c[:, 0], c[:, 1])))

    def registry(self, registry: Registry) -> Registry:
        areas = lambda rows: tuple(replace(row, polygon=self.geometry(row.polygon)) for row in rows)
        routes = lambda p: tuple(replace(r, line=self.geometry(r.line)) for r in p.routes)
        return replace(
            registry,
            sites=areas(registry.sites),
            zones=areas(registry.zones),
            districts=areas(registry.districts),
            permits=tuple(replace(p, routes=routes(p)) for p in registry.permits),
        )

    def fixes(self, fixes: pl.DataFrame) -> pl.DataFrame:
        lon, lat = self.degrees(fixes["lon"].to_numpy(), fixes["lat"].to_numpy())
        return fixes.with_columns(lon=pl.Series(lon), lat=pl.Series(lat))


@FEW
@given(lon=st.floats(76, 132), lat=st.floats(19, 52))
def test_another_place(lon: float, lat: float) -> None:
    move = Move(lon, lat)
    found = judge(Made(move.registry(week().registry), move.fixes(week().fixes), []))
    assert told(found) == told(whole())
    key = lambda v: (v.plate, v.rule, v.start_ms)
    for a, b in zip(sorted(whole().violations, key=key), sorted(found.violations, key=key), strict=True):
        x, y = move.degrees(np.array([a.lon]), np.array([a.lat]))
        assert np.hypot(x - b.lon, y - b.lat)[0] < 1e-5, "the place moved along, to a metre"


# -- names and company -------------------------------------------------------------------------------------------------


@FEW
@given(data=st.data())
def test_other_plates(data: st.DataObject) -> None:
    plates = [v.plate for v in week().registry.vehicles]
    text = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), min_size=1, max_size=8)
    names = data.draw(st.lists(text, min_size=len(plates), max_size=len(plates), unique=True))
    new, old = dict(zip(plates, names, strict=True)), dict(zip(names, plates, strict=True))
    registry = week().registry
    registry = replace(
        registry,
        vehicles=tuple(replace(v, plate=new[v.plate]) for v in registry.vehicles),
        whitelist=tuple(replace(w, plate=new[w.plate]) for w in registry.whitelist),
        permits=tuple(replace(p, plates=tuple(new[x] for x in p.plates)) for p in registry.permits),
    )
    fixes = arrange(week().fixes.with_columns(pl.col("plate").replace_strict(new)))[0]
    assert told(judge(Made(registry, fixes, [])), name=old.__getitem__) == told(whole())


def parked(plate: str, lon: float, lat: float, every_s: int, seed: int) -> pl.DataFrame:
    """A truck that stands all week, its positions trembling by some metres, ignition off."""
    times = np.arange(week().fixes["time_ms"].min(), week().fixes["time_ms"].max(), every_s * 1000)
    tremble = np.random.default_rng(seed).normal(0, 4e-5, (2, len(times)))
    row = dict.fromkeys(FIX_SCHEMA) | dict(
        plate=plate, terminal="t", datum="wgs84", speed_kmh=0.0, acc=False, valid=True
    )
    frame = pl.DataFrame([row], schema=FIX_SCHEMA).select(pl.all().repeat_by(len(times)).explode())
    return frame.with_columns(
        time_ms=pl.Series(times), lon=pl.Series(lon + tremble[0]), lat=pl.Series(lat + tremble[1])
    ).cast(pl.Schema(FIX_SCHEMA))


@FEW
@given(data=st.data())
def test_trucks_that_do_nothing(data: st.DataObject) -> None:
    sites = week().registry.sites
    places = [(s.polygon.centroid.x, s.polygon.centroid.y) for s in sites if s.kind != "construction"]
    frames = [week().fixes]
    for k in range(data.draw(st.integers(1, 6))):
        lon, lat = data.draw(st.sampled_from(places))
        beside = data.draw(st.sampled_from([0.0, 0.01]))  # in a site, or a kilometre from it
        frames.append(parked(data.draw(st.sampled_from(["苏A", "苏Z", "A"])) + f"idle{k}", lon + beside, lat, 300, k))
    found = judge(Made(week().registry, arrange(pl.concat(frames))[0], []))
    busy = {v.plate for v in week().registry.vehicles}
    assert not [v for v in found.violations if v.plate not in busy]
    kept = Findings(
        found.violations,
        found.trips,
        [s for s in found.stops if s.plate in busy],
        [h for h in found.health if h.plate in busy],
    )
    assert told(kept) == told(whole())


# -- order, repeats, fewer fixes ---------------------------------------------------------------------------------------


@FEW
@given(seed=st.integers(0, 2**32 - 1), again=st.floats(0, 1))
def test_order_and_repeats(seed: int, again: float) -> None:
    fixes, rng = week().fixes, np.random.default_rng(seed)
    twice = pl.concat([fixes, fixes.filter(rng.random(fixes.height) < again)])
    mixed = arrange(twice[rng.permutation(twice.height).tolist()])[0]
    found = judge(Made(week().registry, mixed, []))
    assert found.violations == whole().violations, "to the last figure of the evidence"
    assert told(found) == told(whole())


#: Of a fix every 15 to 30 s every second one is left out: what is shorter than two fixes then may go, and the edges of
#: corridors and zones move. At most so much of what was found is lost, and of what is found is new.
LOST_SHARE, NEW_SHARE = 0.06, 0.04


@pytest.mark.parametrize("odd", [0, 1])
def test_every_second_fix(odd: int) -> None:
    number = pl.int_range(pl.len()).over("plate", "terminal")
    found = judge(Made(week().registry, week().fixes.filter(number % 2 == odd), []))
    lost, new = unlike(whole(), found), unlike(found, whole())
    brief = {"quiet_zone", "no_entry", "overspeed"}  # thirty seconds are asked of these, two fixes of what is left
    lost = [s for s in lost if not (s.rule in brief and s.length_s < 120)]
    assert len(lost) <= LOST_SHARE * len(whole().violations), "\n".join(map(str, lost))
    assert len(new) <= NEW_SHARE * len(found.violations), "\n".join(map(str, new))


def unlike(before: Findings, after: Findings) -> list[Stretch]:
    """What `before` holds and `after` does not, by the same measure as accuracy."""
    stretch = lambda v, kind: Stretch(v.rule, v.plate, v.start_ms / 1000, v.end_ms / 1000, kind)
    truth = [stretch(v, "positive") for v in before.violations]
    scores = compare([stretch(v, "found") for v in after.violations], truth).rules
    return [s for score in scores.values() for s in score.missed]
