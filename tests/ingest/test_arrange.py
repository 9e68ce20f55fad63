"""The order of fixes and their repeats: the result depends on which rows there are, on nothing else."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from some_tracks import FIX_MS, read

from ingest.arrange import arrange
from ingest.fix import CODED_SCHEMA, FIX_IDENTITY, FIX_SCHEMA

small_fixes = st.lists(
    st.fixed_dictionaries(
        {
            "plate": st.sampled_from(["苏B1", "苏A1", "苏A12", "A"]),
            "terminal": st.sampled_from(["", "01", "1"]),
            "time_ms": st.integers(FIX_MS, FIX_MS + 3),
            "lon": st.sampled_from([118.0, 119.0]),
            "lat": st.just(32.0),
            "datum": st.sampled_from(["wgs84", "gcj02"]),
            "speed_kmh": st.sampled_from([None, 0.0, 10.0]),
            "heading_deg": st.none(),
            "load": st.sampled_from([None, "full"]),
            "lift": st.sampled_from([None, True, False]),
            "cover": st.none(),
            "acc": st.none(),
            "valid": st.just(True),
            "mileage_km": st.none(),
        }
    ),
    max_size=40,
)


def plainly_arranged(rows):
    """What `arrange` promises, told in plain Python."""
    names = [name for name in FIX_SCHEMA if name not in FIX_IDENTITY]
    ranks = {"datum": ["wgs84", "cgcs2000", "gcj02", "bd09"].index, "load": ["empty", "half", "full"].index}

    def contents(row):
        values = [row[name] for name in names]
        known = [ranks[n](v) if v is not None and n in ranks else v for n, v in zip(names, values, strict=True)]
        return sum(v is None for v in values), [(v is None, 0 if v is None else v) for v in known]

    best = {}
    for row in rows:
        key = (row["plate"].encode(), row["time_ms"], row["terminal"].encode())
        if key not in best or contents(row) < contents(best[key]):
            best[key] = row
    return [best[key] for key in sorted(best)]


@given(small_fixes, st.randoms())
@settings(deadline=None)
def test_arranges_as_promised_in_whatever_order(rows, random):
    expected = plainly_arranged(rows)
    random.shuffle(rows)
    frame, repeated = arrange(pl.DataFrame(rows, schema=FIX_SCHEMA))
    assert frame.to_dicts() == expected
    assert repeated == len(rows) - len(expected)
    assert dict(frame.schema) == FIX_SCHEMA
    assert arrange(frame)[0].equals(frame)


@pytest.fixture(scope="module")
def many() -> pl.DataFrame:
    """200,000 fixes of 300 trucks, nearly by time, a part of them twice, some twice with other contents."""
    random = np.random.default_rng(11)
    rows = 190_000
    times = np.sort(random.integers(0, 86_400_000, rows)) - (random.random(rows) < 0.05) * 60_000
    frame = pl.DataFrame(
        {
            "plate": random.choice([f"苏A{n:05d}" for n in range(300)], rows),
            "time": FIX_MS - 86_400_000 + times,
            "lon": np.round(118 + random.random(rows), 6),
            "lat": np.round(32 + random.random(rows), 6),
            "datum": random.choice(["wgs84", "gcj02", "bd09"], rows),
            "speed_kmh": np.round(random.random(rows) * 80, 1),
            "terminal": random.choice(["0139", "0140"], rows),
            "load": random.choice(["empty", "full", "?"], rows),
        }
    )
    again = frame.sample(8_000, seed=1)
    other = frame.sample(2_000, seed=2).with_columns(speed_kmh=pl.lit(None, pl.Float64))
    return pl.concat([frame, again, other])


@pytest.fixture(scope="module")
def expected(many, tmp_path_factory):
    path = tmp_path_factory.mktemp("many") / "a.parquet"
    many.write_parquet(path)
    fixes, tally = read(path)
    frame, repeated = arrange(fixes)
    tally.found_repeated(repeated)
    tally.check()
    assert repeated >= 10_000
    assert frame["speed_kmh"].null_count() < 50  # the fuller of two rows stays
    return frame, tally


@pytest.mark.parametrize(
    ("kind", "batch_rows", "seed"), [("parquet", 7_777, 3), ("csv", 30_000, 4), ("jsonl", 3_000, 5)]
)
def test_neither_format_nor_order_nor_batches_matter(many, expected, tmp_path, kind, batch_rows, seed):
    path = tmp_path / f"a.{kind}"
    shuffled = many.sample(fraction=1, shuffle=True, seed=seed)
    getattr(shuffled, {"csv": "write_csv", "jsonl": "write_ndjson", "parquet": "write_parquet"}[kind])(path)
    fixes, tally = read(path, batch_rows=batch_rows)
    frame, repeated = arrange(fixes)
    tally.found_repeated(repeated)
    tally.check()
    assert frame.equals(expected[0])
    assert (tally.usable, tally.repeated) == (expected[1].usable, expected[1].repeated)
    assert {name: ignored.count for name, ignored in tally.ignored_values.items()} == {
        name: ignored.count for name, ignored in expected[1].ignored_values.items()
    }


def test_more_plates_than_sixteen_bits_hold():
    plates = [f"P{n:06d}" for n in range(70_000)]
    frame = pl.DataFrame({"plate": plates[::-1], "time_ms": FIX_MS, "lon": 1.0, "lat": 1.0, "valid": True})
    frame = pl.concat([frame.head(5), frame], how="vertical")
    frame = frame.select(
        (pl.col(name) if name in frame.columns else pl.lit("" if name == "terminal" else None)).cast(dtype).alias(name)
        for name, dtype in FIX_SCHEMA.items()
    )
    for schema in (FIX_SCHEMA, CODED_SCHEMA):
        out, repeated = arrange(frame.cast(schema))
        assert out["plate"].to_list() == plates
        assert repeated == 5


def test_what_is_in_order_is_not_touched(expected):
    frame, repeated = arrange(expected[0])
    assert frame is expected[0] and repeated == 0
    assert arrange(frame.clear())[0].height == 0
