"""What is merged into one breach, what stays apart, and that a part too short hides no longer one."""

from __future__ import annotations

from typing import Any

import pytest
from test_figures import EMPTIED, LOADED, judged

from rules.findings import Violation


def fired(rule: str, steps: list[str], **more: Any) -> list[Violation]:
    _, found = judged({"name": "", "steps": steps, **more})
    return sorted((v for v in found if v.rule == rule), key=lambda v: v.start_ms)


def laden(*steps: str) -> list[str]:
    return [*LOADED, *steps, "stand 60", *EMPTIED, "go 0,0"]


def apart_s(found: list[Violation]) -> int:
    return (found[1].start_ms - found[0].end_ms) // 1000


OUT = ["go 2000,900", "go 2600,900", "go 2600,0"]  # from the route at x 2000, off it for three minutes, and back


@pytest.mark.parametrize(("between_s", "breaches"), [(560, 1), (760, 2)])
def test_excursions_less_than_ten_minutes_apart_are_one(between_s: int, breaches: int) -> None:
    creep = f"go 3800,0 {1200 / between_s * 3.6:.3f}"  # on the route, and moving all the time
    steps = laden("go 2000,0", *OUT, creep, "go 3800,900", "go 4400,900", "go 4400,0", "go 6000,0")
    found = fired("off_route", steps)
    assert len(found) == breaches
    assert sum(v.evidence["parts"] for v in found) == 2
    assert breaches == 1 or apart_s(found) >= 600


def test_an_excursion_too_short_does_not_hide_a_later_one() -> None:
    short = ["go 1000,0", "go 1000,90", "go 1040,90", "go 1040,0"]
    wait = "go 2000,0 4"  # for a quarter of an hour, so that they are not one
    (one,) = fired("off_route", laden(*short, wait, *OUT, "go 6000,0"))
    assert one.evidence["parts"] == 1 and one.evidence["max_deviation_m"] == pytest.approx(900, abs=20)


@pytest.mark.parametrize(("between_s", "breaches"), [(270, 1), (330, 2)])
def test_passages_less_than_five_minutes_apart_are_one(between_s: int, breaches: int) -> None:
    beyond_m = between_s * 5 - 5  # there and back at 10 m/s
    steps = ["at 2000,0", f"go {3200 + beyond_m},0", "go 2000,0"]
    found = fired("quiet_zone", steps, start="23:00")
    assert len(found) == breaches
    assert sum(v.evidence["inside_s"] for v in found) == pytest.approx(80, abs=12)


def test_a_clipped_corner_does_not_hide_a_later_passage() -> None:
    corner = ["at 2600,-400", "go 2810,-190", "go 2600,-400", "go 2600,-4400", "go 2600,0", "go 4000,0"]
    (one,) = fired("quiet_zone", corner, start="23:00")
    assert one.evidence["inside_s"] == pytest.approx(40, abs=10)


@pytest.mark.parametrize(("halt_s", "breaches"), [(560, 1), (700, 2)])
def test_daytime_drives_less_than_ten_minutes_apart_are_one(halt_s: int, breaches: int) -> None:
    found = fired("daytime_not_whitelisted", ["go 3000,300", f"stand {halt_s}", "go 6000,300"], start="10:00")
    assert len(found) == breaches
    assert sum(v.evidence["driving_s"] for v in found) == pytest.approx(600, abs=25), "the halt is no driving"


def test_a_drive_too_short_does_not_hide_a_later_one() -> None:
    found = fired("daytime_not_whitelisted", ["go 1000,300", "stand 700", "go 6000,300"], start="10:00")
    assert [v.evidence["driving_s"] for v in found] == [pytest.approx(500, abs=15)]


@pytest.mark.parametrize(("halt_s", "driving_s"), [(280, 880), (330, 600)])
def test_only_a_halt_shorter_than_five_minutes_is_laden_driving_during_a_ban(halt_s: int, driving_s: int) -> None:
    steps = laden("go 3000,0", f"stand {halt_s}", "go 6000,0")
    (one,) = fired("outside_hours", steps, town={"ban": "21:00-23:59"})
    assert one.evidence["driving_s"] == one.evidence["banned_s"] == pytest.approx(driving_s, abs=25)
    assert one.evidence["ban_reasons"] == ["重污染天气"]


