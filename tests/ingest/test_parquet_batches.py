"""Parquet is cut at its row groups; names as codes say what names as text say."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from some_tracks import FIX_MS

from ingest.files import read_fixes
from ingest.fix import CODED_SCHEMA, FIX_SCHEMA
from ingest.parquet_rows import _cut
from ingest.tally import Tally

ROWS = 5_000


@given(st.lists(st.integers(0, 40), max_size=12), st.integers(1, 30))
def test_every_row_is_in_one_batch_and_batches_begin_with_groups(groups: list[int], batch_rows: int) -> None:
    cut = list(_cut(groups, batch_rows))
    assert [start for start, _ in cut] == [sum(length for _, length in cut[:n]) for n in range(len(cut))]
    assert sum(length for _, length in cut) == sum(groups)
    assert all(0 < length < 2 * batch_rows for _, length in cut)
    if max(groups, default=0) <= batch_rows:
        begins = {sum(groups[:n]) for n in range(len(groups))}
        assert {start for start, _ in cut} <= begins


@pytest.fixture
def tracks(tmp_path: Path) -> Path:
    plates = [("苏A12345", " 苏A00001 ", "", "苏A\x07", None, "苏A00001")[n % 6] for n in range(ROWS)]
    rows = {
        "plate": plates,
        "terminal": ["0139", None, " 7", "a\x00"] * (ROWS // 4),
        "time": [FIX_MS + 1_000 * n for n in range(ROWS)],
        "lon": [118.7] * ROWS,
        "lat": [32.0] * ROWS,
    }
    path = tmp_path / "a.parquet"
    pl.DataFrame(rows).write_parquet(path, row_group_size=700)
    return path


def test_names_as_codes_say_what_names_as_text_say(tracks: Path) -> None:
    told: list[pl.DataFrame] = []
    tallies: list[Tally] = []
    for coded, batch_rows in ((False, ROWS), (True, 1_000)):
        tally = Tally()
        frames = list(read_fixes([tracks], now_ms=FIX_MS * 2, tally=tally, batch_rows=batch_rows, coded=coded))
        assert all(dict(frame.schema) == (CODED_SCHEMA if coded else FIX_SCHEMA) for frame in frames)
        told.append(pl.concat(frames).cast(FIX_SCHEMA))
        tallies.append(tally)
    assert told[0].equals(told[1]) and 0 < told[0].height < ROWS
    assert tallies[0] == tallies[1]


def test_codes_hold_from_frame_to_frame_though_nobody_keeps_the_frames(tracks: Path) -> None:
    seen: dict[str, int] = {}
    for _ in range(2):
        for frame in read_fixes([tracks], now_ms=FIX_MS * 2, tally=Tally(), batch_rows=700, coded=True):
            for name, code in zip(frame["plate"].cast(pl.String), frame["plate"].to_physical(), strict=True):
                assert seen.setdefault(name, code) == code
    assert len(set(seen.values())) == len(seen) == 2
