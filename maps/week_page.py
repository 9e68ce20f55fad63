"""The page of a week: districts by number and rate, grid cells, ranked spots, and every flagged violation."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

from shapely import box, union_all

from maps.basemap import BaseMap
from maps.hotspots import CELL_M, SPOT_MIN_COUNT, Grid, Sighting, Spot, cells_of, spots_of
from maps.layers import WORLD, Area, Bounds, Layer, bounds_of, encode, rings_of
from maps.patrol_layer import patrol_layer, plan_rows
from maps.shell import page
from maps.styles import CELL_STEPS, COUNT_STEPS, NO_RATE_COLOUR, RATE_STEPS, styles_json
from maps.trip_page import Rows, offset_minutes
from reports.names import RULE_NAMES, name_of
from reports.patrol.model import PatrolPlan

_NOTES = (
    "内部使用。图中为系统标出的疑似线索，已排除复核为不属实和申诉成立的；须经人工复核后方可作为处理依据。",
    "街道按线索最严重处的位置计数；比率为每百趟途经该街道的运输行程所对应的线索数，行程过少的不着色。",
    f"网格边长 {CELL_M:.0f} m，按线索分值合计着色，分级固定，各周可比；同一行为触犯多条规则只计一次分值。",
    f"热点由相邻网格合并，最宽 {3 * CELL_M / 1000:.1f} km，至少 {SPOT_MIN_COUNT} 起；"
    "时段为集中了八成线索时长的最短时段。",
    "高发路段按途经行程中涉嫌违规趟次的比率分级，途经过少或不足两趟违规的不画。",
)


@dataclass(frozen=True)
class DistrictWeek:
    """A district's week. `polygons` as in `Area`, `at` where its name is written (lon, lat in degrees).

    `rate` is violations per hundred trips that passed through; None where the trips are too few to say.
    """

    name: str
    polygons: tuple[tuple[tuple[int, ...], ...], ...]
    at: tuple[float, float]
    count: int
    trips: int
    rate: float | None


@dataclass(frozen=True)
class WeekMap:
    """Everything that the page of a week shows.

    `layers` are roads, sites, zones, and one layer a rule family (key `family.<id>`) with the violating stretches as
    lines and the violations as places; `sightings` are the same violations as the grid counts them.
    """

    title: str
    zone: ZoneInfo
    start_ms: int
    layers: tuple[Layer, ...]
    districts: tuple[DistrictWeek, ...] = ()
    sightings: tuple[Sighting, ...] = ()
    subtitle: str = ""
    facts: Rows = ()
    grid: Grid = field(default_factory=lambda: Grid(0))
    tiles: BaseMap | None = field(default=None, compare=False)
    plan: PatrolPlan | None = None
    compares: bool = False  # whether it shows what changed, rather than what was


def week_map(data: WeekMap) -> str:
    """The page as one HTML file that asks for nothing."""
    grid_layer = Layer("grid", "网格热度", tuple(_cells(data)), shown=not _has_rates(data))
    spots = spots_of(data.sightings, data.grid)
    layers = (district_layer(data), grid_layer, *data.layers)
    if data.plan and data.plan.inspections:
        layers += (patrol_layer(data.plan.inspections, data.zone),)
    return page(
        "week",
        {
            "kind": "week",
            "title": data.title,
            "subtitle": data.subtitle,
            "facts": data.facts,
            "notes": _NOTES,
            "offset_min": offset_minutes(data.start_ms, data.zone),
            "bounds": _bounds(data, layers),
            "styles": styles_json(),
            "layers": [layer.json for layer in layers],
            "steps": {"count": COUNT_STEPS, "rate": RATE_STEPS, "cell": CELL_STEPS, "none": NO_RATE_COLOUR},
            "districts": [_district_row(d) for d in data.districts],
            "plan": plan_rows(data.plan, data.zone) if data.plan else [],
            "compares": data.compares,
            "spots": [_spot(spot, data.grid) for spot in spots],
        },
        data.tiles,
    )


def district_layer(data: WeekMap) -> Layer:
    """The districts with their counts and rates."""
    return Layer("districts", "街道", tuple(_district(d) for d in data.districts), toggle=False)


def step_colour(value: float, steps: tuple[tuple[int, str], ...]) -> str:
    """The colour of the last step that the value reaches; below the first, the first."""
    return next((colour for low, colour in reversed(steps) if value >= low), steps[0][1])


def hours_text(hours: tuple[int, int]) -> str:
    """`22–3 时`; the whole day as such."""
    return "全天" if hours == (0, 24) else f"{hours[0]}–{hours[1]} 时"


def _bounds(data: WeekMap, layers: tuple[Layer, ...]) -> Bounds:
    seen = [s for s in data.sightings]
    if data.districts:
        found = bounds_of(layers[:1])
    elif seen:
        found = (min(s.lon for s in seen), min(s.lat for s in seen), max(s.lon for s in seen), max(s.lat for s in seen))
    else:
        found = bounds_of(layers)
    return found or WORLD


def _has_rates(data: WeekMap) -> bool:
    """Whether roads are known, so that hot pieces of them stand where cells would."""
    return any(layer.key == "hot" and layer.features for layer in data.layers)


def _cells(data: WeekMap) -> list[Area]:
    found = []
    for cell in cells_of(data.sightings, data.grid):
        west, south, east, north = data.grid.box(cell.key)
        ring = encode([(west, south), (east, south), (east, north), (west, north), (west, south)])
        rules = sorted(cell.rules.items(), key=lambda kv: (-kv[1], kv[0]))
        text = (f"{cell.count} 起，计 {cell.points} 分", *(f"{name_of(RULE_NAMES, rule)} {n} 起" for rule, n in rules))
        found.append(Area("cell", ((ring,),), "网格", text, fill=step_colour(cell.points, CELL_STEPS)))
    return found


def _district(d: DistrictWeek) -> Area:
    rate = f"每百趟 {d.rate:.1f} 起" if d.rate is not None else "行程过少，不计比率"
    values = (("count", float(d.count)), ("rate", -1.0 if d.rate is None else d.rate))
    return Area("district", d.polygons, d.name, (f"{d.count} 起，途经行程 {d.trips} 趟", rate), at=d.at, values=values)


def _district_row(d: DistrictWeek) -> dict[str, Any]:
    return {"name": d.name, "count": d.count, "trips": d.trips, "rate": d.rate, "at": encode([d.at])}


def _spot(spot: Spot, grid: Grid) -> dict[str, Any]:
    boxes = [grid.box(key) for key in spot.cells]
    shape = union_all([box(*b) for b in boxes])
    top = max(boxes, key=lambda b: (b[3], -b[0]))
    bounds = (min(b[0] for b in boxes), min(b[1] for b in boxes), max(b[2] for b in boxes), max(b[3] for b in boxes))
    return {
        "rank": spot.rank,
        "bounds": bounds,
        "outline": rings_of(shape),
        "at": encode([((top[0] + top[2]) / 2, top[3])]),
        "rule": name_of(RULE_NAMES, spot.main_rule),
        "hours": hours_text(spot.hours),
        "count": spot.count,
        "points": spot.points,
    }
