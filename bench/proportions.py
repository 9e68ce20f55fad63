"""Shares with the intervals that few cases leave open, and how far told confidences agree with what came true."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import sqrt

Z_95 = 1.959964  # the normal distribution's 97.5 % point
#: Most claims are nearly sure, so bins are finer towards the end.
EDGES = (0.0, 0.5, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 1.0)


@dataclass(frozen=True)
class Share:
    """`hits` of `cases`."""

    hits: int
    cases: int

    @property
    def value(self) -> float | None:
        """The share; None of no cases."""
        return self.hits / self.cases if self.cases else None

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's 95 % interval (Wilson 1927); of no cases everything is possible."""
        n = self.cases
        if not n:
            return 0.0, 1.0
        p, z2 = self.hits / n, Z_95**2
        middle = (p + z2 / (2 * n)) / (1 + z2 / n)
        half = Z_95 / (1 + z2 / n) * sqrt(p * (1 - p) / n + z2 / (4 * n * n))
        # at either end the bound is the end itself; rounding must not put it beside
        return (0.0 if self.hits == 0 else middle - half), (1.0 if self.hits == n else middle + half)

    def __str__(self) -> str:
        """Such as `0.987 (0.954–0.997)`; a dash of no cases."""
        if self.value is None:
            return "–"
        low, high = self.interval
        return f"{self.value:.3f} ({low:.3f}–{high:.3f})"


@dataclass(frozen=True)
class Bin:
    """Claims of like confidence: how sure they were on average and how many were right."""

    low: float
    high: float
    mean: float
    right: Share


def brier(told: Sequence[tuple[float, bool]]) -> float | None:
    """Mean square of confidence less outcome (Brier 1950): 0 is perfect, always saying one half gives 0.25."""
    return sum((p - right) ** 2 for p, right in told) / len(told) if told else None


def reliability(told: Sequence[tuple[float, bool]]) -> list[Bin]:
    """The bins of confidence in which something was told."""
    bins = []
    for low, high in pairwise(EDGES):
        inside = [(p, right) for p, right in told if low <= p < high or p == high == 1.0]
        if inside:
            mean = sum(p for p, _ in inside) / len(inside)
            bins.append(Bin(low, high, mean, Share(sum(r for _, r in inside), len(inside))))
    return bins
