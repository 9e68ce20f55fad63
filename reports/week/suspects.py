"""The weekly report's suspected places: those of the store that trucks came to in the week."""

from __future__ import annotations

import json
from dataclasses import dataclass

import polars as pl

from reports.names import name_of
from reports.suspected_words import SUSPECT_NAMES, basis_text
from rules.registry.model import Registry

SUSPECTS: dict[str, pl.DataType] = {
    "suspect_id": pl.String(),
    "kind": pl.String(),
    "lon": pl.Float64(),
    "lat": pl.Float64(),
    "trucks": pl.Int64(),
    "visits": pl.Int64(),
    "first_ms": pl.Int64(),
    "last_ms": pl.Int64(),
    "evidence_grade": pl.String(),
    "confidence": pl.Float64(),
    "evidence": pl.String(),
    "district_id": pl.String(),
}


@dataclass(frozen=True)
class SuspectLine:
    """A suspected place: of all that is recorded, but for `new`, which says that the week saw it first."""

    suspect_id: str
    kind: str
    district: str
    lon: float
    lat: float
    trucks: int
    visits: int
    first_ms: int
    last_ms: int
    grade: str
    confidence: float
    basis: str
    new: bool


def suspect_lines(places: pl.DataFrame, start_ms: int, end_ms: int, registry: Registry) -> tuple[SuspectLine, ...]:
    """The places with a stay in `[start_ms, end_ms)` or on both sides of it, surest first.

    Args:
        places: in the columns of `SUSPECTS`.
        start_ms: when the week begins, epoch ms.
        end_ms: when it ends.
        registry: for the names of districts.
    """
    names = {d.district_id: d.name for d in registry.districts}
    active = places.filter(pl.col("first_ms") < end_ms, pl.col("last_ms") >= start_ms)
    ordered = active.sort("confidence", "visits", "suspect_id", descending=[True, True, False])
    return tuple(
        SuspectLine(
            suspect_id=row["suspect_id"],
            kind=name_of(SUSPECT_NAMES, row["kind"]),
            district=names.get(row["district_id"], row["district_id"] or ""),
            lon=row["lon"],
            lat=row["lat"],
            trucks=row["trucks"],
            visits=row["visits"],
            first_ms=row["first_ms"],
            last_ms=row["last_ms"],
            grade=row["evidence_grade"],
            confidence=row["confidence"],
            basis=basis_text(json.loads(row["evidence"] or "{}")),
            new=row["first_ms"] >= start_ms,
        )
        for row in ordered.iter_rows(named=True)
    )
