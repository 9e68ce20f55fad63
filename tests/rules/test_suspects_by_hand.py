"""Suspected places from violations, stops and trips made by hand: grades, confidence, ids, reach."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from fleet import NIGHT_MS, deg, town
from msgspec.structs import replace as revised

from rules.findings import Stop, Trip, Violation
from rules.policy import Policy
from rules.registry import Registry
from rules.suspects import EVIDENCE_VISITS, GATE_M, suspects

REACH_M = Policy().suspect_reach_m


def dumping(plate: str, x_m: float, y_m: float, minute: int = 0, signs: tuple[str, ...] = ("load",)) -> Violation:
    start = NIGHT_MS + minute * 60_000
    lon, lat = deg(x_m, y_m)
    evidence = {"unloaded_by": list(signs)}
    return Violation("unauthorised_dumping", plate, start, start + 120_000, lon, lat, 0.9, 20, evidence=evidence)


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
    cases = [revised(dumping(f"苏A{n}", 0, 2500, n), site_id="DEP1") for n in range(4)]
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
