"""What a stream found against what `run` finds: lost, doubled, extra, altered; and whether the fixes add up."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from reports.store import Store


@dataclass
class Verdict:
    """What of `run`'s violations the stream lost, doubled or altered; and whether the balance of fixes closes."""

    expected: int
    lost: list[str]
    doubled: list[str]
    extra: list[str]
    altered: list[str]
    received: int = 0
    missing: int = 0
    late: int = 0

    @property
    def clean(self) -> bool:
        """Nothing lost, doubled, extra, altered or missing."""
        return not (self.lost or self.doubled or self.extra or self.altered or self.missing)

    def __str__(self) -> str:
        return (
            f"{self.expected} violations expected: lost {len(self.lost)}, doubled {len(self.doubled)}, extra "
            f"{len(self.extra)}, altered {len(self.altered)}; {self.received} fixes received, {self.missing} missing "
            f"from the balance, {self.late} late"
        )


@dataclass(frozen=True)
class Told:
    """What was found: each violation's facts, and how often each was said for good."""

    facts: dict[str, str]
    said: Counter[str]


def told_by(found: list[dict[str, Any]]) -> Told:
    """What stands of all that workers said; facts are not looked at."""
    said = Counter(str(f["id"]) for f in found if f["kind"] == "violation" and not f["open"])
    standing = set(said)
    for f in found:
        if f["kind"] == "violation":
            standing.add(f["id"])
        elif f["kind"] == "withdrawn":
            standing.discard(f["id"])
    return Told(dict.fromkeys(standing, ""), said)


def kept_by(stream: Path, said: Counter[str]) -> Told:
    """What the stream's store holds; a row twice counts as said twice."""
    with Store.read(stream) as store:
        rows = store.query("SELECT violation_id, count(*) AS n FROM kept.violations GROUP BY ALL HAVING n > 1")
        return Told(_facts(store), said + Counter(dict.fromkeys(rows["violation_id"].to_list(), 2)))


def judged(reference: Path, told: Told, stream: Path | None = None) -> Verdict:
    """Compares what was found with the store of `run`; the balance is that of the stream's store."""
    with Store.read(reference) as store:
        wanted = _facts(store)
    received = missing = late = 0
    if stream is not None:
        with Store.read(stream) as store:
            sums = store.query("SELECT sum(received), sum(missing), sum(late) FROM stream_balance").row(0)
        received, missing, late = (int(n or 0) for n in sums)
    held = told.facts
    doubled = sorted(i for i, count in told.said.items() if count > 1)
    altered = sorted(i for i in held.keys() & wanted.keys() if held[i] and held[i] != wanted[i])
    lost, extra = sorted(wanted.keys() - held.keys()), sorted(held.keys() - wanted.keys())
    return Verdict(len(wanted), lost, doubled, extra, altered, received, missing, late)


def differences(reference: Path, stream: Path, verdict: Verdict) -> list[str]:
    """The first altered violations in words: which of their columns differ, and how."""
    ids = verdict.altered[:5]
    told = []
    rows = []
    for folder in (reference, stream):
        with Store.read(folder) as store:
            found = store.query("SELECT * FROM kept.violations WHERE list_contains($1, violation_id)", [ids])
            rows.append({row["violation_id"]: row for row in found.iter_rows(named=True)})
    for i in ids:
        was, now = rows[0][i], rows[1][i]
        unlike = {c: (was[c], now[c]) for c in was if was[c] != now[c] and c not in ("facts", "recorded_ms")}
        told.append(f"{was['rule']} {was['plate']}: {unlike}")
    return told


def _facts(store: Store) -> dict[str, str]:
    rows: pl.DataFrame = store.query("SELECT violation_id, facts FROM kept.violations")
    return dict(rows.iter_rows())


def plant(told: Told) -> Told:
    """One violation less, one doubled, one more and one changed: a check that sees nothing here sees nothing."""
    first, second, third = sorted(told.facts)[:3]
    facts = {**told.facts, "0" * 20: "", third: "changed"}
    del facts[first]
    said = Counter({i: count for i, count in told.said.items() if i != first}) + Counter({second: 2})
    return Told(facts, said)


def seen(verdict: Verdict, planted: Verdict) -> bool:
    """Whether the check saw what was planted, each kind once more than before."""
    kinds = ("lost", "doubled", "extra", "altered")
    return all(len(getattr(planted, kind)) > len(getattr(verdict, kind)) for kind in kinds)
