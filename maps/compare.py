"""Two weeks side by side: which road pieces and districts became worse or better, by rate and by count."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from maps.layers import Layer, Line, lines_of
from maps.rates import RoadRates
from maps.week_page import WeekMap
from reports.calendar import Week
from reports.names import RULE_NAMES, name_of

#: A rate that differs by fewer points of a hundred than this has not changed.
CHANGE_MIN = 5.0
_KEPT = ("roads", "zones", "sites", "suspected")


def compared(
    weeks: tuple[Week, Week], maps: tuple[WeekMap, WeekMap], rates: tuple[RoadRates | None, RoadRates | None]
) -> WeekMap:
    """The page of what changed from the earlier week to the later one.

    Args:
        weeks: earlier and later.
        maps: their own pages; districts, ground and marks of the later one are kept.
        rates: passes of road pieces of both; None where no roads are known.
    """
    earlier, later = maps
    title = f"{weeks[0].year} 年第 {weeks[0].number} 周与 {weeks[1].year} 年第 {weeks[1].number} 周对比图"
    layers = [layer for layer in later.layers if layer.key in _KEPT]
    if rates[0] and rates[1]:
        layers += [_changed(rates[0], rates[1], worse=True), _changed(rates[0], rates[1], worse=False)]
    for which, data in zip(("前", "后"), maps, strict=True):
        marks = tuple(f for layer in data.layers if layer.key.startswith("family.") for f in layer.features)
        layers.append(Layer(f"marks.{which}", f"{which}一周线索 {len(marks)} 起", marks, shown=False))
    facts = (
        ("线索", _step(len(earlier.sightings), len(later.sightings), " 起")),
        *_by_rule(earlier, later),
        *_by_district(earlier, later),
    )
    subtitle = f"{weeks[0].monday} 当周 → {weeks[1].monday} 当周；街道着色为后一周"
    return replace(
        later, title=title, subtitle=subtitle, layers=tuple(layers), facts=facts, sightings=(), plan=None, compares=True
    )


def _changed(before: RoadRates, after: RoadRates, *, worse: bool) -> Layer:
    """Pieces of which both weeks tell a rate and that differ enough in one direction."""
    lines = []
    for n, piece in enumerate(after.pieces):
        a, b = before.percent(n), after.percent(n)
        if a < 0 or b < 0 or abs(b - a) < CHANGE_MIN or (b > a) != worse:
            continue
        text = (f"每百趟途经违规 {a:.0f} → {b:.0f} 趟", f"途经 {before.passed[n]} → {after.passed[n]} 趟")
        lines.append(Line("change.worse" if worse else "change.better", lines_of(piece.line), piece.road.spoken, text))
    return Layer("worse" if worse else "better", f"比率{'上升' if worse else '下降'}路段 {len(lines)} 段", tuple(lines))


def _by_rule(earlier: WeekMap, later: WeekMap) -> list[tuple[str, str]]:
    counts = [Counter(s.rule for s in data.sightings) for data in (earlier, later)]
    return [
        (name_of(RULE_NAMES, rule), _step(counts[0][rule], counts[1][rule], " 起"))
        for rule in RULE_NAMES
        if counts[0][rule] or counts[1][rule]
    ]


def _by_district(earlier: WeekMap, later: WeekMap) -> list[tuple[str, str]]:
    before = {d.name: d.count for d in earlier.districts}
    return [(d.name, _step(before.get(d.name, 0), d.count, " 起")) for d in later.districts]


def _step(before: int, after: int, unit: str) -> str:
    """`12 → 18 起（+50%）`; of nothing before, `新增`."""
    if before == after:
        return f"{before} → {after}{unit}（持平）"
    change = "新增" if not before else f"{(after / before - 1) * 100:+.0f}%"
    return f"{before} → {after}{unit}（{change}）"
