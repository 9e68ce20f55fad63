"""The invented city: sites, zones, places that nobody registered, and streets (街道) on top of the laid-out roads."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from sample_tracks.districts import draw_districts
from sample_tracks.grown import Air, Settings, add_service_roads, bad_air, hugging, settings_of, widen, winding
from sample_tracks.layout import Layout, lay_out
from sample_tracks.plane import Floats, stream
from sample_tracks.roads import Network, Path
from sample_tracks.style import PLAIN, Style


@dataclass
class Place:
    """Somewhere a truck can go: `node` is where it stops; `polygon` (metres) is None where nothing is registered."""

    place_id: str
    name: str
    kind: str
    node: int
    polygon: BaseGeometry | None = None


@dataclass
class Zone:
    """A quiet or no-entry zone (metres), and its hours.

    Lawful ways keep `clear_m` away. A zone that runs along a road has no way through.
    """

    zone_id: str
    name: str
    kind: str
    polygon: BaseGeometry
    hours: str
    clear_m: float = 45.0


@dataclass
class City:
    """All that stands still. Geometry in metres from the centre."""

    network: Network
    river: Floats
    places: dict[str, Place] = field(default_factory=dict)
    zones: list[Zone] = field(default_factory=list)
    districts: list[tuple[str, BaseGeometry]] = field(default_factory=list)
    forbidden: frozenset[int] = frozenset()
    style: Style = PLAIN
    settings: Settings = field(default_factory=Settings)
    air: Air = field(default_factory=Air)

    def of_kind(self, *kinds: str) -> list[Place]:
        """Places of the kinds, in the order they were built."""
        return [p for p in self.places.values() if p.kind in kinds]

    def crossed_zones(self, kind: str) -> list[Zone]:
        """Zones of a kind that roads lead through."""
        return [z for z in self.zones if z.kind == kind and z.clear_m]

    def route(self, a: Place, b: Place) -> Path:
        """The way that law-abiding trucks take: the quickest that enters no zone."""
        path = self.network.path(a.node, b.node, self.forbidden)
        assert path is not None
        return path

    def roads_in(self, polygon: BaseGeometry, margin_m: float = 0.0) -> list[int]:
        """Numbers of the roads that touch a polygon grown by a margin."""
        area = polygon.buffer(margin_m)
        return [i for i in self.network.living() if shapely.LineString(self.network.road(i).line).intersects(area)]


#: Kind, how many, radius range (m), setback of the fence from the road (m), where: share of the ring's size (from, to).
_SITES = [
    ("construction", 6, (95, 150), 55, (0.35, 1.5)),
    ("disposal", 4, (150, 220), 70, (1.35, 9.0)),
    ("soil_bank", 1, (130, 170), 70, (1.2, 9.0)),
    ("depot", 4, (70, 100), 55, (0.9, 9.0)),
    ("fuel", 2, (32, 40), 50, (0.4, 9.0)),
    ("wash", 1, (32, 40), 50, (0.7, 9.0)),
]
#: Larger sites with long drives; where a setback is far, the gate is on a side road.
_GROWN_SITES = [
    ("construction", 6, (80, 220), 60, (0.35, 2.2)),
    ("disposal", 4, (170, 340), 130, (1.35, 9.0)),
    ("soil_bank", 1, (130, 240), 160, (1.2, 9.0)),
    ("depot", 4, (60, 120), 50, (0.9, 9.0)),
    ("fuel", 2, (28, 40), 42, (0.4, 9.0)),
    ("wash", 1, (28, 40), 42, (0.7, 9.0)),
]
#: Kinds that stand against another site in a grown city, where there is room.
_AGAINST = ("depot", "fuel", "wash", "soil_bank")
_NAMES = {
    "construction": [
        "云栖府二期工地",
        "宁溧轨道9号线望川站工地",
        "石塘安置房工地",
        "江湾科创园工地",
        "柳堤中学新建工地",
        "南埠综合管廊工地",
    ],
    "disposal": ["青螺山消纳场", "东洲弃土消纳场", "白鹭圩消纳场", "旧窑塘临时消纳场"],
    "soil_bank": ["城东土方银行"],
    "depot": ["宁泽停车场", "江堃停车场", "栖越停车场", "秣安停车场"],
    "fuel": ["环北加油站", "滨江加油站"],
    "wash": ["环城洗车点"],
}
_PREFIX = {"construction": "CON", "disposal": "DIS", "soil_bank": "BNK", "depot": "DEP", "fuel": "FUE", "wash": "WSH"}
#: Unregistered places: kind, how many, range of the distance from the road (m).
_WILD = [("wild", 5, (170, 380)), ("pit", 2, (140, 220)), ("meal", 3, (42, 50))]


def build_city(seed: int, style: Style = PLAIN) -> City:
    """The city of a seed; draws again, by the seed's own sequence, where a draw cannot be driven."""
    for attempt in range(60):
        rng = stream(seed, "city", attempt)
        city = _draw(rng, style)
        if city is not None:
            return city
    raise RuntimeError(f"city seed {seed} gives no city that can be driven; take another")


