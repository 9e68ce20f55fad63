"""The report's reading of its own figures: what changed, and why it may have, in sentences that figures bear out."""

from __future__ import annotations

from reports.week import words
from reports.week.model import WeekReport
from reports.week.model_quality import Figure

#: A change of the rate by less than this part is put down to more or fewer trips.
_SAME_RATE = 0.05
#: A change of this part of the clues' own change is worth naming.
_SHARE_TOLD = 0.25
_TOLD = 3


def situation(report: WeekReport) -> tuple[str, ...]:
    """The paragraphs that open the report."""
    found = [_headline(report)]
    if report.has_previous:
        found.append("变化分析：" + "".join(_reasons(report)))
    found.append("以上“线索”均由定位轨迹自动比对得出，在人工复核前只是疑似线索，不是处罚依据。")
    return tuple(found)


def _headline(report: WeekReport) -> str:
    f = {key: report.figure(key) for key in ("trucks_seen", "trips", "clues", "rate_per_100", "flagged_trucks")}
    o = report.outcomes
    text = (
        f"本周有轨迹车辆 {words.number(f['trucks_seen'].value)} 辆，运输 {words.number(f['trips'].value)} 趟，"
        f"发现疑似违规线索 {words.number(f['clues'].value)} 条，涉及车辆 {words.number(f['flagged_trucks'].value)} 辆，"
        f"每百趟 {words.number(f['rate_per_100'].value, 1)} 条。线索中待复核 {o.open:,} 条、属实 {o.upheld:,} 条；"
        f"另有 {o.dismissed:,} 条经复核不属实，不计入。"
    )
    clues = f["clues"]
    if clues.previous is not None:
        text += f"线索数比上周{_than(clues)}"
        if clues.mean4 is not None:
            side = "高于" if clues.value > clues.mean4 else "低于" if clues.value < clues.mean4 else "等于"
            text += f"，{side}前四周均值 {words.number(clues.mean4, 1)} 条"
        text += "。"
    return text


def _than(figure: Figure) -> str:
    """`增加 12 条（+8.0%）`, `持平`, or how it stands against nothing."""
    assert figure.change is not None
    digits = words.digits_of(figure)
    by = round(figure.change, digits)
    if not by:
        return "持平"
    ratio = "，上周为零" if figure.change_ratio is None else f"（{100 * figure.change_ratio:+.1f}%）"
    return f"{'增加' if by > 0 else '减少'} {abs(by):,.{digits}f} {figure.unit}{ratio}"


def _reasons(report: WeekReport) -> list[str]:
    clues, trips, rate = report.figure("clues"), report.figure("trips"), report.figure("rate_per_100")
    parts = []
    if clues.change and trips.change is not None and rate.change_ratio is not None:
        steady = abs(rate.change_ratio) < _SAME_RATE
        together = (clues.change > 0) == (trips.change > 0) and trips.change
        before, now = words.number(rate.previous, 1), words.number(rate.value, 1)
        text = f"运输趟次{_than(trips)}，每百趟线索数由 {before} 变为 {now}"
        if steady and together:
            text += "，基本未变：线索数的变化主要随运输量而来。"
        elif together:
            text += "：运输量只能解释线索数变化的一部分。"
        else:
            text += "：线索数的变化不是由运输量引起的。"
        parts.append(text)
    parts += _movers(report)
    parts += _data(report)
    return parts or ["本周各项指标与上周相比没有明显变化。"]


def _movers(report: WeekReport) -> list[str]:
    """Rules and companies that carry the change."""
    found = []
    clues = report.figure("clues").change or 0
    rules = [(x.name, x.outcomes.live - (x.previous or 0)) for x in report.rules]
    for sign, name in ((1, "增加"), (-1, "减少")):
        moved = sorted((pair for pair in rules if pair[1] * sign > 0), key=lambda pair: -pair[1] * sign)[:_TOLD]
        if moved:
            found.append(f"{name}较多的是{'、'.join(f'{words.shown(n)}（{by:+,}）' for n, by in moved)}。")
    firms = [(x.name, x.outcomes.live - (x.previous or 0), x.trips) for x in report.companies if x.company_id]
    sign = 1 if clues > 0 else -1
    carriers = sorted((f for f in firms if f[1] * sign > 0), key=lambda f: -f[1] * sign)
    if clues and carriers and abs(carriers[0][1]) >= _SHARE_TOLD * abs(clues):
        name, by, trips = carriers[0]
        found.append(f"变化较集中的企业是{words.shown(name)}（{by:+,} 条，本周 {trips:,} 趟）。")
    return found


def _data(report: WeekReport) -> list[str]:
    q = report.quality
    online, complete = q.figure("online_share"), q.figure("completeness")
    text = f"登记车辆上线率 {words.percent(online.value)}（上周 {words.percent(online.previous)}），"
    text += f"轨迹完整度 {words.percent(complete.value)}（上周 {words.percent(complete.previous)}）"
    if q.falls and q.fewer_clues:
        return [text + "，数据不如上周完整，线索减少可能只是数据减少。"]
    if q.falls:
        return [text + "，数据不如上周完整，实际线索可能更多。"]
    return [text + "，线索数的变化不是由数据缺失造成的。"]


def inspection_words(report: WeekReport) -> list[tuple[str, str]]:
    """How many joint inspections were held against those due, as (text, style)."""
    joint = [x for x in report.inspections if x.joint]
    due, checked = report.inspections_due, sum(x.checked for x in report.inspections)
    found = sum(x.found for x in report.inspections)
    text = f"本周应组织联合检查 {due} 次，登记 {len(joint)} 次"
    if report.inspections:
        text += f"；全部检查共检查车辆 {checked:,} 辆，查获违规 {found:,} 起"
        if checked:
            text += f"（每百辆 {100 * found / checked:,.1f} 起）"
    if len(joint) >= due:
        return [(text + "。已达到要求。", "body")]
    return [(text + f"，缺 {due - len(joint)} 次。", "warning")]
