"""What officials read for the identifiers of the contract: Chinese names, one place for all reports, maps and pages."""

from __future__ import annotations

from rules.catalog import RULES

#: Every rule, in the order in which reports list them; the names stand with the rules themselves.
RULE_NAMES = {rule.rule_id: rule.title_zh for rule in RULES}

#: Families of rules: id -> (name, rules). Each rule is in exactly one.
RULE_FAMILIES = {
    "permit": ("核准与路线", ("no_permit", "off_route", "wrong_destination")),
    "hours": ("时段与静音区", ("outside_hours", "quiet_zone")),
    "dumping": ("擅自倾倒", ("unauthorised_dumping",)),
    "daytime": ("日间通行", ("daytime_not_whitelisted",)),
    "driving": ("行车与密闭", ("no_entry", "overspeed", "uncovered_load")),
    "identity": ("定位与车牌", ("signal_loss", "cloned_plate")),
}

#: The five states of a violation.
STATUS_NAMES = {
    "flagged": "待复核",
    "confirmed": "属实",
    "rejected": "不属实",
    "appealed": "申诉中",
    "overturned": "申诉成立",
}

#: Three outcomes that reports count by: an appeal reopens the question, an overturned case was none.
OUTCOME_NAMES = {"open": "待复核", "upheld": "属实", "dismissed": "不属实"}
OUTCOME_OF_STATUS = {
    "flagged": "open",
    "appealed": "open",
    "confirmed": "upheld",
    "rejected": "dismissed",
    "overturned": "dismissed",
}

SITE_KIND_NAMES = {
    "construction": "建筑工地",
    "disposal": "消纳场",
    "soil_bank": "土方中转场",
    "depot": "停车场",
    "fuel": "加油站",
    "wash": "冲洗点",
    "other": "其他场所",
    "unknown": "未登记地点",
}

#: Why a position report was set aside.
REASON_NAMES = {
    "bad_row": "行格式错误",
    "not_an_object": "不是 JSON 对象",
    "no_plate": "缺车牌",
    "bad_plate": "车牌含控制字符",
    "no_time": "缺时间",
    "bad_time": "时间无法识别",
    "time_without_offset": "时间未注明时区",
    "time_too_old": "时间过早（2010 年以前）",
    "time_in_future": "时间超前",
    "no_position": "缺经纬度",
    "bad_position": "经纬度不是数字",
    "position_out_of_range": "经纬度超出范围",
    "zero_position": "经纬度为零",
    "unknown_datum": "坐标系未知",
    "record_too_large": "消息过大",
    "empty_record": "空消息",
    "wrong_partition": "消息不在车牌所属分区",
}

#: What may be ill with a terminal.
FAULT_NAMES = {
    "datum": "坐标系与申报不符",
    "load": "载重传感器不可信",
    "lift": "举升传感器不可信",
    "cover": "密闭传感器不可信",
    "acc": "点火信号不可信",
    "speed": "速度不可信",
    "clock": "时钟不可信",
    "clock_doubt": "时钟存疑",
    "axes": "经纬度颠倒",
    "weeks": "GPS 周翻转",
}

#: What may be odd about a fix.
TAG_NAMES = {
    "not_fixed": "未定位",
    "jump": "跳点",
    "frozen": "位置冻结",
    "reflected": "反射偏移",
    "speed_refuted": "速度与位置矛盾",
    "other_device": "同号牌其他终端",
    "wrong_datum": "坐标系不符，已换算",
    "axes_swapped": "经纬度颠倒，已换回",
    "clock_shifted": "时钟差数小时，已更正",
    "week_rollover": "GPS 周翻转，已更正",
    "clock_doubted": "时钟存疑",
    "ill_load": "载重信号不可信",
    "ill_lift": "举升信号不可信",
    "ill_cover": "密闭信号不可信",
}

DATUM_NAMES = {
    "wgs84": "WGS 84",
    "cgcs2000": "CGCS2000",
    "gcj02": "GCJ-02（国测局）",
    "bd09": "BD-09（百度）",
}

WEEKDAY_NAMES = ("周一", "周二", "周三", "周四", "周五", "周六", "周日")

UNREGISTERED_COMPANY = "未登记企业"
UNREGISTERED_SITE = "未登记地点"
NO_DISTRICT = "不在辖区街道内"


def name_of(names: dict[str, str], key: str | None) -> str:
    """The Chinese name of an identifier; one that has none (a later rule, a new reason) shows as itself."""
    return names.get(key, key) if key else ""
