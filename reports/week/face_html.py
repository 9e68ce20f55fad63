"""The weekly report as one page: no script, no foreign host, nothing to fetch; the same report gives the same bytes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import jinja2
from markupsafe import Markup

from reports import names
from reports.fault_words import fault_reason
from reports.suspected_words import GRADE_NAMES, grade_text
from reports.visible import shown
from reports.week import words
from reports.week.charts import columns, stacked_bars
from reports.week.model import RuleLine, WeekReport

#: How many lines of each ranking the page shows; the workbook has them all.
TOP_COMPANIES, TOP_VEHICLES, TOP_SITES, TOP_DISTRICTS, TOP_TRIPS, TOP_TERMINALS, TOP_SILENT = 30, 20, 20, 30, 15, 20, 40
TOP_SUSPECTS = 20
_DEEPEST = 5


def render_html(report: WeekReport, trip_maps: Mapping[str, str] | None = None) -> str:
    """Draws the page.

    Args:
        report: the week's figures.
        trip_maps: trip id -> path of its map page, relative to where the page will lie; such trips become links.
    """
    template = _environment().get_template("week.html")
    return template.render(
        r=report,
        t=words,
        n=names,
        fault_reason=fault_reason,
        grade_text=grade_text,
        suspect_grades=list(GRADE_NAMES),
        top=_TOPS,
        rule_chart=_rule_chart(report),
        day_chart=_day_chart(report),
        trend_chart=_trend_chart(report),
        heat=_heat(report),
        maps={trip_id: quote(path, safe="/") for trip_id, path in (trip_maps or {}).items()},
        rule_lines=[line for line in report.rules if line.outcomes.all or line.previous],
        quiet_rules=[line.name for line in report.rules if not line.outcomes.all and not line.previous],
    )


_TOPS = {
    "companies": TOP_COMPANIES,
    "vehicles": TOP_VEHICLES,
    "sites": TOP_SITES,
    "districts": TOP_DISTRICTS,
    "trips": TOP_TRIPS,
    "suspects": TOP_SUSPECTS,
    "terminals": TOP_TERMINALS,
    "silent": TOP_SILENT,
}


def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.PackageLoader("reports"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=_visible,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _visible(value: Any) -> Any:
    """Every text that the template prints goes through here: nothing invisible, and None prints nothing."""
    if value is None:
        return ""
    return shown(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _rule_chart(report: WeekReport) -> Markup:
    rows = [(shown(line.name), _parts(line)) for line in report.rules if line.outcomes.all]
    return stacked_bars("各规则线索数", rows, ("属实", "待复核", "不属实"))


def _parts(line: RuleLine) -> tuple[int, int, int]:
    return line.outcomes.upheld, line.outcomes.open, line.outcomes.dismissed


def _day_chart(report: WeekReport) -> Markup:
    days = report.quality.days
    return columns(
        "每日有效定位点",
        [words.weekday_date(d.day) for d in days],
        [d.fixes for d in days],
        [d.previous_fixes for d in days],
        ("本周定位点", "上周同日"),
    )


def _trend_chart(report: WeekReport) -> Markup:
    labels = [f"第{week.number}周（{trips:,} 趟）" for week, trips, _ in report.trend]
    clues = [clues for _, _, clues in report.trend]
    return columns("近几周线索数", labels, clues, [None] * len(clues), ("线索数（括号内为运输趟次）", ""))


def _heat(report: WeekReport) -> list[dict[str, Any]]:
    """Rows of the heat table: each cell a count and a depth from 0 to 5, its share of the week's fullest hour."""
    most = max(max(row) for row in report.heat) or 1
    return [
        {
            "name": names.WEEKDAY_NAMES[weekday],
            "total": sum(row),
            "cells": [(row[hour], -(-_DEEPEST * row[hour] // most)) for hour in report.heat_hours],
        }
        for weekday, row in enumerate(report.heat)
    ]
