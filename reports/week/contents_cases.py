"""The report's tables of cases: trips, repeat offenders, suspected places, whitelist, permits, and every clue."""

from __future__ import annotations

from reports import names
from reports.suspected_words import GRADE_NAMES, grade_text
from reports.week import words
from reports.week.document import Cell, Column, Table
from reports.week.model import WeekReport

TOP_TRIPS, TOP_REPEATERS, TOP_SUSPECTS, TOP_WHITELIST, TOP_LAPSES = 15, 20, 20, 30, 30
_MAIN = 4
_PLATE = Column("plate", "车牌", "plate")
_COMPANY = Column("company", "企业", wide=True)
_RULES = Column("rules", "涉及规则（次数）", wide=True)


def trips(report: WeekReport) -> Table:
    """Trips with clues, the gravest first; masked reports do without ids, which a list of plates could undo."""
    rows = tuple(
        (
            *(n, x.plate, x.company, x.loaded_ms, x.dumped_ms, x.origin),
            x.destination if x.dumped_ms is not None else "未见卸载",
            None if x.distance_m is None else x.distance_m / 1000,
            *(words.rules_text(x.rules), x.count, x.points, x.trip_id),
        )
        for n, x in enumerate(report.trips, 1)
    )
    columns: tuple[Column, ...] = (Column("rank", "序", "int"), _PLATE, _COMPANY, Column("loaded", "装载时间", "time"))
    columns += (Column("unloaded", "卸载时间", "time", on_page=False), Column("origin", "装载地", wide=True))
    columns += (Column("destination", "卸载地", wide=True), Column("distance_km", "公里", "num1"), _RULES)
    columns += (Column("clues", "线索数", "int", on_page=False), Column("points", "记分", "int"))
    columns += (Column("trip_id", "行程编号", on_page=False),)
    return Table("trips", "最严重行程", "行程", columns, rows, TOP_TRIPS, empty="本周没有涉线索的行程。")


def repeaters(report: WeekReport) -> Table:
    """Trucks that are flagged week after week."""
    weeks = [week for week, _, _ in report.trend]
    shown = [Column(f"w{n}", f"{week.number}周", "int") for n, week in enumerate(weeks)]
    columns: tuple[Column, ...] = (
        Column("rank", "序", "int"),
        _PLATE,
        _COMPANY,
        Column("weeks", "有线索周数", "int"),
        *shown,
    )
    columns += (Column("upheld", "其中属实", "int"), Column("rules", "主要规则（次数）", wide=True))
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (n, x.plate, x.company, x.weeks, *x.weekly, x.upheld, _mainly(x.rules))
        for n, x in enumerate(report.repeaters, 1)
    )
    note = "本周和此前四周中另有至少一周也有线索的车辆；“主要规则”为各周合计。"
    return Table(
        "repeaters", "屡次涉嫌车辆", "屡次车辆", columns, rows, TOP_REPEATERS, note, "没有连续或多周涉嫌的车辆。"
    )


def _mainly(rules: tuple[tuple[str, int], ...]) -> str:
    return words.rules_text(rules[:_MAIN]) + ("等" if len(rules) > _MAIN else "")


def suspects(report: WeekReport) -> Table:
    """Suspected loading and dumping places with what the suspicion rests on."""
    columns: tuple[Column, ...] = (
        Column("rank", "序", "int"),
        Column("kind", "类别"),
        Column("new", "新现"),
        Column("district", "街道"),
    )
    columns += (
        Column("grade", "等级"),
        Column("confidence", "可信度", "num2", on_page=False),
        Column("trucks", "车辆", "int"),
    )
    columns += (Column("visits", "次数", "int"), Column("first", "首次", "time", on_page=False))
    columns += (Column("last", "最近", "time"), Column("basis", "依据", wide=True), Column("lon", "经度", "deg"))
    columns += (Column("lat", "纬度", "deg"), Column("suspect_id", "点位编号", on_page=False))
    rows = tuple(
        (
            *(n, x.kind, "是" if x.new else "否", x.district or "—", x.grade, x.confidence, x.trucks, x.visits),
            *(x.first_ms, x.last_ms, x.basis, x.lon, x.lat, x.suspect_id),
        )
        for n, x in enumerate(report.suspects, 1)
    )
    note = (
        f"证据等级：{'、'.join(map(grade_text, GRADE_NAMES))}。登记场所以外，多辆车反复装载或卸载的地点，由轨迹推断，"
        "须现场核实，不是处罚依据；车辆和次数为近三个月累计。加油、用餐、排队等无作业迹象的停留和复核不属实的地点已排除。"
    )
    return Table("suspects", "可疑点位", "可疑点位", columns, rows, TOP_SUSPECTS, note, "本周没有发现可疑点位。")


