"""What is known of the fleet: its roads, the places where bodies are raised, and what a stand is worth beside them."""

from __future__ import annotations

from dataclasses import replace

import polars as pl
import pytest
from fleet import NIGHT_MS, Drive, deg, ground, town
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.arrange import arrange
from ingest.fix import FIX_SCHEMA
from rules.engine import judge_all
from rules.findings import TerminalHealth
from rules.fleet import Fleet, Survey, on_time, surveyed
from rules.ground import Ground
from rules.health import Knowledge
from rules.readings import with_readings


def fleet_fixes(trucks: int = 4) -> pl.DataFrame:
    """Trucks that drive the road of the town up and down, so that no stretch of it goes unseen."""
    drives = [Drive(f"苏B0000{n}", f"b{n}", NIGHT_MS + n * 3_000, every_s=3) for n in range(trucks)]
    return pl.concat([d.go(6000, 0).go(0, 0, 40).fixes() for d in drives])


def raised(plate: str, x_m: float, y_m: float, at_speed: bool = False) -> pl.DataFrame:
    truck = Drive(plate, plate).sensors(None, at_speed).at(0, 900).go(x_m, y_m, 40).sensors(None, True).stand(60)
    return truck.sensors(None, at_speed).go(0, 900, 40).fixes()


def test_a_road_is_where_several_trucks_drive_fast() -> None:
    known = surveyed(fleet_fixes())
    assert known.on_road(*deg(3000, 10)) is True
    assert known.on_road(*deg(3000, 250)) is False
    passed = surveyed(pl.concat([fleet_fixes(), Drive("苏B1", "b", every_s=60).at(0, 900).go(6000, 900).fixes()]))
    assert passed.on_road(*deg(3000, 900)) is False, "a fix or two make no road"
    assert Fleet().on_road(*deg(3000, 10)) is None


def test_a_place_is_where_several_healthy_trucks_raise_their_bodies() -> None:
    here = deg(3000, 900)
    two = pl.concat([raised("苏B1", 3000, 900), raised("苏B2", 3020, 890)])
    assert surveyed(two).known_place(*here)
    assert not surveyed(raised("苏B1", 3000, 900)).known_place(*here)
    assert not surveyed(two).known_place(*deg(3000, 1200))
    ill = pl.concat([raised("苏B1", 3000, 900, at_speed=True), raised("苏B2", 3000, 900, at_speed=True)])
    assert not surveyed(ill).known_place(*here), "their sensors say so on the road, too"


@settings(deadline=None, max_examples=15)
@given(st.lists(st.integers(1, 200), max_size=4), st.randoms())
def test_neither_order_nor_cut_matters(cuts: list[int], random: object) -> None:
    fixes = pl.concat([fleet_fixes(2), raised("苏B1", 3000, 900)])
    survey = Survey()
    rows = fixes.sample(fraction=1.0, shuffle=True, seed=random.randint(0, 10**6))  # type: ignore[attr-defined]
    for a, b in zip([0, *sorted(cuts)], [*sorted(cuts), rows.height], strict=True):
        survey.add(rows[a:b])
    assert replace(survey.learnt(), clocks_ms={}) == replace(surveyed(fixes), clocks_ms={})


def test_it_survives_being_written_down() -> None:
    known = surveyed(pl.concat([fleet_fixes(), raised("苏B1", 3000, 900)]))
    assert known.roads and known.places
    assert Fleet.from_json(known.to_json()) == known
    assert Fleet.from_json(Fleet().to_json()) == Fleet() == surveyed(pl.DataFrame(schema=FIX_SCHEMA))
    for text in ("{}", "[]", '{"roads": [[1, 2]], "places": 3}'):
        with pytest.raises(ValueError, match="fleet"):
            Fleet.from_json(text)


