"""The report's tables on its own data: how complete tracks were, which terminals are silent or ill, what was no use."""

from __future__ import annotations

from reports import names
from reports.fault_words import fault_reason, tag_use
from reports.week import words
from reports.week.contents_counts import amount
from reports.week.document import Amount, Cell, Column, Table
from reports.week.model import WeekReport

TOP_TERMINALS, TOP_LISTS = 15, 30
_SHEET = "数据质量"
_PLATE, _TERMINAL = Column("plate", "车牌", "plate"), Column("terminal", "终端")
_COMPANY = Column("company", "企业", wide=True)


def quality(report: WeekReport) -> Table:
    """On-line rate and completeness against the week before."""
    q = report.quality
    rows: list[tuple[Cell, ...]] = [
        (f.name, f.unit, amount(f, f.value), amount(f, f.previous), words.change_of(f)) for f in q.figures
    ]
    counts: tuple[tuple[str, str, int], ...] = (
        ("登记车辆", "辆", q.registered),
        ("本周无轨迹的登记车辆", "辆", len(q.silent)),
    )
    counts += (
        ("有轨迹但未登记的车牌", "个", len(q.unregistered)),
        ("重复上报的定位点（累计，只计一次）", "个", q.repeats),
    )
    rows += [(name, unit, Amount(count), None, "") for name, unit, count in counts]
    columns: tuple[Column, ...] = (Column("figure", "指标"), Column("unit", "单位"), Column("value", "本周", "amount"))
    columns += (Column("previous", "上周", "amount"), Column("change", "环比"))
    return Table("quality", "上线率与完整度", _SHEET, columns, tuple(rows))


def days(report: WeekReport) -> Table:
    """Usable fixes of each date; pages have the chart."""
    columns: tuple[Column, ...] = (
        Column("day", "日期", "day"),
        Column("trucks", "车辆", "int"),
        Column("fixes", "定位点", "int"),
    )
    rows = tuple((d.day, d.trucks, d.fixes, d.previous_fixes) for d in report.quality.days)
    return Table("days", "每日有效定位点", _SHEET, (*columns, Column("previous", "上周同日", "int")), rows, 0)


def terminals(report: WeekReport) -> Table:
    """Trucks with tracks, the least complete first."""
    columns: tuple[Column, ...] = (
        _PLATE,
        _TERMINAL,
        _COMPANY,
        Column("fixes", "定位点", "int"),
        Column("days", "上线天数", "int"),
    )
    columns += (Column("completeness", "本周完整度", "share"), Column("health", "终端完整度", "share"))
    columns += (Column("datum", "实测坐标系"), Column("faults", "故障"))
    rows = tuple(
        (
            *(x.plate, x.terminal, x.company, x.fixes, x.days, x.completeness, x.health),
            names.name_of(names.DATUM_NAMES, x.datum_found),
            "、".join(names.name_of(names.FAULT_NAMES, fault) for fault in x.faults),
        )
        for x in report.quality.terminals
    )
    return Table("terminals", "轨迹最不完整的车辆", "终端", columns, rows, TOP_TERMINALS, empty="本周没有轨迹。")


def silent(report: WeekReport) -> Table:
    """Registered trucks without a fix."""
    columns: tuple[Column, ...] = (_PLATE, _TERMINAL, _COMPANY, Column("last", "最近定位", "time"))
    rows = tuple((x.plate, x.terminal, x.company, x.last_ms) for x in report.quality.silent)
    return Table("silent", "本周无轨迹的登记车辆", _SHEET, columns, rows, TOP_LISTS, empty="登记车辆本周均有轨迹。")


def unregistered(report: WeekReport) -> Table:
    """Plates with tracks that no registry knows."""
    rows = tuple((plate,) for plate in report.quality.unregistered)
    empty = "没有未登记的车牌。"
    return Table("unregistered", "有轨迹但未登记的车牌", _SHEET, (_PLATE,), rows, TOP_LISTS, empty=empty)


def faults(report: WeekReport) -> Table:
    """What is wrong with terminals, and why it is believed so."""
    columns: tuple[Column, ...] = (
        _PLATE,
        _TERMINAL,
        Column("fault", "故障"),
        Column("why", "依据", wide=True),
        Column("since", "始于", "time"),
    )
    rows = tuple(
        (x.plate, x.terminal, names.name_of(names.FAULT_NAMES, x.fault), fault_reason(x.why), x.since_ms)
        for x in report.quality.faults
    )
    note = "有故障的传感器不作为判定依据；坐标系不符的终端已按实测坐标系换算。"
    empty = "没有发现坐标系或传感器故障。"
    return Table("faults", "发现的终端故障", _SHEET, columns, rows, TOP_LISTS, note, empty)


def tagged(report: WeekReport) -> Table:
    """What was odd about fixes, and which rules do without such fixes."""
    columns: tuple[Column, ...] = (
        Column("tag", "标记"),
        Column("tag_id", "编号", on_page=False),
        Column("fixes", "定位点", "int"),
        Column("terminals", "终端", "int"),
        Column("use", "采用情况", wide=True),
    )
    columns += (Column("first", "最早", "time"), Column("last", "最近", "time"))
    rows = tuple(
        (names.name_of(names.TAG_NAMES, x.tag), x.tag, x.fixes, x.terminals, tag_use(x.tag), x.first_ms, x.last_ms)
        for x in report.quality.tagged
    )
    note = "带标记的定位点均保留在库；某条规则不采用的定位点，不作为该规则线索的依据。"
    empty = "没有带标记的定位点。"
    return Table("tagged", "定位点标记（与本周相交的各次判定合计）", _SHEET, columns, rows, TOP_LISTS, note, empty)


def rejected(report: WeekReport) -> Table:
    """Fixes that could not be used, over the whole store."""
    columns: tuple[Column, ...] = (
        Column("reason", "原因"),
        Column("reason_id", "编号", on_page=False),
        Column("count", "数量", "int"),
    )
    columns += (
        Column("first", "最早", "time"),
        Column("last", "最近", "time"),
        Column("example", "示例", on_page=False),
    )
    rows = tuple(
        (names.name_of(names.REASON_NAMES, x.reason), x.reason, x.count, x.first_ms, x.last_ms, x.example)
        for x in report.quality.rejected
    )
    title = "不可用的定位点（数据库全部时段累计）"
    return Table("rejected", title, _SHEET, columns, rows, empty="没有不可用的定位点。")
