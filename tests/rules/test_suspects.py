"""Suspected places: found where trucks leave or take on loads again and again, and nowhere else."""

from __future__ import annotations

import json
import random
from dataclasses import replace

import polars as pl
import pytest
from fleet import NIGHT_MS, Drive, deg, ground, town
from shapely.geometry import Point, shape

from ingest.arrange import arrange
from rules.engine import judge_all
from rules.findings import Findings, Stop, SuspectedSite, Violation
from rules.health import learn
from rules.policy import Policy
from rules.suspects import suspects

DAY_MS = 86_400_000
REACH_M = Policy().suspect_reach_m
WILD = (4000.0, 900.0)  # a track off the road, far from every site
PIT = (2000.0, -900.0)
MEAL = (3500.0, -60.0)  # beside the road


def found_in(*drives: Drive) -> Findings:
    """What the engine makes of the drives."""
    here = ground()
    fixes, _ = arrange(pl.concat([d.fixes() for d in drives]))
    knowledge, _ = learn(fixes, here)
    return judge_all(fixes, here, knowledge)[0]


def places(findings: Findings, rejected: list[Violation] | None = None) -> list[SuspectedSite]:
    refused = {v.violation_id for v in rejected or ()}
    live = [v for v in findings.violations if v.violation_id not in refused]
    return suspects(findings.trips, findings.stops, live, town(), rejected or ())


def near(place: SuspectedSite, at_m: tuple[float, float], metres: float = 100.0) -> bool:
    lon, lat = deg(*at_m)
    return Point((place.lon - lon) * 94_500, (place.lat - lat) * 110_900).distance(Point(0, 0)) <= metres


def night(plate: str, number: int = 0, sensed: bool = True) -> Drive:
    """A truck at the construction site, some nights after the first."""
    drive = Drive(plate, f"t-{plate}", NIGHT_MS + number * DAY_MS).at(0, 0)
    return drive.sensors("empty", False) if sensed else drive


def load(drive: Drive) -> Drive:
    sensed = drive.load is not None
    drive.stand(300)
    return (drive.sensors("full", False) if sensed else drive).stand(200)


def leave(drive: Drive) -> Drive:
    """Leaves the load where the truck stands."""
    sensed = drive.load is not None
    drive.stand(60)
    if sensed:
        drive.sensors("full", True).stand(40).sensors("empty", True).stand(20).sensors("empty", False)
    return drive.stand(90)


def to_wild(drive: Drive, at_m: tuple[float, float] = WILD, rounds: int = 1) -> Drive:
    for _ in range(rounds):
        load(drive)
        drive.go(at_m[0], 0).go(*at_m, kmh=15)
        leave(drive).go(at_m[0], 0, kmh=15).go(0, 0)
    return drive.stand(200)


def honest(drive: Drive, pause_at: tuple[float, float] | None = None, pause_s: float = 0, rounds: int = 2) -> Drive:
    """Hauls to the disposal site; stands on the way, laden or empty."""
    for number in range(rounds):
        load(drive)
        if pause_at and number % 2 == 0:
            drive.go(pause_at[0], 0).go(*pause_at, kmh=12).stand(pause_s).go(pause_at[0], 0, kmh=12)
        drive.go(6000, 0)
        leave(drive)
        if pause_at and number % 2:
            drive.go(pause_at[0], 0).go(*pause_at, kmh=12).stand(pause_s).go(pause_at[0], 0, kmh=12)
        drive.go(0, 0)
    return drive.stand(200)


def from_pit(drive: Drive, rounds: int = 1) -> Drive:
    """Takes on loads where no site is registered."""
    drive.stand(120)
    for _ in range(rounds):
        drive.go(PIT[0], 0).go(*PIT, kmh=15)
        load(drive).go(PIT[0], 0, kmh=15).go(6000, 0)
        leave(drive)
    return drive.go(0, 0).stand(120)


def test_two_trucks_that_dump_at_one_place_make_it_a_dumping_ground() -> None:
    (place,) = places(found_in(to_wild(night("苏A00001")), to_wild(night("苏A00002", 3))))
    assert (place.kind, place.evidence_grade, place.trucks, place.visits) == ("dumping", "A", 2, 2)
    assert near(place, WILD)
    assert shape(json.loads(place.polygon)).contains(Point(place.lon, place.lat))
    assert place.district_id == "D1"
    assert place.first_ms < NIGHT_MS + DAY_MS < place.last_ms
    assert [stay["plate"] for stay in place.evidence["stays"]] == ["苏A00001", "苏A00002"]
    assert all(stay["violation_id"] and stay["trip_id"] for stay in place.evidence["stays"])


def test_one_dumping_is_a_violation_and_no_place() -> None:
    found = found_in(to_wild(night("苏A00001")), honest(night("苏A00002")))
    assert [v.rule for v in found.violations if v.rule == "unauthorised_dumping"] == ["unauthorised_dumping"]
    assert places(found) == []


