"""A road network of the invented city: a graph of bent roads, and the quickest way through it."""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from sample_tracks.carriageways import driven_line
from sample_tracks.plane import Floats

#: What trucks drive at on a free road of each kind, km/h. The limit is 60 everywhere.
CRUISE_KMH = {"ring": 56.0, "bridge": 52.0, "arterial": 53.0, "street": 43.0, "yard": 14.0, "track": 16.0}
CRUISE_KMH |= {"expressway": 59.0, "service": 37.0, "village": 32.0}  # in grown cities
#: Roads that go far.
MAIN_KINDS = ("ring", "arterial", "bridge", "expressway")

#: Dijkstra weighs a yard or a dirt track as this much longer, so that nobody drives through a site.
_OFF_ROAD_WEIGHT = 20.0


@dataclass
class Road:
    """One road between two junctions; `line` is (n, 2) metres from `a` to `b`.

    Trucks drive `half_m` to the right of the line, whichever way they go.
    """

    a: int
    b: int
    kind: str
    line: Floats
    half_m: float = 0.0

    @cached_property
    def length_m(self) -> float:
        """Along the line; mirroring the city does not change it."""
        return float(np.hypot(*np.diff(self.line, axis=0).T).sum())

    @property
    def cost_s(self) -> float:
        """Seconds to drive it, with yards and tracks made unattractive."""
        weight = _OFF_ROAD_WEIGHT if self.kind in ("yard", "track") else 1.0
        return weight * self.length_m / (CRUISE_KMH[self.kind] / 3.6)


@dataclass(frozen=True)
class Path:
    """A way through the network: roads in order, each with whether it is driven from `a` to `b`."""

    nodes: tuple[int, ...]
    roads: tuple[tuple[int, bool], ...]

    def __add__(self, other: Path) -> Path:
        """This way and then the other, which starts where this one ends."""
        return Path(self.nodes + other.nodes[1:], self.roads + other.roads)


@dataclass
class Network:
    """Junctions (metres) and the roads between them. A road that was split stays in the list as None.

    In a grown city `radius_m` tells the roundabouts, `flyovers` the junctions whose left turns are loops, and `beside`
    the service road of a main road.
    """

    nodes: list[tuple[float, float]] = field(default_factory=list)
    roads: list[Road | None] = field(default_factory=list)
    lights: set[int] = field(default_factory=set)
    grown: bool = False
    radius_m: dict[int, float] = field(default_factory=dict)
    flyovers: set[int] = field(default_factory=set)
    beside: dict[int, int] = field(default_factory=dict)
    _at: dict[int, list[int]] = field(default_factory=dict)
    _found: dict[tuple[int, int, frozenset[int]], Path | None] = field(default_factory=dict)

    def add_node(self, x: float, y: float) -> int:
        """Adds a junction and returns its number."""
        self.nodes.append((float(x), float(y)))
        return len(self.nodes) - 1

    def add_road(self, a: int, b: int, kind: str, line: Floats | None = None, half_m: float = 0.0) -> int:
        """Adds a road, straight unless a line is given, and returns its number."""
        if line is None:
            line = np.array([self.nodes[a], self.nodes[b]])
        self.roads.append(Road(a, b, kind, line, half_m))
        number = len(self.roads) - 1
        self._at.setdefault(a, []).append(number)
        self._at.setdefault(b, []).append(number)
        self._found.clear()
        return number

    def remove(self, number: int) -> Road:
        """Takes a road out of the network."""
        road = self.road(number)
        self.roads[number] = None
        self._at[road.a].remove(number)
        self._at[road.b].remove(number)
        self._found.clear()
        return road

    def road(self, number: int) -> Road:
        """The road of that number, which must still be there."""
        found = self.roads[number]
        assert found is not None
        return found

    def living(self) -> list[int]:
        """Numbers of the roads that are there."""
        return [i for i, road in enumerate(self.roads) if road is not None]

    def at(self, node: int) -> list[int]:
        """Numbers of the roads that meet at a junction."""
        return list(self._at.get(node, []))

    def degree(self, node: int) -> int:
        """How many roads meet at a junction."""
        return len(self._at.get(node, []))

    def split(self, number: int, fraction: float) -> int:
        """Cuts a road at a fraction of its length; returns the junction made."""
        road = self.remove(number)
        along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(road.line, axis=0).T))])
        cut_m = fraction * along[-1]
        point = np.array([np.interp(cut_m, along, road.line[:, 0]), np.interp(cut_m, along, road.line[:, 1])])
        node = self.add_node(*point)
        self.add_road(road.a, node, road.kind, np.vstack([road.line[along < cut_m - 0.5], point]), road.half_m)
        self.add_road(node, road.b, road.kind, np.vstack([point, road.line[along > cut_m + 0.5]]), road.half_m)
        return node

    def path(self, start: int, goal: int, avoid: frozenset[int] = frozenset()) -> Path | None:
        """The quickest way that uses no road of `avoid`, or None."""
        key = (start, goal, avoid)
        if key not in self._found:
            self._found[key] = self._dijkstra(start, goal, avoid)
        return self._found[key]

    def _dijkstra(self, start: int, goal: int, avoid: frozenset[int]) -> Path | None:
        best = {start: 0.0}
        came: dict[int, tuple[int, int]] = {}
        heap = [(0.0, start)]
        while heap:
            cost, node = heapq.heappop(heap)
            if node == goal:
                break
            if cost > best[node]:
                continue
            for number in self._at.get(node, []):
                if number in avoid:
                    continue
                road = self.road(number)
                other = road.b if road.a == node else road.a
                through = cost + road.cost_s
                if through < best.get(other, np.inf):
                    best[other] = through
                    came[other] = (node, number)
                    heapq.heappush(heap, (through, other))
        if goal not in best:
            return None
        nodes, roads = [goal], []
        while nodes[-1] != start:
            before, number = came[nodes[-1]]
            roads.append((number, self.road(number).a == before))
            nodes.append(before)
        return Path(tuple(reversed(nodes)), tuple(reversed(roads)))

    def line_of(self, path: Path) -> Floats:
        """The path as it is driven: one (n, 2) line, metres."""
        if self.grown:
            return driven_line(self, path)
        parts = [np.array([self.nodes[path.nodes[0]]])]
        for number, forward in path.roads:
            line = self.road(number).line
            parts.append((line if forward else line[::-1])[1:])
        return np.vstack(parts)

    def cruise_of(self, path: Path) -> tuple[Floats, Floats]:
        """Where along the path each road ends (metres) and what is driven on it (m/s)."""
        ends = np.cumsum([self.road(number).length_m for number, _ in path.roads])
        return ends, np.array([CRUISE_KMH[self.road(number).kind] / 3.6 for number, _ in path.roads])

    def seconds_of(self, path: Path) -> float:
        """A rough driving time: at cruising speed and a third more for lights and corners."""
        slow = 1.6 if self.grown else 1.35  # loops, queues and service roads besides
        return float(sum(slow * self.road(n).length_m / (CRUISE_KMH[self.road(n).kind] / 3.6) for n, _ in path.roads))
