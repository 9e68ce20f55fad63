"""What became of fixes, by partition: a step counts all of its trucks together, accounts are kept by partition."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl

from ingest.arrange import arrange
from ingest.fix import FIX_IDENTITY
from rules.engine import Counts, State
from rules.ground import Ground
from rules.voice import speak


def fates(
    before: State, after: State, counts: Counts, partition_of: Callable[[str], int], ground: Ground
) -> dict[int, Counts]:
    """The counts of a step by the partition of the trucks. What did not happen at all is not looked for.

    Args:
        before: the state of the step's trucks before it, all that it took in among the pending fixes.
        after: their state after it.
        counts: what the step said.
        partition_of: gives a plate's.
        ground: the registry on the plane.
    """
    every = before.pending
    now = _by(every, partition_of)
    repeated: dict[int, int] = {}
    if counts.repeated:
        every = arrange(every)[0]
        once = _by(every, partition_of)
        repeated, now = _less(now, once), once
    late: dict[int, int] = {}
    if counts.late:
        done = pl.DataFrame(
            {"plate": list(before.judged_ms), "done_ms": list(before.judged_ms.values())},
            schema={"plate": pl.String, "done_ms": pl.Int64},
        )
        known = every.join(done, on="plate", how="left", maintain_order="left")["done_ms"]
        behind = (every["time_ms"] <= known).fill_null(False)
        late, every = _by(every.filter(behind), partition_of), every.filter(~behind)
        now = _less(now, late)
    now = _less(now, _by(after.pending, partition_of))
    invalid: dict[int, int] = {}
    if counts.invalid:
        invalid = _less(_by(every.filter(~every["valid"]), partition_of), _invalid(after.pending, partition_of))
    others: dict[int, int] = {}
    if counts.other_device:
        judged = every.filter("valid").join(after.pending, on=list(FIX_IDENTITY), how="anti").sort(*FIX_IDENTITY)
        others = _by(speak(judged, before.voices, ground)[1], partition_of)
    found = {}
    for p in {*now, *repeated, *late}:
        odd = (invalid.get(p, 0), others.get(p, 0))
        found[p] = Counts(now.get(p, 0) - sum(odd), repeated.get(p, 0), late.get(p, 0), *odd)
    return found


def _by(fixes: pl.DataFrame, partition_of: Callable[[str], int]) -> dict[int, int]:
    counted: dict[int, int] = {}
    for plate, count in fixes["plate"].value_counts().iter_rows():
        partition = partition_of(plate)
        counted[partition] = counted.get(partition, 0) + count
    return counted


def _invalid(pending: pl.DataFrame, partition_of: Callable[[str], int]) -> dict[int, int]:
    return _by(pending.filter(~pending["valid"]), partition_of)


def _less(more: dict[int, int], fewer: dict[int, int]) -> dict[int, int]:
    return {partition: count - fewer.get(partition, 0) for partition, count in more.items()}
