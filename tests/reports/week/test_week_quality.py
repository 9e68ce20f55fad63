"""What a weekly report says of its own data: holes, falls, silent trucks, and words for what is ill."""

import pytest
from week_town import WEEK, A, B, at_ms, clue, frame, given, track, value

from reports import visible
from reports.fault_words import fault_reason
from reports.week import contents_data, words
from reports.week.figures import report_of
from reports.week.input import REJECTED, TAGGED


def test_a_week_that_the_store_began_in_is_no_yardstick():
    tracks = [track(WEEK.back().sunday, A), track(WEEK.monday, A)]
    started = at_ms(-1, 20)
    report = report_of(given(tracks=tracks, first_ms=started, cutoff_ms=at_ms(7, 6)))
    assert not report.has_previous and report.figure("clues").previous is None and report.quality.falls == ()
    assert "数据从 2026年11月15日 20:00 开始，上周不足一周，未作比较" in words.warnings(report)[0]
    assert report_of(given(tracks=tracks, first_ms=at_ms(-7, 20))).has_previous


def test_holes_in_the_week_before_are_named():
    tracks = fleet(WEEK, 6) + [t for t in fleet(WEEK.back(), 6) if t["day"].weekday() < 5]
    (text,) = words.warnings(report_of(given(tracks=tracks, cutoff_ms=at_ms(7, 6))))
    assert "上周有 2 天没有任何定位点" in text


def test_examples_of_rejected_fixes_do_not_tell_where_files_lay():
    said = ['/srv/a b/fixes.csv:12: {"plate": "/x:1: "}', "C:\\data\\f.csv:3: x", "stdin:7: a/b", '{"lon": 0}', "a/b"]
    rows = frame([{"reason": "no_time", "count": 9 - n, "example": text} for n, text in enumerate(said)], REJECTED)
    shown = [line.example for line in report_of(given(rejected=rows)).quality.rejected]
    assert shown == ['fixes.csv:12: {"plate": "/x:1: "}', "f.csv:3: x", "stdin:7: a/b", '{"lon": 0}', "a/b"]


def test_odd_fixes_are_counted_by_tag_with_the_rules_that_do_without_them():
    day = {"terminals": 1, "first_ms": at_ms(0, 1), "last_ms": at_ms(2, 3)}
    rows = frame([{"tag": "jump", "fixes": 3, **day}, {"tag": "wrong_datum", "fixes": 90, **day}], TAGGED)
    table = contents_data.tagged(report_of(given(tagged=rows)))
    assert [row[:5] for row in table.rows] == [
        ("坐标系不符，已换算", "wrong_datum", 90, 1, "照常采用"),
        ("跳点", "jump", 3, 1, "仅用于：疑似套牌"),
    ]
    assert table.top and table.top >= len(table.rows), "pages show it"


def fleet(week, trucks, slots=140, **changes):
    return [track(day, f"苏A1000{n}", slots=slots, **changes) for day in week.dates for n in range(1, trucks + 1)]


def test_fewer_clues_on_less_data_warns_in_plain_language():
    before = [clue("off_route", A, at_ms(-6, 21)), clue("off_route", A, at_ms(-5, 21))]
    report = report_of(given(before, tracks=fleet(WEEK, 4) + fleet(WEEK.back(), 6), cutoff_ms=at_ms(7, 6)))
    assert {"fixes", "trucks_seen", "online_share", "track_hours"} == set(report.quality.falls)
    (text,) = words.warnings(report)
    assert "有轨迹车辆由 6 辆降至 4 辆" in text and "线索减少不等于违规减少" in text


def test_completeness_alone_can_warn():
    report = report_of(given(tracks=fleet(WEEK, 6, slots=120) + fleet(WEEK.back(), 6), cutoff_ms=at_ms(7, 6)))
    assert "completeness" in report.quality.falls
    assert "轨迹完整度由 97.2% 降至 83.3%" in words.warnings(report)[0]


def test_no_warning_where_data_is_as_good_as_before():
    report = report_of(given(tracks=fleet(WEEK, 6) + fleet(WEEK.back(), 6), cutoff_ms=at_ms(7, 6)))
    assert words.warnings(report) == () and report.quality.falls == ()
    assert "相当或更好" in words.completeness_verdict(report)


def test_an_unfinished_week_and_empty_days_are_named():
    tracks = [t for t in fleet(WEEK, 6) if t["day"] < WEEK.dates[5]]
    texts = words.warnings(report_of(given(tracks=tracks, cutoff_ms=at_ms(4, 29))))
    assert "数据截至 2026年11月21日 05:00" in texts[0]
    assert "周六 11月21日、周日 11月22日" in texts[1]


def test_uneven_review_is_named():
    clues = [
        clue("off_route", A, at_ms(1, 21)),
        clue("off_route", A, at_ms(-5, 21), status="rejected"),
    ]
    tracks = fleet(WEEK, 6) + fleet(WEEK.back(), 6)
    (text,) = words.warnings(report_of(given(clues, tracks=tracks, cutoff_ms=at_ms(7, 6))))
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
    assert "没有任何数据" in words.warnings(report)[0]
    assert value(report, "clues") == 0 and report.vehicles == () and report.trips == ()
    assert len(report.quality.silent) == 6
    before = given([clue("off_route", A, at_ms(-3, 21))], cutoff_ms=at_ms(-3, 22))
    assert report_of(before).figure("clues").change is None  # nothing known is no fall to zero
    assert "没有任何数据" in words.warnings(report_of(given(cutoff_ms=at_ms(-9, 3))))[0]


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
