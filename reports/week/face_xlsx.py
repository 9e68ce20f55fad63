"""The weekly report as a workbook: every line of every table, typed, in local time; same report, same bytes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from reports import names
from reports.fault_words import fault_reason
from reports.week import words
from reports.week.model import WeekReport
from reports.week.xlsx_suspects import suspects_sheet
from reports.xlsx_sheet import Book, Column, Sheet

SHEETS = ("总览", "规则", "企业", "车辆", "工地", "街道", "时段", "行程", "违规明细", "可疑点位", "数据质量")


def write_xlsx(report: WeekReport, path: Path) -> None:
    """Writes the workbook.

    Raises:
        OSError: if the file cannot be written.
    """
    created = _local(report, report.cutoff_ms or report.end_ms)
    assert created
    book = Book(path, f"城管渣土车联合检查周报 {report.week}", created.replace(microsecond=0))
    for name, draw in zip(SHEETS, _SHEETS, strict=True):
        draw(report, book, name)
    book.close()


def _local(report: WeekReport, at_ms: int | None) -> datetime | None:
    """Local wall time without a zone, as cells hold it."""
    return None if at_ms is None else words.local(report, at_ms).replace(tzinfo=None)


def _text(head: str, width: float = 14) -> Column:
    return Column(head, "text", width)


def _count(head: str, width: float = 9) -> Column:
    return Column(head, "int", width)


def _rate(head: str) -> Column:
    return Column(head, "num1", 10)


def _open(report: WeekReport, book: Book, name: str, columns: list[Column], *, landscape: bool = False) -> Sheet:
    sheet = book.sheet(name, columns, landscape=landscape)
    sheet.title(f"{name}　{words.title(report)}")
    sheet.freeze(1)
    return sheet


def _overview(report: WeekReport, book: Book, name: str) -> None:
    columns = [
        _text("类别", 12),
        _text("指标", 22),
        _rate("本周"),
        _rate("上周"),
        _text("环比", 20),
        _rate("前四周均值"),
        _text("单位", 10),
    ]
    sheet = book.sheet(name, columns)
    remarks = [
        f"{words.title(report)}　周次 {report.week}　统计范围：{words.span(report)}",
        f"数据截至：{words.stamp(report, report.cutoff_ms) or '无数据'}",
        f"登记资料 SHA-256：{report.registry_digest or '无'}",
        f"参数 SHA-256：{report.policy_digest}",
    ]
    sheet.title("城管渣土车联合检查周报", remarks, words.warnings(report))
    sheet.table(_overview_rows(report))
    sheet.section("附注")
    for term, text in words.notes(report):
        sheet.line(f"{term}：{text}")
    versions = "；".join(f"{names.name_of(names.RULE_NAMES, rule)} {version}" for rule, version in report.rule_versions)
    sheet.line(f"规则版本：{versions or '本周没有线索，无版本可列'}")


def _overview_rows(report: WeekReport) -> Iterator[tuple[Any, ...]]:
    for group, figures in (("总体", report.figures), ("违规类别", report.families)):
        for f in figures:
            yield group, f.name, f.value, f.previous, words.change_of(f), f.mean4, f.unit
    before = report.previous_outcomes
    for key, name in names.OUTCOME_NAMES.items():
        value, previous = getattr(report.outcomes, key), getattr(before, key) if before else None
        yield "复核结果", name, value, previous, words.change_of_count(value, previous), None, "条"
    value, previous = report.outcomes.all, before.all if before else None
    yield "复核结果", "合计", value, previous, words.change_of_count(value, previous), None, "条"


def _rules(report: WeekReport, book: Book, name: str) -> None:
    heads = ["线索数", "待复核", "属实", "不属实", "涉及车辆", "记分", "上周"]
    columns = [_text("规则", 22), _text("规则编号", 26), _text("类别", 14), *map(_count, heads), _text("环比", 18)]
    families = {key: family for key, (family, _) in names.RULE_FAMILIES.items()}
    _open(report, book, name, columns, landscape=True).table(
        (
            *(x.name, x.rule, families.get(x.family, "其他"), x.outcomes.live, x.outcomes.open, x.outcomes.upheld),
            *(x.outcomes.dismissed, x.trucks, x.points, x.previous),
            words.change_of_count(x.outcomes.live, x.previous),
        )
        for x in report.rules
    )


def _companies(report: WeekReport, book: Book, name: str) -> None:
    heads = ["登记车", "上线车", "趟次", "线索数", "待复核", "属实", "不属实"]
    columns = [_text("企业", 30), _text("企业编号", 12), *map(_count, heads), _rate("每百趟"), _text("小样本", 8)]
    columns += [_count("记分"), _count("上周"), _text("环比", 18)]
    _open(report, book, name, columns, landscape=True).table(
        (
            *(x.name, x.company_id, x.registered, x.seen, x.trips, x.outcomes.live, x.outcomes.open, x.outcomes.upheld),
            *(x.outcomes.dismissed, x.rate_per_100, "是" if x.small else "否", x.points, x.previous),
            words.change_of_count(x.outcomes.live, x.previous),
        )
        for x in report.companies
    )


def _vehicles(report: WeekReport, book: Book, name: str) -> None:
    heads = ["趟次", "线索数", "待复核", "属实", "不属实", "记分", "上周"]
    columns = [_text("车牌", 14), _text("企业", 28), *map(_count, heads), _text("涉及规则（次数）", 50)]
    _open(report, book, name, columns, landscape=True).table(
        (
            *(x.plate, x.company, x.trips, x.outcomes.live, x.outcomes.open, x.outcomes.upheld, x.outcomes.dismissed),
            *(x.points, x.previous, words.rules_text(x.rules)),
        )
        for x in report.vehicles
    )


def _sites(report: WeekReport, book: Book, name: str) -> None:
    heads = ["趟次", "涉线索趟次", "线索数", "待复核", "属实", "不属实"]
    columns = [_text("方向", 8), _text("场所", 28), _text("场所编号", 14), _text("类别", 12), *map(_count, heads)]
    columns += [_rate("每百趟"), _text("小样本", 8), _text("涉及规则（次数）", 46)]
    _open(report, book, name, columns, landscape=True).table(
        (
            *(way, x.name, x.site_id, names.name_of(names.SITE_KIND_NAMES, x.kind), x.trips, x.flagged_trips),
            *(x.outcomes.live, x.outcomes.open, x.outcomes.upheld, x.outcomes.dismissed, x.rate_per_100),
            *("是" if x.small else "否", words.rules_text(x.rules)),
        )
        for way, lines in (("出土", report.origins), ("接收", report.receivers))
        for x in lines
    )


def _districts(report: WeekReport, book: Book, name: str) -> None:
    families = [family for family, _ in names.RULE_FAMILIES.values()]
    heads = ["线索数", "待复核", "属实", "不属实", "涉及车辆", "记分"]
    columns = [
        _text("街道", 20),
        *map(_count, heads),
        *(_count(f, 11) for f in families),
        _count("上周"),
        _text("环比", 18),
    ]
    _open(report, book, name, columns, landscape=True).table(
        (
            *(x.name, x.outcomes.live, x.outcomes.open, x.outcomes.upheld, x.outcomes.dismissed, x.trucks, x.points),
            *x.families,
            *(x.previous, words.change_of_count(x.outcomes.live, x.previous)),
        )
        for x in report.districts
    )


def _hours(report: WeekReport, book: Book, name: str) -> None:
    hours = [Column(f"{hour}时", "heat", 5) for hour in report.heat_hours]
    columns = [_text("归属日期", 10), *hours, _count("合计", 8)]
    sheet = book.sheet(name, columns, landscape=True)
    sheet.title(f"{name}　{words.title(report)}", ["凌晨归入前一晚；数字为在该小时内开始的线索数。"])
    sheet.freeze(1)
    first = sheet.row + 1
    sheet.table(
        (names.WEEKDAY_NAMES[n], *(row[hour] for hour in report.heat_hours), sum(row))
        for n, row in enumerate(report.heat)
    )
    sheet.colour_scale(first, first + len(report.heat) - 1, 1, len(hours))


def _trips(report: WeekReport, book: Book, name: str) -> None:
    columns = [_text("车牌", 14), _text("企业", 26), Column("装载时间", "time", 19), Column("卸载时间", "time", 19)]
    columns += [_text("装载地", 22), _text("卸载地", 22), _rate("里程/公里"), _count("线索数"), _count("记分")]
    columns += [_text("涉及规则（次数）", 40), _text("行程编号", 24)]
    _open(report, book, name, columns, landscape=True).table(
        (
            *(x.plate, x.company, _local(report, x.loaded_ms), _local(report, x.dumped_ms), x.origin),
            x.destination if x.dumped_ms is not None else "未见卸载",
            None if x.distance_m is None else x.distance_m / 1000,
            *(x.count, x.points, words.rules_text(x.rules), x.trip_id),
        )
        for x in report.trips
    )


def _clues(report: WeekReport, book: Book, name: str) -> None:
    columns = [
        Column("归属日期", "day", 12),
        Column("开始", "time", 19),
        Column("结束", "time", 19),
        Column("时长/分钟", "num1", 10),
    ]
    columns += [_text("规则", 20), _text("车牌", 14), _text("企业", 26), _text("街道", 16), _text("装载工地", 22)]
    columns += [
        _text("涉及场所", 22),
        _text("核准证号", 18),
        _count("记分", 7),
        _text("状态", 9),
        Column("置信度", "num2", 8),
    ]
    columns += [Column("经度", "deg", 12), Column("纬度", "deg", 12), _text("线索编号", 24), _text("行程编号", 24)]
    _open(report, book, name, columns, landscape=True).table(
        (
            *(x.day, _local(report, x.start_ms), _local(report, x.end_ms), (x.end_ms - x.start_ms) / 60_000),
            *(names.name_of(names.RULE_NAMES, x.rule), x.plate, x.company, x.district, x.origin, x.site, x.permit_no),
            *(x.points, names.name_of(names.STATUS_NAMES, x.status), x.confidence, x.lon, x.lat),
            *(x.violation_id, x.trip_id),
        )
        for x in report.clues
    )


def _quality(report: WeekReport, book: Book, name: str) -> None:
    q = report.quality
    columns = [_text("车牌", 24), _text("终端", 18), _text("企业", 28), _count("定位点", 18), _count("上线天数", 18)]
    columns += [Column("本周完整度", "share", 18), Column("终端完整度", "share", 12), _text("实测坐标系", 18)]
    sheet = book.sheet(name, [*columns, _text("故障", 30)], landscape=True)
    sheet.title(f"{name}　{words.title(report)}", (), words.warnings(report))
    _totals(report, sheet)
    _ill(report, sheet)
    sheet.section("各车轨迹完整度")
    sheet.table(
        (
            *(x.plate, x.terminal, x.company, x.fixes, x.days, x.completeness, x.health),
            names.name_of(names.DATUM_NAMES, x.datum_found),
            "、".join(names.name_of(names.FAULT_NAMES, fault) for fault in x.faults),
        )
        for x in q.terminals
    )


def _totals(report: WeekReport, sheet: Sheet) -> None:
    q = report.quality
    sheet.section("总体")
    rows: list[tuple[Any, ...]] = [
        (f.name, f.unit, words.change_of(f), words.in_unit(f, f.value), words.in_unit(f, f.previous)) for f in q.figures
    ]
    counts = {
        "登记车辆": q.registered,
        "本周无轨迹的登记车辆": len(q.silent),
        "有轨迹但未登记的车牌": len(q.unregistered),
    }
    rows += [(label, "辆", "", count, None) for label, count in counts.items()]
    rows.append(("重复上报的定位点（累计）", "个", "", q.repeats, None))
    sheet.table(rows, [_text("指标"), _text("单位"), _text("环比"), _rate("本周"), _rate("上周")], filtered=False)
    sheet.section("每日有效定位点")
    days = [Column("日期", "day", 0), _text("星期"), _count("车辆"), _count("定位点"), _count("上周同日")]
    lines = ((d.day, names.WEEKDAY_NAMES[d.day.weekday()], d.trucks, d.fixes, d.previous_fixes) for d in q.days)
    sheet.table(lines, days, filtered=False)


def _ill(report: WeekReport, sheet: Sheet) -> None:
    """What was wrong with positions and terminals; widths are those of the sheet's own columns."""
    q = report.quality
    times = [Column("最早", "time", 0), Column("最近", "time", 0)]
    sheet.section("不可用的定位点（数据库全部时段累计）")
    sheet.table(
        (
            (
                *(names.name_of(names.REASON_NAMES, x.reason), x.reason, x.example, x.count),
                *(_local(report, x.first_ms), _local(report, x.last_ms)),
            )
            for x in q.rejected
        ),
        [_text("原因"), _text("编号"), _text("示例"), _count("数量"), *times],
        filtered=False,
    )
    sheet.section("终端故障")
    fault_name = {x.fault: names.name_of(names.FAULT_NAMES, x.fault) for x in q.faults}
    sheet.table(
        ((x.plate, x.terminal, fault_reason(x.why), _local(report, x.since_ms), fault_name[x.fault]) for x in q.faults),
        [_text("车牌"), _text("终端"), _text("依据"), Column("始于", "time", 0), _text("故障")],
        filtered=False,
    )
    sheet.section("本周无轨迹的登记车辆")
    sheet.table(
        ((x.plate, x.terminal, x.company, _local(report, x.last_ms)) for x in q.silent),
        [_text("车牌"), _text("终端"), _text("企业"), Column("最近定位", "time", 0)],
        filtered=False,
    )
    sheet.section("有轨迹但未登记的车牌")
    sheet.table(((plate,) for plate in q.unregistered), [_text("车牌")], filtered=False)


_LISTS = (_trips, _clues, suspects_sheet)
_SHEETS = (_overview, _rules, _companies, _vehicles, _sites, _districts, _hours, *_LISTS, _quality)
