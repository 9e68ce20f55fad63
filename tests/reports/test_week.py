"""The weekly report's figures: what is counted, where, and against what."""

from dataclasses import replace

import polars as pl
import pytest
from week_town import HOUR_MS, POLICY, WEEK, at_ms, clue, frame, registry, town, track, trip

from ingest.tally import REASONS
from reports import names, visible, week_text
from reports.fault_words import fault_reason
from reports.week_figures import report_of
from reports.week_input import REJECTED, TRACKS, TRIPS, VIOLATIONS, WeekInput
from reports.week_model import Figure

A, B, C = "苏A10001", "苏A10002", "苏A10003"


def given(violations=(), trips=(), tracks=(), **changes):
    every = frame(trips, TRIPS)
    own = {"violations": frame(violations, VIOLATIONS), "trips": every, "trips_of_clues": every}
    return WeekInput(WEEK, **{"registry": registry(), **own, "tracks": frame(tracks, TRACKS), **changes})


def value(report, key):
    return report.figure(key).value


def test_every_name_of_the_contract_is_there():
    in_families = [rule for _, rules in names.RULE_FAMILIES.values() for rule in rules]
    assert sorted(in_families) == sorted(names.RULE_NAMES) == sorted(POLICY.points)
    assert set(names.OUTCOME_OF_STATUS) == set(names.STATUS_NAMES)
    assert set(REASONS) <= set(names.REASON_NAMES)


def test_dismissed_clues_are_shown_apart_and_counted_nowhere_else():
    states = ["flagged", "appealed", "confirmed", "rejected", "overturned"]
    report = report_of(given([clue("off_route", A, at_ms(0, 21 + n), status=s) for n, s in enumerate(states)]))
    assert (report.outcomes.open, report.outcomes.upheld, report.outcomes.dismissed) == (2, 1, 2)
    assert value(report, "clues") == 3
    assert value(report, "points") == 9
    assert value(report, "upheld_points") == 3
    assert sum(map(sum, report.heat)) == 3
    assert report.vehicles[0].rules == (("off_route", 3),)
    assert len(report.clues) == 5


def test_one_act_is_scored_once_by_its_gravest_live_clue():
    dumping = clue("unauthorised_dumping", A, at_ms(0, 22))
    leg = clue("off_route", A, at_ms(0, 21), scored_under=dumping["violation_id"])
    assert value(report_of(given([dumping, leg])), "points") == 20
    assert value(report_of(given([{**dumping, "status": "rejected"}, leg])), "points") == 3
    of_rule = {line.rule: line.points for line in report_of(given([dumping, leg])).rules}
    assert (of_rule["unauthorised_dumping"], of_rule["off_route"]) == (20, 0)


def test_a_night_belongs_to_the_week_it_began_in():
    times = [at_ms(0, 2), at_ms(0, 6), at_ms(7, 5.9), at_ms(7, 6)]
    report = report_of(given([clue("off_route", A, t) for t in times], [trip(str(t), A, t) for t in times]))
    assert value(report, "clues") == value(report, "trips") == 2
    assert [line.day for line in report.clues] == [WEEK.monday, WEEK.sunday]
    assert report.figure("clues").previous == 1
    assert report.heat[0][6] == 1 and report.heat[6][5] == 1
    assert report.heat_hours[0] == 6 and report.heat_hours[-1] == 5


@pytest.mark.parametrize(
    ("figure", "says"),
    [
        (Figure("clues", "", "条", 3, None), "无上周数据"),
        (Figure("clues", "", "条", 3, 0), "新增"),
        (Figure("clues", "", "条", 0, 0), "持平"),
        (Figure("clues", "", "条", 3, 3), "持平"),
        (Figure("clues", "", "条", 3, 2), "+1（+50.0%）"),
        (Figure("clues", "", "条", 0, 4), "-4（-100.0%）"),
        (Figure("rate_per_100", "", "条", 5.04, 5.0), "持平"),
        (Figure("completeness", "", "%", 0.9, 0.95), "-5.0 个百分点"),
        (Figure("completeness", "", "%", 0.9, 0.90001), "持平"),
    ],
)
def test_change_in_words(figure, says):
    assert week_text.change_of(figure) == says


