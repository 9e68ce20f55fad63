"""Where and when a load was taken on and left: the choice among stays, sites and signs, and its limits."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from fleet import deg, ground, square, town
from test_cases import drive, registry_of
from test_stays import motion, site

from ingest.arrange import arrange
from rules.annotate import FAST, SLOW, STILL
from rules.engine import judge_all
from rules.findings import Trip
from rules.fleet import Fleet
from rules.ground import NOWHERE, Ground
from rules.hauls import SEEN_SLACK_MS, load_visits, site_at, stay_at
from rules.health import Knowledge
from rules.registry import Site
from rules.stays import Stay, stays_of
from rules.wild import likeliest


def stand(start_s: int, end_s: int, *, silence: bool = False, still_s: int | None = None) -> Stay:
    still = (end_s - start_s if still_s is None else still_s) * 1000
    return Stay(start_s * 1000, end_s * 1000, 0, 0, still, start_s * 1000, end_s * 1000, 5, silence)


def test_the_stand_that_holds_an_instant_comes_before_nearer_ones_and_a_silence_before_all() -> None:
    near, holding, dark = stand(0, 95), stand(100, 200), stand(90, 300, silence=True)
    assert stay_at([near, holding], 100_000) == holding
    assert stay_at([near, holding], 97_000) == near
    assert stay_at([near, holding, dark], 150_000) == dark
    assert stay_at([holding, stand(90, 300, silence=True)], 90_000) == holding, "the silence begins after its first ms"


def test_a_stand_too_far_off_is_none() -> None:
    slack_s = SEEN_SLACK_MS // 1000
    assert stay_at([stand(100, 200)], (200 + slack_s) * 1000) is not None
    assert stay_at([stand(100, 200)], (201 + slack_s) * 1000) is None
    assert stay_at([], 0) is None


def test_of_two_stands_as_near_the_longer_one() -> None:
    assert stay_at([stand(0, 95, still_s=10), stand(105, 200, still_s=90)], 100_000) == stand(105, 200, still_s=90)
    assert stay_at([stand(0, 95, still_s=90), stand(105, 200, still_s=10)], 100_000) == stand(0, 95, still_s=90)


def test_the_site_of_a_stay_is_where_most_of_it_was_spent() -> None:
    rows = {"site": [site(NOWHERE, 0, 100), site(2, 110, 150), site(NOWHERE, 160, 170), site(3, 180, 400)]}
    assert site_at(rows, stand(90, 190), 90_000) == 2
    assert site_at(rows, stand(90, 390), 90_000) == 3
    assert site_at(rows, None, 165_000) == NOWHERE
    assert site_at(rows, None, 400_000) == 3 and site_at(rows, None, 401_000) == NOWHERE


@pytest.mark.parametrize(
    ("seconds", "lead_ms", "visits"), [(150, -1, 1), (149, -1, 0), (145, 10_000, 1), (144, 10_000, 0)]
)
def test_a_visit_loads_from_its_shortest_length_on(seconds: int, lead_ms: int, visits: int) -> None:
    assert len(load_visits([site(0, 100, 100 + seconds)._replace(lead_ms=lead_ms)], ground())) == visits
    assert not load_visits([site(1, 100, 900)], ground()), "nobody loads at a disposal site"


def test_the_way_of_a_long_leg_to_a_visit_was_driven_and_no_stand() -> None:
    after = site(0, 500, 560)._replace(lead_ms=400_000)
    assert load_visits([after._replace(lead_mm=2_200_000)], ground()), "400 s less 220 s, half of it, and 60 s seen"
    assert not load_visits([after._replace(lead_mm=2_210_000)], ground())


@pytest.mark.parametrize(("y_m", "kind", "visits"), [(95, "wash", 0), (70, "wash", 1), (95, "construction", 1)])
def test_standing_at_the_edge_towards_another_kind_of_site_is_no_loading(y_m: int, kind: str, visits: int) -> None:
    beside = Site("NEXT", "隔壁", kind, square(0, 130, 20))
    there = Ground(replace(town(), sites=(*town().sites, beside)))
    (x,), (y,) = there.plane.to_m(*(np.array([v]) for v in deg(0, y_m)))
    at = site(0, 100, 400)
    stood = at._replace(sum_x_dm=round(10 * x * at.n), sum_y_dm=round(10 * y * at.n))
    assert len(load_visits([stood], there)) == visits


def test_a_night_in_the_depot_beside_a_place_for_muck_hides_no_delivery() -> None:
    """A truck without sensors leaves its load off the road and rests in a depot, where its terminal falls silent."""
    depot = Site("DEP2", "停车场", "depot", square(6000, -250))
    made = replace(town(), sites=(*town().sites, depot))
    wild = ["stand 400", "go 3000,0", "stand 20", "go 3000,900 12", "stand 170", "go 3000,0 12", "stand 20"]
    for night in (["stand 60", "silent 500", "stand 600"], ["stand 600"]):
        fixes, _ = arrange(drive({"name": "", "steps": [*wild, "go 6000,0", "go 6000,-250", *night, "go 5000,0"]}))
        found, _ = judge_all(fixes, Ground(made), Knowledge())
        assert [v.rule for v in found.violations if v.rule == "unauthorised_dumping"] == ["unauthorised_dumping"]


def test_a_likely_dumping_goes_before_a_silence_after_it() -> None:
    there = ["stand 400", "go 3000,0", "stand 20", "go 3000,900 12", "stand 130", "go 3500,300 12", "stand 20"]
    steps = [*there, "go 3000,0", "silent 900", "at 1000,0", "go 0,0", "stand 200", "go 500,0"]
    fixes, _ = arrange(drive({"name": "", "steps": steps}))
    found, _ = judge_all(fixes, Ground(registry_of({})), Knowledge())
    rules = [v.rule for v in found.violations]
    assert "unauthorised_dumping" in rules and "signal_loss" not in rules, "not quite straight back, but so told"


def trips(steps: list[str], **more: Any) -> list[Trip]:
    fixes, _ = arrange(drive({"name": "", "steps": steps, **more}))
    found, _ = judge_all(fixes, Ground(registry_of(more.get("town", {}))), Knowledge())
    first_ms = int(fixes["time_ms"][0])
    ms = lambda at: None if at is None else (at - first_ms) // 1000
    return [
        (ms(t.loaded_ms), ms(t.left_ms), ms(t.dumped_ms), t.origin_site, t.disposal_site, t.distance_m)
        for t in found.trips
    ]  # type: ignore[misc]


def test_a_delivery_is_a_trip_from_pulling_away_to_the_stand() -> None:
    steps = ["load empty", "stand 300", "load full", "stand 120", "go 6000,0", "stand 60", "load empty", "stand 200"]
    ((loaded, left, dumped, *places, metres),) = trips([*steps, "go 0,0", "stand 60"])
    assert (loaded, left) == (300, pytest.approx(420, abs=10))
    assert dumped == pytest.approx(1015, abs=15) and places == ["CON1", "DIS1"]
    assert metres == pytest.approx(6000, abs=120)


def test_who_loads_moves_up_and_stands_again_left_at_the_second_stand() -> None:
    steps = ["load empty", "stand 300", "load full", "stand 120", "go 60,0 6", "stand 200", "go 6000,0", "stand 60"]
    ((_, left, *_),) = trips([*steps, "load empty", "stand 200", "go 0,0"])
    assert left == pytest.approx(300 + 120 + 36 + 200, abs=15)


def test_without_sensors_a_second_visit_to_the_gate_is_not_another_load() -> None:
    found = trips(["stand 200", "go 6000,0", "stand 300", "go 0,0", "stand 200", "go 6000,0", "stand 300", "go 3000,0"])
    assert [(t[3], t[4]) for t in found] == [("CON1", "DIS1")] * 2
    assert found[1][1] == pytest.approx(200 + 600 + 300 + 600 + 200, abs=20)


def test_without_sensors_the_longest_stand_of_a_visit_is_the_unloading() -> None:
    steps = ["stand 200", "go 5950,0", "stand 60", "go 6040,0 6", "stand 400", "go 5000,0", "go 0,0"]
    ((_, _, dumped, *_),) = trips(steps)
    assert dumped == pytest.approx(200 + 595 + 60 + 54, abs=25)


def test_without_sensors_a_closed_site_takes_a_load_only_where_no_open_one_does() -> None:
    past_closed = ["stand 200", "go 3000,0", "go 3000,1500", "stand 200", "go 3000,0", "go 6000,0", "stand 300"]
    assert [t[4] for t in trips([*past_closed, "go 0,0"])] == ["DIS1"]
    only_closed = ["stand 200", "go 3000,0", "go 3000,1500", "stand 200", "go 3000,0", "go 0,0", "stand 300", "go 50,0"]
    assert [t[4] for t in trips(only_closed)] == ["OLD1"]


def test_a_sensor_that_first_takes_a_load_away_tells_of_no_trip() -> None:
    assert not trips(
        ["load full", "at 2000,0", "stand 60", "go 6000,0", "stand 60", "load empty", "stand 200", "go 0,0"]
    )


def guessed(stand_s: int, *, beyond_m: float = 0.0) -> float:
    """How sure a stand off every site is the dumping of a truck without sensors, which may have been farther out."""
    steps = ["stand 200", f"go {3000 + beyond_m},0", "stand 20", "go 3000,0", "go 3000,300 12", f"stand {stand_s}"]
    fixes, _ = arrange(drive({"name": "", "steps": [*steps, "go 3000,0 12", "go 0,0", "stand 200", "go 500,0"]}))
    found, _ = judge_all(fixes, Ground(registry_of({})), Knowledge())
    return max((v.confidence for v in found.violations if v.rule == "unauthorised_dumping"), default=0.0)


def test_longer_than_any_light_is_one_sign_more() -> None:
    assert guessed(170) > guessed(130) > 0
    assert guessed(40) == 0, "traffic lights are shorter than a minute"
    assert guessed(1900) == 0, "who stands longer rests"


def test_a_stand_by_the_far_end_of_the_trip_is_one_sign_more() -> None:
    assert guessed(130) > guessed(130, beyond_m=2000)


def test_how_far_a_stand_is_counts_from_where_it_was_loaded() -> None:
    there = ((FAST, 100, 0, 5000), (FAST, 100, 0, 8900), (SLOW, 20, 0, 9000), (STILL, 100, 0, 9000))
    rows = motion(*there, (SLOW, 20, 0, 8900), (FAST, 100, 0, 5000))
    stay = stays_of(rows, 600_000)[0]
    wild = likeliest([(stay, NOWHERE)], 100_000, 400_000, {"motion": rows}, ground(), Fleet())
    assert wild is not None and wild.stay == stay
    assert wild.signs == pytest.approx(3, abs=0.05), "off the road, back the way it came, far out"
