"""Buckets: whole trucks, bounded memory, nothing lost, nothing left behind."""

from __future__ import annotations

import multiprocessing
import pickle

import numpy as np
import polars as pl
import pytest
from some_tracks import FIX_MS

from ingest.arrange import arrange
from ingest.fix import FIX_SCHEMA
from ingest.spool import Bucket, gather, shard_of

TRUCKS = 120
ROWS = 60_000


@pytest.fixture(scope="module")
def fixes() -> pl.DataFrame:
    random = np.random.default_rng(5)
    values = {
        "plate": random.choice([f"苏A{n:05d}" for n in range(TRUCKS)], ROWS),
        "terminal": random.choice(["", "0139"], ROWS),
        "time_ms": FIX_MS + random.integers(0, 1_000_000, ROWS),
        "lon": 118 + random.random(ROWS),
        "lat": 32 + random.random(ROWS),
        "datum": random.choice(["wgs84", "bd09"], ROWS),
        "speed_kmh": random.random(ROWS) * 80,
        "load": random.choice(["full", "empty"], ROWS),
        "valid": np.ones(ROWS, bool),
    }
    frame = pl.DataFrame(
        [
            pl.Series(name, values[name]).cast(dtype)
            if name in values
            else pl.repeat(None, ROWS, dtype=dtype, eager=True).alias(name)
            for name, dtype in FIX_SCHEMA.items()
        ]
    )
    frame = frame.with_columns(pl.when(pl.col("speed_kmh") > 5).then(pl.col("load")).alias("load"))
    return pl.concat([frame, frame.sample(500, seed=1)])


def in_batches(frame: pl.DataFrame, rows: int):
    return (frame.slice(start, rows) for start in range(0, frame.height, rows))


@pytest.mark.parametrize(
    ("memory_fixes", "at_least"), [(4_000_000, 1), (4_000_000, 3), (20_000, 1), (5_000, 2), (20_000, 8)]
)
def test_buckets_together_are_all_fixes_each_once(fixes, tmp_path, memory_fixes, at_least):
    expected, repeated = arrange(fixes)
    with gather(in_batches(fixes, 3_000), memory_fixes=memory_fixes, folder=tmp_path, at_least=at_least) as buckets:
        assert len(buckets) >= max(at_least, fixes.height // memory_fixes)
        assert buckets.fixes == fixes.height
        assert bool(list(tmp_path.iterdir())) == (memory_fixes < ROWS)
        frames = [buckets.load(index) for index in range(len(buckets))]
        assert buckets.repeated == repeated == fixes.height - expected.height
        buckets.load(0)
        assert buckets.repeated == repeated
    assert list(tmp_path.iterdir()) == []
    for frame in frames:
        assert dict(frame.schema) == FIX_SCHEMA
        assert frame.height <= memory_fixes * 1.3
    plates = [set(frame["plate"]) for frame in frames]
    assert sum(map(len, plates)) == len(set.union(*plates)) == TRUCKS
    assert pl.concat(frames).sort("plate", "time_ms", "terminal").equals(expected)


def test_what_is_held_stays_near_the_limit(fixes, tmp_path):
    """Frames are let go as they are spooled: at no time are many more alive than fit."""
    import weakref

    alive: list[weakref.ref] = []
    most = 0

    def frames():
        nonlocal most
        for start in range(0, fixes.height, 1_000):
            frame = fixes.slice(start, 1_000).clone()
            alive.append(weakref.ref(frame))
            yield frame
            del frame
            most = max(most, sum(ref() is not None for ref in alive))

    with gather(frames(), memory_fixes=5_000, folder=tmp_path):
        assert most <= 7


def test_order_of_arrival_does_not_decide_the_buckets(fixes, tmp_path):
    plates = []
    for seed in (1, 2):
        shuffled = fixes.sample(fraction=1, shuffle=True, seed=seed)
        with gather(in_batches(shuffled, 7_000), memory_fixes=10_000, folder=tmp_path) as buckets:
            plates.append([set(buckets.load(index)["plate"]) for index in range(len(buckets))])
    assert plates[0] == plates[1]


def test_shards_never_change():
    plates = pl.Series(["苏A12345", "苏A12346", "", "{{7*7}}", "苏A12345"])
    assert shard_of(plates).tolist() == [2, 184, 0, 78, 2]


def _load(pickled: bytes) -> int:
    bucket: Bucket = pickle.loads(pickled)
    return bucket.load()[0].height


def test_another_process_may_load_a_bucket(fixes, tmp_path):
    with gather(in_batches(fixes, 7_000), memory_fixes=20_000, folder=tmp_path) as buckets:
        here = [bucket.load()[0].height for bucket in buckets.buckets]
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            there = pool.map(_load, [pickle.dumps(bucket) for bucket in buckets.buckets])
    assert here == there


def test_no_fixes_no_buckets(tmp_path):
    with gather([], folder=tmp_path) as buckets:
        assert len(buckets) == 0 and buckets.repeated == 0


def test_a_failed_reading_leaves_no_spool(fixes, tmp_path):
    def frames():
        yield fixes
        yield fixes
        raise OSError("the disk went away")

    with pytest.raises(OSError, match="went away"):
        gather(frames(), memory_fixes=1_000, folder=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_senseless_limits(tmp_path):
    with pytest.raises(ValueError, match="1 or more"):
        gather([], memory_fixes=0, folder=tmp_path)
