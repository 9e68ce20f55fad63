"""How a weekly report's numbers read in Chinese: the words that the page and the workbook share."""

from __future__ import annotations

from datetime import date, datetime

from reports.names import RULE_NAMES, WEEKDAY_NAMES, name_of
from reports.visible import shown as shown
from reports.week.model import WeekReport
from reports.week.model_quality import Figure

#: Printed where the policy leaves the title empty.
DEFAULT_TITLE = "渣土车联合检查周报"
NO_PREVIOUS = "无上周数据"
NEW = "新增"
UNCHANGED = "持平"


def local(report: WeekReport, at_ms: int) -> datetime:
    """The wall time of an instant, with its zone."""
    return datetime.fromtimestamp(at_ms / 1000, report.zone)


def clock(report: WeekReport, at_ms: int | None) -> str:
    """An instant as `11月16日 02:05`; nothing for None."""
    if at_ms is None:
        return ""
    at = local(report, at_ms)
    return f"{at.month}月{at.day}日 {at:%H:%M}"


def stamp(report: WeekReport, at_ms: int | None) -> str:
    """An instant as `2026年11月16日 02:05`; nothing for None."""
    return "" if at_ms is None else f"{local(report, at_ms).year}年{clock(report, at_ms)}"


def long_date(day: date) -> str:
    """A date as `2026年11月16日`."""
    return f"{day.year}年{day.month}月{day.day}日"


def weekday_date(day: date) -> str:
    """A date as `周一 11月16日`."""
    return f"{WEEKDAY_NAMES[day.weekday()]} {day.month}月{day.day}日"


def number(value: float | None, digits: int = 0) -> str:
    """A number with thousands separators; a dash where there is none."""
    return "—" if value is None else f"{value:,.{digits}f}"


def percent(share: float | None, digits: int = 1) -> str:
    """A share as a percentage; a dash where there is none."""
    return "—" if share is None else f"{100 * share:.{digits}f}%"


def digits_of(figure: Figure) -> int:
    """How many decimals a figure shows: counts none, means and rates one."""
    return 1 if figure.key in ("rate_per_100", "track_hours") else 0


def value_of(figure: Figure, value: float | None) -> str:
    """One value of a figure as it is printed."""
    return percent(value) if figure.unit == "%" else number(value, digits_of(figure))


def in_unit(figure: Figure, value: float | None) -> float | None:
    """The value as a number in the unit that the figure names."""
    return 100 * value if value is not None and figure.unit == "%" else value


def change_of(figure: Figure) -> str:
    """The change against the week before: `+12（+8.0%）`, `新增` from zero, `持平`, or that there is no such week."""
    if figure.change is None:
        return NO_PREVIOUS
    if figure.unit == "%":
        points = round(100 * figure.change, 1)
        return f"{points:+.1f} 个百分点" if points else UNCHANGED
    rounded = round(figure.change, digits_of(figure))
    if not rounded:
        return UNCHANGED
    if figure.change_ratio is None:
        return NEW
    return f"{rounded:+,.{digits_of(figure)}f}（{100 * figure.change_ratio:+.1f}%）"


def change_of_count(value: int, previous: int | None) -> str:
    """The same for a plain count."""
    return change_of(Figure("", "", "", value, previous))


def rules_text(rules: tuple[tuple[str, int], ...]) -> str:
    """`偏离核准路线 3、超速行驶 1`."""
    return "、".join(f"{shown(name_of(RULE_NAMES, rule))} {count}" for rule, count in rules)


def title(report: WeekReport) -> str:
    """The week in words: `2026年第47周（11月16日—11月22日）`."""
    monday, sunday = report.week.monday, report.week.sunday
    last = f"{sunday.year}年" if sunday.year != monday.year else ""
    return f"{report.week.year}年第{report.week.number}周（{long_date(monday)}—{last}{sunday.month}月{sunday.day}日）"


def span(report: WeekReport) -> str:
    """The instants that the week covers."""
    return f"{stamp(report, report.start_ms)} 至 {stamp(report, report.end_ms)}（不含）"


