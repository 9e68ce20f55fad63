"""Early words: what would be found of a truck if nothing more came, for trucks about which that may be something.

The engine judges an outing once it is over and holds back the newest fixes for stragglers. A reviewer should hear of
an open stretch when its threshold is passed. So trucks that look suspicious are judged aside, as if their tracks ended
now; the answer is said as provisional and the truck's state stays as it was. Which trucks are looked at, and when,
follows the clock of this machine and its load; what is found in the end does not depend on it.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Set

import numpy as np
import polars as pl

from rules.annotate import STILL_BELOW_KMH
from rules.engine import State, step
from rules.findings import Findings
from rules.ground import Ground
from rules.health import Knowledge

#: A threshold passed is a breach whatever follows, or nearly so. The others wait for what follows: a stop may turn out
#: to be a rest.
EARLY_RULES = frozenset(
    {"overspeed", "quiet_zone", "no_entry", "daytime_not_whitelisted", "off_route", "outside_hours"}
    | {"uncovered_load", "no_permit"}
)
RECHECK_S = 1.0
#: A truck that has been silent for so long is said whole, as the end of its tracks.
GONE_MS = 12 * 3_600_000


def suspicious(fixes: pl.DataFrame, laden: Set[str], ground: Ground) -> set[str]:
    """The trucks among these fixes of which an open stretch may be found: more than there are, hardly fewer.

    Args:
        fixes: `FIX_SCHEMA`; what has just come.
        laden: the trucks that have loaded, as far as has been judged; what sensors say now counts too.
        ground: the registry on the plane.
    """
    if not fixes.height:
        return set()
    policy, registry = ground.policy, ground.registry
    speed = fixes["speed_kmh"].cast(pl.Float64).fill_null(STILL_BELOW_KMH).to_numpy()
    time = fixes["time_ms"].to_numpy()
    says_full = (fixes["load"].to_physical() > 0).fill_null(False).to_numpy()
    moving = (speed >= STILL_BELOW_KMH) & fixes["valid"].to_numpy()
    if not moving.any():
        return set()
    x, y = ground.plane.to_m(fixes["lon"].to_numpy(), fixes["lat"].to_numpy())
    odd = speed > policy.speed_limit_kmh
    odd[ground.zones_at(x, y)[0]] = True
    first_ms, last_ms = int(time.min()), int(time.max()) + 1
    by_day = np.zeros(len(time), dtype=bool)
    for start, end in policy.day.between(first_ms, last_ms, registry.zone):
        by_day |= (time >= start) & (time < end)
    body_open = (fixes["cover"] == False).fill_null(False).to_numpy()  # noqa: E712
    found = set(fixes["plate"].filter(pl.Series(odd & moving)).unique().to_list())
    rows = fixes.select("plate", row=pl.int_range(pl.len())).filter(pl.Series(moving))
    for plate, several in rows.group_by("plate", maintain_order=True).agg("row").iter_rows():
        part = np.array(several)
        if plate in found:
            continue
        if (by_day[part].any() and not _may_drive(plate, int(time[part[-1]]), ground)) or (
            (plate in laden or says_full[part].any())
            and (
                not by_day[part].all()
                or body_open[part].any()
                or not ground.permits_of(plate)
                or (ground.corridors_at(plate, x[part], y[part]) == 0).any()
            )
        ):
            found.add(plate)
    return found


def _may_drive(plate: str, at_ms: int, ground: Ground) -> bool:
    """Whether a whitelist entry lets a truck drive by day now."""
    entries = ground.registry.whitelist_of.get(plate, ())
    zone = ground.registry.zone
    return any(e.validity.holds(at_ms) and e.hours.between(at_ms, at_ms + 1, zone) for e in entries)


def as_if_ended(part: State, ground: Ground, knowledge: Knowledge) -> Findings:
    """What would be found of the trucks of a state if their tracks ended here."""
    return step(part.pending.clear(), part, ground, knowledge, None)[0]


class Words:
    """The early words that stand: said, and neither confirmed by a final one nor withdrawn.

    By truck, their ids with a digest of what was said.
    """

    def __init__(self, standing: Mapping[str, Mapping[str, int]] | None = None) -> None:
        self.standing: dict[str, dict[str, int]] = {p: dict(ids) for p, ids in (standing or {}).items()}

    def settled(self, found: Findings) -> None:
        """Takes note of final findings."""
        for v in found.violations:
            ids = self.standing.get(v.plate)
            if ids is not None:
                ids.pop(v.violation_id, None)

    def compare(self, plate: str, now: Mapping[str, bytes], *, whole: bool) -> tuple[list[str], set[str]]:
        """What is to be said of a truck: ids that are new, and ids to withdraw; takes note of both.

        Args:
            plate: the truck.
            now: by id, the words that would be said.
            whole: nothing more is expected of the truck: what has become of an open stretch since is said too.
        """
        before = self.standing.pop(plate, {})
        digests = {i: zlib.crc32(word) for i, word in now.items()}
        new = sorted(i for i, digest in digests.items() if i not in before or (whole and before[i] != digest))
        if now:
            self.standing[plate] = {i: digests[i] if i in new else before[i] for i in sorted(now)}
        return new, before.keys() - now.keys()
