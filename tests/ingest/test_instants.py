"""Times as text, against Python's own parser."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.instants import READ, UNREADABLE, WITHOUT_OFFSET, parse_instants

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def parse(*texts):
    found = parse_instants(pl.Series(texts, dtype=pl.String))
    return list(zip(found.state.tolist(), found.ms.tolist(), strict=True))


def as_ms(moment):
    return (moment - EPOCH) // timedelta(milliseconds=1)


moments = st.datetimes(
    min_value=datetime(1, 1, 3),  # noqa: DTZ001
    max_value=datetime(9999, 12, 29),  # noqa: DTZ001
    timezones=st.builds(timezone, st.integers(-1439, 1439).map(lambda minutes: timedelta(minutes=minutes))),
)


@st.composite
def written(draw):
    moment = draw(moments)
    text = moment.isoformat(
        sep=draw(st.sampled_from("T t")), timespec=draw(st.sampled_from(["seconds", "milliseconds", "microseconds"]))
    )
    return text.replace("+00:00", draw(st.sampled_from(["Z", "z", "+00:00", "-00:00"])))


@given(st.lists(written(), min_size=1, max_size=30))
def test_reads_what_python_reads(texts):
    expected = [as_ms(datetime.fromisoformat(text.replace("t", "T").replace("z", "Z"))) for text in texts]
    assert parse(*texts) == [(READ, ms) for ms in expected]


@given(st.lists(moments, min_size=1, max_size=20))
def test_without_an_offset_is_told_apart(some):
    texts = [moment.replace(tzinfo=None).isoformat() for moment in some]
    assert [state for state, _ in parse(*texts)] == [WITHOUT_OFFSET] * len(texts)


@given(
    st.text(max_size=40) | st.from_regex(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)?", fullmatch=True)
)
def test_never_reads_what_python_does_not(text):
    state, ms = parse(text)[0]
    stripped = text.strip()
    if state == READ and not stripped.split(".")[0].isdigit():
        assert ms == as_ms(datetime.fromisoformat(stripped.upper()))


@given(st.integers(0, 10**17), st.booleans())
def test_digits_are_epoch_milliseconds(ms, padded):
    assert parse(f" {ms} " if padded else str(ms)) == [(READ, ms)]


@pytest.mark.parametrize(
    "text",
    [
        "2026-02-29T00:00:00Z", "2026-13-01T00:00:00Z", "2026-00-01T00:00:00Z", "2026-01-01T24:00:00Z",
        "2026-01-01T00:60:00Z", "2026-01-01T00:00:60Z", "2026-01-01T00:00:00+24:00", "2026-01-01T00:00:00+08:60",
        "2026-01-01T00:00:00.Z", "2026-01-01T00:00:00.+08:00", "2026-01-01T00:00:00,5Z", "2026/01/01T00:00:00Z",
        "2026-01-01", "", "Z", "-1763300000000", "1.7633e12", "9" * 19, "二〇二六", "2026-01-01T00:00:00.1x3Z",
    ],
)  # fmt: skip
def test_not_a_time(text):
    assert parse(text)[0][0] == UNREADABLE


def test_spellings_of_one_instant():
    ms = as_ms(datetime(2026, 11, 16, 14, tzinfo=UTC))
    texts = ["2026-11-16T22:00:00+08:00", "2026-11-16 22:00:00+0800", "2026-11-16t14:00:00z", str(ms), f"{ms}.9",
             "2026-11-16T14:00:00.000999999Z", "\t2026-11-16T14:00:00Z\n", "2026-11-16T09:30:00-04:30"]  # fmt: skip
    assert parse(*texts) == [(READ, ms)] * len(texts)


def test_many_rows_of_mixed_forms_come_out_in_place():
    forms = ["2026-11-16T22:00:00+08:00", "x", "2026-11-16T22:00:00", "1763300000123"]
    found = parse_instants(pl.Series(forms * 20_000))
    assert found.state.tolist() == [READ, UNREADABLE, WITHOUT_OFFSET, READ] * 20_000
    assert set(found.ms[3::4].tolist()) == {1_763_300_000_123}