def test_no_previous_data_is_not_a_previous_of_zero():
    now = [clue("off_route", A, at_ms(0, 21))]
    assert week_text.change_of(report_of(given(now)).figure("clues")) == "无上周数据"
    before = track(WEEK.back().monday, A)
    assert week_text.change_of(report_of(given(now, tracks=[before])).figure("clues")) == "新增"


def test_companies_rank_by_rate_and_small_samples_come_after():
    firms = registry(["甲运输公司", "乙运输公司", "丙运输公司"], [A, B, C])
    trips = [trip(f"{p}{n}", p, at_ms(0, 20) + n) for p, many in ((A, 20), (B, 10), (C, 9)) for n in range(many)]
    clues = [clue("off_route", p, at_ms(1, 20) + n * HOUR_MS) for p in (A, B, C, "苏X") for n in range(2)]
    lines = report_of(given(clues, trips, registry=firms)).companies
    assert [(c.name, c.trips, c.rate_per_100, c.small) for c in lines] == [
        ("乙运输公司", 10, 20.0, False),
        ("甲运输公司", 20, 10.0, False),
        ("丙运输公司", 9, pytest.approx(22.2, abs=0.1), True),
        ("未登记企业", 0, None, True),
    ]


def test_trucks_of_no_company_are_listed_last_whatever_their_rate():
    trips = [trip(f"{p}{n}", p, at_ms(0, 20) + n) for p in (A, "苏X") for n in range(20)]
    lines = report_of(given([clue("off_route", "苏X", at_ms(1, 20))], trips)).companies
    assert [c.name for c in lines] == ["甲运输公司", "乙运输公司", "未登记企业"]


def test_worst_trips_come_first_even_if_they_began_the_week_before():
    late, early = trip("late", A, at_ms(2, 21)), trip("early", B, at_ms(0, 5))
    clues = [
        clue("off_route", A, at_ms(2, 22), trip_id="late"),
        clue("quiet_zone", A, at_ms(2, 23), trip_id="late"),
        clue("unauthorised_dumping", B, at_ms(0, 6.5), trip_id="early"),
        clue("overspeed", C, at_ms(3, 22), trip_id="unknown"),
    ]
    report = report_of(given(clues, [late, early]))
    assert [(t.trip_id, t.points, t.rules) for t in report.trips] == [
        ("early", 20, (("unauthorised_dumping", 1),)),
        ("late", 5, (("off_route", 1), ("quiet_zone", 1))),
    ]
    assert value(report, "trips") == 1 and value(report, "flagged_trips") == 1


def test_clues_count_for_the_sites_that_their_trip_joins():
    trips = [
        trip("a", A, at_ms(1, 21)),
        trip("b", A, at_ms(2, 21), origin_site="s2", disposal_site=None),
    ]
    clues = [
        clue("off_route", A, at_ms(1, 22), trip_id="a"),
        clue("no_permit", A, at_ms(2, 22), trip_id="b"),
    ]
    report = report_of(given(clues, trips))
    assert [(s.site_id, s.trips, s.outcomes.live, s.flagged_trips) for s in report.origins] == [
        ("s1", 1, 1, 1),
        ("s2", 1, 1, 1),
    ]
    assert {s.site_id: (s.name, s.kind, s.rules) for s in report.receivers} == {
        "d1": ("d1号场地", "disposal", (("off_route", 1),)),
        "": ("未登记地点", "unknown", (("no_permit", 1),)),
    }


@pytest.mark.parametrize("seed", range(5))
def test_all_tables_add_up_to_the_headline(seed):
    report = report_of(town(seed))
    clues = value(report, "clues")
    assert clues == report.outcomes.live > 0
    for lines in (report.rules, report.companies, report.vehicles, report.districts):
        assert sum(line.outcomes.live for line in lines) == clues
        assert sum(line.outcomes.dismissed for line in lines) == report.outcomes.dismissed
        assert sum(line.previous or 0 for line in lines) <= report.figure("clues").previous
    assert sum(f.value for f in report.families) == clues == sum(map(sum, report.heat))
    assert sum(f.previous for f in report.families) == report.figure("clues").previous
    for lines in (report.rules, report.companies, report.vehicles, report.districts):
        assert sum(line.points for line in lines) == value(report, "points")
    assert sum(sum(d.families) for d in report.districts) == clues
    for sites in (report.origins, report.receivers):
        assert sum(s.trips for s in sites) == value(report, "trips")
        assert sum(s.flagged_trips for s in sites) == value(report, "flagged_trips")
    assert sum(c.trips for c in report.companies) == value(report, "trips")
    assert sum(c.seen for c in report.companies) == value(report, "trucks_seen")
    assert sum(d.fixes for d in report.quality.days) == report.quality.figure("fixes").value