def arriving(off_ms: int, trucks: int = 8) -> pl.DataFrame:
    """Fixes of trucks in order of arrival, of which the first has a clock that is off."""
    drives = [Drive(f"苏B0000{n}", f"b{n}", NIGHT_MS + n * 700, every_s=5) for n in range(trucks)]
    fixes = pl.concat([d.go(6000, 0).fixes() for d in drives]).sort("time_ms")
    return fixes.with_columns(
        time_ms=pl.col("time_ms") + pl.when(pl.col("plate") == "苏B00000").then(off_ms).otherwise(0)
    )


@pytest.mark.parametrize("hours", [8, -8])
def test_a_clock_that_is_eight_hours_off_is_told_by_who_was_heard_beside_it(hours: int) -> None:
    fixes, honest = arriving(hours * 3_600_000), arriving(0)
    known = surveyed(fixes)
    assert known.clocks_ms == {("苏B00000", "b0"): -hours * 3_600_000}
    assert Fleet.from_json(known.to_json()) == known
    assert on_time(arrange(fixes)[0], known).equals(arrange(honest)[0])
    (one,) = with_readings([TerminalHealth("苏B00000", "b0", 5, 9, 1, 1.0, "wgs84")], known)
    assert one.faults["clock"]["since_ms"] == 5 and "8 h" in one.faults["clock"]["why"]


def test_a_clock_is_not_doubted_without_proof() -> None:
    for off_ms in (0, 3 * 3_600_000):
        assert surveyed(arriving(off_ms)).clocks_ms == {}
    assert surveyed(arrange(arriving(8 * 3_600_000))[0]).clocks_ms == {}, "sorted by truck: no order of arrival"
    assert surveyed(arriving(8 * 3_600_000, trucks=3)).clocks_ms == {}, "too few trucks beside it"


def halted(y_m: float, seconds: float, home: bool = False) -> Drive:
    """A trip without sensors that ends in a halt at speed, `y_m` off the road, and no delivery."""
    truck = Drive().stand(300).go(4000, 0)
    if y_m:
        truck.go(4000, y_m, 20)
    truck.stand(seconds)
    if y_m:
        truck.go(4000, 0, 20)
    truck.go(0, 0)
    return truck.go(0, 2500).stand(1200) if home else truck.stand(300).go(500, 0)


def dumpings(truck: Drive, fleet: Fleet, here: Ground | None = None) -> int:
    found, _ = judge_all(arrange(truck.fixes())[0], here or ground(), Knowledge(fleet=fleet))
    return sum(v.rule == "unauthorised_dumping" for v in found.violations)


def test_a_stand_off_the_known_roads_is_told_without_creeping() -> None:
    known = surveyed(fleet_fixes())
    assert dumpings(halted(250, 200), known) == 1
    assert dumpings(halted(0, 200), known) == 1, "longer than any light, turned back, at the far end"
    assert dumpings(halted(0, 100), known) == dumpings(halted(0, 100), Fleet()) == 1
    assert dumpings(halted(0, 40), known) == 0


def test_a_place_where_others_raise_their_bodies_is_a_sign() -> None:
    known = surveyed(fleet_fixes())
    place = surveyed(pl.concat([raised("苏B1", 4000, 120), raised("苏B2", 4000, 130)])).places
    near = halted(120, 80, home=True)
    assert dumpings(near, Fleet(known.roads, place)) == 1


def test_a_delivery_that_may_have_gone_unseen_asks_for_more() -> None:
    def trip(gap_s: float) -> Drive:
        truck = Drive().stand(300).go(5000, 0).stand(100).go(5850, 0).silent(gap_s)
        return truck.at(5700, 0).go(0, 0).stand(300).go(500, 0)

    assert dumpings(trip(10), Fleet()) == 1
    assert dumpings(trip(400), Fleet()) == 0, "it was last seen before the gate of a disposal site"
    closed = Ground(town(sites=tuple(s for s in town().sites if s.site_id != "DIS1")))
    assert dumpings(trip(400), Fleet(), closed) == 1, "there is nothing to deliver to"
