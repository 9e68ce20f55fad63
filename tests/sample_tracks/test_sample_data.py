"""The committed sample: valid, small, labelled in full, and the generator's own."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import polars as pl
import pytest

import sample_tracks
from ingest.fix import FIX_SCHEMA
from rules.policy import DEFAULT_POINTS
from rules.registry import inspect, load
from sample_tracks.fleet import Knobs
from sample_tracks.generate import make_world
from sample_tracks.registry_files import write_registry
from sample_tracks.score import read_truth

HOME = Path(sample_tracks.__file__).parent
WEEKS = ["2026-W46", "2026-W47"]
START, MIDDLE, END = (datetime.fromisoformat(f"2026-11-{d:02d}T00:00+08:00").timestamp() for d in (9, 16, 23))
TRUTH = read_truth(HOME / "truth.csv")


@pytest.fixture(scope="module")
def fixes() -> pl.DataFrame:
    return pl.concat([pl.read_parquet(f) for f in sorted((HOME / "tracks").glob("*.parquet"))])


def test_the_registry_is_valid() -> None:
    assert inspect(HOME / "registry").faults == []


def test_the_registry_is_the_generators(tmp_path: Path) -> None:
    """What was committed and what the seed gives today are the same bytes."""
    write_registry(make_world(WEEKS, 47, 47, Knobs()), tmp_path)
    made = {f.name: f.read_bytes() for f in tmp_path.iterdir()}
    assert made == {f.name: f.read_bytes() for f in (HOME / "registry").iterdir()}


def test_the_registry_holds_what_the_rules_ask_about() -> None:
    registry = load(HOME / "registry")
    assert len(registry.vehicles) >= 26 and {v.kind for v in registry.vehicles} == {"new_type", "ordinary"}
    assert any(not v.plate.startswith("苏") for v in registry.vehicles)
    ends = lambda rows: [r for r in rows if START * 1000 < r.validity.to_ms < END * 1000]
    assert ends(registry.permits) and ends(registry.whitelist) and ends(registry.sites)
    assert any(not p.plates for p in registry.permits)
    assert any(
        len([p for p in registry.permits_of(v.plate) if p.origin_site == "CON01"]) > 1 for v in registry.vehicles
    )
    assert {s.kind for s in registry.sites} == {"construction", "disposal", "soil_bank", "depot", "fuel", "wash"}
    assert {z.kind for z in registry.zones} == {"quiet", "no_entry"}
    assert len(registry.districts) == 6 and len(registry.bans) == 2


def test_it_is_small() -> None:
    data = [f for f in HOME.rglob("*") if f.is_file() and f.suffix not in (".py", ".pyc", ".md")]
    assert sum(f.stat().st_size for f in data) <= 8_000_000
    assert all(f.stat().st_size <= 300_000 for f in HOME.glob("excerpt*"))


def test_fixes_have_the_contracts_columns(fixes: pl.DataFrame) -> None:
    assert set(fixes.columns) <= set(FIX_SCHEMA) - {"time_ms"} | {"time"}
    assert {"wgs84", "gcj02", "bd09"} == set(fixes["datum"].unique())
    assert fixes.filter(pl.col("lift").is_null())["plate"].n_unique() > 3


def test_a_handful_of_fixes_is_spoilt(fixes: pl.DataFrame) -> None:
    year = pl.col("time").dt.year()
    spoilt = pl.any_horizontal(
        pl.col("plate").is_null() | (pl.col("plate") == ""), pl.col("lon") == 0.0, pl.col("lat") > 90, year != 2026
    )
    assert fixes.filter(spoilt).height == 8


def test_rows_are_in_order_of_arrival(fixes: pl.DataFrame) -> None:
    """Which is not their order of time, and some are said twice."""
    late = fixes.with_columns(before=pl.col("time").cum_max().over("plate", "terminal")).filter(
        pl.col("time") < pl.col("before") - pl.duration(minutes=2)
    )
    assert late.height > 100
    assert fixes.height - fixes.unique(["plate", "terminal", "time"]).height > 100


@pytest.mark.parametrize("rule", sorted(DEFAULT_POINTS))
def test_every_rule_is_labelled(rule: str) -> None:
    found = [t for t in TRUTH if t.rule == rule and t.kind == "positive"]
    assert len(found) >= 4
    assert sum(t.start_s >= MIDDLE for t in found) > sum(t.start_s < MIDDLE for t in found)


def test_labels_are_about_the_weeks_and_the_fleet() -> None:
    plates = {v.plate for v in load(HOME / "registry").vehicles}
    for t in TRUTH:
        assert t.kind in ("positive", "ignore") and (t.rule in DEFAULT_POINTS or (t.rule, t.kind) == ("*", "ignore"))
        assert t.plate in plates
        assert START <= t.start_s < t.end_s <= END
    assert any(t.kind == "ignore" for t in TRUTH)


def test_readme_says_that_it_is_invented() -> None:
    assert "invented" in (HOME / "README.md").read_text(encoding="utf-8").splitlines()[2]
