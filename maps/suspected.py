"""The layer of suspected places: outlines and marks of unregistered construction sites and black dumping grounds."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime
from zoneinfo import ZoneInfo

from shapely.geometry import shape

from maps.layers import Area, Layer, Place, rings_of
from maps.styles import suspect_style
from maps.tell import Row, to_ms
from reports.names import name_of
from reports.suspected_words import SUSPECT_NAMES, basis_text, grade_text


def suspected_layer(places: Iterable[Row], start_ms: int, end_ms: int, zone: ZoneInfo) -> Layer:
    """The places with stays up to `end_ms` of which the last is not before `start_ms` (epoch ms).

    Args:
        places: rows of the view `suspected_sites`.
        start_ms: when the week begins.
        end_ms: when it ends.
        zone: the local time of the texts.
    """
    features: list[Area | Place] = []
    for row in places:
        if to_ms(row["first_seen"]) >= end_ms or to_ms(row["last_seen"]) < start_ms:
            continue
        style, title = suspect_style(row["kind"]), name_of(SUSPECT_NAMES, row["kind"])
        text = _text(row, zone)
        features += [
            Area(style, rings_of(shape(json.loads(row["polygon"]))), title, text),
            Place(style, row["lon"], row["lat"], title, text),
        ]
    return Layer("suspected", f"可疑点位 {len(features) // 2} 处", tuple(features))


def _text(row: Row, zone: ZoneInfo) -> tuple[str, ...]:
    first, last = (
        f"{datetime.fromtimestamp(to_ms(row[name]) / 1000, zone):%Y-%m-%d}" for name in ("first_seen", "last_seen")
    )
    return (
        f"证据等级 {grade_text(row['evidence_grade'])}，可信度 {row['confidence']:.2f}",
        f"{row['trucks']} 辆车、{row['visits']} 次，{first} 至 {last}",
        f"依据：{basis_text(json.loads(row['evidence'] or '{}'))}",
        "由轨迹推断，须现场核实",
    )
