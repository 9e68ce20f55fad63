"""A second truck under a stolen plate: its evening, and the labels it makes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from sample_tracks.clock import DAY_S, join, mask_of, spans_of
from sample_tracks.driver import Driver, World
from sample_tracks.fleet import Truck
from sample_tracks.terminal import Fixes
from sample_tracks.timeline import Truth
from sample_tracks.truth import Label

#: Two fixes of one plate farther apart than this, at about one time, are two trucks.
_APART_M = 1500.0


def drive_clone(world: World, truck: Truck, day: int, rng: np.random.Generator) -> tuple[Truck, Truth]:
    """Two or three loads by a truck that wears the plate of another, from the far side of the city."""
    far = max(
        world.city.of_kind("depot"),
        key=lambda p: world.city.network.seconds_of(world.city.route(world.city.places[truck.depot], p)),
    )
    terminal = "0137" + "".join(map(str, rng.integers(0, 10, 8)))
    clone = replace(truck, terminal=terminal, depot=far.place_id, sensors=("load", "lift"), second_terminal="")
    driver = Driver(world, clone, rng)
    driver.tl.hold_until(day * DAY_S + 20.4 * 3600 + rng.uniform(0, 5400))
    start = driver.tl.now
    origins = world.city.of_kind("construction")
    goals = [p for p in world.city.of_kind("disposal", "soil_bank") if world.fleet.open_at(p.place_id, start + DAY_S)]
    for _ in range(int(rng.integers(2, 4))):
        origin, goal = origins[int(rng.integers(len(origins)))], goals[int(rng.integers(len(goals)))]
        driver.go(origin)
        haul = driver.load(origin, "clone")
        driver.go(goal)
        driver.dump(haul, goal)
    driver.go(driver.depot)
    driver.pause(120)
    driver.tl.on_air = [(start - 120, driver.tl.now)]
    return clone, driver.tl.finish(world.clock.end_s)


def label_clone(
    labels: list[Label], truck: Truck, real: Truth, false: Truth, seen: Fixes, clone_seen: Fixes
) -> list[Label]:
    """Adds the stretch in which both are seen apart; asks nothing else of the plate while the clone is about."""
    start, end = int(clone_seen.second[0]), int(clone_seen.second[-1])
    apart = np.hypot(*(real.xy[start:end].astype(float) - false.xy[start:end]).T) > _APART_M
    both = mask_of(seen_spans(seen), len(real.speed))[start:end] & apart
    found = [Label("positive", "cloned_plate", truck.plate, start + a, start + b) for a, b in join(spans_of(both), 600)]
    around = Label("ignore", "*", truck.plate, start - 1800, end + 1800, "cloned")
    kept = [x for x in labels if x.kind == "ignore" or x.end_s < around.start_s or x.start_s > around.end_s]
    return [*kept, *found, around]


def seen_spans(fixes: Fixes) -> list[tuple[int, int]]:
    """When a terminal was on the air, gaps of ten minutes apart."""
    return join([(int(t), int(t) + 1) for t in fixes.second], 600)
