"""What moving one threshold of the policy does to precision and recall on a labelled trial, for `muckwatch tune`.

A trial is a folder with `registry/`, `tracks/` and `truth.csv`; the sample tracks are one. Each value is tried as if
the trial's `policy.toml` said so and nothing else had changed.
"""

from __future__ import annotations

import os
import re
import shutil
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import Field, dataclass, fields, replace
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from ingest.arrange import arrange
from ingest.files import read_fixes
from ingest.progress import watch
from ingest.tally import Tally
from rules.catalog import RULES
from rules.engine import judge_all
from rules.fleet import surveyed
from rules.ground import Ground
from rules.health import Knowledge, learn
from rules.policy import Policy
from rules.registry import Registry, load
from sample_tracks.score import Accuracy, RuleScore, Stretch, compare, read_truth

REGISTRY, TRACKS, TRUTH, POLICY = "registry", "tracks", "truth.csv", "policy.toml"
#: What the value in force is multiplied by; what is then out of bounds is moved to the bound.
FACTORS = (0.5, 0.75, 1.0, 1.5, 2.0)
#: Keys that decide what is learnt of terminals before judging; for all others it is learnt once.
LEARNT_FROM = frozenset({"corridor_m", "site_margin_m", "load_stay_min_s"})
FIELDS: dict[str, Field[object]] = {f.name: f for f in fields(Policy)}
_DAY_MS = 86_400_000
_TRUTH_COLUMNS = ("kind", "rule", "plate", "start", "end")


class TrialError(Exception):
    """A trial that cannot be used, or a key that cannot be moved; says what is allowed."""


@dataclass(frozen=True)
class Outcome:
    """How accurate the trial is judged with one value of a key."""

    value: float
    accuracy: Accuracy

    def of(self, rule: str) -> RuleScore:
        """One rule's count."""
        return self.accuracy.rules.get(rule, RuleScore())


@dataclass(frozen=True)
class Tuned:
    """One key: what was tried, in order of value, and the value in force in the trial."""

    key: str
    in_force: float
    outcomes: tuple[Outcome, ...]

    @property
    def unit(self) -> str:
        """The key's unit."""
        return str(FIELDS[self.key].metadata["unit"])

    @property
    def default(self) -> float:
        """What is in force where a policy does not name the key."""
        return float(getattr(Policy(), self.key))

    @property
    def rules(self) -> list[str]:
        """The rules that name the key or whose figures it moved, in the order of the catalogue."""
        moved = {r.rule_id for r in RULES if len({o.of(r.rule_id).figures() for o in self.outcomes}) > 1}
        return [r.rule_id for r in RULES if r.rule_id in moved or self.key in r.policy_keys]

    def of_rules(self, outcome: Outcome) -> RuleScore:
        """Those rules' counts together."""
        total = RuleScore()
        for rule in self.rules:
            total += outcome.of(rule)
        return total


@dataclass(frozen=True)
class _Trial:
    folder: Path
    fixes: pl.DataFrame
    truth: list[Stretch]
    knowledge: Knowledge


def tunable() -> list[str]:
    """The numeric keys that a rule names, in the order of the policy."""
    named = {key for rule in RULES for key in rule.policy_keys}
    return [name for name, f in FIELDS.items() if name in named and f.type in ("int", "float")]


def values_of(key: str, in_force: float) -> list[float]:
    """A handful of values around the one in force, within bounds, ascending; the default is always among them."""
    low, high = Policy.bounds(key)
    whole = FIELDS[key].type == "int"
    base = in_force or max(low, float(getattr(Policy(), key)))
    tried = {min(max(base * factor, low), high) for factor in FACTORS} | {in_force, float(getattr(Policy(), key))}
    return sorted({float(round(v)) if whole else round(v, 3) for v in tried})


def tune(folder: Path, keys: Sequence[str], console: Console, workers: int | None = None) -> list[Tuned]:
    """Judges a trial once for each value of each key.

    Args:
        folder: the trial.
        keys: numeric policy keys; all of `tunable` when empty.
        console: where progress is drawn.
        workers: processes that judge; as many as there are cores by default.

    Raises:
        TrialError: the folder is no trial, or a key is none that a rule uses.
        RegistryError: the registry has faults.
        TracksError: tracks that cannot be read.
    """
    for key in keys:
        if key not in tunable():
            raise TrialError(f"{key!r} is no threshold of a rule: choose from {', '.join(tunable())}")
    truth = _truth(folder)
    registry = load(folder / REGISTRY)
    fixes = _fixes(folder / TRACKS, truth, console)
    trial = _Trial(folder, fixes, truth, _learnt(fixes, Ground(registry)))
    base = {key: float(getattr(registry.policy, key)) for key in keys or tunable()}
    asked = [(key, value) for key, now in base.items() for value in values_of(key, now) if value != now]
    done = dict(_try_all(trial, asked, console, workers or len(os.sched_getaffinity(0))))
    as_is = done.pop(None)
    results = []
    for key, now in base.items():
        outcomes = [Outcome(v, as_is if v == now else done[key, v]) for v in values_of(key, now)]
        results.append(Tuned(key, now, tuple(outcomes)))
    return results


