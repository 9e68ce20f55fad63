"""The fields of a violation's evidence in Chinese: label, value and unit, whatever rule or version wrote them.

Engines write figures under names that end in their unit (`duration_s`, `max_deviation_m`); one that is not known here
is listed under its own name, with that unit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from reports.names import SITE_KIND_NAMES, name_of

#: Chinese labels of evidence fields, in the order of the table. A field that is not here is listed under its own name.
FIELD_NAMES = {
    "duration_s": "持续时间",
    "outside_s": "走廊外时间",
    "inside_s": "区域内行驶时间",
    "driving_s": "行驶时间",
    "above_s": "超速时间",
    "open_s": "未密闭行驶时间",
    "silent_s": "定位中断时长",
    "banned_s": "其中禁运期间",
    "standing_s": "其中静止",
    "distance_m": "行驶里程",
    "max_deviation_m": "最远偏离",
    "corridor_m": "走廊半宽",
    "moved_m": "中断前后相距",
    "apart_m": "两处最远相距",
    "top_speed_kmh": "最高速度",
    "limit_kmh": "限速",
    "over_share": "超速比例",
    "fixes_outside": "走廊外定位点数",
    "fixes_inside": "区域内定位点数",
    "deepest_m": "深入区域最远",
    "fixes_above": "超速定位点数",
    "fixes_open": "未密闭定位点数",
    "fixes_apart": "另一终端的定位点数",
    "fixes_standing": "静止定位点数",
    "parts": "合并的段数",
    "loaded_by": "装载判定依据",
    "unloaded_by": "卸载判定依据",
    "turned_back_cos": "折返程度（1 为原路返回）",
    "grade": "证据等级",
    "frozen": "持续上报同一位置",
    "load_lost": "恢复时已无载货",
    "origin_site": "装载场所",
    "disposal_site": "卸载场所",
    "site_id": "场所",
    "site_in_force": "场所在有效期内",
    "permitted_sites": "核准消纳场所",
    "permits_of_truck": "本车全部核准证",
    "corridors_of": "参照的核准证",
    "permit_no": "核准证号",
    "permitted_hours": "核准时段",
    "ban_reasons": "禁运原因",
    "zone_id": "区域",
    "zone_hours": "区域限制时段",
    "day_hours": "日间时段",
    "vehicle_kind": "车辆类别",
    "whitelist_entries": "白名单记录",
    "document": "文件",
    "hours": "时段",
    "in_force": "当时有效",
    "other_terminal": "另一终端",
    "fixes": "依据的定位点",
    "count": "数量",
    "first_ms": "首点时间",
    "last_ms": "末点时间",
    "rule_version": "规则版本",
    "policy_digest": "参数摘要",
    "registry_digest": "登记数据摘要",
    "registry": "登记依据",
}
#: Words for the values of some fields.
VALUE_NAMES: dict[str, dict[str, str]] = {
    "loaded_by": {"load": "载重传感器", "visit": "在工地停留"},
    "unloaded_by": {
        "load": "载重传感器",
        "lift": "举升信号",
        "visit": "在场所停留",
        "turned_back": "停车后原路折返",
        "gate": "在消纳场所门前久停未入",
        "known_place": "停于他车举升卸载处",
    },
    "grade": {"A": "A（两种以上独立迹象）", "B": "B（一种传感器迹象）", "C": "C（仅行驶形态）"},
    "vehicle_kind": {"new_type": "新型渣土车", "ordinary": "普通渣土车"},
    "site_kind": SITE_KIND_NAMES,
}
#: Shown apart from the figures: they identify, they do not measure.
_IDENTITY = ("rule_version", "policy_digest", "registry_digest", "registry", "fixes")


def figures(evidence: Mapping[str, Any], zone: ZoneInfo) -> list[tuple[str, str]]:
    """Every figure of the evidence as (label, value with unit), known ones first, in a fixed order.

    The fixes themselves are given as a count; nested tables (the registry rows in force) are flattened.
    """
    flat = _flatten({k: v for k, v in evidence.items() if k not in _IDENTITY})
    order = {key: n for n, key in enumerate(FIELD_NAMES)}
    found = [
        (label_of(key), value_text(key, value, zone))
        for key, value in sorted(flat.items(), key=lambda kv: (order.get(kv[0], len(order)), kv[0]))
    ]
    if (fixes := fix_count(evidence)) is not None:
        found.append((FIELD_NAMES["fixes"], f"{fixes:,} 个"))
    return found


def sources(evidence: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What the judgement rests on: rule version, digests and the registry rows in force, as (label, value)."""
    found = [
        (FIELD_NAMES[key], _short(str(evidence[key])))
        for key in ("rule_version", "policy_digest", "registry_digest")
        if evidence.get(key)
    ]
    registry = evidence.get("registry")
    if isinstance(registry, Mapping):
        found += [(label_of(key), value_text(key, value, None)) for key, value in sorted(_flatten(registry).items())]
    elif registry:
        found.append((FIELD_NAMES["registry"], value_text("registry", registry, None)))
    return found


