"""The report's tables of field work: inspections held, what last week's plan yielded, next week's plan, corrections."""

from __future__ import annotations

from datetime import date

from reports import names
from reports.calendar import date_bounds_ms
from reports.week import words
from reports.week.document import Column, Table
from reports.week.model import WeekReport

_HOURS = Column("hours", "时段")
_PLACE = Column("place", "点位", wide=True)


def inspections(report: WeekReport) -> Table:
    """Joint inspections as recorded."""
    columns: tuple[Column, ...] = (
        Column("day", "日期", "day"),
        _HOURS,
        _PLACE,
        Column("agencies", "参加单位", wide=True),
    )
    columns += (Column("joint", "联合"), Column("checked", "检查车辆", "int"), Column("found", "查获违规", "int"))
    columns += (Column("filed", "立案", "int"), Column("note", "备注", wide=True))
    rows = tuple(
        (
            *(x.day, x.hours, x.place, "、".join(x.agencies), "是" if x.joint else "否", x.checked, x.found, x.filed),
            x.note,
        )
        for x in report.inspections
    )
    empty = "没有登记本周的检查记录。"
    note = "两个以上单位参加的为联合检查。查获数为现场检查登记数，与轨迹线索不是同一口径。"
    return Table("inspections", "本周检查记录", "联合检查", columns, rows, note=note, empty=empty)


def yielded(report: WeekReport) -> Table:
    """What passed at the places and hours that last week's report suggested, and whether people stood there."""
    columns: tuple[Column, ...] = (Column("inspection", "次", "int"), Column("number", "站", "int"), _PLACE, _HOURS)
    columns += (
        Column("expected", "预计", "num1"),
        Column("violations", "经过线索", "int"),
        Column("trucks", "车辆", "int"),
    )
    columns += (Column("rules", "经过线索的规则（次数）", wide=True), Column("held", "现场检查"))
    stops = report.yielded.stops if report.yielded else ()
    rows = tuple(
        (
            *(
                s.inspection,
                s.checkpoint.number,
                s.checkpoint.place,
                _span(report, s.checkpoint.start_ms, s.checkpoint.end_ms),
            ),
            *(s.checkpoint.expected, s.violations, s.trucks, words.rules_text(s.rules) or "—"),
            _held_at(report, s.checkpoint.place, s.checkpoint.start_ms),
        )
        for s in stops
    )
    note = (
        "“经过线索”为本周线索中，车辆在建议时段内经过该点位的，由轨迹核对，与当时有无人员执勤无关；"
        "“现场检查”按检查记录的日期和点位名称核对。"
    )
    return Table("yielded", "上周建议点位执行反馈", "联合检查", columns, rows, note=note, empty="上周没有建议点位。")


def plan(report: WeekReport) -> Table:
    """Next week's checkpoints in order."""
    columns: tuple[Column, ...] = (Column("inspection", "次", "int"), Column("number", "站", "int"), _HOURS, _PLACE)
    columns += (
        Column("district", "街道"),
        Column("agencies", "参加单位", wide=True),
        Column("expected", "预计", "num1"),
    )
    columns += (Column("reason", "理由", wide=True), Column("lon", "经度", "deg", on_page=False))
    columns += (Column("lat", "纬度", "deg", on_page=False),)
    rows = tuple(
        (
            *(i.number, c.number, _span(report, c.start_ms, c.end_ms), c.place, c.district or "—"),
            *("、".join(c.agencies), c.expected, c.reason, c.lon, c.lat),
        )
        for i in (report.plan.inspections if report.plan else ())
        for c in i.checkpoints
    )
    empty = (report.plan.note if report.plan else "") or "没有可供安排的数据。"
    note = "“预计”为按近几周规律折算、在该点位该时段可能遇到的线索数。点位由系统建议，具体由带队单位确定。"
    return Table("plan", "下周建议检查点位", "下周计划", columns, rows, note=note, empty=empty)


def corrections(report: WeekReport) -> Table:
    """What earlier issues said and what is known now."""
    columns: tuple[Column, ...] = (
        Column("week", "周次"),
        Column("number", "期号"),
        Column("table", "表"),
        Column("item", "项目"),
    )
    columns += (Column("figure", "指标"), Column("said", "原载", "num1"), Column("now", "更正为", "num1"))
    rows = tuple((x.week, x.number, x.table, x.item, x.figure, x.said, x.now) for x in report.corrections)
    note = "已印发各期的数据因补传、复核等发生变化的，在此更正，原期不改。"
    return Table("corrections", "更正", "更正", columns, rows, note=note, empty="此前各期没有需要更正的数据。")


def _span(report: WeekReport, start_ms: int, end_ms: int) -> str:
    """`周四 11月19日 20:00—21:10`; the date is the operating date."""
    start, end = words.local(report, start_ms), words.local(report, end_ms)
    later = "次日 " if end.date() != start.date() else ""
    return f"{_day(start.date())} {start:%H:%M}—{later}{end:%H:%M}"


def _day(day: date) -> str:
    return f"{names.WEEKDAY_NAMES[day.weekday()]} {day.month}月{day.day}日"


def _held_at(report: WeekReport, place: str, start_ms: int) -> str:
    """What the inspection records say of a suggested stop."""
    day = next((d for d, a, b in date_bounds_ms(report.week.dates, report) if a <= start_ms < b), None)
    same_day = [x for x in report.inspections if x.day == day]
    here = [x for x in same_day if place in x.place or x.place in place]
    if here:
        return f"已查 {sum(x.checked for x in here)} 辆，查获 {sum(x.found for x in here)} 起"
    return "当日另有检查" if same_day else "未登记"
