"""`policy.toml`: what it sets, what keeps its default, and every way in which it can be wrong."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest
from registry_folder import write

from ingest.fix import DATUMS
from rules.catalog import RULE_IDS
from rules.policy import DEFAULT_GRADES, DEFAULT_POINTS, Policy
from rules.registry import Inspection, inspect, load


def with_policy(folder: Path, text: str) -> Inspection:
    return inspect(write(folder, {"policy.toml": text}))


def test_without_a_file_every_key_has_its_default(tmp_path: Path) -> None:
    found = inspect(write(tmp_path, {"policy.toml": None}))
    assert found.registry is not None and found.registry.policy == Policy()
    assert all(row.value == row.default and row.reason.startswith("default: ") for row in found.policy_rows)
    assert {row.key.split(".")[0] for row in found.policy_rows} == {field.name for field in fields(Policy)}


def test_keys_that_trials_set(tmp_path: Path) -> None:
    text = """
        timezone = "Asia/Urumqi"
        day_hours = "07:00-19:00"
        corridor_m = 60
        site_margin_m = 20
        speed_limit_kmh = 50
        allowed_lateness_s = 90
    """
    found = with_policy(tmp_path, text)
    assert found.faults == [] and found.registry is not None
    policy = found.registry.policy
    assert (policy.zone.key, policy.day_hours, policy.corridor_m) == ("Asia/Urumqi", "07:00-19:00", 60.0)
    assert (policy.site_margin_m, policy.speed_limit_kmh, policy.allowed_lateness_s) == (20.0, 50.0, 90)
    assert [type(v) for v in (policy.corridor_m, policy.allowed_lateness_s)] == [float, int]
    rows = {row.key: row for row in found.policy_rows}
    assert tuple(rows["corridor_m"]) == ("corridor_m", "60", "m", "50", "policy.toml")
    assert rows["halt_max_s"].reason.startswith("default: ")
    assert policy.digest != Policy().digest


def test_points_are_joined_with_the_defaults_and_a_scale_of_grades_is_taken_whole(tmp_path: Path) -> None:
    text = "[points]\noverspeed = 6\n[grades.vehicle]\ngood = 0\nbad = 10\n"
    policy = load(write(tmp_path, {"policy.toml": text})).policy
    assert policy.points == DEFAULT_POINTS | {"overspeed": 6}
    assert policy.grades == DEFAULT_GRADES | {"vehicle": {"good": 0, "bad": 10}}


def test_dates_are_of_the_policy_s_zone(tmp_path: Path) -> None:
    urumqi = load(write(tmp_path / "a", {"policy.toml": 'timezone = "Asia/Urumqi"'}))
    shanghai = load(write(tmp_path / "b"))
    two_hours_ms = 2 * 3_600_000
    assert urumqi.permits[0].validity.from_ms - shanghai.permits[0].validity.from_ms == two_hours_ms
    assert urumqi.bans == shanghai.bans  # given as instants


@pytest.mark.parametrize(
    ("text", "where", "words"),
    [
        ("corridor_m = \n", "line 1", "is not TOML"),
        ("timezone = 'Asia/Shanghai'\ncorridor_m = 50 m\n", "line 2", "is not TOML"),
        ("corridor_m = 50\ncorridor_m = 60\n", "line 2", "is not TOML"),
        ("coridor_m = 50", "coridor_m", "key is unknown (closest: 'corridor_m')"),
        ("speed_limit = 50", "speed_limit", "closest: 'speed_limit_kmh'"),
        ("corridor_m = '50'", "corridor_m", "'50' is of the wrong type; allowed: a number of m, 10 to 1000"),
        ("corridor_m = true", "corridor_m", "True is of the wrong type"),
        ("merge_s = 901", "merge_s", "a whole number of s, 0 to 900"),
        ("halt_max_s = 300.5", "halt_max_s", "of the wrong type; allowed: a whole number of s, 60 to 900"),
        ("corridor_m = 9", "corridor_m", "9 is out of bounds"),
        ("corridor_m = 1001", "corridor_m", "1001 is out of bounds"),
        ("corridor_m = nan", "corridor_m", "nan is out of bounds"),
        ("allowed_lateness_s = -1", "allowed_lateness_s", "out of bounds"),
        ("timezone = 8", "timezone", "8 is of the wrong type"),
        ("timezone = 'Asia/Shangai'", "timezone", "closest: 'Asia/Shanghai'"),
        ("timezone = '../../etc/passwd'", "timezone", "is not a known time zone"),
        ("timezone = ''", "timezone", "is not a known time zone"),
        ("day_hours = '6-20'", "day_hours", "'6-20' is not HH:MM-HH:MM"),
        ("day_hours = ' '", "day_hours", "is empty"),
        ("registry_datum = 'gcj-02'", "registry_datum", "closest: 'gcj02'"),
        ("points = 3", "points", "is not a table"),
        ("[points]\nover_speed = 3", "points.over_speed", "closest: 'overspeed'"),
        ("[points]\noverspeed = 1.5", "points.overspeed", "1.5 is not allowed; allowed: a whole number, 0 to 1000"),
        ("[points]\noverspeed = 1001", "points.overspeed", "not allowed"),
        ("grades = 'A'", "grades", "is not a table"),
        ("[grades.truck]\nA = 0", "grades.truck", "is unknown"),
        ("[grades.vehicle]", "grades.vehicle", "is not a scale"),
        ("[grades.vehicle]\nA = 'x'", "grades.vehicle.A", "'x' is not allowed"),
        ("[grades.vehicle]\nA = 1\nB = 5", "grades.vehicle", "begins at 1"),
        ("[grades.vehicle]\nA = 0\nB = 9\nC = 9", "grades.vehicle", "0, 9, 9 do not rise"),
    ],
)
def test_wrong_policy_names_key_or_line(text: str, where: str, words: str, tmp_path: Path) -> None:
    found = with_policy(tmp_path, text)
    assert [(fault.file, fault.where, fault.severity) for fault in found.faults] == [("policy.toml", where, "error")]
    assert words in str(found.faults[0]) and found.registry is None


def test_several_wrong_keys_are_all_named(tmp_path: Path) -> None:
    found = with_policy(tmp_path, "corridor_m = 1\nlimit = 3\n[points]\nx = 1\noverspeed = -1\n")
    assert [fault.where for fault in found.faults] == ["corridor_m", "limit", "points.x", "points.overspeed"]


def test_every_rule_has_points_and_every_number_has_bounds_that_hold_its_default() -> None:
    assert set(RULE_IDS) <= set(DEFAULT_POINTS)
    standard = Policy()
    for field in fields(Policy):
        value, low, high = getattr(standard, field.name), field.metadata["low"], field.metadata["high"]
        assert field.metadata["unit"] and field.metadata["why"]
        if isinstance(value, int | float):
            assert low <= value <= high, field.name
    assert standard.registry_datum in DATUMS and not standard.day.always


@pytest.mark.parametrize("scale", DEFAULT_GRADES.values())
def test_default_grades_rise_from_zero(scale: dict[str, int]) -> None:
    ends = list(scale.values())
    assert ends[0] == 0 and ends == sorted(set(ends))
