"""The page of one truck over one time: track, violations, stops and what was permitted, played back by the clock."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from maps.basemap import BaseMap
from maps.layers import WORLD, Bounds, Layer, bounds_of, encode
from maps.shell import page
from maps.styles import style_of, styles_json
from maps.track import Track, runs
from rules.annotate import STILL_BELOW_KMH

Rows = tuple[tuple[str, str], ...]

_NOTES = (
    "内部使用。系统标出的是疑似线索，须经人工复核后方可作为处理依据。",
    "轨迹只由终端实际上报的定位点连成；虚线处定位中断，直线仅连接中断前后的两个点，不代表行驶路径。",
    "回放时车辆停在最近一个定位点，两点之间不作推算。时间均为当地时间，坐标为 WGS 84。",
    "累计数自所示轨迹的起点算起：里程只计连线的路段，时速低于 5 公里计为停留，虚线处计为中断，不计里程。",
    "按键：空格播放或暂停，左右方向键逐点移动；点击轨迹跳到最近的定位点。",
)


@dataclass(frozen=True)
class Case:
    """One violation as a page tells it. `sentence` is the evidence in words, `figures` and `meta` what it rests on."""

    violation_id: str
    rule: str
    name: str
    style: str
    start_ms: int
    end_ms: int
    lon: float
    lat: float
    sentence: str
    meta: str
    status: str
    points: int = 0
    figures: Rows = ()


@dataclass(frozen=True)
class StopMark:
    """A stay: a mark with a short `label`, `title` and `text` when it is opened. Higher `priority` wins the room."""

    style: str
    lon: float
    lat: float
    label: str
    title: str
    text: tuple[str, ...] = ()
    priority: int = 0


@dataclass(frozen=True)
class TripMap:
    """Everything that the page of a trip, of a single violation or of a truck's day shows.

    `gap_ms` is the longest time between two fixes that are still joined by a line. `stop_rows` are the cells of the
    table of stops. `layers` lie under the track, in the order of their styles.
    """

    title: str
    track: Track
    zone: ZoneInfo
    gap_ms: int
    subtitle: str = ""
    facts: Rows = ()
    cases: tuple[Case, ...] = ()
    stops: tuple[StopMark, ...] = ()
    stop_rows: tuple[tuple[str, ...], ...] = ()
    layers: tuple[Layer, ...] = ()
    tiles: BaseMap | None = field(default=None, compare=False)

    @property
    def bounds(self) -> Bounds:
        """The box that the page opens on: track and violations, or else the layers, degrees."""
        places = [*self.track.positions().tolist(), *([case.lon, case.lat] for case in self.cases)]
        return _box(places) or bounds_of(self.layers) or WORLD


def trip_map(data: TripMap) -> str:
    """The page as one HTML file that asks for nothing."""
    for style in (*(c.style for c in data.cases), *(s.style for s in data.stops)):
        style_of(style)
    spans = [(case.start_ms, case.end_ms) for case in data.cases]
    first_ms = int(data.track.time_ms[0]) if len(data.track) else spans[0][0] if spans else 0
    return page(
        "trip",
        {
            "kind": "trip",
            "title": data.title,
            "subtitle": data.subtitle,
            "facts": data.facts,
            "notes": _NOTES,
            "offset_min": offset_minutes(first_ms, data.zone),
            "bounds": data.bounds,
            "gap_ms": data.gap_ms,
            "still_kmh": STILL_BELOW_KMH,
            "styles": styles_json(),
            "layers": [layer.json for layer in data.layers],
            "track": data.track.as_json(),
            "runs": [run.as_json() for run in runs(data.track, spans, data.gap_ms)],
            "cases": [_case(case) for case in data.cases],
            "stops": [_stop(stop) for stop in data.stops],
            "stop_rows": data.stop_rows,
        },
        data.tiles,
    )


def offset_minutes(at_ms: int, zone: ZoneInfo) -> int:
    """The zone's offset from UTC at an instant, minutes: pages write their clocks by it, not by the browser's zone."""
    offset = datetime.fromtimestamp(at_ms / 1000, zone).utcoffset()
    return round(offset.total_seconds() / 60) if offset else 0


def _case(case: Case) -> dict[str, Any]:
    return {
        "id": case.violation_id,
        "rule": case.rule,
        "name": case.name,
        "style": case.style,
        "start": case.start_ms,
        "end": case.end_ms,
        "p": encode([(case.lon, case.lat)]),
        "sentence": case.sentence,
        "meta": case.meta,
        "status": case.status,
        "points": case.points,
        "figures": case.figures,
    }


def _stop(stop: StopMark) -> dict[str, Any]:
    return {
        "style": stop.style,
        "p": encode([(stop.lon, stop.lat)]),
        "label": stop.label,
        "title": stop.title,
        "text": stop.text,
        "priority": stop.priority,
    }


def _box(places: list[list[float]]) -> Bounds | None:
    if not places:
        return None
    lons, lats = [p[0] for p in places], [p[1] for p in places]
    return (min(lons), min(lats), max(lons), max(lats))