def whitelist(report: WeekReport) -> Table:
    """Who drove by day, and whether the conditions of the whitelist held."""
    columns: tuple[Column, ...] = (
        _PLATE,
        _COMPANY,
        Column("document", "白名单文号", wide=True),
        Column("kind", "车型"),
    )
    columns += (Column("days", "日间行驶天数", "int"), Column("minutes", "日间行驶/分钟", "int"))
    columns += (Column("completeness", "终端完整度", "share"), Column("clues", "日间线索", "int"))
    columns += (Column("held", "条件"), Column("failed", "不符合项", wide=True))
    rows = tuple(
        (
            *(x.plate, x.company, "、".join(x.documents) or "无", "新型车" if x.new_type else "普通车", x.days),
            *(x.driven_min, x.completeness, x.clues, "不符合" if x.failed else "符合", "；".join(x.failed) or "—"),
        )
        for x in report.whitelist
    )
    note = (
        "本周白天有行驶的车辆和在册白名单车辆。条件：白名单在有效期内；为装有主动安全系统的新型车；终端在线且轨迹完整度"
        "不低于 90%；终端无故障；没有超出准许时段的日间线索。日间行驶按有明显位移的时段估算。"
    )
    return Table(
        "whitelist",
        "白名单核查",
        "白名单",
        columns,
        rows,
        TOP_WHITELIST,
        note,
        "本周白天没有车辆行驶，也没有在册白名单车辆。",
    )


def lapses(report: WeekReport) -> Table:
    """Permits and whitelist entries that end soon."""
    columns: tuple[Column, ...] = (
        Column("kind", "类别"),
        Column("number", "证号（文号）"),
        Column("holder", "持有人", wide=True),
        Column("plate", "车牌", "plate"),
    )
    columns += (
        Column("place", "工地", wide=True),
        Column("last_day", "有效期至", "day"),
        Column("days_left", "剩余天数", "int"),
    )
    columns += (Column("trips", "本周趟次", "int"),)
    rows = tuple(
        (x.kind, x.number, x.holder, x.plate, x.place or "—", x.last_day, x.days_left, x.trips) for x in report.lapses
    )
    note = f"自本周末起 {report.lapse_days} 天内到期，或在本周内已到期；剩余天数从本周日算起，负数为已到期。"
    return Table(
        "lapses", "即将到期的核准证与白名单", "到期", columns, rows, TOP_LAPSES, note, "没有即将到期的核准证或白名单。"
    )


def clues(report: WeekReport) -> Table:
    """Every clue; the workbook and JSON alone have it."""
    columns: tuple[Column, ...] = (
        Column("day", "归属日期", "day"),
        Column("start", "开始", "time"),
        Column("end", "结束", "time"),
    )
    columns += (Column("minutes", "时长/分钟", "num1"), Column("rule", "规则"), _PLATE, _COMPANY)
    columns += (
        Column("district", "街道"),
        Column("origin", "装载工地", wide=True),
        Column("site", "涉及场所", wide=True),
    )
    columns += (Column("permit_no", "核准证号"), Column("points", "记分", "int"), Column("status", "状态"))
    columns += (Column("confidence", "置信度", "num2"), Column("lon", "经度", "deg"), Column("lat", "纬度", "deg"))
    columns += (Column("violation_id", "线索编号"), Column("trip_id", "行程编号"))
    rows = tuple(
        (
            *(x.day, x.start_ms, x.end_ms, (x.end_ms - x.start_ms) / 60_000, names.name_of(names.RULE_NAMES, x.rule)),
            *(x.plate, x.company, x.district, x.origin, x.site, x.permit_no, x.points),
            *(names.name_of(names.STATUS_NAMES, x.status), x.confidence, x.lon, x.lat, x.violation_id, x.trip_id),
        )
        for x in report.clues
    )
    return Table("clues", "违规线索明细", "违规明细", columns, rows, 0, empty="本周没有线索。")
