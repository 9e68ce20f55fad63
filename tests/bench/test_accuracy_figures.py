"""The arithmetic behind docs/accuracy.md."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.accuracy import cells
from bench.accuracy_figures import Cell, Result, conditions, figures, poisson_interval, told
from bench.accuracy_page import PAGE, TABLE, page, publish
from bench.proportions import Share, brier, reliability
from bench.verdicts import hold
from rules.findings import Violation
from sample_tracks.score import Stretch


def violation(start_s: int, end_s: int, rule: str = "off_route", plate: str = "苏A1", p: float = 0.9) -> Violation:
    return Violation(rule, plate, start_s * 1000, end_s * 1000, 118.0, 32.0, p, 3)


def line(start_s: int, end_s: int, kind: str = "positive", rule: str = "off_route", plate: str = "苏A1") -> Stretch:
    return Stretch(rule, plate, start_s, end_s, kind)


# -- shares ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("hits", "cases", "low", "high"),
    [(0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1.0), (81, 263, 0.2553, 0.3662), (1, 2, 0.0945, 0.9055), (0, 0, 0.0, 1.0)],
)
def test_wilson_interval_as_published(hits: int, cases: int, low: float, high: float) -> None:
    assert Share(hits, cases).interval == pytest.approx((low, high), abs=5e-5)


def test_a_share_of_nothing_is_a_dash() -> None:
    assert str(Share(0, 0)) == "–"
    assert str(Share(1, 2)) == "0.500 (0.095–0.905)"


@pytest.mark.parametrize(("count", "low", "high"), [(0, 0, 3.689), (1, 0.0253, 5.572), (10, 4.795, 18.39)])
def test_poisson_interval_as_tabled(count: int, low: float, high: float) -> None:
    assert poisson_interval(count) == pytest.approx((low, high), rel=1e-3)


def test_brier_and_reliability() -> None:
    told_ = [(1.0, True), (0.99, True), (0.5, False), (0.55, True)]
    assert brier(told_) == pytest.approx((0 + 0.0001 + 0.25 + 0.2025) / 4)
    assert brier([]) is None
    low, high = reliability(told_)
    assert (low.low, low.mean, low.right) == (0.5, pytest.approx(0.525), Share(1, 2))
    assert (high.low, high.right) == (0.99, Share(2, 2)), "full confidence belongs to the last bin"


# -- verdicts ----------------------------------------------------------------------------------------------------------


def test_right_false_and_neither() -> None:
    truth = [line(1000, 2000), line(9000, 9600, "ignore"), line(20_000, 20_500)]
    found = [violation(1030, 2000), violation(9000, 9600), violation(40_000, 40_100, p=0.4)]
    verdict = hold(found, truth)
    assert [c.right for c in verdict.claims] == [True, None, False]
    assert [c.start_late_s for c in verdict.claims] == [30, None, None]
    assert verdict.asked["off_route"] == 2 and verdict.missed == [truth[2]]
    assert verdict.unasked["off_route"] == 1 and verdict.unasked_found["off_route"] == 1


def test_an_act_told_twice_is_split_once_and_the_worse_fit_is_the_extra() -> None:
    truth = [line(1000, 2000)]
    verdict = hold([violation(1000, 1500), violation(990, 2010)], truth)
    assert [c.extra for c in verdict.claims] == [True, False]
    assert all(c.right for c in verdict.claims)


def test_other_rules_and_other_trucks_prove_nothing() -> None:
    verdict = hold([violation(1000, 2000, "no_entry"), violation(1000, 2000, plate="苏A2")], [line(1000, 2000)])
    assert [c.right for c in verdict.claims] == [False, False]
    assert verdict.missed


def test_where_a_clone_drove_nothing_is_asked() -> None:
    truth = [line(1000, 2000), line(0, 3000, "ignore", "*")]
    verdict = hold([violation(1000, 2000)], truth)
    assert [c.right for c in verdict.claims] == [None]
    assert verdict.asked["off_route"] == 0


# -- page --------------------------------------------------------------------------------------------------------------


def results() -> list[Result]:
    cell = Cell("harsh", "full", 15, 1, 10)
    verdict = hold([violation(1030, 2000), violation(40_000, 40_100)], [line(1000, 2000), line(5000, 6000)])
    other = Cell("clean", "none", 60, 2, 10)
    clean = Cell("harsh", None, None, 3, 10, honest=True)
    return [
        Result(cell, verdict, 100, 1.0),
        Result(other, hold([], [line(0, 10, "ignore")]), 100, 1.0),
        Result(clean, hold([violation(1, 100)], []), 100, 1.0),
    ]


def test_figures_pool_results_and_leave_the_clean_fleet_apart() -> None:
    lines = dict(conditions(results()))
    assert list(lines) == [
        "plain streets",
        "harsh",
        "clean",
        "all sensors",
        "no sensors",
        "a fix every 15 s",
        "a fix every 60 s",
        "all",
    ]
    every = figures(lines["all"])
    assert (every.recall, every.precision, every.late_s) == (Share(1, 2), Share(1, 2), 30)
    assert figures(lines["clean"]).empty
    assert figures(lines["all"], ["overspeed"]).empty
    assert told(lines["all"]) == [(0.9, True), (0.9, False)]


def test_page_tells_every_rule_and_the_clean_fleet(tmp_path: Path) -> None:
    text = page(results())
    assert "1 false alarm in 70 truck-days, **14.3 per 1,000 truck-days**" in text
    assert text.count("### `") == 12
    assert "| harsh | 2 | 0.500 (0.095–0.905) | 0.500 (0.095–0.905) | 30 s | 0.0% | 0 |" in text
    paths = publish(results(), tmp_path)
    assert {p.name for p in paths} >= {PAGE, TABLE}
    assert (tmp_path / TABLE).read_text("utf-8").splitlines()[
        1
    ] == "plain,harsh,full,15,1,10,off_route,2,1,2,1,30.0,0,0"
    for name in ("accuracy-confidence.svg", "accuracy-interval.svg"):
        assert (tmp_path / "pictures" / name).read_text("utf-8").endswith("</svg>\n")


def test_every_condition_has_a_city_of_its_own() -> None:
    for quick in (True, False):
        made = cells(quick, 6)
        assert len({c.seed for c in made}) == len(made)
        asked = [c for c in made if not c.honest]
        assert len({(c.streets, c.noise, c.outfit, c.interval_s) for c in asked}) == len(asked) == (10 if quick else 34)
        assert {c.streets for c in asked} == {c.streets for c in made if c.honest} == {"plain", "grown"}
