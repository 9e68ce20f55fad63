"""Daily hours against a clock read minute by minute, in zones with and without summer time."""

from __future__ import annotations

import itertools
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rules.hours import ALWAYS, Hours
from rules.intervals import total_ms

MIN_MS = 60_000
HOUR_MS = 60 * MIN_MS
DAY_MIN = 24 * 60
SHANGHAI, BERLIN, NEW_YORK = ZoneInfo("Asia/Shanghai"), ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York")
LORD_HOWE = ZoneInfo("Australia/Lord_Howe")  # half an hour of summer time
APIA = ZoneInfo("Pacific/Apia")  # went across the date line and left out a day

clock = st.integers(0, DAY_MIN - 1)
pairs = st.lists(st.tuples(clock, clock).filter(lambda p: p[0] != p[1]), min_size=1, max_size=4)


def hhmm(minute: int) -> str:
    return f"{minute // 60:02d}:{minute % 60:02d}"


def text(spans: list[tuple[int, int]]) -> str:
    return ";".join(f"{hhmm(a)}-{hhmm(b)}" for a, b in spans)


def shows(at_ms: int, spans: list[tuple[int, int]], zone: ZoneInfo) -> bool:
    """Whether the wall clock is inside, the plainest way: look at it."""
    now = datetime.fromtimestamp(at_ms / 1000, zone)
    minute = now.hour * 60 + now.minute
    return any(a <= minute < b if a < b else minute >= a or minute < b for a, b in spans)


def instant(local: str, zone: ZoneInfo) -> int:
    return int(datetime.fromisoformat(local).replace(tzinfo=zone).timestamp() * 1000)


def minutes(hours: Hours, start_ms: int, end_ms: int, zone: ZoneInfo) -> set[int]:
    return {at for a, b in hours.between(start_ms, end_ms, zone) for at in range(a, b, MIN_MS)}


@pytest.mark.parametrize(
    ("zone", "around"),
    [
        (SHANGHAI, "2026-11-16T12:00"),
        (SHANGHAI, "1990-09-16T00:00"),  # China had summer time until 1991
        (BERLIN, "2026-03-29T02:30"),
        (BERLIN, "2026-10-25T02:30"),
        (NEW_YORK, "2026-03-08T02:30"),
        (NEW_YORK, "2026-11-01T01:30"),
        (LORD_HOWE, "2026-04-05T01:45"),
        (LORD_HOWE, "2026-10-04T02:15"),
        (APIA, "2011-12-31T05:00"),
    ],
)
@settings(deadline=None)
@given(spans=pairs, before_min=st.integers(0, 2000), length_min=st.integers(0, 3000))
def test_between_is_what_the_wall_clock_shows(
    zone: ZoneInfo, around: str, spans: list[tuple[int, int]], before_min: int, length_min: int
) -> None:
    start_ms = instant(around, zone) - before_min * MIN_MS
    end_ms = start_ms + length_min * MIN_MS
    found = Hours.parse(text(spans)).between(start_ms, end_ms, zone)
    inside = {at for a, b in found for at in range(a, b, MIN_MS)}
    assert inside == {at for at in range(start_ms, end_ms, MIN_MS) if shows(at, spans, zone)}
    assert all(a < b for a, b in found) and all(x[1] < y[0] for x, y in itertools.pairwise(found))


@settings(deadline=None)
@given(spans=pairs)
def test_hours_are_read_back_as_they_are_written(spans: list[tuple[int, int]]) -> None:
    hours = Hours.parse(text(spans))
    assert Hours.parse(str(hours)) == hours


@settings(deadline=None)
@given(spans=pairs, cut=st.integers(1, 4000), zone=st.sampled_from([SHANGHAI, BERLIN]))
def test_however_time_is_cut_the_sum_is_the_same(spans: list[tuple[int, int]], cut: int, zone: ZoneInfo) -> None:
    start_ms = instant("2026-10-24T18:07", zone)
    middle_ms, end_ms = start_ms + cut * MIN_MS, start_ms + 4001 * MIN_MS
    hours = Hours.parse(text(spans))
    parts = [*hours.between(start_ms, middle_ms, zone), *hours.between(middle_ms, end_ms, zone)]
    assert total_ms(parts) == total_ms(hours.between(start_ms, end_ms, zone))


def test_night_across_midnight() -> None:
    hours = Hours.parse("21:00-00:30;01:30-05:30")
    start_ms = instant("2026-11-16T12:00", SHANGHAI)
    local = [
        tuple(datetime.fromtimestamp(at / 1000, SHANGHAI).strftime("%d %H:%M") for at in span)
        for span in hours.between(start_ms, start_ms + 24 * HOUR_MS, SHANGHAI)
    ]
    assert local == [("16 21:00", "17 00:30"), ("17 01:30", "17 05:30")]


def test_milliseconds_are_kept() -> None:
    eight_ms = instant("2026-11-16T08:00", SHANGHAI)
    assert Hours.parse("08:00-09:00").between(eight_ms - 1, eight_ms + 1, SHANGHAI) == [(eight_ms, eight_ms + 1)]
    assert Hours.parse("07:00-08:00").between(eight_ms - 1, eight_ms + 1, SHANGHAI) == [(eight_ms - 1, eight_ms)]
    assert Hours.parse("07:00-09:00").between(eight_ms, eight_ms, SHANGHAI) == []


def test_an_hour_shown_twice_is_inside_twice_and_a_skipped_one_not_at_all() -> None:
    night_ms = instant("2026-10-25T00:00", BERLIN)
    assert len(minutes(Hours.parse("02:00-03:00"), night_ms, night_ms + 12 * HOUR_MS, BERLIN)) == 120
    night_ms = instant("2026-03-29T00:00", BERLIN)
    assert not minutes(Hours.parse("02:00-03:00"), night_ms, night_ms + 12 * HOUR_MS, BERLIN)


def test_empty_is_always() -> None:
    assert Hours.parse("") == Hours.parse(" ; ") == ALWAYS and ALWAYS.always
    assert ALWAYS.between(3, 5, SHANGHAI) == [(3, 5)] and ALWAYS.between(5, 5, SHANGHAI) == []
    assert not Hours.parse("00:00-23:59").always and Hours.parse("00:00-24:00").always


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ("21:00", "'21:00' is not HH:MM-HH:MM"),
        ("21:00-24:01", "00:00 to 24:00"),
        ("24:00-05:00", "00:00 to 24:00"),
        ("21:60-22:00", "00:00 to 24:00"),
        ("08:00-08:00", "empty"),
        ("08:00-09:00;x", "'x' is not"),
        ("21：00－05：00", "write 21:00-05:00"),
        ("21:00~05:00；06:00至07:00", "write 21:00-05:00;06:00-07:00"),
        ("٢١:00-22:00", "is not HH:MM"),
    ],
)
def test_what_does_not_parse_is_named(wrong: str, words: str) -> None:
    with pytest.raises(ValueError) as caught:
        Hours.parse(wrong)
    assert words in str(caught.value)