def test_four_visits_of_one_truck_make_a_place_and_three_do_not() -> None:
    (place,) = places(found_in(to_wild(night("苏A00001"), rounds=4)))
    assert (place.trucks, place.visits) == (1, 4)
    assert places(found_in(to_wild(night("苏A00001"), rounds=3))) == []


def test_a_pit_that_nobody_registered_is_a_loading_place() -> None:
    (place,) = places(found_in(from_pit(night("苏A00001")), from_pit(night("苏A00002"))))
    assert (place.kind, place.evidence_grade, place.trucks) == ("loading", "A", 2)
    assert near(place, PIT)


def test_trucks_without_sensors_give_a_dumping_ground_away_by_coming_back_empty() -> None:
    drives = [to_wild(night(f"苏A0000{n}", sensed=False), rounds=2) for n in (1, 2)]
    (place,) = places(found_in(*drives))
    assert (place.kind, place.evidence_grade, place.trucks) == ("dumping", "C", 2)
    assert near(place, WILD)


def test_trucks_without_sensors_give_a_pit_away_by_what_they_deliver() -> None:
    drives = [from_pit(honest(night(f"苏A0000{n}", sensed=False), rounds=1), rounds=3) for n in (1, 2)]
    (place,) = places(found_in(*drives))
    assert (place.kind, place.evidence_grade) == ("loading", "C")
    assert near(place, PIT)


@pytest.mark.parametrize("sensed", [True, False])
@pytest.mark.parametrize("pause_s", [240, 1500])
def test_meals_and_rests_of_trucks_that_deliver_are_no_place(pause_s: float, sensed: bool) -> None:
    drives = [honest(night(f"苏A0000{n}", sensed=sensed), MEAL, pause_s, rounds=4) for n in (1, 2)]
    found = found_in(*drives)
    assert sum(s.site_id is None for s in found.stops) == 8
    assert places(found) == []


def test_a_meal_place_stays_out_even_where_some_deliveries_were_not_seen() -> None:
    drives = [honest(night(f"苏A0000{n}", sensed=False), MEAL, 900, rounds=4) for n in (1, 2)]
    found = found_in(*drives)
    missed = [s for s in found.stops if s.kind == "disposal"][0::4]
    dark = replace_stops(found, [s for s in found.stops if s not in missed])
    dark.trips = [t for t in dark.trips if not any(t.plate == s.plate and t.dumped_ms in span(s) for s in missed)]
    assert places(dark) == []


def test_queues_at_a_gate_are_no_place() -> None:
    gate = (5850.0, 0.0)  # 50 m before the fence
    drives = [honest(night(f"苏A0000{n}", sensed=False), gate, 400, rounds=4) for n in (1, 2)]
    assert places(found_in(*drives)) == []


def test_what_reviewers_rejected_is_learnt() -> None:
    found = found_in(to_wild(night("苏A00001"), rounds=2), to_wild(night("苏A00002"), rounds=2))
    cases = [v for v in found.violations if v.rule == "unauthorised_dumping"]
    (whole,) = places(found)
    (less,) = places(found, cases[:1])
    assert (whole.visits, less.visits) == (4, 3)
    assert less.confidence < whole.confidence
    assert less.evidence["rejected_here"] == 1
    assert places(found, cases[:2]) == []


def test_one_rejection_is_enough_against_a_mere_pattern() -> None:
    found = found_in(*[to_wild(night(f"苏A0000{n}", sensed=False), rounds=2) for n in (1, 2)])
    case = next(v for v in found.violations if v.rule == "unauthorised_dumping")
    assert len(places(found)) == 1
    assert places(found, [case]) == []


def test_two_dumpings_more_than_a_fortnight_apart_are_no_place() -> None:
    assert places(found_in(to_wild(night("苏A00001")), to_wild(night("苏A00002", 15)))) == []


def test_loads_left_at_a_site_that_is_no_longer_in_force_make_it_a_place() -> None:
    closed = (3000.0, 1500.0)
    (place,) = places(found_in(*[to_wild(night(f"苏A0000{n}"), closed) for n in (1, 2)]))
    assert place.evidence["sites"] == ["OLD1"]
    assert near(place, closed)


def replace_stops(findings: Findings, stops: list[Stop]) -> Findings:
    return replace(findings, stops=stops, trips=list(findings.trips))


def span(stop: Stop) -> range:
    return range(stop.start_ms - 120_000, stop.end_ms + 1)


def test_the_order_of_what_is_given_changes_nothing() -> None:
    found = found_in(
        to_wild(night("苏A00001"), rounds=2),
        to_wild(night("苏A00002", sensed=False), rounds=2),
        from_pit(honest(night("苏A00003")), rounds=2),
        from_pit(honest(night("苏A00004", sensed=False), MEAL, 600), rounds=2),
    )
    first = places(found)
    assert {p.kind for p in first} == {"dumping", "loading"}
    for seed in range(5):
        rng = random.Random(seed)
        parts = [rng.sample(part, len(part)) for part in (found.trips, found.stops, found.violations)]
        assert suspects(*(part + part[:3] for part in parts), town()) == first  # type: ignore[arg-type]
