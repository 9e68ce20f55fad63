"""What the weekly report says of work: whitelist, lapsing permits, repeat offenders, inspections, publication."""

from dataclasses import replace
from datetime import date

import pytest
from week_faces import Faces
from week_town import WEEK, at_ms, clue, frame, registry, town, track, trip

from reports.inspections import InspectionFault, InspectionRecord, read_csv, read_record
from reports.week.analysis import inspection_words, situation
from reports.week.contents import document_of
from reports.week.figures import report_of
from reports.week.input import TRACKS, TRIPS, VIOLATIONS, WeekInput
from reports.week.issue import file_stem, issue_of
from reports.week.masked import mask, masked
from rules.hours import Hours
from rules.policy import Policy
from rules.registry.model import Permit, Validity, WhitelistEntry

A, B, C = "苏A10001", "苏A10002", "苏A10003"
MONDAY, SUNDAY = WEEK.monday, WEEK.sunday
JOINT = InspectionRecord(WEEK.dates[2], "20:00-23:00", ("城管", "公安交警"), "江东路口", 40, 5, 2)


def given(**changes):
    return WeekInput(WEEK, **{"registry": registry(), **changes})


LONG_MS = at_ms(400, 0)


def entry(plate, until_ms=LONG_MS, document="7号"):
    return WhitelistEntry(plate, Hours.parse("09:00-16:00"), Validity(0, until_ms), document)


def test_the_whitelist_audit_names_the_condition_that_failed():
    of = registry()
    vehicles = tuple(replace(v, kind="new_type") if v.plate in (A, C) else v for v in of.vehicles)
    of = replace(of, vehicles=vehicles, whitelist=(entry(A), entry(B), entry(C, at_ms(-1, 0))))
    tracks = [track(MONDAY, p, slots=140) | {"day_slots": n} for p, n in ((A, 12), (B, 3), (C, 1), ("苏X", 2))]
    late = [clue("daytime_not_whitelisted", A, at_ms(1, 17), status=s) for s in ("flagged", "rejected")]
    lines = report_of(given(registry=of, tracks=frame(tracks, TRACKS), violations=frame(late, VIOLATIONS))).whitelist
    told = {x.plate: (x.driven_min, x.failed) for x in lines}
    assert told[A] == (120, ("准许范围以外的日间行驶 1 起",))
    assert told[B] == (30, ("不是装有主动安全系统的新型车",))
    assert told[C] == (10, ("白名单已于 2026-11-14 到期",))
    assert told["苏X"][1] == ("不在白名单", "不是装有主动安全系统的新型车")


def test_a_whitelisted_truck_that_rests_is_listed_and_one_that_is_ill_fails():
    of = registry()
    of = replace(of, vehicles=tuple(replace(v, kind="new_type") for v in of.vehicles), whitelist=(entry(A), entry(B)))
    poor = track(MONDAY, B, slots=70) | {"day_slots": 5}
    lines = {x.plate: x for x in report_of(given(registry=of, tracks=frame([poor], TRACKS))).whitelist}
    assert lines[A].failed == () and lines[A].days == 0
    assert lines[B].failed == ("轨迹完整度不足 90%",)


def test_what_ends_soon_is_listed_with_its_trips_and_a_renewal_is_not():
    permit = lambda number, until_ms: Permit(number, "c1", "s1", ("d1",), (), Hours.parse(""), Validity(0, until_ms))
    permits = (permit("ends", at_ms(9, 0)), permit("ended", at_ms(3, 0)), permit("long", at_ms(90, 0)))
    of = replace(registry(), permits=permits, whitelist=(entry(A, at_ms(8, 0)), entry(B, at_ms(8, 0)), entry(B)))
    trips = frame([trip(f"t{n}", A, at_ms(1, 21) + n, permit_no="ends") for n in range(3)], TRIPS)
    lines = report_of(given(registry=of, trips=trips)).lapses
    assert [(x.number, x.days_left, x.trips, x.plate) for x in lines] == [
        ("ended", -4, 0, ""),
        ("7号", 1, None, A),
        ("ends", 2, 3, ""),
    ]
    assert lines[0].last_day == date(2026, 11, 18)


def test_repeat_offenders_come_back_week_after_week():
    clues = [clue("off_route", A, at_ms(1 - 7 * back, 21)) for back in (0, 1, 3)]
    clues += [clue("off_route", B, at_ms(1, 22)), clue("no_permit", C, at_ms(-6, 22))]
    clues += [clue("overspeed", B, at_ms(-6, 21), status="rejected")]
    (line,) = report_of(given(violations=frame(clues, VIOLATIONS))).repeaters
    assert (line.plate, line.weeks, line.weekly, line.rules) == (A, 3, (1, 1, 1), (("off_route", 3),))


