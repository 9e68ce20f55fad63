"""Holds each violation of a trial against the truth: true, false, or in a stretch of which nobody is blamed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from rules.findings import Violation
from sample_tracks.score import Stretch, accounted, compare, covers, excused


@dataclass(frozen=True)
class Claim:
    """One violation. `right` is None where truth neither bears it out nor denies it.

    `start_late_s` is its start less that of the positive it fits best, seconds, where it is right; `extra` marks what
    was told beside a better fitting violation of the same positive.
    """

    stretch: Stretch
    confidence: float
    right: bool | None
    start_late_s: float | None = None
    extra: bool = False


@dataclass
class Verdict:
    """What a trial came to: its violations, and of each rule the positives asked for and missed.

    `unasked` counts stretches that truly happened but that nobody is asked to find, `unasked_found` those told anyway.
    """

    claims: list[Claim] = field(default_factory=list)
    asked: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    missed: list[Stretch] = field(default_factory=list)
    unasked: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    unasked_found: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    def __iadd__(self, other: Verdict) -> Verdict:
        self.claims += other.claims
        self.missed += other.missed
        for name in ("asked", "unasked", "unasked_found"):
            for rule, count in getattr(other, name).items():
                getattr(self, name)[rule] += count
        return self


def hold(violations: Iterable[Violation], truth: Sequence[Stretch]) -> Verdict:
    """Compares by the definitions of `sample_tracks.score`, keeping each violation's verdict and confidence."""
    verdict = Verdict()
    lines: dict[str, list[Stretch]] = defaultdict(list)
    for line in truth:
        lines[line.plate].append(line)
    told = [(Stretch(v.rule, v.plate, v.start_ms / 1000, v.end_ms / 1000), v.confidence) for v in violations]
    best: dict[int, tuple[float, int]] = {}  # of each positive its best fitting claim
    rights: list[tuple[bool | None, Stretch | None]] = []
    for number, (claim, _) in enumerate(told):
        right, about = _right(claim, lines[claim.plate])
        rights.append((right, about))
        if about is not None:
            best[id(about)] = min(best.get(id(about), (float("inf"), -1)), (_apart(claim, about), number))
    for number, ((claim, confidence), (right, about)) in enumerate(zip(told, rights, strict=True)):
        late = claim.start_s - about.start_s if about else None
        extra = about is not None and best[id(about)][1] != number
        verdict.claims.append(Claim(claim, confidence, right, late, extra))
    for rule, score in compare([claim for claim, _ in told], truth).rules.items():
        verdict.asked[rule] += score.asked
        verdict.missed += score.missed
    for line in truth:
        if line.kind == "ignore" and line.rule != "*":
            verdict.unasked[line.rule] += 1
            near = (claim for claim, _ in told if (claim.rule, claim.plate) == (line.rule, line.plate))
            verdict.unasked_found[line.rule] += any(covers(claim, line) for claim in near)
    return verdict


def _right(claim: Stretch, lines: Sequence[Stretch]) -> tuple[bool | None, Stretch | None]:
    """Whether a claim is right, and the positive it fits best."""
    if not accounted(claim, [line for line in lines if line.rule in (claim.rule, "*")]):
        return False, None
    positives = [line for line in lines if line.kind == "positive" and line.rule == claim.rule]
    about = [line for line in positives if covers(claim, line) and not excused(line, list(lines))]
    return (True, min(about, key=lambda line: _apart(claim, line))) if about else (None, None)


def _apart(claim: Stretch, line: Stretch) -> float:
    """How far both ends of a claim are from those of a positive, seconds."""
    ends = abs(claim.start_s + claim.length_s - line.start_s - line.length_s)
    return abs(claim.start_s - line.start_s) + ends
