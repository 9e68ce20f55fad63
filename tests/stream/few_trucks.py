"""A few trucks of the sample week as records of a topic, and what one judgement of all their fixes finds."""

from __future__ import annotations

import random
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import polars as pl

from ingest.arrange import arrange
from ingest.kafka.publishing import records_of
from ingest.kafka.quick import Raw
from ingest.kafka.records import decode
from rules.engine import judge_all
from rules.findings import Findings
from rules.ground import Ground
from rules.health import Knowledge
from rules.registry import load

SAMPLES = Path(__file__).resolve().parent.parent.parent / "sample_tracks"
PARTITIONS = 4
TRUCKS = 6
NOW_MS = 1_795_500_000_000

Records = dict[int, list[Raw]]


@dataclass(frozen=True)
class Few:
    """Records by partition, the ground, and the findings of a judgement at once."""

    records: Records
    ground: Ground
    whole: Findings
    fixes: int
    terminals: dict[str, str]

    @property
    def ids(self) -> list[str]:
        return sorted(v.violation_id for v in self.whole.violations)


@cache
def few_trucks() -> Few:
    rows = pl.read_parquet(SAMPLES / "tracks" / "week-of-2026-11-16.parquet", hive_partitioning=False)
    plates = rows["plate"].unique(maintain_order=True).to_list()[:TRUCKS]
    rows = rows.filter(pl.col("plate").is_in(plates))
    records: Records = {p: [] for p in range(PARTITIONS)}
    for partition, _, value in records_of(rows, PARTITIONS, 20):
        records[partition].append(Raw(len(records[partition]), NOW_MS, value))
    ground = Ground(load(SAMPLES / "registry"))
    fixes = decode(records, PARTITIONS, now_ms=NOW_MS).fixes
    whole, _ = judge_all(arrange(fixes)[0], ground, Knowledge())
    return Few(records, ground, whole, rows.height, dict(fixes.select("plate", "terminal").unique().iter_rows()))


def cut(records: Records, chance: random.Random, most: int) -> list[Records]:
    """The records in batches of any size, each partition in order."""
    at = dict.fromkeys(records, 0)
    batches = []
    while any(at[p] < len(records[p]) for p in records):
        batch = {}
        for p in records:
            end = min(len(records[p]), at[p] + chance.randrange(most))
            if end > at[p]:
                batch[p] = records[p][at[p] : end]
            at[p] = end
        if batch:
            batches.append(batch)
    return batches
