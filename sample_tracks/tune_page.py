"""What `muckwatch tune` shows: tables for the terminal, one CSV, and a page with a small chart for each key."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path

from markupsafe import Markup

from reports.names import RULE_NAMES
from sample_tracks.score import RuleScore
from sample_tracks.tune import FIELDS, Outcome, Tuned

CSV_FILE, PAGE_FILE = "tune.csv", "tune.html"
_CSV_HEAD = ("key", "unit", "value", "in_force", "default", "rule", "asked", "found", "false", "precision", "recall")
_W, _H, _LEFT, _RIGHT, _TOP, _FOOT = 360, 190, 46, 16, 14, 40  # a chart and its margins, px
_LABEL_W = 30
_INK, _SOFT, _GRID, _RECALL, _PRECISION = "#1f2933", "#5b6770", "#d9dee3", "#1f4e79", "#b4451f"
_SPANS = (0.02, 0.05, 0.1, 0.2, 0.5, 1.0)  # how far below 1 an axis may begin
_STYLE = """
body{font:15px/1.5 system-ui,"Noto Sans CJK SC","Microsoft YaHei",sans-serif;color:#1f2933;margin:24px auto;
max-width:1180px;padding:0 16px}h1{font-size:22px}h2{font-size:16px;margin:0 0 2px}p{margin:2px 0;color:#5b6770}
main{display:grid;grid-template-columns:repeat(auto-fill,minmax(360px,1fr));gap:22px}section{break-inside:avoid}
table{border-collapse:collapse;font-size:12px;width:100%}
td,th{padding:1px 5px;text-align:right;border-top:1px solid #d9dee3}
th:first-child,td:first-child{text-align:left}.now{font-weight:700}svg{width:100%;height:auto}text{font-size:11px}
"""


def tables(results: Sequence[Tuned]) -> Iterator[tuple[str, tuple[str, ...], list[tuple[str, ...]]]]:
    """For each key a line that names it, and a table: precision and recall of each affected rule for each value."""
    for tuned in results:
        low, high = (FIELDS[tuned.key].metadata[end] for end in ("low", "high"))
        title = f"{tuned.key} ({tuned.unit}, {low:g} to {high:g}); * in force, default {tuned.default:g}"
        head = ("precision recall", *(f"{_shown(o.value)}{'*' * (o.value == tuned.in_force)}" for o in tuned.outcomes))
        rows = [(rule, *(_pair(o.of(rule)) for o in tuned.outcomes)) for rule in tuned.rules]
        yield title, head, [*rows, ("all rules", *(_pair(o.accuracy.total) for o in tuned.outcomes))]


def write(results: Sequence[Tuned], trial: Path, out: Path) -> list[Path]:
    """Writes the CSV and the page; returns their paths."""
    out.mkdir(parents=True, exist_ok=True)
    with (out / CSV_FILE).open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(_CSV_HEAD)
        writer.writerows(_csv_rows(results))
    (out / PAGE_FILE).write_text(page(results, trial.resolve().name), encoding="utf-8")
    return [out / CSV_FILE, out / PAGE_FILE]


def page(results: Sequence[Tuned], trial: str) -> str:
    """One self-contained page: no script, nothing to fetch."""
    sections = Markup("").join(_section(tuned, _floor(tuned)) for tuned in results)
    frame = Markup(
        '<!doctype html>\n<html lang="zh-CN"><head><meta charset="utf-8">'
        "<title>阈值试算：{trial}</title><style>{style}</style></head><body><h1>阈值试算：{trial}</h1>"
        "<p>每次只改动一个阈值，其余不变，对标注数据重新研判。图为受该阈值影响的各规则合计：实线、圆点为查全率，"
        "虚线、方点为查准率；竖线为现行取值。各图纵轴起点不同。</p><main>{sections}</main></body></html>\n"
    )
    return str(frame.format(trial=trial, style=Markup(_STYLE), sections=sections))


def _csv_rows(results: Sequence[Tuned]) -> Iterator[tuple[object, ...]]:
    for t in results:
        for o in t.outcomes:
            scored = [*((rule, o.of(rule)) for rule in t.rules), ("all", o.accuracy.total)]
            about = (t.key, t.unit, _shown(o.value), int(o.value == t.in_force), int(o.value == t.default))
            for rule, s in scored:
                yield *about, rule, s.asked, s.found, len(s.false), _share(s.precision, ""), _share(s.recall, "")


def _share(share: float | None, otherwise: str = "-") -> str:
    return otherwise if share is None else f"{share:.3f}"


def _pair(score: RuleScore) -> str:
    return f"{_share(score.precision)} {_share(score.recall)}"


def _shown(value: float) -> str:
    return f"{value:.10g}"


def _floor(tuned: Tuned) -> float:
    """Where a chart's axis begins: the nearest round share below all that is drawn."""
    scores = [tuned.of_rules(o) for o in tuned.outcomes]
    lowest = min((s for score in scores for s in (score.precision, score.recall) if s is not None), default=0.0)
    return 1 - next(span for span in _SPANS if 1 - span <= lowest)


def _section(tuned: Tuned, floor: float) -> Markup:
    low, high = (FIELDS[tuned.key].metadata[end] for end in ("low", "high"))
    head = Markup('<th scope="col"{}>{}{}</th>')
    heads = [head.format(_now(tuned, o), _shown(o.value), "*" * (o.value == tuned.in_force)) for o in tuned.outcomes]
    rows = [(RULE_NAMES[rule], [o.of(rule) for o in tuned.outcomes]) for rule in tuned.rules]
    rows.append(("全部规则", [o.accuracy.total for o in tuned.outcomes]))
    cell = Markup("<td{}>{}<br>{}</td>")
    lines = [
        Markup("<tr><td>{}</td>{}</tr>").format(
            name,
            Markup("").join(
                cell.format(_now(tuned, o), _share(s.precision), _share(s.recall))
                for o, s in zip(tuned.outcomes, scores, strict=True)
            ),
        )
        for name, scores in rows
    ]
    return Markup(
        "<section><h2>{key}</h2><p>单位 {unit}，允许 {low}–{high}，默认 {default}，现行 {now}</p>{chart}"
        "<table><tr><th>查准率／查全率</th>{heads}</tr>{lines}</table></section>"
    ).format(
        key=tuned.key,
        unit=tuned.unit,
        low=f"{low:g}",
        high=f"{high:g}",
        default=f"{tuned.default:g}",
        now=f"{tuned.in_force:g}",
        chart=_chart(tuned, floor),
        heads=Markup("").join(heads),
        lines=Markup("").join(lines),
    )


def _now(tuned: Tuned, outcome: Outcome) -> Markup:
    return Markup(' class="now"') if outcome.value == tuned.in_force else Markup("")


def _chart(tuned: Tuned, floor: float) -> Markup:
    """Recall (solid, dots) and precision (dashed, squares) of the affected rules together, over the values tried."""
    values = [o.value for o in tuned.outcomes]
    span = (values[-1] - values[0]) or 1.0
    x: Callable[[float], float] = lambda value: _LEFT + (_W - _LEFT - _RIGHT) * (value - values[0]) / span
    y: Callable[[float], float] = lambda share: _TOP + (_H - _TOP - _FOOT) * (1 - share) / (1 - floor)
    parts = []
    for k in range(3):
        share = floor + (1 - floor) * k / 2
        parts += [
            _line(_LEFT, y(share), _W - _RIGHT, y(share), _GRID),
            _text(_LEFT - 6, y(share) + 4, f"{share:.3g}", "end"),
        ]
    parts.append(_line(x(tuned.in_force), _TOP, x(tuned.in_force), _H - _FOOT, _SOFT))
    parts += [_text(x(v), _H - _FOOT + 16, _shown(v), "middle") for v in _apart(values, x)]
    parts.append(_text((_LEFT + _W - _RIGHT) / 2, _H - 6, tuned.unit, "middle"))
    scores = [tuned.of_rules(o) for o in tuned.outcomes]
    for shares, colour, dashes in (
        ([s.precision for s in scores], _PRECISION, Markup(' stroke-dasharray="5 4"')),
        ([s.recall for s in scores], _RECALL, Markup("")),
    ):
        dots = [(x(v), y(s)) for v, s in zip(values, shares, strict=True) if s is not None]
        parts += [_line(*a, *b, colour, 2, dashes) for a, b in pairwise(dots)]
        parts += [_mark(*dot, colour, square=bool(dashes)) for dot in dots]
    title = f"{tuned.key}：查准率与查全率"
    svg = Markup('<svg role="img" aria-label="{}" viewBox="0 0 {} {}">{}</svg>')
    return svg.format(title, _W, _H, Markup("").join(parts))


def _apart(values: Sequence[float], x: Callable[[float], float]) -> list[float]:
    """The values whose labels have room beside the one before."""
    kept: list[float] = []
    for value in values:
        if not kept or x(value) - x(kept[-1]) >= _LABEL_W:
            kept.append(value)
    return kept


def _line(x1: float, y1: float, x2: float, y2: float, colour: str, width: int = 1, more: str = "") -> Markup:
    shape = Markup('<line x1="{:.1f}" y1="{:.1f}" x2="{:.1f}" y2="{:.1f}" stroke="{}" stroke-width="{}"{}/>')
    return shape.format(x1, y1, x2, y2, colour, width, more)


def _text(x: float, y: float, words: str, anchor: str) -> Markup:
    return Markup('<text x="{:.1f}" y="{:.1f}" text-anchor="{}" fill="{}">{}</text>').format(x, y, anchor, _INK, words)


def _mark(x: float, y: float, colour: str, *, square: bool) -> Markup:
    if square:
        return Markup(
            '<rect x="{:.1f}" y="{:.1f}" width="7" height="7" fill="#fff" stroke="{}" stroke-width="2"/>'
        ).format(x - 3.5, y - 3.5, colour)
    return Markup('<circle cx="{:.1f}" cy="{:.1f}" r="3.5" fill="{}"/>').format(x, y, colour)