def _draw(rng: np.random.Generator, style: Style) -> City | None:
    layout = lay_out(rng, style)
    city = City(layout.network, layout.river, style=style)
    if style.grown:
        city.settings = settings_of(rng)
        widen(layout.network, rng, layout.ring_centre, layout.ring_axes[0])
    _add_zones(city, layout, rng)
    for kind, count, radius, setback, where in _GROWN_SITES if style.grown else _SITES:
        for i in range(count):
            site_id = f"{_PREFIX[kind]}{i + 1:02d}"
            if not _add_site(city, layout, rng, site_id, _NAMES[kind][i], kind, radius, setback, where):
                return None
    for kind, count, depth in _WILD:
        for i in range(count):
            if not _add_wild(city, rng, f"{kind}{i + 1}", kind, depth):
                return None
    if style.grown:
        _add_hugging_zones(city, rng)
        add_service_roads(city.network, rng)
        city.air = bad_air(city.network, rng, layout.ring_centre)
    city.forbidden = frozenset(i for z in city.zones for i in city.roads_in(z.polygon, z.clear_m))
    nodes = [p.node for p in city.places.values()]
    if any(city.network.path(nodes[0], n, city.forbidden) is None for n in nodes):
        return None
    city.districts = draw_districts(city.network, city.river, style.half_m)
    return city


def _add_hugging_zones(city: City, rng: np.random.Generator) -> None:
    """A no-entry and a quiet zone whose edges run along roads that trucks may take."""
    kinds = iter((("Z04", "滨河公园", "no_entry", ""), ("Z05", "师范学院静音区", "quiet", "22:00-06:00")))
    wanted = next(kinds)
    used = {number for p in city.of_kind("construction") for number, _ in _way_out(city, p)}
    for number in rng.permutation(sorted(used)):
        polygon = hugging(city.network, rng, int(number))
        apart = all(polygon.distance(z.polygon) > 500 for z in city.zones)
        away = all(p.polygon is None or polygon.distance(p.polygon) > 60 for p in city.places.values())
        if polygon.geom_type != "Polygon" or not (apart and away) or city.roads_in(polygon):
            continue
        city.zones.append(Zone(*wanted[:3], polygon, wanted[3], 0.0))
        following = next(kinds, None)
        if following is None:
            return
        wanted = following


def _way_out(city: City, place: Place) -> list[tuple[int, bool]]:
    """The long roads of the ways from a place to every disposal site."""
    ways = (city.network.path(place.node, goal.node) for goal in city.of_kind("disposal", "soil_bank"))
    return [r for way in ways if way for r in way.roads if city.network.road(r[0]).length_m > 400]


def _add_zones(city: City, layout: Layout, rng: np.random.Generator) -> None:
    """The old town inside the ring, and quiet zones round a school and a hospital on through streets."""
    cx, cy = layout.ring_centre
    old_town = _blob(rng, (cx, cy), 720.0)
    city.zones.append(Zone("Z01", "老城核心区", "no_entry", old_town, ""))
    inside = [
        i
        for i in range(len(city.network.nodes))
        if 0.55
        < np.hypot(
            (city.network.nodes[i][0] - cx) / layout.ring_axes[0], (city.network.nodes[i][1] - cy) / layout.ring_axes[1]
        )
        < 1.9
        and city.network.degree(i) >= 4
        and abs(city.network.nodes[i][0]) < city.style.half_m[0] - 1500
        and abs(city.network.nodes[i][1]) < city.style.half_m[1] - 1300
    ]
    for zone_id, name in (("Z02", "柳堤中学静音区"), ("Z03", "市二院静音区")):
        for node in rng.permutation(inside):
            polygon = _blob(rng, city.network.nodes[int(node)], rng.uniform(360, 430))
            if polygon.distance(shapely.LineString(city.river)) > 900 and all(
                polygon.distance(z.polygon) > 900 for z in city.zones
            ):
                city.zones.append(Zone(zone_id, name, "quiet", polygon, "22:00-06:00"))
                break


def _blob(rng: np.random.Generator, centre: tuple[float, float], radius_m: float, corners: int = 9) -> BaseGeometry:
    turn = np.linspace(0, 2 * np.pi, corners + 1)[:-1] + rng.uniform(-0.15, 0.15, corners)
    reach = radius_m * rng.uniform(0.88, 1.08, corners)
    return shapely.Polygon(np.column_stack([centre[0] + reach * np.cos(turn), centre[1] + reach * np.sin(turn)]))