def _truth(folder: Path) -> list[Stretch]:
    for name in (REGISTRY, TRACKS, TRUTH):
        if not (folder / name).exists():
            raise TrialError(f"{folder} is no trial: it has no {name}; it needs {REGISTRY}/, {TRACKS}/ and {TRUTH}")
    file = folder / TRUTH
    head = file.open(encoding="utf-8-sig").readline().strip().split(",")
    if lacking := [name for name in _TRUTH_COLUMNS if name not in head]:
        raise TrialError(f"{file}: the first line lacks {', '.join(lacking)}")
    try:
        return read_truth(file)
    except (ValueError, KeyError, TypeError) as error:
        raise TrialError(f"{file}: {error}") from None


def _fixes(tracks: Path, truth: list[Stretch], console: Console) -> pl.DataFrame:
    """The trial's fixes, sorted, each once. The present is never before the end of the truth."""
    ends_ms = int(max((s.end_s for s in truth), default=0.0) * 1000)
    now_ms = max(time.time_ns() // 1_000_000, ends_ms + _DAY_MS)
    with watch(console, "reading tracks") as on_progress:
        frames = list(read_fixes([tracks], now_ms=now_ms, tally=Tally(), on_progress=on_progress))
    if not frames:
        raise TrialError(f"{tracks}: no fix in it can be used")
    return arrange(pl.concat(frames))[0]


_Asked = tuple[str, float] | None


def _try_all(
    trial: _Trial, asked: Sequence[_Asked], console: Console, workers: int
) -> Iterator[tuple[_Asked, Accuracy]]:
    """Every (key, value) asked for, and None for the policy as it is; in any order."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    every = [None, *asked]
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("judging", total=len(every))
        if workers == 1 or len(every) < 4:
            for one in every:
                yield one, _judge(trial, one)
                bar.advance(task)
            return
        os.environ.setdefault("POLARS_MAX_THREADS", "1")  # for the children: one core each
        with TemporaryDirectory() as name:
            file = Path(name) / "fixes.arrow"
            trial.fixes.write_ipc(file)
            about = (file, trial.folder, trial.truth, trial.knowledge)
            with ProcessPoolExecutor(workers, get_context("spawn"), _prepare, about) as pool:
                waiting = {pool.submit(_judge_here, one): one for one in every}
                for future in as_completed(waiting):
                    yield waiting[future], future.result()
                    bar.advance(task)


def _prepare(file: Path, folder: Path, truth: list[Stretch], knowledge: Knowledge) -> None:
    """Reads the trial once in a worker process."""
    global _trial
    _trial = _Trial(folder, pl.read_ipc(file), truth, knowledge)


_trial: _Trial


def _judge_here(one: _Asked) -> Accuracy:
    return _judge(_trial, one)


def _judge(trial: _Trial, one: _Asked) -> Accuracy:
    ground = Ground(registry_with(trial.folder / REGISTRY, one))
    knowledge = _learnt(trial.fixes, ground) if one and one[0] in LEARNT_FROM else trial.knowledge
    found, _ = judge_all(trial.fixes, ground, knowledge)
    claims = [Stretch(v.rule, v.plate, v.start_ms / 1000, v.end_ms / 1000) for v in found.violations]
    return compare(claims, trial.truth)


def _learnt(fixes: pl.DataFrame, ground: Ground) -> Knowledge:
    """What a run would know of terminals and fleet."""
    return replace(learn(fixes, ground)[0], fleet=surveyed(fixes))


def registry_with(folder: Path, one: _Asked) -> Registry:
    """The registry as if its policy said otherwise: read from a copy, because corridors are laid while reading."""
    if one is None:
        return load(folder)
    key, value = one
    with TemporaryDirectory() as name:
        copy = Path(name) / REGISTRY
        shutil.copytree(folder, copy)
        file = copy / POLICY
        text = file.read_text("utf-8-sig") if file.exists() else ""
        file.unlink(missing_ok=True)
        file.write_text(_set(text, key, value), "utf-8")
        return load(copy)


def _set(text: str, key: str, value: float) -> str:
    """A policy's text with a top-level number set; top-level keys stand before the first table."""
    lines = text.splitlines()
    tables = next((n for n, line in enumerate(lines) if line.lstrip().startswith("[")), len(lines))
    says_so = re.compile(rf"\s*[\"']?{re.escape(key)}[\"']?\s*=")
    kept = [line for n, line in enumerate(lines) if n >= tables or not says_so.match(line)]
    number = f"{value:.0f}" if FIELDS[key].type == "int" else f"{value}"
    return "\n".join([f"{key} = {number}", *kept, ""])
