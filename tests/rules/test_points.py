"""One act is scored once."""

from __future__ import annotations

from rules.findings import Violation
from rules.points import share_points
from rules.policy import DEFAULTS


def breach(rule: str, start_s: int, end_s: int, points: int, plate: str = "苏A00001") -> Violation:
    return Violation(rule, plate, start_s * 1000, end_s * 1000, 118.8, 32.0, 0.9, points)


def carried(*violations: Violation) -> dict[str, bool]:
    return {v.rule: not v.scored_under for v in share_points(violations, DEFAULTS)}


def test_of_one_stretch_only_the_gravest_carries_points() -> None:
    found = share_points([breach("quiet_zone", 100, 200, 2), breach("no_permit", 0, 1000, 12)], DEFAULTS)
    assert [v.rule for v in found] == ["no_permit", "quiet_zone"]
    assert found[1].scored_under == found[0].violation_id and found[0].scored_under == ""


def test_acts_apart_all_carry_points() -> None:
    assert carried(breach("no_permit", 0, 1000, 12), breach("quiet_zone", 1001, 1100, 2)) == {
        "no_permit": True,
        "quiet_zone": True,
    }


def test_touching_less_than_half_is_another_act() -> None:
    assert carried(breach("no_permit", 0, 1000, 12), breach("off_route", 900, 1200, 3)) == {
        "no_permit": True,
        "off_route": True,
    }


def test_other_trucks_do_not_share() -> None:
    found = share_points([breach("no_permit", 0, 1000, 12), breach("off_route", 0, 1000, 3, "苏A00002")], DEFAULTS)
    assert all(v.scored_under == "" for v in found)


def test_order_of_input_does_not_matter() -> None:
    some = [breach("no_permit", 0, 1000, 12), breach("off_route", 0, 900, 3), breach("outside_hours", 10, 800, 3)]
    assert share_points(some, DEFAULTS) == share_points(reversed(some), DEFAULTS)


def test_half_of_the_shorter_stretch_is_one_act_and_less_is_not() -> None:
    half = carried(breach("no_permit", 0, 1000, 12), breach("off_route", 900, 1100, 3))
    less = carried(breach("no_permit", 0, 1000, 12), breach("off_route", 901, 1101, 3))
    assert half == {"no_permit": True, "off_route": False} and less == {"no_permit": True, "off_route": True}


def test_the_shorter_stretch_is_asked_whichever_is_graver() -> None:
    assert carried(breach("no_permit", 100, 200, 12), breach("off_route", 0, 1000, 3))["off_route"] is False


def test_an_instant_within_a_stretch_is_one_act_and_beside_it_is_not() -> None:
    assert carried(breach("no_permit", 0, 1000, 12), breach("off_route", 1000, 1000, 3))["off_route"] is False
    assert carried(breach("no_permit", 0, 1000, 12), breach("off_route", 1001, 1001, 3))["off_route"] is True


def test_what_carries_nothing_draws_no_other_under_it() -> None:
    found = share_points([breach("a", 0, 100, 9), breach("b", 60, 200, 5), breach("c", 140, 250, 3)], DEFAULTS)
    assert [bool(v.scored_under) for v in found] == [False, False, True]
    assert found[2].scored_under == found[1].violation_id