def fix_count(evidence: Mapping[str, Any]) -> int | None:
    """How many fixes the evidence rests on, where it says so."""
    fixes = evidence.get("fixes")
    if isinstance(fixes, Mapping):
        fixes = fixes.get("count")
    if isinstance(fixes, (list, tuple)):
        return len(fixes)
    return int(fixes) if isinstance(fixes, (int, float)) and not isinstance(fixes, bool) else None


def label_of(key: str) -> str:
    """The Chinese label of an evidence field, or its own name without the unit."""
    if key in FIELD_NAMES:
        return FIELD_NAMES[key]
    head, _, last = key.rpartition(".")
    if head and last in FIELD_NAMES:
        return FIELD_NAMES[last]
    return next((key.removesuffix(unit) for unit in _UNITS if key.endswith(unit) and key != unit), key)


def value_text(key: str, value: Any, zone: ZoneInfo | None) -> str:
    """A figure with the unit that its name ends in: `duration_s` 1055 in minutes, `max_deviation_m` 840 is `840 m`."""
    if value is None:
        return "无"
    if isinstance(value, bool):
        return "是" if value else "否"
    if isinstance(value, (list, tuple)):
        return "、".join(value_text(key, item, zone) for item in value) or "无"
    if isinstance(value, (int, float)):
        unit = next((u for u in _UNITS if key.endswith(u)), "")
        return _UNITS[unit](value, zone) if unit else plain(value)
    return name_of(VALUE_NAMES.get(key.rpartition(".")[2], {}), str(value))


def clock(at_ms: int, zone: ZoneInfo, after_ms: int | None = None) -> str:
    """The wall clock `22:41:05`; with the day in front where it is not the day of `after_ms`."""
    at = datetime.fromtimestamp(at_ms / 1000, zone)
    if after_ms is not None and datetime.fromtimestamp(after_ms / 1000, zone).date() != at.date():
        return f"{at.month}月{at.day}日 {at:%H:%M:%S}"
    return f"{at:%H:%M:%S}"


def duration(seconds: float) -> str:
    """`17 分 35 秒`, `1 小时 5 分`; seconds are left out past an hour."""
    whole = round(seconds)
    hours, minutes, rest = whole // 3600, whole % 3600 // 60, whole % 60
    if hours:
        return f"{hours} 小时 {minutes} 分" if minutes else f"{hours} 小时"
    return " ".join(filter(None, (f"{minutes} 分" if minutes else "", f"{rest} 秒" if rest or not minutes else "")))


def distance(metres: float) -> str:
    """`840 m` below a kilometre, `6.2 km` above."""
    return f"{metres:.0f} m" if abs(metres) < 1000 else f"{metres / 1000:.1f} km"


def plain(value: float) -> str:
    """A number without needless digits."""
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.4g}"


def _short(text: str) -> str:
    """The first digits of a SHA-256, enough to tell two apart by eye; the whole of it is in the exported evidence."""
    return f"{text[:16]}…" if len(text) == 64 and set(text) <= set("0123456789abcdef") else text


def _flatten(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, Mapping):
            flat |= _flatten(value, f"{prefix}{key}.")
        elif isinstance(value, (list, tuple)) and any(isinstance(item, Mapping) for item in value):
            for n, item in enumerate(value, 1):
                flat |= _flatten(item if isinstance(item, Mapping) else {"": item}, f"{prefix}{key}.{n}.")
        else:
            flat[f"{prefix}{key}"] = value
    return flat


def _instant(value: float, zone: ZoneInfo | None) -> str:
    return f"{datetime.fromtimestamp(value / 1000, zone):%Y-%m-%d %H:%M:%S}" if zone else f"{value:.0f} ms"


#: Suffix of a field's name → how its value is written. The longer suffix is tried first.
_UNITS: dict[str, Callable[[float, ZoneInfo | None], str]] = {
    "_kmh": lambda v, _: f"{v:.0f} km/h",
    "_deg": lambda v, _: f"{v:.6f}°",
    "_ms": _instant,
    "_share": lambda v, _: f"{v:.0%}",
    "_km": lambda v, _: f"{v:.1f} km",
    "_m": lambda v, _: distance(v),
    "_s": lambda v, _: duration(v),
}
