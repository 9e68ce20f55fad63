"""Pools the verdicts of many trials into the figures of docs/accuracy.md."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from math import exp
from statistics import median

from bench.proportions import Share
from bench.trials import Trial
from bench.verdicts import Claim, Verdict
from rules.catalog import RULES
from sample_tracks.fleet import Knobs
from sample_tracks.style import STYLES

RULE_IDS = tuple(rule.rule_id for rule in RULES)
OUTFITS = {"full": "all sensors", "none": "no sensors"}
CITIES = {"plain": "plain streets", "grown": "grown cities"}
DAYS = 7
LATE_S = 60.0


@dataclass(frozen=True)
class Cell:
    """A condition of the page; `honest` cells are the clean fleet, in which nobody breaks a rule on purpose."""

    noise: str
    outfit: str | None
    interval_s: int | None
    seed: int
    trucks: int
    honest: bool = False
    streets: str = "plain"

    def __str__(self) -> str:
        interval = f"{self.interval_s} s" if self.interval_s else "mixed intervals"
        outfit = OUTFITS[self.outfit] if self.outfit else "mixed sensors"
        kind = "clean fleet, " if self.honest else ""
        streets = "" if self.streets == "plain" else f"{self.streets}, "
        return f"{kind}{streets}{self.noise}, {outfit}, {interval}, city {self.seed}, {self.trucks} trucks"

    @property
    def work(self) -> float:
        """About how long it takes, against other cells."""
        return self.trucks * (1 + 4 / (self.interval_s or 15))

    @property
    def trial(self) -> Trial:
        """What the generator is asked for: ill sensors and wrong datums belong to every noise but `clean`."""
        style = STYLES[self.streets]
        knobs = Knobs(self.trucks, self.interval_s, outfit=self.outfit, noise=self.noise, style=style)
        if self.noise == "clean":
            knobs = replace(knobs, ill_share=0.0, datum_liars=0)
        return Trial(self.seed, self.seed, knobs, self.honest)


@dataclass(frozen=True)
class Result:
    """What a cell came to."""

    cell: Cell
    verdict: Verdict
    fixes: int
    seconds: float


@dataclass(frozen=True)
class Figures:
    """One line of a table: some rules under some conditions."""

    recall: Share
    precision: Share
    late_s: float | None  # median of how far starts are off, either way
    split: Share  # violations beyond the first of one act, of all that were right
    unasked: Share  # stretches that happened but that nobody is asked to find, and how many were told anyway

    @property
    def empty(self) -> bool:
        """Whether nothing happened and nothing was told."""
        return not (self.recall.cases or self.precision.cases)


def figures(results: Iterable[Result], rules: Sequence[str] = RULE_IDS) -> Figures:
    """The figures of some rules over some results."""
    pooled = Verdict()
    for result in results:
        pooled += result.verdict
    asked = sum(pooled.asked.get(rule, 0) for rule in rules)
    found = asked - sum(line.rule in rules for line in pooled.missed)
    claims = [c for c in pooled.claims if c.stretch.rule in rules]
    false = sum(c.right is False for c in claims)
    right = [c for c in claims if c.right]
    late = [abs(c.start_late_s) for c in right if c.start_late_s is not None and c.stretch.rule != "cloned_plate"]
    return Figures(
        Share(found, asked),
        Share(found, found + false),
        median(late) if late else None,
        Share(sum(c.extra for c in right), len(right)),
        Share(sum(pooled.unasked_found.get(r, 0) for r in rules), sum(pooled.unasked.get(r, 0) for r in rules)),
    )


def conditions(results: Sequence[Result]) -> list[tuple[str, list[Result]]]:
    """The lines of every table: by city, noise, sensors, interval, and all; the clean fleet apart."""
    asked = [r for r in results if not r.cell.honest]
    keys: list[Callable[[Cell], str]] = [
        lambda c: CITIES[c.streets],
        lambda c: c.noise,
        lambda c: OUTFITS[c.outfit or "full"],
        lambda c: f"a fix every {c.interval_s} s" if c.interval_s else "mixed, or by events",
    ]
    lines: list[tuple[str, list[Result]]] = []
    for key in keys:
        names = dict.fromkeys(key(r.cell) for r in asked)
        lines += [(name, [r for r in asked if key(r.cell) == name]) for name in names]
    return [*lines, ("all", asked)]


def told(results: Iterable[Result], rule: str | None = None) -> list[tuple[float, bool]]:
    """Confidence and outcome of every violation whose outcome is known."""
    claims: list[Claim] = [c for r in results for c in r.verdict.claims if rule in (None, c.stretch.rule)]
    return [(c.confidence, c.right) for c in claims if c.right is not None]


def poisson_interval(count: int) -> tuple[float, float]:
    """Garwood's exact 95 % interval of the mean behind a count."""

    def at_most(n: int, mean: float) -> float:
        term, total = exp(-mean), 0.0
        for k in range(n + 1):
            total += term
            term *= mean / (k + 1)
        return total

    def solve(n: int, level: float) -> float:
        low, high = 0.0, 10.0 * (n + 5)
        for _ in range(80):
            middle = (low + high) / 2
            low, high = (middle, high) if at_most(n, middle) > level else (low, middle)
        return low

    return (solve(count - 1, 0.975) if count else 0.0), solve(count, 0.025)


def faults(results: Iterable[Result]) -> list[str]:
    """Every miss, false alarm and start that is far off, one a line, to look into."""
    lines = []
    for r in results:
        lines += [f"missed {r.cell}: {s}" for s in r.verdict.missed]
        lines += [f"false  {r.cell}: {c.stretch} p={c.confidence}" for c in r.verdict.claims if c.right is False]
        late = [c for c in r.verdict.claims if c.start_late_s is not None and abs(c.start_late_s) > LATE_S]
        lines += [f"late   {r.cell}: {c.stretch} by {c.start_late_s:+.0f} s" for c in late]
    return lines
