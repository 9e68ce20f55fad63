"""The report's headline cards and its charts."""

from __future__ import annotations

from reports.visible import shown
from reports.week import words
from reports.week.charts import columns, stacked_bars
from reports.week.document import Card, Cards, Chart
from reports.week.model import WeekReport


def cards(report: WeekReport) -> Cards:
    """The headline figures as cards."""
    return Cards(
        tuple(
            Card(
                key=f.key,
                name=f.name,
                value=words.value_of(f, f.value),
                unit=f.unit,
                previous="" if f.previous is None else words.value_of(f, f.previous),
                change=words.change_of(f),
                mean4="" if f.mean4 is None else words.number(f.mean4, 1),
            )
            for f in report.figures
        )
    )


def rules(report: WeekReport) -> Chart:
    """Clues by rule and review status."""
    rows = [
        (shown(x.name), (x.outcomes.upheld, x.outcomes.open, x.outcomes.dismissed))
        for x in report.rules
        if x.outcomes.all
    ]
    return Chart("rules-chart", "各规则线索数", str(stacked_bars("各规则线索数", rows, ("属实", "待复核", "不属实"))))


def trend(report: WeekReport) -> Chart:
    """Clues of the last weeks."""
    labels = [f"第{week.number}周（{trips:,} 趟）" for week, trips, _ in report.trend]
    counts = [clues for _, _, clues in report.trend]
    legend = ("线索数（括号内为运输趟次）", "")
    return Chart(
        "trend-chart", "近几周线索数", str(columns("近几周线索数", labels, counts, [None] * len(counts), legend))
    )


def days(report: WeekReport) -> Chart:
    """Usable fixes by date."""
    found = report.quality.days
    labels = [words.weekday_date(d.day) for d in found]
    now, before = [d.fixes for d in found], [d.previous_fixes for d in found]
    svg = columns("每日有效定位点", labels, now, before, ("本周定位点", "上周同日"))
    return Chart("days-chart", "每日有效定位点", str(svg))
