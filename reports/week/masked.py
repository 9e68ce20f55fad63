"""A weekly report for publication: plates masked, and nothing left from which they could be worked out."""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from typing import Any

from reports.week.model import WeekReport

_KEPT = 3
#: Fields that name a truck; ids are hashes of a plate and an instant, which a list of plates would undo.
_PLATES, _TRACES = ("plate",), ("trip_id", "violation_id", "terminal", "example")

#: What people wrote, or words made of it: a plate may stand in them.
#: Corrections of this table name a plate each.
VEHICLES = "车辆"
_FREE = ("note", "place", "why", "basis", "reason")


def mask(plate: str) -> str:
    """`苏A1***5`: province, office and one sign are kept, and the last; short or foreign texts keep less."""
    if len(plate) <= _KEPT + 1:
        return plate[:1] + "***"
    return f"{plate[:_KEPT]}***{plate[-1]}"


def masked(report: WeekReport) -> WeekReport:
    """The same report without plates, terminals, ids of trips and violations, and examples of raw fixes."""
    plates = _plates(report)
    told = {f.name: _masked(getattr(report, f.name), plates) for f in fields(report)}
    quality = replace(told["quality"], unregistered=tuple(map(mask, report.quality.unregistered)))
    corrections = tuple(replace(c, item=mask(c.item)) if c.table == VEHICLES else c for c in report.corrections)
    return replace(report, **{**told, "quality": quality, "corrections": corrections, "plates_masked": True})


def _plates(report: WeekReport) -> tuple[str, ...]:
    """Every plate that the report names, longest first."""
    q = report.quality
    lines = (report.vehicles, report.trips, report.clues, report.whitelist, q.terminals, q.silent, q.faults)
    return tuple(sorted({x.plate for group in lines for x in group} | {*q.unregistered}, key=lambda p: (-len(p), p)))


def _masked(value: Any, plates: tuple[str, ...]) -> Any:
    if isinstance(value, tuple) and not hasattr(value, "_fields"):
        return tuple(_masked(inner, plates) for inner in value)
    if not is_dataclass(value) or isinstance(value, type):
        return value
    changed: dict[str, Any] = {}
    for field in fields(value):
        inner = getattr(value, field.name)
        if isinstance(inner, str):
            if field.name in _PLATES:
                changed[field.name] = mask(inner)
            elif field.name in _TRACES:
                changed[field.name] = ""
            elif field.name in _FREE:
                changed[field.name] = _without(inner, plates)
        elif isinstance(inner, tuple) or is_dataclass(inner):
            changed[field.name] = _masked(inner, plates)
    return replace(value, **changed) if changed else value


def _without(text: str, plates: tuple[str, ...]) -> str:
    for plate in plates:
        if plate and plate in text:
            text = text.replace(plate, mask(plate))
    return text
