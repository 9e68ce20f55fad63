"""What a driver hauls next: from where, to where, by which way and under which permit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from sample_tracks.city import Place
from sample_tracks.driver import World
from sample_tracks.fleet import Permit, Truck
from sample_tracks.roads import Path

#: A job is looked for in what will be in force when the load is left.
_AHEAD_S = 2 * 3600
#: Acts of hauling before the permit's hours need some night before them.
LATE_START = "20:45"

T = TypeVar("T")


@dataclass(frozen=True)
class Job:
    """One haul to come; `permit` is None where the driver has none."""

    permit: Permit | None
    origin: Place
    goal: Place
    path: Path


def one(rng: np.random.Generator, things: Sequence[T]) -> T:
    """Any of the things."""
    return things[int(rng.integers(len(things)))]


def pick(world: World, truck: Truck, act: str, now_s: float, rng: np.random.Generator) -> Job | None:
    """The next haul of a truck that does this act; None where it cannot be done now."""
    city, then = world.city, now_s + _AHEAD_S
    if act in ("pit", "foreign"):
        return _without_permit(world, truck, act, now_s, rng)
    mine = [p for p in world.fleet.permits_of(truck) if p.holds(then)]
    if act == "expired":
        return _to_an_expired_site(world, mine, now_s, rng)
    if act == "hours":
        mine = start_late(mine)
    ways = [
        (p, d, way) for p in mine for d, way in zip(p.disposals, p.routes, strict=False) if world.fleet.open_at(d, then)
    ]
    if not ways:
        return None
    if act in ("silence", "frozen"):
        ways = sorted(ways, key=lambda way: -city.network.seconds_of(way[2]))[:2]
    permit, disposal, path = one(rng, ways)
    origin, goal = city.places[permit.origin], city.places[disposal]
    if act in ("wild", "silence_dump"):
        goal = one(rng, city.of_kind("wild"))
    elif act == "wrong":
        named = {d for p in mine if p.origin == permit.origin for d in p.disposals}
        others = [p for p in open_sites(world, then) if p.place_id not in named]
        if not others:
            return None
        goal = one(rng, others)
    return Job(permit, origin, goal, path if goal.place_id == disposal else city.route(origin, goal))


def start_late(permits: list[Permit]) -> list[Permit]:
    """Permits of origins that none of them opens early in the night."""
    early = {p.origin for p in permits if p.hours < LATE_START}
    return [p for p in permits if p.origin not in early]


def open_sites(world: World, second: float) -> list[Place]:
    """Sites that may take muck at a second."""
    return [p for p in world.city.of_kind("disposal", "soil_bank") if world.fleet.open_at(p.place_id, second)]


def _to_an_expired_site(world: World, mine: list[Permit], now_s: float, rng: np.random.Generator) -> Job | None:
    """To a disposal site whose leave has ended, under a permit that names it where there is one."""
    shut = [p for p in world.city.of_kind("disposal", "soil_bank") if not world.fleet.open_at(p.place_id, now_s)]
    if not shut or not mine:
        return None
    goal = one(rng, shut)
    permit = one(rng, [p for p in mine if goal.place_id in p.disposals] or mine)
    origin = world.city.places[permit.origin]
    return Job(permit, origin, goal, world.city.route(origin, goal))


def _without_permit(world: World, truck: Truck, act: str, now_s: float, rng: np.random.Generator) -> Job:
    """From a pit that nobody registered; under a permit that has ended; or from a site that others may serve."""
    mine = world.fleet.permits_of(truck)
    held = {p.origin for p in mine if p.holds(now_s)}
    ended = sorted({p.origin for p in mine} - held)
    strange = [p.place_id for p in world.city.of_kind("construction") if p.place_id not in held]
    pits = world.city.of_kind("pit")
    origin = one(rng, pits) if act == "pit" else world.city.places[one(rng, ended or strange)]
    goal = one(rng, open_sites(world, now_s + _AHEAD_S))
    if act == "pit" and rng.random() < 0.4:
        goal = one(rng, world.city.of_kind("wild"))
    return Job(None, origin, goal, world.city.route(origin, goal))
