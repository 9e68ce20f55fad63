"""Compares what a run found with what truly happened: `python -m sample_tracks.score STORE`.

A positive of truth.csv is found when one violation of its rule and plate covers at least 40 % of it. A violation of
which less than 40 % lies in positives and ignored stretches is a false alarm; one that lies in them and finds nothing
counts neither way. Both comparisons grant two minutes at either end. A stretch of rule `*` is ignored for every rule,
and no positive that it touches is asked for, `cloned_plate` apart.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Protocol

import duckdb
import polars as pl

from sample_tracks.clock import LOCAL

TRUTH_FILE = Path(__file__).parent / "truth.csv"
SLACK_S = 120.0
SHARE = 0.4
_SQL = "SELECT rule, plate, start_time, end_time FROM violations ORDER BY plate, start_time, rule"


class Queryable(Protocol):
    """What a store offers."""

    def query(self, sql: str) -> pl.DataFrame:
        """Rows of a statement."""


@dataclass(frozen=True)
class Stretch:
    """A rule, a plate and a span of time, epoch seconds; from truth.csv also what kind of line it was."""

    rule: str
    plate: str
    start_s: float
    end_s: float
    kind: str = "found"
    note: str = ""

    @property
    def length_s(self) -> float:
        """At least a second, so that shares can be taken of it."""
        return max(1.0, self.end_s - self.start_s)

    def __str__(self) -> str:
        start, end = (datetime.fromtimestamp(s, LOCAL).strftime("%m-%d %H:%M:%S") for s in (self.start_s, self.end_s))
        return f"{self.rule:24} {self.plate:9} {start} .. {end}  {self.note}".rstrip()


@dataclass
class RuleScore:
    """One rule's count: positives asked for, those found, false alarms."""

    asked: int = 0
    found: int = 0
    missed: list[Stretch] = field(default_factory=list)
    false: list[Stretch] = field(default_factory=list)

    @property
    def recall(self) -> float | None:
        """Share of the positives that were found; None where none was asked for."""
        return self.found / self.asked if self.asked else None

    @property
    def precision(self) -> float | None:
        """Found positives as a share of them and the false alarms; None where there is neither."""
        told = self.found + len(self.false)
        return self.found / told if told else None

    def figures(self) -> str:
        """The numbers as the right part of a table's line."""
        shares = ("-" if share is None else f"{share:.3f}" for share in (self.recall, self.precision))
        return "{:>6}{:>7}{:>7}{:>9}{:>11}".format(self.asked, self.found, len(self.false), *shares)

    def __iadd__(self, other: RuleScore) -> RuleScore:
        self.asked += other.asked
        self.found += other.found
        self.missed += other.missed
        self.false += other.false
        return self


@dataclass(frozen=True)
class Accuracy:
    """Scores by rule; prints as a table."""

    rules: dict[str, RuleScore]

    @property
    def total(self) -> RuleScore:
        """All rules together."""
        total = RuleScore()
        for one in self.rules.values():
            total += one
        return total

    def __str__(self) -> str:
        head = f"{'rule':24}{'true':>6}{'found':>7}{'false':>7}{'recall':>9}{'precision':>11}"
        lines = [f"{name:24}{one.figures()}" for name, one in [*sorted(self.rules.items()), ("all", self.total)]]
        return "\n".join([head, *lines])

    def faults(self, most: int) -> str:
        """Up to so many misses and false alarms of each rule, one a line."""
        lines = []
        for _, rule in sorted(self.rules.items()):
            lines += [f"missed  {s}" for s in rule.missed[:most]] + [f"false   {s}" for s in rule.false[:most]]
        return "\n".join(lines)


def score(found: pl.DataFrame | Queryable | Path, truth: Path = TRUTH_FILE) -> Accuracy:
    """Scores violations against a truth file.

    Args:
        found: a frame with `rule`, `plate`, `start_time`, `end_time` (instants), an open store, or a store's folder.
        truth: a file of the columns kind, rule, plate, start, end, note.
    """
    if isinstance(found, Path):
        found = read_violations(found)
    elif not isinstance(found, pl.DataFrame):
        found = found.query(_SQL)
    return compare(_stretches(found), read_truth(truth))


