"""The evidence of a violation in Chinese: one sentence with its figures, and a table of every figure with its unit.

Engines write figures under names that end in their unit (`duration_s`, `max_deviation_m`). A figure that a sentence
needs may be absent (another version of the rule wrote the row): the sentence is then shorter, never wrong.
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
    "banned_s": "其中禁运期间",
    "standing_s": "其中静止",
    "stay_s": "停留时间",
    "silence_s": "定位中断时长",
    "gap_s": "定位中断时长",
    "longest_gap_s": "最大定位间隔",
    "max_gap_s": "最大定位间隔",
    "distance_m": "行驶里程",
    "outside_distance_m": "走廊外里程",
    "max_deviation_m": "最远偏离",
    "corridor_m": "走廊半宽",
    "moved_m": "中断前后相距",
    "gap_distance_m": "中断前后相距",
    "separation_m": "两处相距",
    "max_separation_m": "两处最远相距",
    "nearest_site_m": "距最近场所",
    "top_speed_kmh": "最高速度",
    "max_speed_kmh": "最高速度",
    "mean_speed_kmh": "平均速度",
    "speed_limit_kmh": "限速",
    "implied_speed_kmh": "两地间折算速度",
    "fixes_outside": "走廊外定位点数",
    "fixes_inside": "区域内定位点数",
    "fixes_standing": "静止定位点数",
    "parts": "合并的段数",
    "gaps": "定位间隔次数",
    "loaded_by": "装载判定依据",
    "unloaded_by": "卸载判定依据",
    "turned_back_cos": "折返程度（1 为原路返回）",
    "grade": "证据等级",
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
    "terminals": "终端号",
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
    "unloaded_by": {"load": "载重传感器", "lift": "举升信号", "visit": "在场所停留", "turned_back": "停车后原路折返"},
    "grade": {"A": "A（两种以上独立迹象）", "B": "B（一种传感器迹象）", "C": "C（仅行驶形态）"},
    "vehicle_kind": {"new_type": "新型渣土车", "ordinary": "普通渣土车"},
    "site_kind": SITE_KIND_NAMES,
}
#: Shown apart from the figures: they identify, they do not measure.
_IDENTITY = ("rule_version", "policy_digest", "registry_digest", "registry", "fixes")


def describe(rule: str, evidence: Mapping[str, Any], start_ms: int, end_ms: int, zone: ZoneInfo) -> str:
    """One sentence in Chinese that says what happened, when, and by what figures.

    Args:
        rule: the rule's identifier; one that is not known here still gets its figures listed.
        evidence: the violation's evidence; any key may be missing.
        start_ms: start of the stretch, epoch ms.
        end_ms: end of the stretch, epoch ms.
        zone: the local time zone that the clock times are written in.

    Returns:
        Plain text. It holds text from outside (site names, reasons), so it must be escaped like any other.
    """
    when = (
        f"{clock(start_ms, zone)}–{clock(end_ms, zone, after_ms=start_ms)}"
        if end_ms > start_ms
        else clock(start_ms, zone)
    )
    tell = _SENTENCES.get(rule)
    if tell is None:
        listed = "，".join(f"{label} {value}" for label, value in figures(evidence, zone))
        return f"{when} 违反规则 {rule}" + (f"：{listed}" if listed else "")
    return f"{when} {tell(evidence, (end_ms - start_ms) / 1000)}"


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

Evidence = Mapping[str, Any]


def _first(evidence: Evidence, *keys: str) -> Any:
    return next((evidence[key] for key in keys if evidence.get(key) is not None), None)


def _number(evidence: Evidence, *keys: str) -> float | None:
    value = _first(evidence, *keys)
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def _clause(template: str, value: float | None, write: Callable[[float], str]) -> str:
    return template.format(write(value)) if value is not None else ""


def _joined(value: Any) -> str:
    return "、".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value) if value else ""


def _hours(value: Any) -> str:
    """`21:00-00:30;01:30-05:30` as people write a list."""
    return _joined(value).replace(";", "、")


def _quoted(name: str) -> str:
    return f"“{name}”" if name else ""


def _extent(evidence: Evidence, span_s: float) -> str:
    """` 17 分 35 秒、6.2 km`: how long and how far."""
    seconds = _number(evidence, "outside_s", "inside_s", "driving_s", "duration_s")
    metres = _number(evidence, "distance_m", "outside_distance_m")
    return "".join((f" {duration(span_s if seconds is None else seconds)}", _clause("、{}", metres, distance)))


def _fast(evidence: Evidence) -> str:
    return _clause("，最高 {} km/h", _number(evidence, "top_speed_kmh", "max_speed_kmh"), lambda v: f"{v:.0f}")


def _no_permit(e: Evidence, span_s: float) -> str:
    origin = _joined(_first(e, "origin_site"))
    place = f"从{origin}" if origin else "从未登记的装载地点"
    return f"{place}载货运输，车辆对该起点没有生效的核准证，载货行驶{_extent(e, span_s)}"


def _off_route(e: Evidence, span_s: float) -> str:
    half_width = _clause("（半宽 {}）", _number(e, "corridor_m"), distance)
    deviation = _clause("，最远偏离 {}", _number(e, "max_deviation_m", "deviation_m"), distance)
    return f"载货离开许可线路走廊{half_width}{_extent(e, span_s)}{deviation}"


def _wrong_destination(e: Evidence, span_s: float) -> str:
    site = _joined(_first(e, "disposal_site", "site_id"))
    allowed = _joined(_first(e, "permitted_sites", "disposal_sites"))
    return f"在核准证未列明的场所{_quoted(site)}卸载，停留 {duration(_number(e, 'stay_s', 'duration_s') or span_s)}" + (
        f"；核准消纳场所：{allowed}" if allowed else ""
    )


def _outside_hours(e: Evidence, span_s: float) -> str:
    hours = _hours(_first(e, "permitted_hours", "hours"))
    reasons = _joined(_first(e, "ban_reasons", "ban_reason"))
    driven, banned = _number(e, "driving_s", "duration_s"), _number(e, "banned_s") or 0
    if banned and driven is not None and banned >= driven:
        return f"在禁运期间{f'（{reasons}）' if reasons else ''}载货行驶{_extent(e, span_s)}"
    of_which = f"，其中禁运期间{f'（{reasons}）' if reasons else ''} {duration(banned)}" if banned else ""
    return f"在核准时段{f'（{hours}）' if hours else ''}以外载货行驶{_extent(e, span_s)}{of_which}"


def _zone(word: str) -> Callable[[Evidence, float], str]:
    def tell(e: Evidence, span_s: float) -> str:
        name = _joined(_first(e, "zone_name", "zone_id", "zone"))
        hours = _hours(_first(e, "zone_hours", "hours"))
        where = f"{word}{_quoted(name)}{f'（{hours}）' if hours else ''}"
        return f"在{where}内行驶{_extent(e, span_s)}{_fast(e)}"

    return tell


def _dumping(e: Evidence, span_s: float) -> str:
    away = _clause("，距最近消纳场所 {}", _number(e, "nearest_site_m", "site_distance_m"), distance)
    site = _joined(_first(e, "site_id"))
    expired = "已失效的" if e.get("site_in_force") is False else "不得消纳渣土的"
    where = f"在{expired}场所{_quoted(site)}" if site else "在未登记地点"
    return f"{where}卸载，停留 {duration(_number(e, 'stay_s', 'duration_s') or span_s)}{away}"


def _daytime(e: Evidence, span_s: float) -> str:
    entries = e.get("whitelist_entries")
    known = (
        [_hours(x.get("hours")) for x in entries if isinstance(x, Mapping) and x.get("hours")]
        if isinstance(entries, (list, tuple))
        else []
    )
    hours = "；".join(known)
    laden = "载货" if e.get("laden") is True else "空驶" if e.get("laden") is False else ""
    return f"日间无生效白名单{f'（登记的白名单时段 {hours}）' if hours else ''}{laden}行驶{_extent(e, span_s)}"


def _overspeed(e: Evidence, span_s: float) -> str:
    limit = _clause("（限速 {} km/h）", _number(e, "speed_limit_kmh", "limit_kmh"), lambda v: f"{v:.0f}")
    return f"超速行驶{limit}{_extent(e, span_s)}{_fast(e)}"


def _uncovered(e: Evidence, span_s: float) -> str:
    return f"载货行驶时车厢未密闭{_extent(e, span_s)}"


def _signal_loss(e: Evidence, span_s: float) -> str:
    moved = _clause("，恢复后位置相距 {}", _number(e, "moved_m", "gap_distance_m", "distance_m"), distance)
    return f"载货时定位中断 {duration(_number(e, 'silence_s', 'gap_s', 'duration_s') or span_s)}{moved}"


def _cloned(e: Evidence, span_s: float) -> str:
    apart = _clause("，两处最远相距 {}", _number(e, "max_separation_m", "separation_m"), distance)
    speed = _clause("，折算速度 {} km/h", _number(e, "implied_speed_kmh"), lambda v: f"{v:.0f}")
    return f"同一号牌在两处同时出现 {duration(span_s)}{apart}{speed}"


_SENTENCES: dict[str, Callable[[Evidence, float], str]] = {
    "no_permit": _no_permit,
    "off_route": _off_route,
    "wrong_destination": _wrong_destination,
    "outside_hours": _outside_hours,
    "quiet_zone": _zone("静音区"),
    "unauthorised_dumping": _dumping,
    "daytime_not_whitelisted": _daytime,
    "no_entry": _zone("禁行区"),
    "overspeed": _overspeed,
    "uncovered_load": _uncovered,
    "signal_loss": _signal_loss,
    "cloned_plate": _cloned,
}
