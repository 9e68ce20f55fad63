"""A fleet whose terminals lie in ways that can be told is judged as the same fleet with honest ones; honest ones never.

Latitude and longitude exchanged, the GPS week rolled over, a clock eight hours off: for the whole week or a part of it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pytest
from rich.console import Console

from ingest.second_look import ROLLOVER_MS
from reports.run import RunSummary, run_stored
from reports.store import Store
from sample_tracks.fleet import Knobs
from sample_tracks.generate import arrange as in_order_of_arrival
from sample_tracks.generate import make_world, run_fleet
from sample_tracks.registry_files import write_registry

WEEK, SEED = "2026-W47", 311
KNOBS = Knobs(trucks=10, noise="urban", ill_share=0.2, datum_liars=1)
HOURS_8 = 8 * 3_600_000


@dataclass(frozen=True)
class Town:
    """A registry, a week of fixes in order of arrival, and when to judge them."""

    folder: Path
    fixes: pl.DataFrame
    now_ms: int

    def run(self, name: str, fixes: pl.DataFrame) -> tuple[Path, RunSummary]:
        tracks, out = self.folder / f"{name}.parquet", self.folder / name
        fixes.write_parquet(tracks, compression="lz4")
        made = run_stored(self.folder / "registry", [tracks], out, console=Console(quiet=True), now_ms=self.now_ms)
        return out, made


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Town:
    folder = tmp_path_factory.mktemp("odd")
    world = make_world([WEEK], SEED, SEED, KNOBS)
    frames, _ = run_fleet(world, KNOBS, SEED, False)
    write_registry(world, folder / "registry")
    fixes = in_order_of_arrival(frames, KNOBS.noise, SEED).drop("arrives")
    return Town(folder, fixes, world.clock.epoch_ms + (world.clock.end_s + 86_400) * 1000)


def shifted(ms: int) -> pl.Expr:
    return pl.col("time") + pl.duration(milliseconds=ms)


def found(out: Path) -> dict[str, pl.DataFrame]:
    with Store.read(out) as store:
        told = "SELECT * EXCLUDE (recorded_at) FROM violations ORDER BY violation_id"
        fixes = "SELECT plate, terminal, time, lon, lat, valid FROM fixes ORDER BY plate, terminal, time"
        return {
            "violations": store.query(told),
            "trips": store.query("FROM trips ORDER BY trip_id"),
            "fixes": store.query(fixes),
        }


def faults(out: Path, kinds: set[str]) -> dict[tuple[str, str], dict[str, object]]:
    with Store.read(out) as store:
        rows = store.query("SELECT plate, faults::VARCHAR FROM terminal_health").rows()
    return {(p, kind): about for p, text in rows for kind, about in json.loads(text).items() if kind in kinds}


def test_terminals_that_lie_in_ways_that_can_be_told_change_no_finding(town: Town) -> None:
    fixes = town.fixes
    devices = fixes.group_by("plate").agg(pl.col("terminal").n_unique()).sort("plate")
    plates = devices.filter(pl.col("terminal") == 1)["plate"].to_list()
    whole_axes, part_axes, whole_week, part_week, utc = plates[:5]
    midst, later = (fixes["time"].min() + pl.duration(days=d) for d in (2, 4))
    is_ = pl.col("plate").eq
    part = pl.col("time").is_between(midst, later)
    turned = is_(whole_axes) | (is_(part_axes) & part)
    rolled = is_(whole_week) | (is_(part_week) & part)
    ms = pl.when(rolled).then(-ROLLOVER_MS).when(is_(utc)).then(HOURS_8).otherwise(0)
    odd = fixes.with_columns(
        lon=pl.when(turned).then("lat").otherwise("lon"),
        lat=pl.when(turned).then("lon").otherwise("lat"),
        time=pl.col("time") + pl.duration(milliseconds=ms),
    )
    honest_out, honest = town.run("honest", fixes)
    odd_out, mended = town.run("odd", odd)
    was, now = found(honest_out), found(odd_out)
    assert was["violations"].height > 40 and set(was["violations"]["plate"]) & set(plates[:5])
    for name in was:
        assert now[name].equals(was[name]), name
    assert mended.rejected == honest.rejected and mended.usable == honest.usable
    told = faults(odd_out, {"axes", "weeks", "clock"})
    assert set(told) == {
        (whole_axes, "axes"), (part_axes, "axes"), (whole_week, "weeks"), (part_week, "weeks"), (utc, "clock")
    }  # fmt: skip
    for plate, kind in ((part_axes, "axes"), (part_week, "weeks")):
        first = fixes.filter(is_(plate) & part)["time"].dt.epoch("ms").min()
        assert told[plate, kind]["since_ms"] == first
    assert faults(honest_out, {"axes", "weeks", "clock", "clock_doubt"}) == {}, "an honest fleet is never put right"
    with Store.read(odd_out) as store:
        tags = dict(store.query("SELECT tag, sum(fixes)::BIGINT FROM fix_tags GROUP BY tag").rows())
    assert tags["axes_swapped"] == len(odd.filter(turned).unique(["plate", "terminal", "time"]))
    assert tags["clock_shifted"] == len(fixes.filter(is_(utc)).unique(["terminal", "time"]))


def test_slips_stay_set_aside_and_are_counted(town: Town) -> None:
    fixes = town.fixes
    plate = fixes["plate"].unique().sort()[0]
    slip = (pl.col("plate") == plate) & (pl.int_range(pl.len()).over("plate") < 12)
    rolled = (pl.col("plate") == plate) & pl.int_range(pl.len()).over("plate").is_between(100, 111)
    bad = fixes.with_columns(
        lon=pl.when(slip).then("lat").otherwise("lon"),
        lat=pl.when(slip).then("lon").otherwise("lat"),
        time=pl.when(rolled).then(shifted(-ROLLOVER_MS)).otherwise("time"),
    )
    out, summary = town.run("slips", bad)
    assert summary.rejected["position_out_of_range"] == 12 and summary.rejected["time_too_old"] == 12
    with Store.read(out) as store:
        rows = dict(store.query("SELECT reason, example FROM rejected_fixes").rows())
    assert (
        rows["position_out_of_range"].startswith(str(town.folder / "slips.parquet")) and plate in rows["time_too_old"]
    )
    assert faults(out, {"axes", "weeks"}) == {}
