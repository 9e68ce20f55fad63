"""The archive: whatever comes in, in whatever pieces and however often, a fix is in one listed file, as last said."""

from __future__ import annotations

import tempfile
from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_store import DAY_MS, HOUR_MS, MINUTE_MS, MONDAY_MS, make_fixes

from ingest.fix import FIX_IDENTITY, FIX_SCHEMA
from reports.archive import EMPTY_FILE, ArchiveFile, archive_fixes, damaged, read_file, reconcile, sweep
from reports.errors import StoreError

SHANGHAI = ZoneInfo("Asia/Shanghai")
KEY = list(FIX_IDENTITY)


def held(folder: Path, manifest: list[ArchiveFile]) -> pl.DataFrame:
    """Everything the manifest lists, in one order."""
    parts = [read_file(folder, file) for file in manifest]
    return pl.concat([pl.DataFrame(schema=FIX_SCHEMA), *parts]).sort(KEY)


def test_one_file_a_local_day_and_every_fix_as_it_was(tmp_path: Path) -> None:
    fixes = make_fixes(["苏A1", "苏A2"])
    files = archive_fixes(tmp_path, fixes, SHANGHAI)
    assert [f.day for f in files] == [date(2026, 11, d) for d in (16, 17, 18)]
    assert [f.rows for f in files] == [2 * 1440] * 3
    assert all(f.path.startswith(f"{f.day}/") for f in files)
    assert all(f.plates == ("苏A1", "苏A2") for f in files)
    assert (files[0].first_ms, files[0].last_ms) == (MONDAY_MS, MONDAY_MS + DAY_MS - MINUTE_MS)
    assert held(tmp_path, files).equals(fixes.sort(KEY))
    assert held(tmp_path, files).schema == pl.Schema(FIX_SCHEMA)


@pytest.mark.parametrize(("zone", "days"), [("Asia/Shanghai", 1), ("UTC", 2), ("Europe/Berlin", 2)])
def test_a_day_is_the_zones(tmp_path: Path, zone: str, days: int) -> None:
    fixes = make_fixes(["苏A1"], minutes=24 * 60)
    assert len(archive_fixes(tmp_path, fixes, ZoneInfo(zone))) == days


def test_the_day_of_the_clock_change_is_one_file(tmp_path: Path) -> None:
    """In Berlin 2026-10-25 lasts 25 hours, from 22:00 UTC to 23:00 UTC."""
    start_ms = 1_792_879_200_000
    files = archive_fixes(tmp_path, make_fixes(["B-X 1"], start_ms, 25 * 60), ZoneInfo("Europe/Berlin"))
    assert [(f.day, f.rows) for f in files] == [(date(2026, 10, 25), 25 * 60)]


def test_the_same_fixes_in_any_order_and_chunks_are_the_same_files(tmp_path: Path) -> None:
    fixes = make_fixes(["苏A1", "苏A2", "苏A3"])
    plain = archive_fixes(tmp_path, fixes, SHANGHAI)
    assert archive_fixes(tmp_path, fixes.sample(fraction=1, shuffle=True, seed=1), SHANGHAI) == plain
    chunks = pl.concat([fixes[:1000], fixes[1000:1001], fixes[1001:]], rechunk=False)
    assert archive_fixes(tmp_path, chunks, SHANGHAI) == plain
    assert len(list(tmp_path.rglob("*.parquet"))) == 3


def test_no_fixes_no_files(tmp_path: Path) -> None:
    assert archive_fixes(tmp_path, pl.DataFrame(schema=FIX_SCHEMA), SHANGHAI) == []


