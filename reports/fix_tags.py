"""Which tags each fix around a case bears: the engine is asked again about the truck's days, so both say the same."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ingest.arrange import arrange
from reports import queries
from reports.store import Store
from rules.engine import judge_all
from rules.ground import Ground
from rules.health import Knowledge, odd_by_itself
from rules.readings import TAG_OF_WAY
from rules.tags import Mark, Tag
from rules.terminals import terminals_of
from rules.voice import speak

#: A truck is judged again from so long before to so long after: no haul lasts longer.
MARGIN_MS = 14 * 3_600_000
#: Of a mark's span the fix at its end is well again: the first that was told from elsewhere.
_HALF_OPEN = Tag.FROZEN


@dataclass(frozen=True)
class Judging:
    """What the engine needs to judge a truck again, read once: the ground and what is known of terminals."""

    ground: Ground
    knowledge: Knowledge


def tagged_fixes(
    store: Store, judging: Judging, plate: str, start_ms: int, end_ms: int
) -> tuple[pl.DataFrame, list[Tag]]:
    """The archived fixes of a truck in `[start_ms, end_ms)`, each with its tags.

    Args:
        store: an open store.
        judging: what the engine needs.
        plate: the truck.
        start_ms: epoch ms.
        end_ms: epoch ms.

    Returns:
        Columns of `FIX_SCHEMA`, by time and terminal, and the tags of each.

    Raises:
        StoreError: if the archive cannot be read.
    """
    around = queries.fixes_of(store, plate, start_ms - MARGIN_MS, end_ms + MARGIN_MS)
    fixes, _ = arrange(around)
    tags = tags_of(fixes, judging)
    inside = fixes["time_ms"].is_between(start_ms, end_ms, closed="left").to_numpy()
    return fixes.filter(inside), [Tag(bits) for bits in tags[inside].tolist()]


def tags_of(fixes: pl.DataFrame, judging: Judging) -> NDArray[np.int64]:
    """The tags of each fix of one truck as bits; the fixes are arranged."""
    bits = np.zeros(fixes.height, np.int64)
    if not fixes.height:
        return bits
    known = judging.knowledge
    time_ms, valid = fixes["time_ms"].to_numpy(), fixes["valid"].to_numpy()
    terminal = fixes["terminal"]
    _, others, _ = speak(fixes.filter(valid), {}, judging.ground)
    if others.height:
        unheard = fixes.select("terminal", "time_ms").join(
            others, on=["terminal", "time_ms"], how="left", coalesce=True
        )
        bits[unheard["plate"].is_not_null().to_numpy()] |= Tag.OTHER_DEVICE
    for device, own in terminals_of(fixes):
        here = (terminal == device).to_numpy()
        key = (own.plate, device)
        for tag, odd in odd_by_itself(key, own, known).items():
            bits[np.flatnonzero(here)[odd]] |= tag
        if key in known.fleet.clocks_ms:
            bits[here] |= Tag.CLOCK_SHIFTED
        for other in (o for o in known.fleet.otherwise if (o.plate, o.terminal) == key):
            bits[here & (time_ms >= other.first_ms) & (time_ms <= other.last_ms)] |= TAG_OF_WAY[other.way]
    for mark in judge_all(fixes, judging.ground, known)[0].marks:
        if mark.tag != Tag.OTHER_DEVICE:
            bits[_marked(mark, time_ms, terminal, bits)] |= mark.tag
    return bits


def _marked(mark: Mark, time_ms: NDArray[np.int64], terminal: pl.Series, bits: NDArray[np.int64]) -> NDArray[np.bool_]:
    """The fixes that a mark is of."""
    until = time_ms < mark.end_ms if mark.tag == _HALF_OPEN else time_ms <= mark.end_ms
    heard = (bits & int(Tag.NOT_FIXED | Tag.OTHER_DEVICE)) == 0
    of_device = (terminal == mark.terminal).to_numpy()
    return np.asarray((time_ms >= mark.start_ms) & until & heard & of_device)
