"""Suspected places in the words of reports and maps (Chinese)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reports.names import name_of

SUSPECT_NAMES = {"dumping": "疑似黑倾倒点", "loading": "疑似未登记工地"}
GRADE_NAMES = {"A": "两项以上独立证据", "B": "一项传感器证据", "C": "仅停留规律"}
#: What told of a load left or taken on, by the engine's signs.
SIGN_NAMES = {
    "load": "载重传感器",
    "lift": "举升传感器",
    "visit": "到场停留",
    "turned_back": "折返停留",
    "trip_end": "行程终点",
    "between": "停留次序",
    "gate": "消纳场门外久停",
    "known_place": "多车卸载过的地点",
    "silence": "定位中断前后",
}


def grade_text(grade: str) -> str:
    """`A（两项以上独立证据）`."""
    return f"{grade}（{GRADE_NAMES[grade]}）" if grade in GRADE_NAMES else grade


def basis_text(evidence: Mapping[str, Any]) -> str:
    """What the suspicion rests on, and what speaks against it, from the evidence of a suspected place."""
    signs = sorted(evidence.get("signs", {}).items(), key=lambda kv: (-kv[1], kv[0]))
    parts = ["、".join(f"{name_of(SIGN_NAMES, sign)} {count} 次" for sign, count in signs)]
    if passing := evidence.get("passing_stays"):
        parts.append(f"另有无作业迹象的停留 {passing} 次")
    if refused := evidence.get("rejected_here"):
        parts.append(f"此处复核不属实 {refused} 起")
    if sites := evidence.get("sites"):
        parts.append(f"位于已失效场所 {'、'.join(sites)}")
    return "；".join(part for part in parts if part)
