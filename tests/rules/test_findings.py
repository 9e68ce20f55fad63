"""Trips, stops and violations say where and when, and their ids hang on nothing else."""

from __future__ import annotations

from fleet import DAY_MS, NIGHT_MS, Drive, deg, ground

from ingest.arrange import arrange
from rules.engine import judge_all
from rules.findings import Findings
from rules.health import Knowledge


def night() -> Findings:
    truck = Drive().sensors("empty").stand(300).sensors("full").stand(120).go(3000, 0).go(3000, 150, 9).stand(30)
    truck.sensors("empty").stand(150).go(3000, 0, 9).go(0, 0).stand(1200)
    return judge_all(arrange(truck.fixes())[0], ground(), Knowledge())[0]


def near(lon: float, lat: float, x_m: float, y_m: float) -> bool:
    at = deg(x_m, y_m)
    return abs(lon - at[0]) < 1e-4 and abs(lat - at[1]) < 1e-4


def test_stops_are_where_the_truck_stood() -> None:
    stops = night().stops
    assert [s.site_id for s in stops] == ["CON1", None, "CON1"]
    assert [s.kind for s in stops] == ["construction", "unknown", "construction"]
    assert near(stops[0].lon, stops[0].lat, 0, 0) and near(stops[1].lon, stops[1].lat, 3000, 150)


def test_a_trip_runs_from_loading_to_leaving_the_load() -> None:
    (trip,) = night().trips
    assert trip.origin_site == "CON1" and trip.disposal_site is None and trip.permit_no == "P1"
    assert trip.loaded_ms == NIGHT_MS + 300_000
    assert abs(trip.left_ms - NIGHT_MS - 415_000) < 10_000
    assert trip.dumped_ms is not None and abs(trip.dumped_ms - NIGHT_MS - 785_000) < 15_000
    assert 2900 < trip.distance_m < 3200
    assert trip.dump_lon is not None and trip.dump_lat is not None and near(trip.dump_lon, trip.dump_lat, 3000, 150)


def test_a_dumping_belongs_to_its_trip_company_and_district() -> None:
    found = night()
    (dumping,) = (v for v in found.violations if v.rule == "unauthorised_dumping")
    assert dumping.trip_id == found.trips[0].trip_id
    assert (dumping.company_id, dumping.district_id, dumping.permit_no) == ("C1", "D1", "P1")
    assert near(dumping.lon, dumping.lat, 3000, 150)


def test_ids_do_not_change() -> None:
    """Other systems keep these ids: a change here breaks them."""
    found = night()
    (dumping,) = (v for v in found.violations if v.rule == "unauthorised_dumping")
    assert found.trips[0].trip_id == "3ca1fdce8c6822c0ec89"
    assert dumping.violation_id == "a86b87f8f3d45cb736aa"


def test_a_truck_nobody_registered_is_judged_without_a_company() -> None:
    truck = Drive("皖E99999", "x", DAY_MS).stand(400).go(6000, 0).stand(600)
    found = judge_all(arrange(truck.fixes())[0], ground(), Knowledge())[0]
    assert {(v.rule, v.company_id) for v in found.violations} == {
        ("daytime_not_whitelisted", None),
        ("no_permit", None),
    }