def test_order_of_rows_read_does_not_matter():
    one = town(3)
    shuffled = replace(
        one,
        violations=one.violations.sample(fraction=1, shuffle=True, seed=5),
        trips=one.trips.reverse(),
        trips_of_clues=pl.concat([one.trips_of_clues.reverse(), one.trips_of_clues]),
        tracks=one.tracks.reverse(),
        health=one.health.reverse(),
    )
    assert report_of(shuffled) == report_of(one)


def test_means_need_two_weeks_with_data():
    at = lambda week: clue("off_route", A, at_ms(1 - 7 * week, 21))
    assert report_of(given([at(0), at(1)])).figure("clues").mean4 is None
    report = report_of(given([at(0), at(1), at(3), {**at(3), "violation_id": "x", "plate": B}]))
    assert report.figure("clues").mean4 == 1.5
    assert [(str(week), clues) for week, _, clues in report.trend] == [
        ("2026-W44", 2),
        ("2026-W46", 1),
        ("2026-W47", 1),
    ]


def test_a_rule_of_a_later_version_is_listed_under_its_own_id():
    report = report_of(given([clue("mud_on_road", A, at_ms(1, 21))]))
    assert report.rules[-1].name == "mud_on_road" and report.rules[-1].outcomes.live == 1
    assert report.families[-1].name == "其他" and report.families[-1].value == 1


def test_a_week_that_the_store_began_in_is_no_yardstick():
    tracks = [track(WEEK.back().sunday, A), track(WEEK.monday, A)]
    started = at_ms(-1, 20)
    report = report_of(given(tracks=tracks, first_ms=started, cutoff_ms=at_ms(7, 6)))
    assert not report.has_previous and report.figure("clues").previous is None and report.quality.falls == ()
    assert "数据从 2026年11月15日 20:00 开始，上周不足一周，未作比较" in week_text.warnings(report)[0]
    assert report_of(given(tracks=tracks, first_ms=at_ms(-7, 20))).has_previous


def test_holes_in_the_week_before_are_named():
    tracks = fleet(WEEK, 6) + [t for t in fleet(WEEK.back(), 6) if t["day"].weekday() < 5]
    (text,) = week_text.warnings(report_of(given(tracks=tracks, cutoff_ms=at_ms(7, 6))))
    assert "上周有 2 天没有任何定位点" in text


def test_examples_of_rejected_fixes_do_not_tell_where_files_lay():
    said = ['/srv/a b/fixes.csv:12: {"plate": "/x:1: "}', "C:\\data\\f.csv:3: x", "stdin:7: a/b", '{"lon": 0}', "a/b"]
    rows = frame([{"reason": "no_time", "count": 9 - n, "example": text} for n, text in enumerate(said)], REJECTED)
    shown = [line.example for line in report_of(given(rejected=rows)).quality.rejected]
    assert shown == ['fixes.csv:12: {"plate": "/x:1: "}', "f.csv:3: x", "stdin:7: a/b", '{"lon": 0}', "a/b"]


def fleet(week, trucks, slots=140, **changes):
    return [track(day, f"苏A1000{n}", slots=slots, **changes) for day in week.dates for n in range(1, trucks + 1)]


def test_fewer_clues_on_less_data_warns_in_plain_language():
    before = [clue("off_route", A, at_ms(-6, 21)), clue("off_route", A, at_ms(-5, 21))]
    report = report_of(given(before, tracks=fleet(WEEK, 4) + fleet(WEEK.back(), 6), cutoff_ms=at_ms(7, 6)))
    assert {"fixes", "trucks_seen", "online_share", "track_hours"} == set(report.quality.falls)
    (text,) = week_text.warnings(report)
    assert "有轨迹车辆由 6 辆降至 4 辆" in text and "线索减少不等于违规减少" in text