def test_inspections_are_held_against_those_due():
    alone = replace(JOINT, agencies=("城管",), place="东门", checked=10, found=0)
    report = report_of(given(inspections=[JOINT, alone]))
    ((text, style),) = inspection_words(report)
    assert "应组织联合检查 2 次，登记 1 次" in text and "检查车辆 50 辆，查获违规 5 起" in text and "缺 1 次" in text
    assert style == "warning"
    twice = report_of(given(inspections=[JOINT, replace(JOINT, day=WEEK.dates[4])]))
    assert inspection_words(twice)[0][1] == "body" and "已达到要求" in inspection_words(twice)[0][0]


def test_why_figures_changed_is_borne_out_by_them():
    more = [trip(f"n{n}", A, at_ms(1, 20) + n) for n in range(20)]
    fewer = [trip(f"o{n}", A, at_ms(-6, 20) + n) for n in range(10)]
    clues = [clue("off_route", A, at_ms(1, 21) + n) for n in range(4)]
    clues += [clue("off_route", A, at_ms(-6, 21) + n) for n in range(2)]
    tracks = [track(day, A) for day in (*WEEK.dates, *WEEK.back().dates)]
    trips, violations = frame(more + fewer, TRIPS), frame(clues, VIOLATIONS)
    said = "".join(situation(report_of(given(trips=trips, violations=violations, tracks=frame(tracks, TRACKS)))))
    assert "比上周增加 2 条（+100.0%）" in said and "主要随运输量而来" in said
    assert "变化较集中的企业是甲运输公司（+2 条，本周 20 趟）" in said


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        ({"date": "2026-13-01"}, "no date"),
        ({"hours": "25:00-26:00"}, "hours"),
        ({"agencies": ""}, "agencies is empty"),
        ({"checked": "-1"}, "no number"),
        ({"found": "41"}, "at most all of them"),
    ],
)
def test_a_faulty_record_is_told_with_its_place(row, fault):
    good = {"date": "2026-11-18", "hours": "20:00-23:00", "agencies": "城管、公安交警", "place": "江东路口"}
    good |= {"checked": "40", "found": "5", "filed": "2"}
    assert read_record(good, "x") == JOINT
    with pytest.raises(InspectionFault, match=f"inspections.csv row 3.*{fault}"):
        head, line = ",".join(good), lambda r: ",".join(f'"{v}"' for v in r.values())
        read_csv(f"\ufeff{head}\n{line(good)}\n{line(good | row)}\n", "inspections.csv")


def test_issues_are_numbered_by_the_year_or_from_the_first():
    assert issue_of(WEEK, Policy()).text == "〔2026〕第47期"
    since = Policy(first_issue_week="2026-W45", first_issue=101, district_name='宁/泽"区', issuing_office="城管局")
    assert issue_of(WEEK, since).text == "〔2026〕第103期"
    assert file_stem(issue_of(WEEK, since), WEEK) == "宁泽区渣土车联合检查周报-2026-W47-第103期"


def test_published_reports_name_no_truck(tmp_path):
    note = replace(JOINT, note=f"{A} 拒检", place=f"江东路口（{B}）")
    report = report_of(replace(town(), inspections=[note]))
    plates = {v.plate for v in town().registry.vehicles} | {"苏B99999"}
    faces = Faces(masked(report), tmp_path)
    everything = faces.bytes["json"].decode() + faces.pdf + "".join(faces.page.text)
    everything += "".join(str(c.value) for s in faces.book for row in s.iter_rows() for c in row)
    everything += "".join(c.text for t in faces.paper.tables for row in t.rows for c in row.cells)
    assert not [plate for plate in plates if plate in everything]
    assert mask(A) == "苏A1***1" and mask(A) in everything and mask("苏") == "苏***"
    ids = {t.trip_id for t in report.trips} | {c.violation_id for c in report.clues}
    assert not [i for i in ids if i in everything]
    assert masked(report).figures == report.figures


def test_inspections_are_a_table_of_the_report():
    (row,) = document_of(report_of(given(inspections=[JOINT]))).table("inspections").rows
    assert row == (JOINT.day, "20:00-23:00", "江东路口", "城管、公安交警", "是", 40, 5, 2, "")