def _roadside(
    city: City, rng: np.random.Generator, kinds: tuple[str, ...], least_m: float
) -> tuple[int, float, Floats, Floats]:
    """A road, a fraction along it, the point there and the unit normal to one side."""
    roads = [
        i
        for i in city.network.living()
        if city.network.road(i).kind in kinds and city.network.road(i).length_m > least_m
    ]
    number = int(rng.choice(roads))
    fraction = float(rng.uniform(*city.style.gates))
    line = shapely.LineString(city.network.road(number).line)
    p, q = line.interpolate(fraction - 0.01, normalized=True), line.interpolate(fraction + 0.01, normalized=True)
    along = np.array([q.x - p.x, q.y - p.y])
    normal = np.array([-along[1], along[0]]) / np.hypot(*along) * rng.choice([-1.0, 1.0])
    at = line.interpolate(fraction, normalized=True)
    return number, fraction, np.array([at.x, at.y]), normal


def _free(city: City, area: BaseGeometry, except_road: int | None = None, apart_m: float = 250.0) -> bool:
    """Whether an area touches no road, site, zone or river and lies inside the city."""
    width, height = city.style.half_m
    bounds = shapely.box(-width, -height, width, height)
    if not bounds.contains(area) or area.distance(shapely.LineString(city.river)) < 130:
        return False
    if any(area.distance(z.polygon) < 450 for z in city.zones):
        return False
    if any(p.polygon is not None and area.distance(p.polygon) < apart_m for p in city.places.values()):
        return False
    return all(i == except_road for i in city.roads_in(area))


def _add_site(
    city: City, layout: Layout, rng: np.random.Generator, site_id: str, name: str, kind: str,
    radius_m: tuple[float, float], setback_m: float, where: tuple[float, float],
) -> bool:  # fmt: skip
    """Puts a site beside a road, with a gate, a yard road and a place to stand inside."""
    style, taken = city.style, [p.polygon for p in city.places.values() if p.polygon is not None]
    against = style.grown and bool(taken) and kind in _AGAINST
    for attempt in range(300 if not style.grown else 900):
        number, fraction, at, normal = _roadside(city, rng, ("street", "arterial", "ring"), style.road_min_m)
        share = np.hypot(*((at - layout.ring_centre) / layout.ring_axes))
        radius = rng.uniform(*radius_m)
        if style.grown:
            setback_m = setback_m if rng.random() < 0.5 else 45.0
        centre = at + normal * (setback_m + 1.08 * radius)
        polygon = _blob(rng, (centre[0], centre[1]), radius)
        close = against and attempt < 700
        if close and not 2 < min(polygon.distance(other) for other in taken) < 60:
            continue
        apart_m = 1.0 - style.clear_m if close else style.apart_m
        if not where[0] <= share <= where[1] or not _free(city, polygon.buffer(style.clear_m), apart_m=apart_m):
            continue
        junction = city.network.split(number, fraction)
        if style.grown:
            centre = centre + normal * rng.uniform(0, 0.6) * radius
        inner = city.network.add_node(*centre)
        city.network.add_road(
            junction, inner, "yard", np.linspace(at, centre, 12) if not style.grown else winding(rng, at, centre)
        )
        city.places[site_id] = Place(site_id, name, kind, inner, polygon)
        return True
    return False


def _add_wild(city: City, rng: np.random.Generator, place_id: str, kind: str, depth_m: tuple[float, float]) -> bool:
    """Puts an unregistered place at the end of a track off a road, away from other roads."""
    for _ in range(300):
        number, fraction, at, normal = _roadside(city, rng, ("street", "arterial", "village"), 450.0)
        depth = rng.uniform(*depth_m)
        end = at + normal * depth
        clear = min(0.75 * depth, 150.0)
        if not _free(city, shapely.Point(end).buffer(clear), None) or any(
            np.hypot(*(end - np.array(city.network.nodes[p.node]))) < 600 for p in city.places.values()
        ):
            continue
        side = np.array([-normal[1], normal[0]]) * rng.uniform(-0.12, 0.12) * depth
        u = np.linspace(0, 1, 12)[:, None]
        track = at + u * (end - at) + np.sin(np.pi * u) * side
        if len(city.roads_in(shapely.LineString(track[1:]))) > 0:
            continue
        junction = city.network.split(number, fraction)
        inner = city.network.add_node(*end)
        city.network.add_road(junction, inner, "track" if kind != "meal" else "yard", track)
        city.places[place_id] = Place(place_id, "", kind, inner)
        return True
    return False
