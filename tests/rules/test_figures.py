"""In every story that fires, the violation's figures agree with the track it came from, and its place lies on it."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest
from fleet import LAT0, LON0, M_PER_DEG_LAT, M_PER_DEG_LON
from test_cases import CASES, drive, registry_of

from ingest.arrange import arrange
from rules.engine import judge_all
from rules.findings import Violation
from rules.ground import Ground
from rules.health import Knowledge

FIRING = [(rule, case) for rule, case in CASES if case["expect"]]
EDGE_MS = 40_000  # stretches reach half a leg beyond their fixes
#: These count the fixes of all stretches that they touch, also what of them lies before or after the laden leg.
WHOLE_STRETCHES = {"off_route", "uncovered_load"}
SPEEDS = {"quiet_zone", "no_entry", "daytime_not_whitelisted", "uncovered_load", "overspeed"}


def judged(case: dict[str, Any]) -> tuple[pl.DataFrame, list[Violation]]:
    fixes, _ = arrange(drive(case))
    found, _ = judge_all(fixes, Ground(registry_of(case.get("town", {}))), Knowledge())
    return fixes, found.violations


def within(fixes: pl.DataFrame, v: Violation, edge_ms: int = EDGE_MS) -> pl.DataFrame:
    return fixes.filter(pl.col("time_ms").is_between(v.start_ms - edge_ms, v.end_ms + edge_ms))


def metres(fixes: pl.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    lon, lat = fixes["lon"].to_numpy(), fixes["lat"].to_numpy()
    return (lon - LON0) * M_PER_DEG_LON, (lat - LAT0) * M_PER_DEG_LAT


@pytest.mark.parametrize(("rule", "case"), FIRING, ids=[f"{rule}: {case['name']}" for rule, case in FIRING])
def test_figures_are_those_of_the_track(rule: str, case: dict[str, Any]) -> None:
    fixes, found = judged(case)
    for v in (v for v in found if v.rule == rule):
        told, span = dict(v.evidence), within(fixes, v)
        seconds = (v.end_ms - v.start_ms) // 1000
        for key in {"duration_s", "silent_s"} & told.keys():
            assert told[key] == seconds, key
        for key in (k for k in told if k.endswith("_s") and k != "banned_s"):
            assert 0 < told[key] <= seconds + 1, key
        assert 0 <= told.get("banned_s", 0) <= told.get("driving_s", 0)
        most = fixes.height if rule in WHOLE_STRETCHES else span.height
        for key in (k for k in told if k.startswith("fixes_")):
            assert 1 <= told[key] <= most, key
        if "top_speed_kmh" in told:
            fastest = float(span["speed_kmh"].max())  # type: ignore[arg-type]
            assert told["top_speed_kmh"] == round(fastest, 1) or rule not in SPEEDS
        if "distance_m" in told:
            x, y = metres(span)
            assert 0 < told["distance_m"] <= 1.02 * np.hypot(np.diff(x), np.diff(y)).sum() + 5


@pytest.mark.parametrize(("rule", "case"), FIRING, ids=[f"{rule}: {case['name']}" for rule, case in FIRING])
def test_places_lie_where_the_truck_was(rule: str, case: dict[str, Any]) -> None:
    fixes, found = judged(case)
    for v in (v for v in found if v.rule == rule):
        span = within(fixes, v)
        if rule == "outside_hours":  # tells where the driving began of which it is a part
            span = fixes.filter(pl.col("time_ms") <= v.end_ms)
        x, y = metres(span)
        at_x, at_y = (v.lon - LON0) * M_PER_DEG_LON, (v.lat - LAT0) * M_PER_DEG_LAT
        assert x.min() - 30 <= at_x <= x.max() + 30 and y.min() - 30 <= at_y <= y.max() + 30


def fired(rule: str, steps: list[str], **more: Any) -> Violation:
    _, found = judged({"name": "", "steps": steps, **more})
    (one,) = [v for v in found if v.rule == rule]
    return one


LOADED = ["load empty", "stand 300", "load full", "stand 120"]
EMPTIED = ["load empty", "stand 200"]


def test_a_haul_without_permit_tells_its_length_and_where_it_left() -> None:
    v = fired("no_permit", [*LOADED, "go 6000,0", "stand 60", *EMPTIED, "go 0,0"], town={"permit": "none"})
    assert v.evidence["distance_m"] == pytest.approx(6000, abs=150)
    assert v.evidence["duration_s"] == pytest.approx(580, abs=40)
    x, y = metres(pl.DataFrame({"lon": [v.lon], "lat": [v.lat]}))
    assert abs(x[0]) < 200 and abs(y[0]) < 20


def test_a_daytime_drive_begins_where_the_truck_pulled_away() -> None:
    v = fired(
        "daytime_not_whitelisted",
        ["at 500,-700", "go 2500,100 36.4", "stand 60", "go 4500,900", "stand 30"],
        start="10:00",
    )
    x, y = metres(pl.DataFrame({"lon": [v.lon], "lat": [v.lat]}))
    assert abs(x[0] - 500) < 400 and abs(y[0] + 700) < 200
    assert v.evidence["distance_m"] == pytest.approx(np.hypot(4000, 1600), rel=0.05)
    assert v.evidence["top_speed_kmh"] == 36.4


def test_a_passage_counts_the_ground_and_the_time_inside() -> None:
    v = fired("quiet_zone", ["at 2000,0", "go 4000,0 18"], start="23:00")
    assert v.evidence["distance_m"] == pytest.approx(350, abs=55), "between the first and the last fix inside"
    assert v.evidence["inside_s"] == pytest.approx(80, abs=10)
    assert v.evidence["top_speed_kmh"] == 18.0
    x, _ = metres(pl.DataFrame({"lon": [v.lon], "lat": [v.lat]}))
    assert abs(x[0] - 3000) < 60, "the middle of the passage"


def test_the_longer_inside_the_surer() -> None:
    slow = fired("quiet_zone", ["at 2000,0", "go 4000,0 12"], start="23:00")
    fast = fired("quiet_zone", ["at 2000,0", "go 4000,0 36"], start="23:00")
    assert 0.5 <= fast.confidence < slow.confidence <= 1


def test_lift_and_load_together_are_surer_than_the_load_alone_and_that_than_a_stay() -> None:
    by_load = [*LOADED, "go 3000,0", "go 3000,400 12", "stand 60", *EMPTIED, "go 3000,0 12", "go 0,0"]
    both = [*LOADED, "go 3000,0", "go 3000,400 12", "lift up", "stand 60", "load empty", "stand 60", "lift down"]
    alone = fired("unauthorised_dumping", by_load)
    together = fired("unauthorised_dumping", [*both, "stand 60", "go 3000,0 12", "go 0,0"])
    assert alone.confidence < together.confidence
    assert (alone.evidence["grade"], together.evidence["grade"]) == ("B", "A")


def test_a_load_left_at_a_depot_is_less_sure_than_one_left_in_a_field() -> None:
    depot = fired("unauthorised_dumping", [*LOADED, "go 0,2500", "stand 60", *EMPTIED, "go 1500,2500"])
    field = fired("unauthorised_dumping", [*LOADED, "go 1500,2500", "stand 60", *EMPTIED, "go 3000,2500"])
    assert depot.site_id == "DEP1" and depot.evidence["site_in_force"] and field.site_id is None
    assert depot.confidence < field.confidence


def test_breaches_of_one_haul_are_as_sure_as_its_unloading() -> None:
    by_visit = ["stand 200", "go 2000,0", "go 2000,900", "go 4000,900", "go 4000,0", "go 6000,0", "stand 300", "go 0,0"]
    by_load = [*LOADED, *by_visit[1:6], "stand 60", *EMPTIED, "go 0,0"]
    assert fired("off_route", by_visit).confidence <= fired("off_route", by_load).confidence


def test_a_load_carried_to_the_end_of_the_tracks_is_still_off_route() -> None:
    v = fired("off_route", [*LOADED, "go 2000,0", "go 2000,900", "go 4000,900", "go 4000,0", "go 5000,0"])
    assert 0.5 < v.confidence < 0.95, "nobody saw it unloaded"
