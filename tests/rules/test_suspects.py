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
from rules.findings import Findings, Stop, SuspectedSite, Trip, Violation
from rules.health import learn
from rules.policy import Policy
from rules.registry import Registry
from rules.suspects import EVIDENCE_VISITS, GATE_M, suspects

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


# -- by hand ---------------------------------------------------------------------------------------------------------


def dumping(plate: str, x_m: float, y_m: float, minute: int = 0, signs: tuple[str, ...] = ("load",)) -> Violation:
    start = NIGHT_MS + minute * 60_000
    lon, lat = deg(x_m, y_m)
    evidence = {"unloaded_by": list(signs)}
    return Violation("unauthorised_dumping", plate, start, start + 120_000, lon, lat, 0.9, 20, evidence=evidence)


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


@pytest.mark.parametrize(("apart_m", "together"), [(2 * REACH_M - 3, True), (2 * REACH_M + 3, False)])
def test_stays_are_at_one_place_when_their_reaches_touch(apart_m: float, together: bool) -> None:
    cases = [dumping("苏A00001", 3000, 800), dumping("苏A00002", 3000 + apart_m, 800)]
    assert len(suspects([], [], cases, town())) == together


def test_ids_go_by_place_and_kind() -> None:
    spots = (1500, 1500 + 2 * REACH_M + 5, 4500)
    cases = [dumping(f"苏A{k}{n}", x, 800, n) for n in range(3) for k, x in enumerate(spots)]
    found = suspects([], [], cases, town())
    later = suspects([], [], [*cases, dumping("苏A00009", 1500, 800, 600)], town())
    assert len({p.suspect_id for p in found}) == 3
    assert {p.suspect_id for p in found} == {p.suspect_id for p in later}
    assert replace(found[0], kind="loading").suspect_id != found[0].suspect_id


def test_grades_say_how_many_signs_there_are() -> None:
    grade = lambda *cases: suspects([], [], list(cases), town())[0].evidence_grade
    at = (3000, 800)
    assert grade(dumping("苏A1", *at), dumping("苏A2", *at, 5)) == "A"
    assert grade(dumping("苏A1", *at), dumping("苏A2", *at, 5, ("turned_back",))) == "B"
    assert grade(*(dumping("苏A1", *at, n, ("load", "lift")) for n in range(4))) == "A"
    assert grade(*(dumping("苏A1", *at, n) for n in range(4))) == "B"
    assert grade(*(dumping(f"苏A{n}", *at, n, ("turned_back",)) for n in range(3))) == "C"


def test_more_trucks_and_better_signs_are_surer() -> None:
    sure = lambda *cases: suspects([], [], list(cases), town())[0].confidence
    at = (3000, 800)
    two = sure(dumping("苏A1", *at), dumping("苏A2", *at, 5))
    assert two < sure(dumping("苏A1", *at), dumping("苏A2", *at, 5), dumping("苏A3", *at, 9)) < 1
    assert two < sure(dumping("苏A1", *at, 0, ("load", "lift")), dumping("苏A2", *at, 5))
    assert two > sure(dumping("苏A1", *at), dumping("苏A2", *at, 5, ("turned_back",)))


def test_a_place_where_many_more_rest_than_act_is_none() -> None:
    cases = [dumping("苏A1", 3000, 800), dumping("苏A2", 3000, 800, 5)]
    lon, lat = deg(3000, 800 + REACH_M / 2)
    rests = [Stop(f"苏B{n}", NIGHT_MS + n, NIGHT_MS + 600_000, lon, lat, None, "unknown") for n in range(9)]
    assert len(suspects([], rests[:8], cases, town())) == 1
    assert suspects([], rests, cases, town()) == []


def test_a_sensor_is_believed_at_a_gate_and_a_pattern_is_not() -> None:
    x = 5900 - GATE_M + 20
    assert len(suspects([], [], [dumping(f"苏A{n}", x, 0, n) for n in range(3)], town())) == 1
    assert suspects([], [], [dumping(f"苏A{n}", x, 0, n, ("turned_back",)) for n in range(3)], town()) == []


def test_a_load_left_in_a_depot_is_no_unknown_place() -> None:
    cases = [replace(dumping(f"苏A{n}", 0, 2500, n), site_id="DEP1") for n in range(4)]
    assert suspects([], [], cases, town()) == []


def test_evidence_lists_the_latest_stays_and_counts_all() -> None:
    cases = [dumping("苏A1", 3000, 800, n) for n in range(EVIDENCE_VISITS + 5)]
    (place,) = suspects([], [], cases, town())
    assert place.visits == EVIDENCE_VISITS + 5
    assert len(place.evidence["stays"]) == EVIDENCE_VISITS
    assert place.evidence["stays"][-1]["start_ms"] == cases[-1].start_ms
    json.dumps(place.evidence, allow_nan=False)


def test_a_registry_without_any_geometry_will_do() -> None:
    bare = Registry(Policy())
    (place,) = suspects([], [], [dumping("苏A1", 0, 0), dumping("苏A2", 0, 0)], bare)
    assert place.district_id is None
    assert suspects([], [], [], bare) == []


def test_a_trip_without_a_violation_is_a_pattern() -> None:
    lon, lat = deg(3000, 800)
    ends = [
        Trip(f"苏A{n}", NIGHT_MS, NIGHT_MS + 1, NIGHT_MS + 9_000 + n, "CON1", None, None, 1, lon, lat) for n in range(3)
    ]
    (place,) = suspects(ends, [], [], town())
    assert (place.evidence_grade, place.evidence["signs"]) == ("C", {"trip_end": 3})


@pytest.mark.parametrize(
    ("policy", "found"),
    [
        (Policy(), 1),
        (Policy(suspect_trucks_min=3), 0),
        (Policy(suspect_trucks_min=3, suspect_visits_min=2), 1),
        (Policy(suspect_days=2), 0),
        (Policy(suspect_days=3), 1),
    ],
)
def test_a_city_sets_how_often_is_often(policy: Policy, found: int) -> None:
    cases = [dumping("苏A1", 3000, 800), dumping("苏A2", 3000, 800, 3 * 24 * 60)]
    assert len(suspects([], [], cases, town(policy=policy))) == found
