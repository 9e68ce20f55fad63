"""Who does what wrong, and on which night: dealt out over the weeks by seed."""

from __future__ import annotations

import numpy as np

from sample_tracks.clock import Clock
from sample_tracks.fleet import Fleet, Truck
from sample_tracks.jobs import start_late
from sample_tracks.plane import stream

#: How often each act is planned in an earlier week and in the last one, for a fleet of `_FLEET` trucks. An act breaks
#: at least the rule it is named after; what truly came of it, `truth` says.
ACTS = {
    "detour": (7, 12),
    "wild": (5, 11),
    "wrong": (4, 8),
    "expired": (0, 6),
    "hours": (5, 9),
    "ban": (3, 4),
    "quiet_laden": (3, 5),
    "quiet_empty": (4, 7),
    "no_entry_laden": (2, 5),
    "no_entry_empty": (4, 7),
    "day_errand": (3, 6),
    "spill": (2, 4),
    "race": (6, 10),
    "uncover": (5, 9),
    "silence": (3, 5),
    "silence_dump": (2, 3),
    "frozen": (1, 2),
    "pit": (2, 4),
    "foreign": (3, 6),
    "clone": (1, 3),
}
_FLEET = 28

Plan = dict[tuple[int, int], list[str]]  # (truck, day) -> acts of the night that begins that day


def deal(fleet: Fleet, clock: Clock, bans: list[tuple[int, int, str]], seed: int) -> Plan:
    """Gives every act a truck that can do it and a night, at most two acts a night."""
    plan: Plan = {}
    trucks = fleet.trucks
    for week in range(clock.weeks):
        rng = stream(seed, "acts", week)
        for act, counts in ACTS.items():
            count = counts[1] if week == clock.weeks - 1 else counts[0]
            count = max(min(count, 1), round(count * min(1.0, len(trucks) / _FLEET)))
            fitting = [i for i, truck in enumerate(trucks) if _can(act, truck, fleet)]
            for _ in range(count if fitting else 0):
                _place(plan, act, week, fitting, trucks, rng, clock, bans)
    return plan


def _place(
    plan: Plan, act: str, week: int, fitting: list[int], trucks: list[Truck], rng: np.random.Generator,
    clock: Clock, bans: list[tuple[int, int, str]],
) -> None:  # fmt: skip
    weight = np.array([trucks[i].mischief for i in fitting])
    for _ in range(40):
        truck = int(rng.choice(fitting, p=weight / weight.sum()))
        day = 7 * week + int(rng.choice(_days(act, week, clock, bans)))
        acts = plan.get((truck, day), [])
        alone = {"clone", "ban"}
        if len(acts) < 2 and act not in acts and not (alone & {act, *acts} and acts):
            plan.setdefault((truck, day), []).append(act)
            return


def _days(act: str, week: int, clock: Clock, bans: list[tuple[int, int, str]]) -> list[int]:
    """Days of the week on which the act makes sense."""
    last = week == clock.weeks - 1
    if act == "expired":
        return [3, 4] if last else [6]
    if act == "ban":
        return sorted({a // 86_400 % 7 for a, _, _ in bans if a // (7 * 86_400) == week}) or [2]
    nights = range(0, 6) if last else range(0, 7)
    banned = {a // 86_400 - 7 * week for a, b, _ in bans if b - a > 6 * 3600}
    return [d for d in nights if d not in banned]


def _can(act: str, truck: Truck, fleet: Fleet) -> bool:
    """Whether the truck is one of whom the act can be told."""
    if truck.second_terminal or truck.clone_of is not None:
        return False
    if act == "uncover":
        return truck.works("cover")
    if act in ("silence_dump", "pit"):
        return truck.works("load")
    if act == "hours":
        return bool(start_late(fleet.permits_of(truck)))
    if act in ("day_errand", "spill"):
        return truck.whitelist is None
    if act == "clone":
        return truck.works("load") and not truck.ill and truck.true_datum == truck.told_datum
    return True
