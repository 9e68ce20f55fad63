"""The layer of a patrol plan: its checkpoints with their hours, joined in the order in which they are taken."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from zoneinfo import ZoneInfo

from maps.layers import Layer, Line, Place, encode
from reports.patrol.model import Checkpoint, Inspection, PatrolPlan
from reports.patrol.words import day_text


def patrol_layer(inspections: Sequence[Inspection], zone: ZoneInfo, name: str = "建议检查点位") -> Layer:
    """Checkpoints as marks `1-2 21:40–22:40`; lines between them are straight and dashed: an order, not a route."""
    features: list[Line | Place] = []
    for inspection in inspections:
        ways = [(c.lon, c.lat) for c in inspection.checkpoints]
        if len(ways) > 1:
            features.append(Line("patrol.way", (encode(ways),)))
        for stop in inspection.checkpoints:
            title = f"第 {inspection.number} 次检查第 {stop.number} 站：{stop.place}"
            label, text = label_of(inspection, stop, zone), told(inspection, stop, zone)
            features.append(Place("patrol", stop.lon, stop.lat, title, text, label=label, priority=150))
    return Layer("patrol", name, tuple(features))


def label_of(inspection: Inspection, stop: Checkpoint, zone: ZoneInfo) -> str:
    """`1-2 21:40–22:40`."""
    return f"{inspection.number}-{stop.number} {stop.hours(zone)}"


def told(inspection: Inspection, stop: Checkpoint, zone: ZoneInfo) -> tuple[str, ...]:
    """What a pop-up and a list say of a stop."""
    where = f"{stop.district}　{stop.lon:.5f}, {stop.lat:.5f}" if stop.district else f"{stop.lon:.5f}, {stop.lat:.5f}"
    return (
        f"{day_text(inspection.day)} {stop.hours(zone)}",
        where,
        f"参加单位：{'、'.join(stop.agencies)}",
        stop.reason,
    )


def plan_rows(plan: PatrolPlan, zone: ZoneInfo) -> list[dict[str, Any]]:
    """The plan for a page's list: a row a stop, JSON-ready."""
    return [
        {
            "label": f"{inspection.number}-{stop.number}",
            "when": f"{day_text(inspection.day)} {stop.hours(zone)}",
            "place": stop.place,
            "who": "、".join(stop.agencies),
            "reason": stop.reason,
            "expected": round(stop.expected, 1),
            "at": encode([(stop.lon, stop.lat)]),
        }
        for inspection in plan.inspections
        for stop in inspection.checkpoints
    ]
