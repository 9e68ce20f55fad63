"""One trial: an invented city and its week from the generator, judged in this process, beside what truly happened."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl

from ingest.arrange import arrange
from ingest.files import read_fixes
from ingest.tally import Tally
from rules.engine import judge_all
from rules.findings import Findings
from rules.fleet import surveyed
from rules.ground import Ground
from rules.health import learn
from rules.registry import Registry, load
from sample_tracks.clock import Clock
from sample_tracks.fleet import Knobs
from sample_tracks.generate import arrange as in_order_of_arrival
from sample_tracks.generate import make_world, run_fleet
from sample_tracks.registry_files import write_registry
from sample_tracks.score import Stretch
from sample_tracks.truth import Label

WEEK = "2026-W47"
TRACKS = "tracks.parquet"


@dataclass(frozen=True)
class Trial:
    """What is to be made: everything random in it follows from the two seeds."""

    city_seed: int
    seed: int
    knobs: Knobs
    honest: bool = False  # nobody breaks a rule on purpose
    weeks: tuple[str, ...] = (WEEK,)


@dataclass(frozen=True)
class Made:
    """A city's registry, its fixes (`FIX_SCHEMA`, sorted, each once) and the lines of its truth, epoch seconds."""

    registry: Registry
    fixes: pl.DataFrame
    truth: list[Stretch]


def make(trial: Trial) -> Made:
    """Generates a trial and reads it back through files, as every run reads its registry and tracks."""
    world = make_world(list(trial.weeks), trial.seed, trial.city_seed, trial.knobs)
    frames, labels = run_fleet(world, trial.knobs, trial.seed, trial.honest)
    tracks = in_order_of_arrival(frames, trial.knobs.noise, trial.seed).drop("arrives")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_registry(world, folder / "registry")
        tracks.write_parquet(folder / TRACKS, compression="lz4")
        now_ms = world.clock.epoch_ms + (world.clock.end_s + 3600) * 1000
        tally = Tally()
        read = pl.concat(list(read_fixes([folder / TRACKS], now_ms=now_ms, tally=tally, on_progress=lambda _: None)))
        registry = load(folder / "registry")
    return Made(registry, arrange(read)[0], [_stretch(label, world.clock) for label in labels])


def _stretch(label: Label, clock: Clock) -> Stretch:
    """A label on the clock of the fixes, to the second, as truth.csv tells it."""
    begin_s = clock.epoch_ms // 1000
    return Stretch(
        label.rule, label.plate, begin_s + round(label.start_s), begin_s + round(label.end_s), label.kind, label.note
    )


def judge(made: Made) -> Findings:
    """Learns the terminals' health and judges the whole week at once, as `muckwatch run` does."""
    ground = Ground(made.registry)
    knowledge, health = learn(made.fixes, ground)
    knowledge = replace(knowledge, fleet=surveyed(made.fixes))
    findings, _ = judge_all(made.fixes, ground, knowledge)
    findings.health = health
    return findings
