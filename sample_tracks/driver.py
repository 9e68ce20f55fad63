"""A driver: takes one truck through drives, loadings, dumpings and rests, honestly or not."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from sample_tracks.city import City, Place, Zone
from sample_tracks.clock import Clock, Spans
from sample_tracks.driving import Leg, drive
from sample_tracks.fleet import Fleet, Truck
from sample_tracks.plane import Floats
from sample_tracks.roads import Path
from sample_tracks.timeline import EMPTY, FULL, HALF, Haul, Timeline


@dataclass
class World:
    """What every driver shares."""

    city: City
    fleet: Fleet
    clock: Clock
    bans: list[tuple[int, int, str]]
    corridors: dict[tuple[str, ...], BaseGeometry] = field(default_factory=dict)
    hidden_visits: list[tuple[str, str]] = field(default_factory=list)  # (place, plate), once the fleet has driven

    @property
    def ban_spans(self) -> Spans:
        """The bans as plain spans."""
        return [(a, b) for a, b, _ in self.bans]


#: A way through a zone has at least so much of it inside.
_THROUGH_M = 480.0


class Driver:
    """One truck's driver. `at` is the junction where the truck stands."""

    def __init__(self, world: World, truck: Truck, rng: np.random.Generator) -> None:
        self.world, self.truck, self.rng = world, truck, rng
        self.city = world.city
        self.depot = self.city.places[truck.depot]
        self.at = self.depot.node
        # every truck has its own bay
        bay = np.array(self.city.network.nodes[self.at]) + rng.uniform(-30, 30, 2)
        self.tl = Timeline(bay)

    # -- moving ------------------------------------------------------------------------------------------------------

    def go(self, goal: Place, leg: Leg | None = None, path: Path | None = None) -> tuple[int, int]:
        """Drives to a place, lawfully unless a path is given; returns when."""
        path = path or self.path_to(goal)
        start = self.tl.now
        if path.roads:
            self.tl.acc = True
            leg = leg or Leg()
            leg.laden = bool(self.tl.carrying)
            if self.rng.random() < 0.04 and not leg.crawls:
                a = self.rng.uniform(0.2, 0.6)
                leg.crawls = [(a, a + self.rng.uniform(0.03, 0.12), 7.0)]
            if self.city.style.grown:
                path = self._some_by_service_roads(path)
            xy, speed = drive(self.city.network, path, leg, self.rng)
            spread = 12.0 if goal.polygon is not None else 6.0
            self.tl.move(*self._joined(xy, speed, self.rng.normal(0, spread, 2).clip(-25, 25)))
        self.at = goal.node
        return start, self.tl.now

    def _some_by_service_roads(self, path: Path) -> Path:
        """The same way, here and there on the service road instead of the main road."""
        aside = self.city.network.beside
        roads = [(aside.get(n, n) if self.rng.random() < 0.25 else n, forward) for n, forward in path.roads]
        return Path(path.nodes, tuple(roads))

    def path_to(self, goal: Place) -> Path:
        """The quickest lawful way from here."""
        path = self.city.network.path(self.at, goal.node, self.city.forbidden)
        assert path is not None
        return path

    def seconds_to(self, goal: Place) -> float:
        """About how long that takes."""
        return self.city.network.seconds_of(self.path_to(goal))

    def _joined(self, xy: Floats, speed: Floats, bay: Floats) -> tuple[Floats, Floats]:
        """Bends both ends of a drive to where the truck truly stands and will stand, within the yards."""
        gone = np.cumsum(speed)
        left = gone[-1] - gone
        head = np.clip(1 - gone / 60.0, 0, 1)[:, None] * (self.tl.at - xy[0])
        tail = np.clip(1 - left / 60.0, 0, 1)[:, None] * bay
        return xy + head + tail, speed

    def pause(self, seconds: float, engine: bool = False) -> None:
        """Stands, by default with the ignition off."""
        self.tl.acc = engine
        self.tl.hold(seconds)

    # -- loads -------------------------------------------------------------------------------------------------------

    def load(self, place: Place, act: str) -> Haul:
        """Loads here: 6 to 15 minutes under the excavator, body open, then closes it."""
        tl, rng = self.tl, self.rng
        total = rng.uniform(360, 900)
        tl.acc = True
        tl.open = True
        tl.hold(rng.uniform(40, 120))
        tl.word = HALF
        tl.hold(total * 0.35)
        haul = Haul(len(tl.hauls) + 1, place.place_id, tl.now, act)
        tl.hauls.append(haul)
        tl.word, tl.carrying = FULL, haul.number
        tl.hold(total * 0.4)
        tl.open = act == "uncover"
        tl.hold(rng.uniform(30, 90))
        return haul

    def dump(self, haul: Haul, place: Place, quick: bool = False) -> None:
        """Leaves the load here: raises the body for a minute or so within a stay of 3 to 8 minutes."""
        tl, rng = self.tl, self.rng
        haul.goal, haul.arrived_s = place.place_id, tl.now
        tl.acc = tl.open = True
        before, raised, after = rng.uniform(40, 170), rng.uniform(50, 110), rng.uniform(60, 180)
        if quick:
            before, after = 0.4 * before, 0.4 * after
        tl.hold(before)
        tl.lift = True
        tl.hold(raised * 0.5)
        tl.word, tl.carrying = EMPTY, 0
        haul.dumped_s = tl.now
        tl.hold(raised * 0.5)
        tl.lift = False
        tl.hold(after * 0.6)
        tl.open = False
        tl.hold(after * 0.4)
        haul.left_s = tl.now

    # -- ways that are not permitted ----------------------------------------------------------------------------------

    def detour(self, path: Path) -> Path:
        """A way to the same goal that leaves the route by more than 300 m and comes back to it."""
        net, rng = self.city.network, self.rng
        line = shapely.LineString(net.line_of(path))
        usual = net.seconds_of(path)
        choices = []
        for node in range(len(net.nodes)):
            if net.degree(node) < 2 or not 350 < line.distance(shapely.Point(net.nodes[node])) < 2200:
                continue
            there, back = (
                net.path(a, b, self.city.forbidden) for a, b in ((path.nodes[0], node), (node, path.nodes[-1]))
            )
            turns = there and back and there.roads[-1][0] == back.roads[0][0]
            if there and back and (net.grown or not turns) and net.seconds_of(there + back) < 1.8 * usual:
                choices.append(there + back)
        return choices[int(rng.integers(len(choices)))] if choices else path

    def through(self, zone: Zone, goal: Place) -> Path | None:
        """The quickest way that enters a zone at one side and leaves it at another."""
        net = self.city.network
        inside = set(self.city.roads_in(zone.polygon))
        outside = frozenset(net.living()) - inside
        ends = {node for number in inside for node in (net.road(number).a, net.road(number).b)}
        doors = sorted(n for n in ends if not zone.polygon.contains(shapely.Point(net.nodes[n])))
        ways = []
        for door in doors:
            for other in doors:
                there, across = net.path(self.at, door, self.city.forbidden), net.path(door, other, outside)
                back = net.path(other, goal.node, self.city.forbidden)
                if door == other or there is None or across is None or back is None:
                    continue
                if shapely.LineString(net.line_of(across)).intersection(zone.polygon).length > _THROUGH_M:
                    whole = there + across + back
                    ways.append((net.seconds_of(whole), door, other, whole))
        return min(ways, key=lambda way: way[:3])[3] if ways else None