def warnings(report: WeekReport) -> tuple[str, ...]:
    """What the reader must know before believing the figures, in plain language; empty if all is well."""
    found = []
    if not report.has_data:
        found.append(f"{title(report)}没有任何数据：没有定位点、没有运输趟次、也没有线索。本报告不能说明本周没有违规。")
    elif not report.finished and report.cutoff_ms is not None:
        found.append(
            f"数据截至 {stamp(report, report.cutoff_ms)}，本周到 {stamp(report, report.end_ms)} 才结束；"
            f"此后的情况未计入{'，与上周的比较仅供参考' if report.has_previous else ''}。"
        )
    if not report.has_data:
        return tuple(found)
    quality = report.quality
    if report.previous_starts_ms is not None:
        found.append(f"数据从 {stamp(report, report.previous_starts_ms)} 开始，上周不足一周，未作比较。")
    if quality.falls:
        parts = "；".join(_fall_text(quality.figure(key)) for key in quality.falls)
        meaning = (
            "线索减少不等于违规减少，应先核查掉线车辆和终端，再评价本周成效。"
            if quality.fewer_clues
            else "本周线索可能少于实际，应先核查掉线车辆和终端。"
        )
        found.append(f"本周数据不如上周完整：{parts}。{meaning}")
    if quality.empty_days:
        days = "、".join(weekday_date(day) for day in quality.empty_days)
        found.append(f"以下日期没有任何定位点：{days}。这些日期没有线索，不代表没有违规。")
    silent_days = [d for d in quality.days if d.previous_fixes == 0 and d.fixes]
    if silent_days:
        found.append(f"上周有 {len(silent_days)} 天没有任何定位点，上周的线索可能偏少，环比偏高。")
    before = report.previous_outcomes
    if before and abs(before.reviewed_share - report.outcomes.reviewed_share) > 0.2:
        found.append(
            f"两周的复核进度不同（本周已复核 {percent(report.outcomes.reviewed_share, 0)}，"
            f"上周 {percent(before.reviewed_share, 0)}），不属实的已不计入线索数，环比受此影响。"
        )
    return tuple(found)


def _fall_text(figure: Figure) -> str:
    unit = "" if figure.unit == "%" else f" {figure.unit}"
    before, now = value_of(figure, figure.previous) + (unit or " "), value_of(figure, figure.value) + unit
    return f"{figure.name}由 {before}降至 {now}"


def completeness_verdict(report: WeekReport) -> str:
    """One sentence on completeness where nothing fell."""
    if not report.has_previous:
        return "没有完整的上周数据，无法比较两周的数据完整度。"
    return "本周数据完整度与上周相当或更好，线索数的变化不是由数据缺失造成的。"


def notes(report: WeekReport) -> tuple[tuple[str, str], ...]:
    """Definitions, as (term, text)."""
    slot_min = report.quality.slot_s // 60
    return (
        (
            "线索与违规",
            "本报告中的“线索”由车辆定位轨迹自动比对得出，均为疑似；经人工复核认定“属实”后才是违规，才计入信用记分。",
        ),
        (
            "计数口径",
            "线索数＝待复核＋属实；已认定“不属实”或申诉成立的不计入各表排名，仅在“不属实”一栏列出；申诉中的计为待复核。",
        ),
        ("记分口径", "同一行为涉及多条规则时各规则均列出，但只按最重的一条记分；待复核线索的记分为预估。"),
        (
            "每百趟线索数",
            f"线索数÷运输趟次×100；趟次少于 {report.min_trips_for_rate} 趟的为小样本，标“*”，不参与比率排名。",
        ),
        (
            "运输趟次",
            "从装载到卸载为一趟，按装载时间计入相应日期；线索按其开始时间计入。因此个别线索所属的趟次可能计在前一周。",
        ),
        (
            "周与夜的划分",
            f"按 ISO 周、当地时间统计。白天为 {report.day_hours}，其余为夜间；一个夜间整体归入其开始的日期，"
            f"例如周一凌晨归入上周日夜间、计入上一周。本周实际范围：{span(report)}。",
        ),
        (
            "轨迹完整度",
            f"每车每日首末定位点之间，每 {slot_min} 分钟内至少有一个有效定位点的时段占比；“有轨迹时长”为这些时段的"
            "合计。“终端完整度”由判定程序按终端自身的上报节奏估计。",
        ),
        (
            "环比",
            "与上一 ISO 周相比；上周为零的记“新增”，上周没有数据或数据不足一周的记“无上周数据”。“前四周均值”"
            "只计有数据的周，不足两周不计算。",
        ),
        ("置信度", "0 至 1，是规则对线索可靠程度的估计，不能代替人工复核。"),
    )
