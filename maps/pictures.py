"""Pictures of a week's maps on paper: for the report, and a page an inspection to take along."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from maps.layers import Layer, bounds_of
from maps.paper import Sheet, map_png, write_pdf
from maps.patrol_layer import patrol_layer
from maps.patrol_paper import PatrolSheets
from maps.week_page import WeekMap, district_layer
from reports.hands import Task
from reports.patrol.model import PatrolPlan

#: What lies under a plan.
_GROUND = ("roads", "zones", "sites", "hot")


def week_picture(data: WeekMap) -> bytes:
    """The week's map for the report, PNG: districts, hot road pieces, suspected places, violations, checkpoints."""
    shown = [layer for layer in data.layers if layer.shown]
    if data.plan and data.plan.inspections:
        shown.append(patrol_layer(data.plan.inspections, data.zone))
    districts = district_layer(data)
    box = bounds_of([districts]) or bounds_of(shown)
    return map_png(Sheet((districts, *shown), box or (118.0, 31.0, 119.0, 32.0)))


def picture_tasks(data: WeekMap) -> dict[str, Task]:
    """The pictures of a report to draw, by key: `week-map`, and `patrol-1`, `patrol-2`, ... where there is a plan."""
    found: dict[str, Task] = {"week-map": (week_picture, (data,))}
    if data.plan:
        sheets = PatrolSheets(data.plan, ground_of(data), data.zone)
        found |= {f"patrol-{i.number}": (sheets.png, (i,)) for i in data.plan.inspections}
    return found


def report_pictures(data: WeekMap) -> dict[str, bytes]:
    """The pictures of a report by key, PNG."""
    return {key: draw(*told) for key, (draw, told) in picture_tasks(data).items()}


def sheet_tasks(data: WeekMap, out_dir: Path) -> list[Task]:
    """The sheets of a plan's inspections to write; none for a plan without inspections."""
    if not data.plan or not data.plan.inspections:
        return []
    sheets = PatrolSheets(data.plan, ground_of(data), data.zone)
    return [(_write_sheets, (sheets, out_dir / f"patrol-{data.plan.week}.pdf"))]


def write_patrol(plan: PatrolPlan, data: WeekMap, out_dir: Path) -> list[Path]:
    """Writes a plan's inspections as one PDF, a page each; none for a plan without inspections.

    Args:
        plan: the plan.
        data: the week that it was drawn from, for what lies under it.
        out_dir: where to; made if it is not there.
    """
    return [draw(*told) for draw, told in sheet_tasks(replace(data, plan=plan), out_dir)]


def _write_sheets(sheets: PatrolSheets, file: Path) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    return write_pdf(map(sheets.page, sheets.plan.inspections), file)


def ground_of(data: WeekMap) -> tuple[Layer, ...]:
    """The layers of a week that a plan is drawn on."""
    return tuple(layer for layer in data.layers if layer.key in _GROUND)
