"""The datum that a terminal's stops and ways fit, whatever it says: all terminals of a bucket are asked at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ingest.fix import DATUMS
from rules.ground import NOWHERE, Ground
from rules.raster import Ints
from rules.sensors import DRIVING_KMH, STANDING_KMH
from rules.terminals import Terminal, read_in, thinned

#: Stands, and fixes on the way, looked at for a terminal's datum. It is doubted when they fit the truck's own sites and
#: corridors worse than `datum_poor_fit` of what they could; another datum is believed that fits `datum_better_by`
#: better. A wrong datum fits about a tenth as well, but for stands that it shifts into another site.
DATUM_SAMPLE = 150
CANDIDATES = ("wgs84", "gcj02", "bd09")


class _Asked(NamedTuple):
    """One terminal's stands and fixes on the way (row numbers), to be read in a datum whatever it said."""

    own: Terminal
    standing: Ints
    moving: Ints
    datum: str


def datums_of(terminals: Sequence[Terminal], ground: Ground) -> list[tuple[str, str]]:
    """The datum that fits each terminal and, where it is not the one told, why. All are asked at once."""
    told = [DATUMS[int(np.bincount(own.told).argmax())] for own in terminals]
    found = [(datum, "") for datum in told]
    asked: dict[int, _Asked] = {}
    for k, own in enumerate(terminals):
        if int(own.valid.sum()) < ground.policy.datum_min_fixes:
            continue
        standing = thinned(np.flatnonzero(own.valid & (own.speed_kmh < STANDING_KMH)), DATUM_SAMPLE)
        driving = thinned(np.flatnonzero(own.valid & (own.speed_kmh > DRIVING_KMH)), DATUM_SAMPLE)
        moving = driving if ground.permits_of(own.plate) else driving[:0]
        asked[k] = _Asked(own, standing, moving, "wgs84" if told[k] == "cgcs2000" else told[k])
    as_told = dict(zip(asked, _fits(list(asked.values()), ground), strict=True))
    poor = ground.policy.datum_poor_fit
    doubtful = [k for k, one in asked.items() if as_told[k] < poor * (bool(len(one.standing)) + bool(len(one.moving)))]
    others = [(k, d) for k in doubtful for d in CANDIDATES if d != asked[k].datum]
    fits: dict[int, dict[str, float]] = {k: {asked[k].datum: as_told[k]} for k in doubtful}
    for (k, datum), fit in zip(others, _fits([asked[k]._replace(datum=d) for k, d in others], ground), strict=True):
        fits[k][datum] = fit
    for k, of in fits.items():
        best = max(of, key=lambda d: of[d])
        if of[best] >= as_told[k] + ground.policy.datum_better_by:
            why = f"stands and routes fit {best} ({of[best]:.2f}), not {told[k]} ({as_told[k]:.2f})"
            found[k] = best, why
    return found


def _fits(asked: Sequence[_Asked], ground: Ground) -> list[float]:
    """The share of each one's stands that are at sites, and of its way that is in corridors: together at most 2."""
    if not asked:
        return []
    rows = [np.r_[one.standing, one.moving] for one in asked]
    lon = np.concatenate([one.own.lon[at] for one, at in zip(asked, rows, strict=True)])
    lat = np.concatenate([one.own.lat[at] for one, at in zip(asked, rows, strict=True)])
    time_ms = np.concatenate([one.own.time_ms[at] for one, at in zip(asked, rows, strict=True)])
    told = np.concatenate([one.own.told[at] for one, at in zip(asked, rows, strict=True)])
    meant = np.repeat([DATUMS.index(one.datum) for one in asked], [len(at) for at in rows])
    x, y = ground.plane.to_m(*read_in(lon, lat, told, meant))
    stands = np.concatenate([np.arange(len(at)) < len(one.standing) for one, at in zip(asked, rows, strict=True)])
    at_site = np.zeros(len(x), dtype=bool)
    at_site[stands] = ground.sites_at(x[stands], y[stands], time_ms[stands]) != NOWHERE
    fits, begin = [], 0
    for one, at in zip(asked, rows, strict=True):
        middle, end = begin + len(one.standing), begin + len(at)
        fit = float(at_site[begin:middle].mean()) if begin < middle else 0.0
        if middle < end:
            fit += float((ground.corridors_at(one.own.plate, x[middle:end], y[middle:end]) != 0).mean())
        fits.append(fit)
        begin = end
    return fits