def compare(found: Iterable[Stretch], truth: Iterable[Stretch]) -> Accuracy:
    """Counts, rule by rule, what was found, missed and invented."""
    found, truth = list(found), list(truth)
    by_plate: dict[str, list[Stretch]] = defaultdict(list)
    for row in truth:
        by_plate[row.plate].append(row)
    rules: dict[str, RuleScore] = defaultdict(RuleScore)
    claims: dict[tuple[str, str], list[Stretch]] = defaultdict(list)
    for claim in found:
        claims[claim.rule, claim.plate].append(claim)
        lines = [row for row in by_plate[claim.plate] if row.rule in (claim.rule, "*")]
        if not accounted(claim, lines):
            rules[claim.rule].false.append(claim)
    for row in truth:
        if row.kind != "positive" or excused(row, by_plate[row.plate]):
            continue
        rule = rules[row.rule]
        rule.asked += 1
        if any(covers(claim, row) for claim in claims[row.rule, row.plate]):
            rule.found += 1
        else:
            rule.missed.append(row)
    return Accuracy(dict(rules))


def accounted(claim: Stretch, lines: list[Stretch]) -> bool:
    """Whether enough of a claim lies in what truth tells or ignores; where lines overlap they count once."""
    inside, reached = 0.0, -float("inf")
    for line in sorted(lines, key=lambda s: s.start_s):
        a = max(line.start_s - SLACK_S, claim.start_s, reached)
        b = min(line.end_s + SLACK_S, claim.start_s + claim.length_s)
        if b > a:
            inside, reached = inside + b - a, b
    return inside >= SHARE * claim.length_s


def covers(claim: Stretch, row: Stretch) -> bool:
    """Whether a claim covers enough of a positive."""
    both = min(claim.end_s + SLACK_S, row.start_s + row.length_s) - max(claim.start_s - SLACK_S, row.start_s)
    return both >= SHARE * row.length_s


def excused(row: Stretch, lines: list[Stretch]) -> bool:
    """Whether a positive touches a stretch in which nothing is asked of its plate."""
    if row.rule == "cloned_plate":
        return False
    return any(s.rule == "*" and s.start_s <= row.end_s and s.end_s >= row.start_s for s in lines)


def read_truth(file: Path) -> list[Stretch]:
    """The lines of a truth file."""
    with file.open(encoding="utf-8", newline="") as lines:
        return [
            Stretch(r["rule"], r["plate"], _second(r["start"]), _second(r["end"]), r["kind"], r["note"] or "")
            for r in csv.DictReader(lines)
        ]


def _second(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def read_violations(store: Path) -> pl.DataFrame:
    """The violations of a store's folder, read without touching it.

    Raises:
        FileNotFoundError: if the folder holds no database.
    """
    databases = sorted(store.glob("*.duckdb"))
    if not databases:
        raise FileNotFoundError(f"no store in {store}: it holds no .duckdb file")
    with duckdb.connect(str(databases[0]), read_only=True) as con:
        frame: pl.DataFrame = con.sql(_SQL).pl()
    return frame


def _stretches(frame: pl.DataFrame) -> list[Stretch]:
    seconds = pl.col("start_time", "end_time").dt.epoch("ms") / 1000
    return [Stretch(*row) for row in frame.select("rule", "plate", seconds).iter_rows()]


def main(argv: list[str] | None = None) -> int:
    """The command line."""
    p = argparse.ArgumentParser(prog="python -m sample_tracks.score", description=__doc__.splitlines()[0])
    p.add_argument("store", type=Path)
    p.add_argument("--truth", type=Path, default=TRUTH_FILE, help="truth.csv of the sample unless given")
    p.add_argument("--misses", type=int, default=0, metavar="N", help="print up to N misses and false alarms a rule")
    a = p.parse_args(argv)
    try:
        result = score(a.store, a.truth)
    except OSError as fault:
        print(f"score: {fault}", file=sys.stderr)
        return 2
    print(result)
    if a.misses:
        print(result.faults(a.misses))
    return 0


if __name__ == "__main__":
    sys.exit(main())
