"""The evidence in words: every rule's sentence with its figures, and without them."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.evidence_fields import FIELD_NAMES, clock, distance, duration, figures, sources, value_text
from reports.evidence_words import describe
from reports.fault_words import tag_use
from reports.names import RULE_NAMES
from rules.catalog import RULES

ZONE = ZoneInfo("Asia/Shanghai")
START = int(datetime(2026, 11, 9, 22, 41, 5, tzinfo=ZONE).timestamp() * 1000)
END = START + 1_055_000


def told(rule: str, start: int = START, end: int = END, **evidence: object) -> str:
    return describe(rule, evidence, start, end, ZONE)


def test_sentence_of_leaving_the_route() -> None:
    assert told("off_route", outside_s=1055, distance_m=6200, max_deviation_m=840, corridor_m=50.0) == (
        "22:41:05–22:58:40 载货离开许可线路走廊（半宽 50 m） 17 分 35 秒、6.2 km，最远偏离 840 m"
    )


@pytest.mark.parametrize(
    ("rule", "evidence", "words"),
    [
        ("no_permit", {"origin_site": None, "distance_m": 18162}, ["未登记的装载地点", "18.2 km"]),
        ("no_permit", {"origin_site": "CON002"}, ["从CON002载货", "没有生效的核准证"]),
        (
            "wrong_destination",
            {"site_id": "DIS002", "permitted_sites": ["DIS003"], "duration_s": 217},
            ["“DIS002”", "3 分 37 秒", "核准消纳场所：DIS003"],
        ),
        (
            "outside_hours",
            {"driving_s": 205, "banned_s": 0, "permitted_hours": ["21:00-00:30;01:30-05:30"]},
            ["（21:00-00:30、01:30-05:30）以外", "3 分 25 秒"],
        ),
        (
            "outside_hours",
            {"driving_s": 205, "banned_s": 205, "ban_reasons": ["重污染天气"]},
            ["禁运期间（重污染天气）", "3 分 25 秒"],
        ),
        ("outside_hours", {"driving_s": 600, "banned_s": 60, "ban_reasons": ["高考"]}, ["其中禁运期间（高考） 1 分"]),
        (
            "quiet_zone",
            {"zone_id": "Q2", "inside_s": 110, "distance_m": 318, "top_speed_kmh": 40.2},
            ["静音区“Q2”", "1 分 50 秒", "318 m", "最高 40 km/h"],
        ),
        ("no_entry", {"zone_id": "N1"}, ["禁行区“N1”"]),
        ("unauthorised_dumping", {"site_id": None, "duration_s": 220}, ["未登记地点卸载", "3 分 40 秒"]),
        ("unauthorised_dumping", {"site_id": "DIS090", "site_in_force": False}, ["已失效的场所“DIS090”"]),
        ("unauthorised_dumping", {"site_id": "FUEL1", "site_in_force": True}, ["不得消纳渣土的场所“FUEL1”"]),
        (
            "daytime_not_whitelisted",
            {"driving_s": 1622, "whitelist_entries": [{"hours": "09:30-16:30", "in_force": True}]},
            ["09:30-16:30", "27 分 2 秒"],
        ),
        ("overspeed", {"top_speed_kmh": 83.0, "limit_kmh": 60}, ["限速 60 km/h", "最高 83 km/h"]),
        ("signal_loss", {"silent_s": 1500, "moved_m": 4200}, ["定位中断 25 分", "4.2 km"]),
        ("signal_loss", {"silent_s": 1500, "frozen": True, "load_lost": True}, ["持续上报同一位置", "恢复时已无载货"]),
        ("cloned_plate", {"apart_m": 23000, "other_terminal": "0139"}, ["23.0 km", "另一终端 0139"]),
        ("uncovered_load", {"distance_m": 900}, ["未密闭", "900 m"]),
    ],
)
def test_sentences_tell_their_figures(rule: str, evidence: dict[str, object], words: list[str]) -> None:
    sentence = told(rule, **evidence)
    for word in words:
        assert word in sentence


@pytest.mark.parametrize("rule", RULE_NAMES)
def test_every_rule_has_a_sentence_even_without_evidence(rule: str) -> None:
    sentence = told(rule)
    assert sentence.startswith("22:41:05–22:58:40 ")
    assert "违反规则" not in sentence  # the words for a rule that nobody has written a sentence for
    assert "None" not in sentence


keys = st.sampled_from([*FIELD_NAMES, "new_m", "odd"])
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**6), 10**6) | st.floats(-1e6, 1e6) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@given(st.sampled_from([*RULE_NAMES, "later_rule"]), st.dictionaries(keys, values, max_size=8))
def test_no_evidence_however_odd_breaks_the_words(rule: str, evidence: dict[str, object]) -> None:
    assert describe(rule, evidence, START, END, ZONE)
    figures(evidence, ZONE)
    sources(evidence)


def test_unknown_rules_and_fields_are_listed_with_their_units() -> None:
    assert (
        told("later_rule", queue_s=75, height_m=12.3)
        == "22:41:05–22:58:40 违反规则 later_rule：height 12 m，queue 1 分 15 秒"
    )
    rows = dict(figures({"new_figure_kmh": 40.4, "distance_m": 318, "seen": True, "share": 0.5}, ZONE))
    assert rows == {"行驶里程": "318 m", "new_figure": "40 km/h", "seen": "是", "share": "0.5"}


def test_fixes_are_counted_and_sources_kept_apart() -> None:
    evidence = {"fixes": [1, 2, 3], "rule_version": 2, "policy_digest": "ab" * 32, "registry": {"permit_no": "p1"}}
    assert figures(evidence, ZONE) == [("依据的定位点", "3 个")]
    assert sources(evidence) == [("规则版本", "2"), ("参数摘要", "abababababababab…"), ("核准证号", "p1")]
    assert figures({"fixes": {"count": 48}}, ZONE) == [("依据的定位点", "48 个")]


def test_every_field_that_the_rules_give_has_a_label() -> None:
    given = {field.name for rule in RULES for field in rule.evidence}
    assert given - set(FIELD_NAMES) == set()


def test_clock_duration_distance() -> None:
    assert clock(START, ZONE) == "22:41:05"
    assert clock(START + 7_200_000, ZONE, after_ms=START) == "11月10日 00:41:05"
    assert [duration(s) for s in (0, 59, 60, 61, 3600, 3661)] == [
        "0 秒",
        "59 秒",
        "1 分",
        "1 分 1 秒",
        "1 小时",
        "1 小时 1 分",
    ]
    assert [distance(m) for m in (0, 999, 1000, 6249)] == ["0 m", "999 m", "1.0 km", "6.2 km"]
    assert value_text("last_ms", START, ZONE) == "2026-11-09 22:41:05"
    assert value_text("loaded_by", ["load", "visit"], ZONE) == "载重传感器、在工地停留"


def test_what_rules_make_of_tagged_fixes_is_said_in_words() -> None:
    assert tag_use("wrong_datum") == "照常采用"
    assert tag_use("reflected") == "不用于：偏离核准路线、限噪时段驶入静音区、驶入禁行区"
    assert tag_use("not_fixed") == "仅用于：重车定位中断"
    assert tag_use("of a later version") == ""
