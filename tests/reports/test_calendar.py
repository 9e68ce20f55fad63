"""Weeks and nights: whatever the hours, each instant belongs to exactly one operating date, and to the right one."""

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports import calendar as cal
from rules.policy import Policy

POLICY = Policy()


def ms(text: str, policy: Policy = POLICY) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=policy.zone).timestamp() * 1000)


@pytest.mark.parametrize(
    ("local", "day"),
    [
        ("2026-11-16T02:00", date(2026, 11, 15)),  # Monday 02:00 is Sunday's night
        ("2026-11-16T05:59:59.999", date(2026, 11, 15)),
        ("2026-11-16T06:00", date(2026, 11, 16)),
        ("2026-11-16T12:00", date(2026, 11, 16)),
        ("2026-11-16T19:59:59.999", date(2026, 11, 16)),
        ("2026-11-16T20:00", date(2026, 11, 16)),
        ("2026-11-17T00:00", date(2026, 11, 16)),
        ("2027-01-01T01:00", date(2026, 12, 31)),
    ],
)
def test_night_belongs_to_the_date_it_began_on(local, day):
    assert cal.night_date(ms(local), POLICY) == day


@pytest.mark.parametrize(
    ("hours", "local", "day"),
    [
        ("", "2026-11-16T02:00", date(2026, 11, 16)),  # always day: no night at all
        ("07:00-24:00", "2026-11-16T02:00", date(2026, 11, 16)),  # the night began at this midnight
        ("00:00-20:00", "2026-11-16T21:00", date(2026, 11, 16)),
        ("06:00-11:00;14:00-20:00", "2026-11-16T12:00", date(2026, 11, 16)),
        ("06:00-11:00;14:00-20:00", "2026-11-16T05:00", date(2026, 11, 15)),
    ],
)
def test_other_day_hours(hours, local, day):
    policy = Policy(day_hours=hours)
    assert cal.night_date(ms(local, policy), policy) == day


def test_week_runs_from_monday_morning_to_monday_morning():
    start, end = cal.parse_week("2026-W47").span_ms(POLICY)
    assert (start, end) == (ms("2026-11-16T06:00"), ms("2026-11-23T06:00"))
    assert str(cal.week_at(start - 1, POLICY)) == "2026-W46"
    assert str(cal.week_at(start, POLICY)) == "2026-W47"
    assert str(cal.week_at(end - 1, POLICY)) == "2026-W47"


def test_week_over_new_year_and_the_53rd():
    week = cal.parse_week("2026-W53")
    assert (week.monday, week.sunday) == (date(2026, 12, 28), date(2027, 1, 3))
    assert str(cal.week_of(date(2027, 1, 3))) == "2026-W53"
    assert str(cal.parse_week("2027-W01").back()) == "2026-W53"


def test_daylight_saving_keeps_wall_time():
    policy = Policy(timezone="Europe/Berlin")
    start, end = cal.parse_week("2026-W43").span_ms(policy)  # clocks go back on 2026-10-25
    assert end - start == 7 * 86_400_000 + 3_600_000


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("2026-W54", "W01 to W53"),
        ("2025-W53", "W01 to W52"),
        ("2026-W00", "W01 to W53"),
        ("2026-47", "2026-W47"),
        ("W47", "2026-W47"),
        ("", "2026-W47"),
        ("2026-W4７", "2026-W47"),
        ("0000-W01", "from 1980"),
        ("9999-W52", "from 1980"),
        ("2026-W47; drop table trips", "2026-W47"),
    ],
)
def test_what_is_no_week_is_said_so(text, says):
    with pytest.raises(ValueError, match=says):
        cal.parse_week(text)


def test_parse_is_lenient_in_case_and_blanks():
    assert cal.parse_week(" 2026w47 ") == cal.Week(2026, 47)


@given(
    st.integers(0, 4_000_000_000_000),
    st.sampled_from(["06:00-20:00", "", "07:30-12:00;13:00-19:15", "22:00-04:00", "00:00-24:00", "05:00-24:00"]),
    st.sampled_from(["Asia/Shanghai", "Europe/Berlin", "UTC"]),
)
def test_operating_dates_are_half_open_spans_without_gaps(at_ms, hours, zone):
    policy = Policy(day_hours=hours, timezone=zone)
    day = cal.night_date(at_ms, policy)
    ((_, start, end),) = cal.date_bounds_ms([day], policy)
    assert start <= at_ms < end
    assert cal.night_date(start, policy) == day
    assert cal.night_date(end, policy) == day + timedelta(days=1)
    local = datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(policy.zone).date()
    assert day in (local, local - timedelta(days=1))


def test_heat_counts_by_operating_weekday_and_wall_hour():
    week = cal.parse_week("2026-W47")
    times = np.array([ms("2026-11-16T06:00"), ms("2026-11-17T02:30"), ms("2026-11-23T05:59"), ms("2026-11-23T05:01")])
    counts = cal.weekday_and_hour(times, week, POLICY)
    assert counts.sum() == 4
    assert counts[0, 6] == 1 and counts[0, 2] == 1 and counts[6, 5] == 2
