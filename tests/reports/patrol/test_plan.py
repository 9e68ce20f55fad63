"""The patrol plan stands on roads, where and when violations passed, and says so in words."""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path

import pytest
from patrol_town import EAST, MONDAY_MS, NORTH, RIVER, SOUTH, WEST, drive, make_store

from reports.calendar import Week
from reports.patrol.keeping import keep_plan, kept_plan
from reports.patrol.model import PatrolPlan, hours_text, plan_from_json
from reports.patrol.plan import plan_patrol, yield_of
from reports.store import Store, StoreUnusable
from rules.policy import Policy

W46, W47, W48 = Week(2026, 46), Week(2026, 47), Week(2026, 48)
ZONE = Policy().zone


@pytest.fixture(scope="module")
def town_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_store(tmp_path_factory.mktemp("patrol"))


def copied(folder: Path, to: Path) -> Path:
    return Path(shutil.copytree(folder, to / "store"))


@pytest.fixture(scope="module")
def plan(town_folder: Path) -> PatrolPlan:
    with Store.read(town_folder) as store:
        return plan_patrol(store, W47)


def test_teams_stand_on_the_road_where_and_when_trucks_offended(plan: PatrolPlan) -> None:
    assert len(plan.inspections) == plan.asked == 2
    for inspection in plan.inspections:
        first = inspection.checkpoints[0]
        assert all(abs(c.lat - NORTH) < 1e-4 and WEST < c.lon < EAST for c in inspection.checkpoints)
        assert inspection.start_ms <= MONDAY_MS + (first.start_ms - MONDAY_MS)
        spans = [(c.start_ms, c.end_ms) for c in inspection.checkpoints]
        at_ten = [(s - MONDAY_MS) % 86_400_000 <= 22.2 * 3_600_000 for s, _ in spans]
        assert any(at_ten) and max(e for _, e in spans) - min(s for s, _ in spans) <= 4 * 3_600_000


def test_nights_are_those_of_the_week_and_different(plan: PatrolPlan) -> None:
    days = [i.day for i in plan.inspections]
    assert len(set(days)) == 2 and set(days) <= set(W47.dates)


def test_nobody_stands_in_the_river_on_the_bridge_or_in_a_site(town_folder: Path) -> None:
    with Store.read(town_folder) as store:
        for count in (1, 3, 7):
            for c in plan_patrol(store, W47, inspections=count).checkpoints:
                assert min(abs(c.lat - NORTH), abs(c.lat - SOUTH)) < 1e-4 and abs(c.lat - RIVER) > 0.005
                assert "桥" not in c.place and "河" not in c.place and WEST + 0.002 <= c.lon < EAST


def test_each_stop_says_why_in_a_sentence(plan: PatrolPlan) -> None:
    first = max(plan.checkpoints, key=lambda c: c.expected)
    assert first.place.startswith("江北大道（江北工地东侧约 ") and first.district == "滨江街道"
    assert first.agencies[:2] == ("城管（牵头）", "公安交警") and "住建" in first.agencies
    assert "第 46 周里" in first.reason and "无处置核准运输 7 起" in first.reason and "涉及 3 辆车" in first.reason
    assert first.seen == 21 and first.trucks == 3 and dict(first.rules) == {"off_route": 14, "no_permit": 7}
    assert f"预计可遇 {first.expected:.1f} 起" in first.reason


def test_expected_is_what_the_nights_saw(plan: PatrolPlan) -> None:
    """Three trucks pass every night within an hour; whoever stands there from nine to eleven meets nearly all."""
    for inspection in plan.inspections:
        assert 2.0 < inspection.expected <= 3.05


def test_a_plan_never_looks_at_its_own_week(town_folder: Path, plan: PatrolPlan) -> None:
    assert plan.looked_at == (W46,) and plan.violations == 28  # four a night
    with Store.read(town_folder) as store:
        later = plan_patrol(store, W48)
    assert later.looked_at == (W47, W46) and later.violations == 56


def test_the_yield_counts_each_violation_once(town_folder: Path, plan: PatrolPlan) -> None:
    with Store.read(town_folder) as store:
        told = yield_of(store, plan)
    assert told.violations == sum(s.violations for s in told.stops) == 6
    assert told.points == 2 * (12 + 3 + 3) and told.trucks == 3 and told.share == pytest.approx(6 / 28)
    assert [s.rules for s in told.stops if s.violations] and told.week == W47


def test_dismissed_cases_send_nobody_anywhere(tmp_path: Path, town_folder: Path) -> None:
    with Store.open(copied(town_folder, tmp_path)) as store:
        store.execute("UPDATE kept.violations SET status = 'rejected' WHERE plate <> '苏A00003'")
        plan = plan_patrol(store, W47, inspections=1)
        assert all(abs(c.lat - SOUTH) < 1e-4 for c in plan.checkpoints) and plan.violations == 7
        store.execute("UPDATE kept.violations SET status = 'overturned'")
        none = plan_patrol(store, W47)
        assert none.inspections == () and "无从排班" in none.note


def test_without_roads_places_are_where_trucks_drove(tmp_path: Path) -> None:
    with Store.read(make_store(tmp_path, roads=False)) as store:
        plan = plan_patrol(store, W47)
    driven = set(drive("苏A00000", 0, NORTH)["lon"].round(6).to_list())
    assert not plan.roads_known and plan.checkpoints
    assert all(c.lat in (NORTH, SOUTH) and round(c.lon, 6) in driven for c in plan.checkpoints)


def test_a_week_before_all_data_has_no_plan(town_folder: Path) -> None:
    with Store.read(town_folder) as store:
        plan = plan_patrol(store, Week(2026, 30))
        assert plan.inspections == () and plan.note and yield_of(store, plan).violations == 0


def test_a_plan_is_kept_as_it_was(tmp_path: Path, town_folder: Path, plan: PatrolPlan) -> None:
    assert plan_from_json(plan.as_json()) == plan
    folder = copied(town_folder, tmp_path)
    with Store.open(folder) as store:
        assert kept_plan(store, W47) is None
        assert keep_plan(store, plan, 5) and not keep_plan(store, plan, 6)
        other = plan_patrol(store, W47, inspections=1)
        assert keep_plan(store, other, 7)
        assert store.query("SELECT number, epoch_ms(made_at) FROM patrol_plans ORDER BY number").rows() == [
            (1, 5),
            (2, 7),
        ]
    with Store.read(folder) as store:
        assert kept_plan(store, W47) == other and kept_plan(store, W48) is None
        with pytest.raises(StoreUnusable, match="writer"):
            keep_plan(store, plan, 8)


def test_hours_past_midnight_are_told_so() -> None:
    ten = MONDAY_MS + 22 * 3_600_000
    assert hours_text(ten, ten + 3_600_000, ZONE) == "22:00–23:00"
    assert hours_text(ten, ten + 2 * 3_600_000, ZONE) == "22:00–24:00"
    assert hours_text(ten, ten + 4 * 3_600_000, ZONE) == "22:00–次日 02:00"
    assert W47.monday + timedelta(days=6) == W47.sunday
