"""One plate at two places that no truck can join: another device's fixes against where the truck's own was last."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import polars as pl

from rules.ground import Ground
from rules.policy import DEFAULTS, Policy


class Sighting(NamedTuple):
    """While both were seen: the places farthest apart, metres on the plane, and by how much."""

    start_ms: int
    end_ms: int
    n: int
    x_m: float
    y_m: float
    apart_m: float
    terminal: str


def sightings(
    others: pl.DataFrame, own: pl.DataFrame, before: pl.DataFrame, ground: Ground
) -> dict[str, list[Sighting]]:
    """For every fix of another device that the truck's own last fix rules out, a sighting of that instant.

    Args:
        others: fixes of devices that do not speak for their truck.
        own: fixes of those that do; of the same step.
        before: the last own fixes of the steps before.
        ground: the registry on the plane.
    """
    if not others.height:
        return {}
    policy = ground.policy
    plates = others["plate"].unique().to_list()
    spoken = pl.concat([before, own]).filter(pl.col("plate").is_in(plates)).sort("time_ms")
    last = spoken.select("plate", "time_ms", own_lon="lon", own_lat="lat", own_ms="time_ms", parked=~pl.col("acc"))
    met = others.sort("time_ms").join_asof(last, on="time_ms", by="plate", strategy="backward", check_sortedness=False)
    met = met.filter(
        pl.col("own_ms").is_not_null() & (pl.col("time_ms") - pl.col("own_ms") <= policy.clone_age_max_s * 1000)
    )
    x, y = ground.plane.to_m(met["lon"].to_numpy(), met["lat"].to_numpy())
    x0, y0 = ground.plane.to_m(met["own_lon"].to_numpy(), met["own_lat"].to_numpy())
    apart = np.hypot(x - x0, y - y0)
    # who has switched off has not driven since: starting the engine is told at once
    driven_s = np.where(
        met["parked"].fill_null(False).to_numpy(), 0, (met["time_ms"] - met["own_ms"]).to_numpy() / 1000
    )
    ruled_out = apart > policy.clone_slack_m + policy.clone_speed_kmh / 3.6 * driven_s
    found: dict[str, list[Sighting]] = {}
    columns = (met["plate"], met["terminal"], met["time_ms"], x, y, apart)
    for i in np.flatnonzero(ruled_out).tolist():
        plate, terminal, at_ms, at_x, at_y, gap = (c[i] for c in columns)
        found.setdefault(plate, []).append(Sighting(at_ms, at_ms, 1, float(at_x), float(at_y), float(gap), terminal))
    return found


def joined(held: tuple[Sighting, ...], more: list[Sighting], policy: Policy = DEFAULTS) -> tuple[Sighting, ...]:
    """Sightings in order of time, those less than `clone_merge_s` apart as one."""
    spans = list(held)
    for s in more:
        if spans and s.start_ms - spans[-1].end_ms < policy.clone_merge_s * 1000:
            last = spans[-1]
            worst = s if s.apart_m > last.apart_m else last
            spans[-1] = worst._replace(start_ms=last.start_ms, end_ms=s.end_ms, n=last.n + s.n)
        else:
            spans.append(s)
    return tuple(spans)


def counts(sighting: Sighting, policy: Policy = DEFAULTS) -> bool:
    """Whether a sighting is long enough to speak of a clone."""
    return sighting.n >= policy.clone_min_fixes and sighting.end_ms - sighting.start_ms >= policy.clone_min_s * 1000
