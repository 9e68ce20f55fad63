"""The weekly report's figures: what is counted, where, and against what."""

from dataclasses import replace

import polars as pl
import pytest
from week_town import HOUR_MS, POLICY, WEEK, A, B, C, at_ms, clue, given, registry, town, track, trip, value

from ingest.tally import REASONS
from reports import names
from reports.week import words
from reports.week.figures import report_of
from reports.week.model_quality import Figure


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
    assert words.change_of(figure) == says


def test_no_previous_data_is_not_a_previous_of_zero():
    now = [clue("off_route", A, at_ms(0, 21))]
    assert words.change_of(report_of(given(now)).figure("clues")) == "无上周数据"
    before = track(WEEK.back().monday, A)
    assert words.change_of(report_of(given(now, tracks=[before])).figure("clues")) == "新增"


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
