"""Stretches against a plain loop over fixes, and halves against wholes."""

from __future__ import annotations

import numpy as np
from fleet import NIGHT_MS, Drive, ground, noisy
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.arrange import arrange
from rules.annotate import JUDGED, STILL, Annotated, annotate
from rules.health import Knowledge
from rules.stretches import CHANNELS, DM_PER_M, GAP, KEPT, TRAIL_FIXES, WORDS, Rows, Stretch, extended, join, stretches

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
    keys = (CHANNELS | WORDS)[name](fixes).tolist()
    found: list[Stretch] = []
    lone = False
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
            ((x, y),) if (name == "corridor" and key != fixes.permitted[0]) or (name == "zone" and key) else (),
        )
        drove_unseen = name == "motion" and key == STILL and one.lead_mm > 150_000
        parted = one.lead_ms > SILENCE_MS or one.leapt or drove_unseen
        alike = bool(found) and found[-1].key == one.key and not parted
        if alike and not (name == "load" and lone and one.lead_ms > 120_000):
            found[-1] = join(found[-1], one)
        else:
            found.append(one)
        lone = not alike
    return found


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6))
def test_columns_give_what_a_loop_gives(seed: int) -> None:
    fixes = annotated(seed)
    (rows,) = stretches(fixes, SILENCE_MS)
    for name in CHANNELS | WORDS:
        assert rows[name] == plain(fixes, name), name
    assert any(r.n > TRAIL_FIXES for r in rows["corridor"]), "long stretches, too"


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.data())
def test_parts_join_to_the_whole(seed: int, data: st.DataObject) -> None:
    fixes = annotated(seed)
    (whole,) = stretches(fixes, SILENCE_MS)
    parts: Rows = {name: [] for name in KEPT}
    cuts = {name: data.draw(st.integers(0, len(whole[name]))) for name in KEPT}
    parts = extended(parts, {name: rows[: cuts.get(name, 0)] for name, rows in whole.items()}, SILENCE_MS)
    parts = extended(parts, {name: rows[cuts.get(name, 0) :] for name, rows in whole.items()}, SILENCE_MS)
    assert parts == {name: whole[name] for name in KEPT}


def test_a_leg_long_enough_to_deliver_near_a_place_for_it_is_kept_with_both_its_ends() -> None:
    truck = Drive(start_ms=NIGHT_MS).stand(60).silent(200).go(500, 0).go(6250, 0).stand(30).silent(200).stand(60)
    fixes, _ = arrange(truck.fixes())
    told = annotate(fixes, np.full(fixes.height, JUDGED, dtype=np.int8), ground(), Knowledge())
    (rows,) = stretches(told, SILENCE_MS)
    (gap,) = rows[GAP]
    assert 200_000 <= gap.end_ms - gap.start_ms < 240_000 and gap.n == 0
    x_m, y_m = gap.x0_dm / DM_PER_M, gap.y0_dm / DM_PER_M
    assert abs(x_m - told.x_m[-1]) < 1 and abs(y_m - told.y_m[-1]) < 1
    assert (gap.x1_dm, gap.y1_dm) == (gap.x0_dm, gap.y0_dm), "it stood there before and after"
