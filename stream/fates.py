"""What became of fixes, by partition: a step counts all of its trucks together, accounts are kept by partition."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import polars as pl

from ingest.arrange import arrange
from rules.engine import Counts, State
from rules.findings import Findings
from rules.tags import Tag


def fates(
    before: State, after: State, counts: Counts, found: Findings, taken: Mapping[int, int], of: Callable[[str], int]
) -> dict[int, Counts]:
    """The counts of a step by the partition of the trucks. What did not happen at all is not looked for.

    Args:
        before: the state of the step's trucks before it, all that it took in among the pending fixes.
        after: their state after it.
        counts: what the step said.
        found: what it found; its marks tell which fixes were another device's.
        taken: by partition, how many fixes were pending before and no longer are.
        of: gives a plate's partition.
    """
    every = before.pending
    repeated: dict[int, int] = {}
    if counts.repeated:
        once = arrange(every)[0]
        repeated, every = _less(_by(every, of), _by(once, of)), once
    late: dict[int, int] = {}
    if counts.late:
        done = pl.DataFrame(
            {"plate": list(before.judged_ms), "done_ms": list(before.judged_ms.values())},
            schema={"plate": pl.String, "done_ms": pl.Int64},
        )
        known = every.join(done, on="plate", how="left", maintain_order="left")["done_ms"]
        behind = (every["time_ms"] <= known).fill_null(False)
        late, every = _by(every.filter(behind), of), every.filter(~behind)
    invalid: dict[int, int] = {}
    if counts.invalid:
        invalid = _less(_by(every.filter(~every["valid"]), of), _invalid(after.pending, of))
    others: dict[int, int] = {}
    for mark in found.marks:
        if mark.tag == Tag.OTHER_DEVICE:
            others[of(mark.plate)] = others.get(of(mark.plate), 0) + mark.fixes
    partitions = {p for p, count in taken.items() if count}
    told = {p: [by.get(p, 0) for by in (repeated, late, invalid, others)] for p in partitions}
    return {p: Counts(taken[p] - sum(odd), *odd) for p, odd in told.items()}


def _by(fixes: pl.DataFrame, of: Callable[[str], int]) -> dict[int, int]:
    counted: dict[int, int] = {}
    for plate, count in fixes["plate"].value_counts().iter_rows():
        counted[of(plate)] = counted.get(of(plate), 0) + count
    return counted


def _invalid(pending: pl.DataFrame, of: Callable[[str], int]) -> dict[int, int]:
    return _by(pending.filter(~pending["valid"]), of)


def _less(more: Mapping[int, int], fewer: Mapping[int, int]) -> dict[int, int]:
    return {partition: count - fewer.get(partition, 0) for partition, count in more.items()}