def test_of_a_drive_that_a_ban_cuts_short_only_the_rest_is_told() -> None:
    (one,) = fired("outside_hours", laden("go 6000,0"), town={"ban": "22:12-23:59"})
    assert one.evidence["driving_s"] == pytest.approx(420 + 600 - 720, abs=15)
    assert not fired("outside_hours", laden("go 6000,0"), town={"ban": "22:15-23:59"}), "two minutes are too short"


def test_a_body_open_for_a_moment_does_not_hide_a_later_stretch_and_far_apart_are_two() -> None:
    moment = ["cover closed", "go 1000,0", "cover open", "go 1300,0", "cover closed", "go 2600,0 6"]
    (one,) = fired("uncovered_load", laden(*moment, "cover open", "go 6000,0"))
    assert one.evidence["open_s"] == pytest.approx(340, abs=15)
    longer = ["cover closed", "go 1000,0", "cover open", "go 1900,0", "cover closed", "go 2900,0 5.4"]
    both = fired("uncovered_load", laden(*longer, "cover open", "go 6000,0"))
    assert len(both) == 2 and apart_s(both) >= 600


def test_a_load_from_before_the_tracks_that_is_dumped_is_told_but_is_no_trip() -> None:
    steps = ["at 1500,0", "load full", "go 3000,0", "go 3000,900 12", "stand 60", *EMPTIED, "go 3000,0 12", "go 0,0"]
    (one,) = fired("unauthorised_dumping", steps)
    assert one.trip_id is None and one.site_id is None


def test_a_body_that_stayed_down_is_no_sign_of_a_load_left() -> None:
    steps = [*LOADED, "go 3000,0", "go 3000,400 12", "stand 60", *EMPTIED, "go 3000,0 12", "go 0,0"]
    (one,) = fired("unauthorised_dumping", ["lift down", *steps])
    assert one.evidence["unloaded_by"] == ["load"]


def test_only_the_first_raising_at_a_stand_leaves_the_load() -> None:
    steps = ["lift down", "stand 200", "go 3000,0", "lift up", "go 3300,0", "lift down", "go 3300,500 12"]
    steps += ["lift up", "stand 60", "lift down", "stand 30", "go 3300,0 12", "go 6000,0", "lift up", "stand 60"]
    (one,) = fired("unauthorised_dumping", [*steps, "lift down", "stand 200", "go 0,0"])
    assert one.evidence["unloaded_by"] == ["lift"] and one.lat > 32.004


def test_times_above_the_limit_join_the_last_one_and_not_the_first() -> None:
    fast, slow = "go {},300 72", "go {},300 36"
    steps = [fast.format(1000), slow.format(2200), fast.format(3200), slow.format(3600), fast.format(4600)]
    found = fired("overspeed", [*steps, slow.format(6000)])
    assert [v.evidence["above_s"] for v in found] == [pytest.approx(50, abs=12), pytest.approx(100, abs=24)]


def test_a_load_that_goes_while_driving_through_a_site_was_not_left_there() -> None:
    steps = [*LOADED, "go 6000,0", "go 6000,1450", "load empty", "go 6000,4000", "stand 60"]
    assert not fired("wrong_destination", steps)


@pytest.mark.parametrize(("fixes", "breaches"), [(1, 0), (2, 1)])
def test_one_fix_is_no_open_body_however_long_it_stands_for(fixes: int, breaches: int) -> None:
    opened = ["cover closed", "go 2400,0 36", "cover open", f"go {2400 + 600 * fixes},0 36", "cover closed"]
    found = fired("uncovered_load", laden(*opened, "go 6000,0 36"), every_s=60)
    assert [v.evidence["fixes_open"] for v in found] == [fixes] * breaches


@pytest.mark.parametrize(("stuck_s", "breaches"), [(500, 0), (700, 1)])
def test_a_stuck_position_is_signal_loss_from_ten_minutes_on(stuck_s: int, breaches: int) -> None:
    found = fired("signal_loss", laden("go 2000,0", f"stand {stuck_s}", "at 4000,0", "go 6000,0"))
    assert [v.evidence["frozen"] for v in found] == [True] * breaches
