"""Moving one threshold of a small trial: a few trucks of the sample, their tracks and their truth."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner
from rich.console import Console

from commands.tune import tune as command
from reports.names import RULE_NAMES
from rules.ground import Ground
from rules.health import Knowledge, learn
from rules.policy import Policy
from rules.registry import load
from sample_tracks.score import Accuracy, RuleScore
from sample_tracks.tune import (
    LEARNT_FROM,
    Outcome,
    TrialError,
    Tuned,
    _fixes,
    _judge,
    _Trial,
    _truth,
    registry_with,
    tunable,
    tune,
    values_of,
)
from sample_tracks.tune_page import CSV_FILE, PAGE_FILE, page, tables, write

SAMPLE = Path(__file__).resolve().parents[2] / "sample_tracks"
PLATES = ("苏A81880", "苏A85657", "皖E79548")
QUIET = Console(quiet=True)


@pytest.fixture(scope="module")
def trial(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("trial")
    shutil.copytree(SAMPLE / "registry", folder / "registry")
    (folder / "tracks").mkdir()
    for file in sorted((SAMPLE / "tracks").glob("*.parquet")):
        pl.read_parquet(file).filter(pl.col("plate").is_in(PLATES)).write_parquet(folder / "tracks" / file.name)
    rows = (SAMPLE / "truth.csv").read_text("utf-8").splitlines()
    kept = [rows[0], *(row for row in rows if any(plate in row for plate in PLATES))]
    (folder / "truth.csv").write_text("\n".join([*kept, ""]), "utf-8")
    return folder


@pytest.fixture(scope="module")
def tuned(trial: Path) -> Tuned:
    (one,) = tune(trial, ["zone_min_s"], QUIET, workers=1)
    return one


def outcome(value: float, **rules: tuple[int, int, int]) -> Outcome:
    return Outcome(value, Accuracy({name: RuleScore(a, f, [], [None] * n) for name, (a, f, n) in rules.items()}))  # type: ignore[list-item]


def test_every_threshold_of_a_rule_can_be_moved_and_nothing_else() -> None:
    assert {"off_route_min_m", "zone_min_s", "speed_limit_kmh", "silence_min_s"} <= set(tunable())
    assert not {"day_hours", "timezone", "points", "score_days", "allowed_lateness_s"} & set(tunable())


@pytest.mark.parametrize("key", tunable())
def test_values_are_around_the_one_in_force_and_within_bounds(key: str) -> None:
    low, high = Policy.bounds(key)
    default = float(getattr(Policy(), key))
    for in_force in (default, low, high):
        tried = values_of(key, in_force)
        assert tried == sorted(set(tried)) and len(tried) >= 3
        assert {in_force, default} <= set(tried)
        assert all(low <= v <= high for v in tried)
        if isinstance(getattr(Policy(), key), int):
            assert all(v == int(v) for v in tried)
    assert min(values_of(key, default)) < default < max(values_of(key, default))


def test_a_registry_reads_as_if_its_policy_said_so(tmp_path: Path, trial: Path) -> None:
    folder = tmp_path / "registry"
    shutil.copytree(trial / "registry", folder)
    (folder / "policy.toml").write_text(
        'zone_min_s = 31 # seconds\n"merge_s" = 500\n[points]\noff_route = 4\n', "utf-8"
    )
    for key, value in (("zone_min_s", 45.0), ("merge_s", 400.0), ("site_margin_m", 12.5)):
        policy = registry_with(folder, (key, value)).policy
        assert getattr(policy, key) == value and policy.points["off_route"] == 4
    assert registry_with(folder, ("merge_s", 400.0)).policy.zone_min_s == 31
    assert registry_with(folder, None).policy.merge_s == 500
    (folder / "policy.toml").unlink()
    assert registry_with(folder, ("zone_min_s", 45.0)).policy.zone_min_s == 45
    assert not (folder / "policy.toml").exists(), "the trial is left alone"


def test_another_corridor_is_laid_only_where_a_route_has_none_of_its_own(trial: Path) -> None:
    widths = lambda registry: [r.corridor_m for p in registry.permits for r in p.routes]
    before, after = widths(load(trial / "registry")), widths(registry_with(trial / "registry", ("corridor_m", 77.0)))
    policy = load(trial / "registry").policy
    assert after == [77.0 if width == policy.corridor_m else width for width in before] and 77.0 in after


def test_what_is_known_of_terminals_is_learnt_again_where_a_key_decides_it(trial: Path) -> None:
    fixes = _fixes(trial / "tracks", _truth(trial), QUIET)
    learnt = lambda one: learn(fixes, Ground(registry_with(trial / "registry", one)))
    as_is = learnt(None)
    for key in tunable():
        if key not in LEARNT_FROM:
            assert learnt((key, Policy.bounds(key)[1])) == as_is, key


def test_the_value_in_force_scores_as_a_run_does(tuned: Tuned) -> None:
    assert tuned.in_force == 30 and tuned.unit == "s" and {"quiet_zone", "no_entry"} <= set(tuned.rules)
    now = next(o for o in tuned.outcomes if o.value == tuned.in_force)
    assert now.of("quiet_zone").recall == now.of("no_entry").recall == 1.0 and now.of("no_entry").asked >= 3
    assert {o.accuracy.total.asked for o in tuned.outcomes} == {now.accuracy.total.asked}


def test_a_minimum_that_no_passage_reaches_finds_none(trial: Path) -> None:
    fixes, truth = _fixes(trial / "tracks", _truth(trial), QUIET), _truth(trial)
    score = _judge(_Trial(trial, fixes, truth, Knowledge()), ("zone_min_s", 3600.0)).rules
    assert score["quiet_zone"].asked >= 4 and score["quiet_zone"].found == score["no_entry"].found == 0
    assert score["off_route"].found > 0


def test_processes_give_what_one_gives(tuned: Tuned, trial: Path) -> None:
    (again,) = tune(trial, ["zone_min_s"], QUIET, workers=2)
    assert str(again) == str(tuned)


def test_a_rule_that_moves_is_shown_even_if_it_does_not_name_the_key() -> None:
    one = Tuned("zone_min_s", 30.0, (outcome(15, no_permit=(5, 5, 0)), outcome(30, no_permit=(5, 4, 0))))
    assert one.rules == ["no_permit", "quiet_zone", "no_entry"]
    still = Tuned("zone_min_s", 30.0, (outcome(15, no_permit=(5, 4, 0)), outcome(30, no_permit=(5, 4, 0))))
    assert still.rules == ["quiet_zone", "no_entry"]


def test_table_marks_the_value_in_force_and_sums_up() -> None:
    one = Tuned("zone_min_s", 30.0, (outcome(15, quiet_zone=(4, 4, 4)), outcome(30, quiet_zone=(4, 3, 0))))
    ((title, head, rows),) = tables([one])
    assert "zone_min_s (s, 0 to 3600)" in title and "default 30" in title
    assert head[1:] == ("15", "30*")
    assert ("quiet_zone", "0.500 1.000", "1.000 0.750") in rows and rows[-1][0] == "all rules"


def test_csv_says_in_numbers_what_the_page_draws(tuned: Tuned, trial: Path, tmp_path: Path) -> None:
    written = write([tuned], trial, tmp_path / "new" / "folder")
    assert [p.name for p in written] == [CSV_FILE, PAGE_FILE]
    with written[0].open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(tuned.outcomes) * (len(tuned.rules) + 1)
    assert {r["value"] for r in rows if r["in_force"] == "1"} == {"30"}
    for r in rows:
        asked, found, false = int(r["asked"]), int(r["found"]), int(r["false"])
        assert r["recall"] == (f"{found / asked:.3f}" if asked else "")
        assert r["precision"] == (f"{found / (found + false):.3f}" if found + false else "")


def test_page_needs_nothing_and_runs_nothing(tuned: Tuned) -> None:
    text = page([tuned, tuned], '<img src=x onerror="1">{{7*7}}')
    assert text.count("<svg") == 2 and "<script" not in text and "http" not in text
    assert "<img" not in text and "&lt;img" in text and "{{7*7}}" in text
    assert "zone_min_s" in text and RULE_NAMES["quiet_zone"] in text
    empty = Tuned("zone_min_s", 30.0, (outcome(15), outcome(30)))
    assert page([empty], "none").count("<svg") == 1, "a trial that asks for nothing can be drawn"


def test_better_is_higher_on_the_chart() -> None:
    one = Tuned("zone_min_s", 30.0, (outcome(15, quiet_zone=(10, 9, 0)), outcome(30, quiet_zone=(10, 10, 0))))
    circles = [part.split('"') for part in page([one], "t").split("<circle ")[1:]]
    (x1, y1), (x2, y2) = ((float(c[1]), float(c[3])) for c in circles)
    assert x1 < x2 and y1 > y2


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda f: (f / "truth.csv").unlink(), "has no truth.csv"),
        (lambda f: (f / "truth.csv").write_text("kind,rule,plate,start\n", "utf-8"), "lacks end"),
        (
            lambda f: (f / "truth.csv").write_text("kind,rule,plate,start,end,note\npositive,x,y,noon,,\n", "utf-8"),
            "noon",
        ),
        (lambda f: shutil.rmtree(f / "registry"), "has no registry"),
    ],
)
def test_what_is_no_trial_is_told(spoil: object, words: str, trial: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(trial, copy)
    spoil(copy)  # type: ignore[operator]
    with pytest.raises(TrialError, match=words):
        tune(copy, ["zone_min_s"], QUIET, workers=1)


def test_command_names_the_keys_that_can_be_moved(trial: Path) -> None:
    done = CliRunner().invoke(command, ["--trial", str(trial), "--key", "zone_min_sec"])
    assert done.exit_code == 2
    assert "zone_min_sec" in done.output and "off_route_min_m" in done.output
