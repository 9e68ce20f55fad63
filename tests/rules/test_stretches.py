"""Stretches against a plain loop over fixes, and halves against wholes."""

from __future__ import annotations

import numpy as np
from fleet import NIGHT_MS, Drive, ground, noisy
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.arrange import arrange
from rules.annotate import JUDGED, STILL, Annotated, annotate
from rules.health import Knowledge
from rules.stretches import CHANNELS, DM_PER_M, TRAIL_FIXES, Rows, Stretch, extend, join, stretches

SILENCE_MS = 600_000


def annotated(seed: int) -> Annotated:
    truck = Drive(start_ms=NIGHT_MS).sensors("empty", False).stand(200).sensors("full", False).stand(100).go(2000, 0)
    truck.go(2000, 900).go(-700, 900).go(4000, 0, 70).silent(700).go(5900, 0).stand(40).silent(300).at(5900, 260).stand(
        60
    ).sensors("empty", True).stand(120).go(0, 0)
    fixes, _ = arrange(noisy(truck.fixes(), seed, 20.0))
    return annotate(fixes, np.full(fixes.height, JUDGED, dtype=np.int8), ground(), Knowledge())


def plain(fixes: Annotated, name: str) -> list[Stretch]:
    """One stretch a fix, joined one by one."""
    keys = CHANNELS[name](fixes).tolist()
    found: list[Stretch] = []
    for i, key in enumerate(keys):
        x, y = round(fixes.x_m[i] * DM_PER_M), round(fixes.y_m[i] * DM_PER_M)
        at_ms, v = int(fixes.time_ms[i]), float(fixes.speed_kmh[i])
        one = Stretch(
            fixes.zone_sets[key] if name == "zone" else key,
            at_ms,
            at_ms,
            1,
            int(fixes.lead_ms[i]),
            int(fixes.lead_mm[i]),
            0,
            x,
            y,
            x,
            y,
            x,
            y,
            v,
            bool(fixes.leapt[i]),
            ((x, y),) if name == "corridor" else (),
        )
        drove_unseen = name == "motion" and key == STILL and one.lead_mm > 150_000
        unheard = name == "load" and one.lead_ms > 120_000
        parted = one.lead_ms > SILENCE_MS or one.leapt or drove_unseen or unheard
        if found and found[-1].key == one.key and not parted:
            found[-1] = join(found[-1], one)
        else:
            found.append(one)
    return found


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6))
def test_columns_give_what_a_loop_gives(seed: int) -> None:
    fixes = annotated(seed)
    (rows,) = stretches(fixes, SILENCE_MS)
    for name in CHANNELS:
        assert rows[name] == plain(fixes, name), name
    assert any(r.n > TRAIL_FIXES for r in rows["corridor"]), "long stretches, too"


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.data())
def test_parts_join_to_the_whole(seed: int, data: st.DataObject) -> None:
    fixes = annotated(seed)
    (whole,) = stretches(fixes, SILENCE_MS)
    parts: Rows = {name: [] for name in CHANNELS}
    for name, rows in whole.items():
        loose = plain(fixes, name)
        cut = data.draw(st.integers(0, len(loose)))
        assert loose == rows
        extend(parts, {name: rows[:cut]}, SILENCE_MS)
        extend(parts, {name: rows[cut:]}, SILENCE_MS)
    assert parts == whole