def test_completeness_alone_can_warn():
    report = report_of(given(tracks=fleet(WEEK, 6, slots=120) + fleet(WEEK.back(), 6), cutoff_ms=at_ms(7, 6)))
    assert "completeness" in report.quality.falls
    assert "轨迹完整度由 97.2% 降至 83.3%" in week_text.warnings(report)[0]


def test_no_warning_where_data_is_as_good_as_before():
    report = report_of(given(tracks=fleet(WEEK, 6) + fleet(WEEK.back(), 6), cutoff_ms=at_ms(7, 6)))
    assert week_text.warnings(report) == () and report.quality.falls == ()
    assert "相当或更好" in week_text.completeness_verdict(report)


def test_an_unfinished_week_and_empty_days_are_named():
    tracks = [t for t in fleet(WEEK, 6) if t["day"] < WEEK.dates[5]]
    texts = week_text.warnings(report_of(given(tracks=tracks, cutoff_ms=at_ms(4, 29))))
    assert "数据截至 2026年11月21日 05:00" in texts[0]
    assert "周六 11月21日、周日 11月22日" in texts[1]


def test_uneven_review_is_named():
    clues = [
        clue("off_route", A, at_ms(1, 21)),
        clue("off_route", A, at_ms(-5, 21), status="rejected"),
    ]
    tracks = fleet(WEEK, 6) + fleet(WEEK.back(), 6)
    (text,) = week_text.warnings(report_of(given(clues, tracks=tracks, cutoff_ms=at_ms(7, 6))))
    assert "复核进度不同（本周已复核 0%，上周 100%）" in text


def test_who_is_silent_and_who_is_not_registered():
    tracks = [track(WEEK.monday, A), track(WEEK.monday, "苏B00000")]
    quality = report_of(given(tracks=tracks, heard_ms={B: at_ms(-3, 8)})).quality
    assert quality.unregistered == ("苏B00000",)
    assert sorted(s.plate for s in quality.silent) == [f"苏A1000{n}" for n in range(2, 7)]
    assert {s.plate: s.last_ms for s in quality.silent}[B] == at_ms(-3, 8)
    assert quality.figure("online_share").value == pytest.approx(1 / 6)


def test_a_week_without_data_says_so():
    report = report_of(given())
    assert not report.has_data and not report.has_previous
    assert "没有任何数据" in week_text.warnings(report)[0]
    assert value(report, "clues") == 0 and report.vehicles == () and report.trips == ()
    assert len(report.quality.silent) == 6
    before = given([clue("off_route", A, at_ms(-3, 21))], cutoff_ms=at_ms(-3, 22))
    assert report_of(before).figure("clues").change is None  # nothing known is no fall to zero
    assert "没有任何数据" in week_text.warnings(report_of(given(cutoff_ms=at_ms(-9, 3))))[0]


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("苏A12345", "苏A12345"),
        ("a\nb", "a b"),
        ("苏A\u202e54321", "苏A[U+202E]54321"),
        ("a\x00b\u2028c", "a[U+0000]b[U+2028]c"),
        ("𠮷野家", "𠮷野家"),
        ("a\u3000b\u00a0c", "a\u3000b\u00a0c"),
    ],
)
def test_what_is_invisible_is_written_out(text, seen):
    assert visible.shown(text) == seen


@pytest.mark.parametrize(
    ("why", "words"),
    [
        (
            "stands and routes fit gcj02 (1.25), not wgs84 (0.06)",
            "停车点和路线按 GCJ-02 的吻合度为 1.25，按申报的 WGS 84 仅 0.06（满分 2）",
        ),
        ("body up at more than 20 km/h in 31 of 40 raised fixes", "举升状态的 40 个定位点中有 31 个时速超过 20 公里"),
        (
            "says loaded in 52% of fixes after loading and 49% after leaving the load",
            "装载后报重车的占 52%，卸载后仍报重车的占 49%",
        ),
        ("always loaded", "始终报重车"),
        ("a reason of a later version {0}", "a reason of a later version {0}"),
    ],
)
def test_why_a_terminal_is_ill_is_said_in_chinese(why, words):
    assert fault_reason(why) == words
