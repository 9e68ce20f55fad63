"""A hand-made piece of town for map tests: a track with a detour, a silence and a stop, and what was permitted."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import numpy as np
from shapely.geometry import LineString, Polygon, box

from maps.hotspots import Grid, Sighting
from maps.layers import Area, Layer, Line, Place, encode, lines_of, rings_of
from maps.styles import rule_style, site_style, zone_style
from maps.track import Track
from maps.trip_page import Case, StopMark, TripMap
from maps.week_page import DistrictWeek, WeekMap
from reports.names import RULE_FAMILIES, RULE_NAMES

ZONE = ZoneInfo("Asia/Shanghai")
START_MS = 1_794_148_200_000  # 2026-11-08 22:30 local
GAP_MS = 600_000
LON, LAT = 118.78, 32.04
M = 1 / 111_195


def at(east_m: float, north_m: float) -> tuple[float, float]:
    return LON + east_m * M / np.cos(np.radians(LAT)), LAT + north_m * M


def place_box(east_m: float, north_m: float, half_m: float) -> Polygon:
    return box(*at(east_m - half_m, north_m - half_m), *at(east_m + half_m, north_m + half_m))


WAY = [
    (0, 0),
    (1200, 60),
    (2500, 40),
    (2600, 900),
    (2550, 1700),
    (3600, 1900),
    (3700, 900),
    (3650, 60),
    (5200, 0),
    (6800, -300),
    (8200, -280),
]
ROUTE = [(0, 0), (1200, 60), (2500, 40), (3650, 60), (5200, 0), (6800, -300), (8200, -280)]


def track(step_s: int = 10, speed_m_s: float = 9.0, silence_s: int = 1380) -> Track:
    """Along WAY, with a silence on the last but one leg and a stay at the end."""
    rng = np.random.default_rng(7)
    line = LineString(WAY)
    along = np.arange(0, line.length, speed_m_s * step_s)
    along = along[(along < 6900) | (along > 7800)]
    xy = np.array([line.interpolate(d).coords[0] for d in along]) + rng.normal(0, 4, (len(along), 2))
    stay = np.array(WAY[-1]) + rng.normal(0, 3, (30, 2))
    times = START_MS + 1000 * step_s * np.arange(len(along) + len(stay), dtype=np.int64)
    quiet = int(np.searchsorted(along, 6900))
    times[quiet:] += silence_s * 1000
    speed = np.concatenate([np.clip(rng.normal(32, 6, len(along)), 0, 70), np.zeros(len(stay))])
    speed[5] = np.nan
    lon, lat = at(*np.vstack([xy, stay]).T)
    return Track(times, lon, lat, speed)


def case(
    rule: str, start_ms: int, end_ms: int, east_m: float, north_m: float, sentence: str, points: int, **more: str
) -> Case:
    lon, lat = at(east_m, north_m)
    name = more.get("name", RULE_NAMES[rule])
    figures = (("走廊外时间", "7 分 50 秒"), ("最远偏离", "1.8 km"), ("依据的定位点", "48 个"))
    meta, status = more.get("meta", "可信度 0.93，计 3 分"), more.get("status", "待复核")
    where = (start_ms, end_ms, lon, lat)
    return Case("ab" * 10, rule, name, rule_style(rule), *where, sentence, meta, status, points, figures)


def ground(text: str = "") -> tuple[Layer, ...]:
    """Roads, corridor, route, sites and zones; `text` is put in front of every word that a page shows."""
    route = LineString([at(*p) for p in ROUTE])
    roads = [LineString([at(-500, y), at(9000, y + 200)]) for y in range(-1200, 2800, 700)]
    roads += [LineString([at(x, -1500), at(x + 150, 2800)]) for x in range(-300, 9000, 900)]
    corridor, way = route.buffer(50 * M), lines_of(route)
    sites = [
        ("construction", "江湾新城二期工地", 0, 0, 130),
        ("disposal", "栖霞消纳场", 8200, -280, 160),
        ("depot", "城北停车场", 3900, 2200, 90),
        ("wash", "冲洗点", 300, 130, 40),
    ]
    zones = [("quiet", "滨江静音区", 3100, 1500, 700), ("no_entry", "老城禁行区", 5600, 900, 500)]

    def area(style: str, geometry: Polygon, name: str, priority: int) -> Area:
        middle = geometry.representative_point()
        return Area(
            style,
            rings_of(geometry),
            text + name,
            (text + "说明",),
            text + name,
            (middle.x, middle.y),
            priority=priority,
        )

    return (
        Layer("roads", "道路", (Line("road", tuple(p for road in roads for p in lines_of(road))),)),
        Layer("permit", text + "许可线路", (Area("corridor", rings_of(corridor), text + "走廊"), Line("route", way))),
        Layer("zones", "区域", tuple(area(zone_style(k), place_box(x, y, r), n, 20) for k, n, x, y, r in zones)),
        Layer("sites", "场所", tuple(area(site_style(k), place_box(x, y, r), n, 40) for k, n, x, y, r in sites)),
    )  # fmt: skip


def trip(text: str = "") -> TripMap:
    drive = track()
    t = drive.time_ms
    off = (int(t[30]), int(t[72]))
    cases = (
        case(
            "off_route",
            *off,
            3000,
            1800,
            text + "22:35:00–22:42:00 载货离开许可线路走廊（半宽 50 m） 7 分、3.9 km，最远偏离 1.8 km",
            3,
            name=text + RULE_NAMES["off_route"],
        ),
        case("quiet_zone", int(t[40]), int(t[60]), 3000, 1600, text + "在静音区“滨江静音区”内行驶 3 分 20 秒", 2),
        case(
            "unauthorised_dumping",
            int(t[-30]),
            int(t[-1]),
            8200,
            -280,
            text + "在未登记地点卸载，停留 5 分",
            20,
            status=text + "待复核",
            meta=text + "可信度",
        ),
    )
    stops = (
        StopMark("loaded", *at(0, 0), text + "装载 22:30 离开", text + "装载", (text + "22:10–22:30",), 90),
        StopMark("dumped", *at(8200, -280), text + "卸载 23:10–23:15", text + "卸载", (text + "停 5 分",), 90),
    )
    facts = tuple(
        (text + a, text + b)
        for a, b in (
            ("车牌", "苏A12345"),
            ("企业", "某某渣土运输有限公司"),
            ("核准证", "NJ2026-000-0"),
            ("起讫", "江湾新城二期工地 → 栖霞消纳场"),
        )
    )
    return TripMap(
        text + "苏A12345 运输行程",
        drive,
        ZONE,
        GAP_MS,
        text + "2026-11-08 22:30–23:15",
        facts,
        cases,
        stops,
        ((text + "22:30–22:42", text + "停 12 分", text + "工地"),),
        ground(text),
    )


def week(text: str = "", violations: int = 120) -> WeekMap:
    rng = np.random.default_rng(11)
    centres = [(1500, 300), (3000, 1600), (6000, 500), (8200, -200)]
    rules = [rule for _, members in RULE_FAMILIES.values() for rule in members]
    points, sightings = {family: [] for family in RULE_FAMILIES}, []
    for n in range(violations):
        x, y = np.array(centres[n % 4]) + rng.normal(0, 350, 2)
        rule = rules[int(rng.integers(len(rules)))]
        family = next(f for f, (_, members) in RULE_FAMILIES.items() if rule in members)
        lon, lat = at(x, y)
        hour = int(rng.choice([21, 22, 23, 0, 1, 2]))
        sightings.append(Sighting(lon, lat, rule, 3, (hour,)))
        piece = LineString([at(x - 200, y - 40), at(x, y), at(x + 240, y + 60)])
        points[family] += [
            Line(rule_style(rule), lines_of(piece)),
            Place(
                rule_style(rule),
                lon,
                lat,
                text + RULE_NAMES[rule],
                (text + "苏A12345", text + "22:41:05–22:58:40"),
                page=f"trip-{n:020x}.html",
            ),
        ]
    families = tuple(Layer(f"family.{f}", text + RULE_FAMILIES[f][0], tuple(found)) for f, found in points.items())
    districts = []
    for n, (name, west, east) in enumerate(
        (("江湾街道", -600, 3300), ("滨江街道", 3300, 6400), ("栖霞街道", 6400, 9200))
    ):
        shape = box(*at(west, -1600), *at(east, 3000))
        middle = shape.representative_point()
        districts.append(
            DistrictWeek(
                text + name, rings_of(shape), (middle.x, middle.y), 8 + 30 * n, 100 + 50 * n, [8.0, 25.3, None][n]
            )
        )
    roads, _, zones, sites = ground(text)
    return WeekMap(
        text + "2026 年第 45 周疑似违规热点图",
        ZONE,
        START_MS,
        (roads, zones, sites, *families),
        tuple(districts),
        tuple(sightings),
        text + "11月2日–11月8日",
        ((text + "线索", "120 起"),),
        Grid(32),
    )


__all__ = ["GAP_MS", "START_MS", "ZONE", "at", "encode", "trip", "week"]