def test_a_later_run_that_overlaps_rewrites_only_what_it_says_again(tmp_path: Path) -> None:
    early = archive_fixes(tmp_path, make_fixes(["苏A1", "苏A2"]), SHANGHAI)
    again = make_fixes(["苏A1"], MONDAY_MS + DAY_MS // 2).with_columns(speed_kmh=pl.lit(9.0, pl.Float32))
    late = archive_fixes(tmp_path, again, SHANGHAI)
    manifest = reconcile(tmp_path, early, late)
    now = held(tmp_path, manifest)
    assert now.height == now.select(KEY).n_unique() == 2 * 3 * 1440 + 720
    of_1 = now.filter(pl.col("plate") == "苏A1")
    assert of_1.filter(pl.col("time_ms") < MONDAY_MS + DAY_MS // 2)["speed_kmh"].unique().to_list() == [30.5]
    assert of_1.filter(pl.col("time_ms") >= MONDAY_MS + DAY_MS // 2)["speed_kmh"].unique().to_list() == [9.0]
    assert not damaged(tmp_path, manifest)
    assert reconcile(tmp_path, manifest, late) == manifest


def test_buckets_of_other_trucks_leave_files_alone(tmp_path: Path) -> None:
    one = archive_fixes(tmp_path, make_fixes(["苏A1"]), SHANGHAI)
    two = archive_fixes(tmp_path, make_fixes(["苏A2"]), SHANGHAI)
    assert set(reconcile(tmp_path, one, two)) == {*one, *two}


def test_a_change_of_zone_finds_the_overlap_all_the_same(tmp_path: Path) -> None:
    fixes = make_fixes(["苏A1"])
    manifest = reconcile(
        tmp_path, archive_fixes(tmp_path, fixes, SHANGHAI), archive_fixes(tmp_path, fixes, ZoneInfo("UTC"))
    )
    assert held(tmp_path, manifest).equals(fixes.sort(KEY))


def test_sweeping_removes_what_nobody_lists(tmp_path: Path) -> None:
    keep, drop = (archive_fixes(tmp_path, make_fixes([plate]), SHANGHAI) for plate in ("苏A1", "苏A2"))
    (tmp_path / "fixes" / keep[0].day.isoformat() / ".4711.tmp").write_bytes(b"half a file")
    assert sweep(tmp_path, [f.path for f in keep]) == len(drop) + 1
    left = {p.relative_to(tmp_path / "fixes").as_posix() for p in tmp_path.rglob("*") if p.is_file()}
    assert left - {EMPTY_FILE} == {f.path for f in keep}
    assert sweep(tmp_path, []) == len(keep)
    assert list((tmp_path / "fixes").iterdir()) == []


def test_what_was_swept_before_it_was_listed_is_an_error(tmp_path: Path) -> None:
    files = archive_fixes(tmp_path, make_fixes(["苏A1"]), SHANGHAI)
    sweep(tmp_path, [])
    with pytest.raises(StoreError, match="open the store first"):
        reconcile(tmp_path, [], files)


def test_damage_is_seen(tmp_path: Path) -> None:
    first, second, third = archive_fixes(tmp_path, make_fixes(["苏A1"]), SHANGHAI)
    path = tmp_path / "fixes" / first.path
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))
    (tmp_path / "fixes" / second.path).unlink()
    assert damaged(tmp_path, [first, second, third]) == [first.path, second.path]
    (tmp_path / "fixes" / third.path).write_bytes(b"")
    with pytest.raises(StoreError, match="cannot be read"):
        read_file(tmp_path, third)


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "fixes").touch()
    with pytest.raises(StoreError, match="cannot archive fixes"):
        archive_fixes(tmp_path, make_fixes(["苏A1"]), SHANGHAI)


runs = st.lists(
    st.lists(  # one run: buckets of (truck, hour, word), each truck in one bucket
        st.tuples(st.integers(0, 3), st.integers(0, 60), st.integers(0, 2)), max_size=12
    ),
    min_size=1,
    max_size=5,
)


@settings(max_examples=60, deadline=None)
@given(runs=runs, buckets=st.integers(1, 3), twice=st.booleans())
def test_the_archive_is_what_was_said_last(runs: list[list[tuple[int, int, int]]], buckets: int, twice: bool) -> None:
    model: dict[tuple[str, str, int], float] = {}
    manifest: list[ArchiveFile] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for run in [r for r in runs for _ in range(1 + twice)]:
            said = {(f"苏A{truck}", "", MONDAY_MS + hour * HOUR_MS): float(word) for truck, hour, word in run}
            model |= said
            new = []
            for bucket in range(buckets):
                rows = [(*k, v) for k, v in said.items() if ord(k[0][-1]) % buckets == bucket]
                frame = pl.DataFrame(rows, schema=[*KEY, "mileage_km"], orient="row")
                missing = [pl.lit(None).alias(c) for c in FIX_SCHEMA if c not in frame.columns]
                whole = frame.with_columns(missing).select(list(FIX_SCHEMA)).cast(pl.Schema(FIX_SCHEMA))
                new += archive_fixes(folder, whole, SHANGHAI)
            manifest = reconcile(folder, manifest, new)
            sweep(folder, [f.path for f in manifest])
            got = held(folder, manifest).select(*KEY, "mileage_km").rows()
            assert got == sorted((*k, v) for k, v in model.items())
        assert not damaged(folder, manifest)
        assert sum(f.rows for f in manifest) == len(model)
