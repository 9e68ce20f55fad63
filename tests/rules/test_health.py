"""Terminals that lie about their datum and sensors that contradict their own truck are found; healthy ones are not."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from fleet import NIGHT_MS, Drive, ground, noisy

from ingest.arrange import arrange
from ingest.datum import from_wgs84, to_wgs84
from rules.engine import judge_all
from rules.health import Knowledge, learn


def night(load: bool = True, lift: bool = True) -> Drive:
    """Four ordinary hauls with sensors that tell the truth."""
    truck = Drive(start_ms=NIGHT_MS)
    for _ in range(4):
        say = lambda word, up: truck.sensors(word if load else None, up if lift else None)
        say("empty", False).stand(300)
        say("full", False).stand(120)
        truck.go(6000, 0).stand(60)
        say("full", True).stand(60)
        say("empty", False).stand(120)
        truck.go(0, 0)
    return truck


def told_as(fixes: pl.DataFrame, truly: str, told: str) -> pl.DataFrame:
    """What `read` makes of a terminal that sends `truly` and says `told`."""
    lon, lat = from_wgs84(fixes["lon"].to_numpy(), fixes["lat"].to_numpy(), truly)
    lon, lat = to_wgs84(lon, lat, told)
    return fixes.with_columns(lon=pl.Series(lon), lat=pl.Series(lat), datum=pl.lit(told, fixes.schema["datum"]))


@pytest.mark.parametrize(
    ("truly", "told"), [("gcj02", "wgs84"), ("bd09", "wgs84"), ("wgs84", "gcj02"), ("bd09", "gcj02")]
)
def test_a_wrong_datum_is_found_and_judged_by(truly: str, told: str) -> None:
    honest, _ = arrange(noisy(night().fixes(), 3))
    lying = told_as(honest, truly, told)
    knowledge, health = learn(lying, ground())
    assert knowledge.datums == {("苏A00001", "t1"): truly}
    assert health[0].datum_found == truly and "datum" in health[0].faults
    found, _ = judge_all(lying, ground(), knowledge)
    right, _ = judge_all(honest, ground(), learn(honest, ground())[0])
    assert {(v.rule, v.start_ms) for v in found.violations} == {(v.rule, v.start_ms) for v in right.violations}
    assert len(found.trips) == len(right.trips) == 4


def test_an_honest_terminal_is_believed() -> None:
    fixes, _ = arrange(noisy(night().fixes(), 3))
    knowledge, health = learn(fixes, ground())
    assert not knowledge.datums and not knowledge.ill_sensors
    assert health[0].faults == {} and health[0].completeness == 1.0


def with_load(fixes: pl.DataFrame, words: np.ndarray) -> pl.DataFrame:
    return fixes.with_columns(load=pl.Series(words.tolist(), dtype=fixes.schema["load"]))


def test_a_load_sensor_stuck_full_is_not_believed() -> None:
    fixes, _ = arrange(night().fixes())
    knowledge, _ = learn(with_load(fixes, np.full(fixes.height, "full", dtype=object)), ground())
    assert knowledge.ill_sensors == {("苏A00001", "t1"): frozenset({"load"})}


def test_an_inverted_load_sensor_is_not_believed() -> None:
    fixes, _ = arrange(night().fixes())
    turned = np.where((fixes["load"] == "full").to_numpy(), "empty", "full").astype(object)
    assert learn(with_load(fixes, turned), ground())[0].ill_sensors == {("苏A00001", "t1"): frozenset({"load"})}


def test_a_load_sensor_that_flickers_is_not_believed() -> None:
    fixes, _ = arrange(night().fixes())
    words = np.where(np.random.default_rng(5).random(fixes.height) < 0.5, "full", "empty").astype(object)
    assert learn(with_load(fixes, words), ground())[0].ill_sensors == {("苏A00001", "t1"): frozenset({"load"})}


def test_a_load_sensor_with_stray_words_is_believed() -> None:
    fixes, _ = arrange(night().fixes())
    words = np.array(fixes["load"].to_list(), dtype=object)
    stray = np.random.default_rng(5).random(fixes.height) < 0.04
    words[stray] = np.where(words[stray] == "full", "empty", "full")
    dirty = with_load(fixes, words)
    knowledge, _ = learn(dirty, ground())
    assert not knowledge.ill_sensors
    assert len(judge_all(dirty, ground(), knowledge)[0].trips) == 4


def test_a_body_raised_at_speed_is_not_believed() -> None:
    fixes, _ = arrange(night().fixes())
    knowledge, _ = learn(fixes.with_columns(lift=pl.lit(True)), ground())
    assert knowledge.ill_sensors == {("苏A00001", "t1"): frozenset({"lift"})}


def test_silences_lower_the_completeness() -> None:
    truck = Drive(start_ms=NIGHT_MS).stand(600).silent(600).stand(600)
    _, health = learn(truck.fixes().with_columns(acc=pl.lit(True)), ground())
    assert 0.6 < health[0].completeness < 0.75


def test_a_load_sensor_that_falls_ill_is_believed_until_then() -> None:
    fixes, _ = arrange(pl.concat([night().fixes(), later(night().fixes(), 12), later(night().fixes(), 24)]))
    half = int(fixes["time_ms"][fixes.height // 2])
    words = np.where((fixes["time_ms"] >= half).to_numpy(), "full", np.array(fixes["load"].to_list())).astype(object)
    ill = with_load(fixes, words)
    knowledge, health = learn(ill, ground())
    since = health[0].faults["load"]["since_ms"]
    assert knowledge.ill_since_ms == {("苏A00001", "t1", "load"): since}
    assert half - 4 * 3_600_000 < since <= half + 4 * 3_600_000 and since > int(fixes["time_ms"][0])
    before = [t for t in judge_all(ill, ground(), knowledge)[0].trips if t.loaded_ms < since - 3_600_000]
    healthy = judge_all(fixes, ground(), Knowledge())[0].trips
    assert before == [t for t in healthy if t.loaded_ms < since - 3_600_000] != []


def later(fixes: pl.DataFrame, hours: int) -> pl.DataFrame:
    return fixes.with_columns(time_ms=pl.col("time_ms") + hours * 3_600_000)


@pytest.mark.parametrize(("cover", "word"), [("open", "open in 100%"), ("flicker", "turns"), ("well", "")])
def test_a_cover_is_believed_where_it_closes_and_keeps_still(cover: str, word: str) -> None:
    fixes, _ = arrange(night().fixes())
    loaded = (fixes["load"] == "full").to_numpy()
    shut = {
        "open": np.zeros_like(loaded),
        "flicker": np.random.default_rng(3).random(len(loaded)) < 0.5,
        "well": loaded,
    }
    _, health = learn(fixes.with_columns(cover=pl.Series(shut[cover])), ground())
    why = health[0].faults.get("cover", {}).get("why", "")
    assert why.startswith(word) and bool(why) == bool(word)


def test_a_flicker_that_shows_seldom_at_first_was_there_all_the_time() -> None:
    fixes, _ = arrange(noisy(night(load=False).fixes(), 3))
    words = fixes["lift"].to_numpy().copy()
    fast = np.flatnonzero((fixes["speed_kmh"] > 20).to_numpy())
    words[fast[[5, len(fast) // 4]]] = True
    words[fast[len(fast) // 2 :: 12]] = True
    _, health = learn(fixes.with_columns(lift=pl.Series(words)), ground())
    assert health[0].faults["lift"]["since_ms"] == int(fixes["time_ms"][0])
