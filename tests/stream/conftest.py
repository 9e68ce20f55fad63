"""Tracks of a few trucks, for tests that run whole streams."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from few_trucks import SAMPLES

TRUCKS = 8


@pytest.fixture(scope="session")
def few(tmp_path_factory: pytest.TempPathFactory) -> Path:
    rows = pl.read_parquet(SAMPLES / "tracks" / "week-of-2026-11-16.parquet", hive_partitioning=False)
    plates = rows["plate"].unique(maintain_order=True).to_list()[:TRUCKS]
    path = tmp_path_factory.mktemp("tracks") / "few.parquet"
    rows.filter(pl.col("plate").is_in(plates)).write_parquet(path)
    return path
