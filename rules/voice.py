"""Which device speaks for a truck when several name its plate.

The registered terminal does; where none is registered, the one that spoke first. Another device is heard only after the
truck's own has been silent for half an hour, and only until that one speaks again. So a second device in the cab
doubles nothing, a cloned plate does not drag the truck across the city, and a swapped terminal is not lost.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl

from rules.ground import Ground

YIELD_MS = 1_800_000  # the own device's longest ordinary silence: parked trucks report every five minutes


@dataclass(frozen=True)
class Voice:
    """The device that speaks for a truck, when it last did, and whether the registry names it."""

    terminal: str
    last_ms: int
    registered: str


def speak(
    fixes: pl.DataFrame, voices: Mapping[str, Voice], ground: Ground | None
) -> tuple[pl.DataFrame, pl.DataFrame, dict[str, Voice]]:
    """The fixes of the devices that speak for their trucks, those of the others (sorted as given), the voices after."""
    after = dict(voices)
    if not fixes.height:
        return fixes, fixes.clear(), after
    last = fixes.group_by("plate", maintain_order=True).agg(
        pl.col("terminal").n_unique().alias("devices"), pl.col("terminal").last(), pl.col("time_ms").last()
    )
    several = set()
    for plate, devices, terminal, time_ms in last.iter_rows():
        held = after.get(plate)
        registered = held.registered if held else _registered(plate, ground)
        if devices == 1 and (held is None or held.terminal == terminal) and registered in ("", terminal):
            after[plate] = Voice(terminal, time_ms, registered)
        else:
            several.add(plate)
    if not several:
        return fixes, fixes.clear(), after
    keep = np.ones(fixes.height, dtype=bool)
    rows = np.flatnonzero(fixes["plate"].is_in(list(several)).to_numpy())
    part = fixes[rows.tolist()].select("plate", "terminal", "time_ms")
    for row, (plate, terminal, time_ms) in zip(rows.tolist(), part.iter_rows(), strict=True):
        held = after.get(plate)
        registered = held.registered if held else _registered(plate, ground)
        if held is None or terminal in (held.terminal, registered) or time_ms - held.last_ms > YIELD_MS:
            after[plate] = Voice(terminal, time_ms, registered)
        else:
            keep[row] = False
    return fixes.filter(keep), fixes.filter(~keep), after


def _registered(plate: str, ground: Ground | None) -> str:
    vehicle = ground.registry.vehicle.get(plate) if ground else None
    return vehicle.terminal if vehicle else ""
