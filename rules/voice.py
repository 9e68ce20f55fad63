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
from numpy.typing import NDArray

from rules.ground import Ground
from rules.policy import DEFAULTS, Policy


@dataclass(frozen=True)
class Voice:
    """The device that speaks for a truck, when it last did, and whether the registry names it."""

    terminal: str
    last_ms: int
    registered: str


def speak(
    fixes: pl.DataFrame, voices: Mapping[str, Voice], ground: Ground | None, policy: Policy = DEFAULTS
) -> tuple[pl.DataFrame, pl.DataFrame, dict[str, Voice]]:
    """The fixes of the devices that speak for their trucks, those of the others (sorted as given), the voices after.

    Without a `ground` no device is registered, and `policy` says when another device is heard.
    """
    heard, after = listen(fixes, voices, ground, policy)
    if heard.all():
        return fixes, fixes.clear(), after
    return fixes.filter(heard), fixes.filter(~heard), after


def listen(
    fixes: pl.DataFrame, voices: Mapping[str, Voice], ground: Ground | None, policy: Policy = DEFAULTS
) -> tuple[NDArray[np.bool_], dict[str, Voice]]:
    """Which fixes are of the device that speaks for their truck then, and the voices after.

    Args:
        fixes: plate, terminal and time; sorted by truck.
        voices: those before.
        ground: names the devices that are registered; without one none is, and `policy` says when another is heard.
        policy: the thresholds, where there is no ground.
    """
    after = dict(voices)
    heard = np.ones(fixes.height, dtype=bool)
    if not fixes.height:
        return heard, after
    terminal, runs = fixes["terminal"], fixes["plate"].rle().struct.unnest()
    ends = np.cumsum(runs["len"].to_numpy().astype(np.int64))
    starts = np.r_[0, ends[:-1]]
    changes = terminal.ne_missing(terminal.shift()).to_numpy().copy()
    changes[starts] = False
    devices = np.logical_or.reduceat(changes, starts).tolist()
    lasts = terminal.gather(ends - 1).to_list(), fixes["time_ms"].gather(ends - 1).to_list()
    several = set()
    for plate, more, device, time_ms in zip(runs["value"].to_list(), devices, *lasts, strict=True):
        held = after.get(plate)
        registered = held.registered if held else _registered(plate, ground)
        if not more and (held is None or held.terminal == device) and registered in ("", device):
            after[plate] = Voice(device, time_ms, registered)
        else:
            several.add(plate)
    if several:
        rows = np.flatnonzero(fixes["plate"].is_in(list(several)).to_numpy())
        heard[rows] = _heard(fixes[rows], after, ground, (ground.policy if ground else policy).device_yield_s * 1000)
    return heard, after


def _heard(fixes: pl.DataFrame, voices: dict[str, Voice], ground: Ground | None, yield_ms: int) -> NDArray[np.bool_]:
    """Which fixes of trucks with several devices are of the one that speaks then; brings their voices up to date.

    Runs of fixes of one device are looked at, not fixes: two devices in a cab take turns all day.
    """
    plate, terminal = pl.col("plate"), pl.col("terminal")
    turns = fixes.select(plate.ne_missing(plate.shift()) | terminal.ne_missing(terminal.shift())).to_series().to_numpy()
    turns[0] = True
    starts = np.flatnonzero(turns)
    lengths = np.diff(np.r_[starts, fixes.height])
    time_ms = fixes["time_ms"].to_numpy()
    last_ms = time_ms[starts + lengths - 1].tolist()
    speaking: dict[str, tuple[str, int]] = {}
    registered: dict[str, str] = {}
    unheard = [0] * len(starts)  # how many of a run's first fixes
    runs = fixes[starts].select("plate", "terminal").iter_rows()
    for k, (name, device) in enumerate(runs):
        if name not in registered:
            held = voices.get(name)
            registered[name] = held.registered if held else _registered(name, ground)
            if held:
                speaking[name] = held.terminal, held.last_ms
        by = speaking.get(name)
        if by is not None and device != by[0] and device != registered[name]:
            if last_ms[k] - by[1] <= yield_ms:
                unheard[k] = lengths[k]
                continue
            run_ms = time_ms[starts[k] : starts[k] + lengths[k]]
            unheard[k] = int(np.searchsorted(run_ms, by[1] + yield_ms, side="right"))
        speaking[name] = device, last_ms[k]
    voices |= {name: Voice(*by, registered[name]) for name, by in speaking.items()}
    place = np.arange(fixes.height) - np.repeat(starts, lengths)
    return place >= np.repeat(unheard, lengths)


def _registered(plate: str, ground: Ground | None) -> str:
    vehicle = ground.registry.vehicle.get(plate) if ground else None
    return vehicle.terminal if vehicle else ""
