"""The report's drawings: small SVG pictures from numbers, legible in black and white, with no script and no reference.

Every chart says by shape what it says by colour: solid, hatched, outlined, dashed. Sizes are CSS pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from markupsafe import Markup, escape

_INK, _SOFT, _GRID = "#1f2933", "#5b6770", "#d9dee3"
_SOLID, _PALE = "#1f4e79", "#9dbbd8"
_BAR_H, _ROW_H = 16, 26
_LABEL_W, _VALUE_W = 170, 150
_LABEL_LETTERS = 22
_CHART_W = 960
_STEPS = (1, 2, 5, 10)


def stacked_bars(title: str, rows: Sequence[tuple[str, tuple[int, int, int]]], legend: tuple[str, str, str]) -> Markup:
    """Horizontal bars of three parts: solid, hatched and outlined. One row a label; a long label is cut."""
    most = max((sum(parts) for _, parts in rows), default=0) or 1
    room = _CHART_W - _LABEL_W - _VALUE_W
    body = [_hatch()]
    for n, (label, parts) in enumerate(rows):
        y = 30 + n * _ROW_H
        body.append(_text(_LABEL_W - 10, y + 13, _short(label), anchor="end"))
        x = float(_LABEL_W)
        for part, style in zip(parts, ("solid", "hatched", "outlined"), strict=True):
            width = room * part / most
            if part:
                body.append(_bar(x, y, width, _BAR_H, style))
            x += width
        total = f"{sum(parts):,}" + (f"（{'＋'.join(f'{p:,}' for p in parts)}）" if sum(map(bool, parts)) > 1 else "")
        body.append(_text(x + 8, y + 13, total, color=_INK if sum(parts) else _SOFT))
    return _svg(title, _CHART_W, 36 + len(rows) * _ROW_H, [_legend(legend), *body])


def columns(
    title: str, labels: Sequence[str], values: Sequence[int], before: Sequence[int | None], legend: tuple[str, str]
) -> Markup:
    """Columns with a dashed line over them: this week's values and the week before's. None leaves a gap in the line."""
    height, top, left = 250, 34, 78
    bottom = height - 30
    most, step = _scale(max([*values, *(b for b in before if b is not None)], default=0))
    room = _CHART_W - left - 20
    slot = room / max(len(values), 1)
    up = (bottom - top) / most
    body = [_grid(left, bottom - tick * up, _CHART_W - 20, tick) for tick in range(0, most + 1, step)]
    with_line = any(b is not None for b in before)
    dots: list[tuple[float, float] | None] = []
    words = []
    for n, (label, value, old) in enumerate(zip(labels, values, before, strict=True)):
        middle = left + slot * (n + 0.5)
        wide = min(slot * 0.55, 64)
        body.append(_bar(middle - wide / 2, bottom - value * up, wide, value * up, "pale"))
        words.append(_text(middle, bottom + 18, label, anchor="middle"))
        at_y = bottom - 8 if with_line else bottom - value * up - 6  # at the foot, clear of the line
        words.append(_text(middle, at_y, f"{value:,}", anchor="middle", halo=True))
        dots.append(None if old is None else (middle, bottom - old * up))
    return _svg(title, _CHART_W, height, [_columns_legend(legend, with_line), *body, *_line(dots), *words])


def _short(label: str) -> str:
    """As much of a label as fits beside a bar; a Chinese character takes the room of two others."""
    used, kept = 0, ""
    for letter in label:
        used += 1 if letter.isascii() else 2
        if used > _LABEL_LETTERS:
            return kept + "…"
        kept += letter
    return kept


def _scale(most: int) -> tuple[int, int]:
    """A round top of an axis of counts and its step: at most five steps."""
    size = 1
    while most > 5 * 10 * size:
        size *= 10
    step = next(s * size for s in _STEPS if most <= 5 * s * size)
    return step * max(1, -(-most // step)), step


def _svg(title: str, width: int, height: int, parts: Sequence[str]) -> Markup:
    head = Markup(
        '<svg class="chart" role="img" viewBox="0 0 {} {}" aria-label="{}" xmlns="http://www.w3.org/2000/svg">'
    )
    return head.format(width, height, title) + Markup("").join(parts) + Markup("</svg>")


def _text(x: float, y: float, text: str, *, anchor: str = "start", color: str = _INK, halo: bool = False) -> Markup:
    style = Markup(' paint-order="stroke" stroke="#fff" stroke-width="3"') if halo else Markup("")
    return Markup('<text x="{:.1f}" y="{:.1f}" text-anchor="{}" fill="{}"{}>{}</text>').format(
        x, y, anchor, color, style, escape(text)
    )


def _bar(x: float, y: float, width: float, height: float, style: str) -> Markup:
    fill = {"solid": _SOLID, "hatched": "url(#hatch)", "outlined": "#fff", "pale": _PALE}[style]
    return Markup('<rect x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}" fill="{}" stroke="{}"/>').format(
        x, y, width, height, fill, _SOLID
    )


def _hatch() -> Markup:
    return Markup(
        '<defs><pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
        '<rect width="6" height="6" fill="#e3edf6"/><line x1="0" y1="0" x2="0" y2="6" stroke="{0}" stroke-width="3"/>'
        "</pattern></defs>"
    ).format(_SOLID)


def _legend(names: Sequence[str]) -> Markup:
    parts, x = [], float(_LABEL_W)
    for name, style in zip(names, ("solid", "hatched", "outlined"), strict=True):
        parts += [_bar(x, 4, 22, 12, style), _text(x + 28, 15, name, color=_SOFT)]
        x += 28 + 14 * len(name) + 24
    return Markup("").join(parts)


def _columns_legend(names: tuple[str, str], with_line: bool) -> Markup:
    parts = [_bar(78, 4, 22, 12, "pale"), _text(106, 15, names[0], color=_SOFT)]
    if with_line:
        parts += [*_line([(200.0, 10.0), (230.0, 10.0)]), _text(238, 15, names[1], color=_SOFT)]
    return Markup("").join(parts)


def _grid(x1: float, y: float, x2: float, tick: float) -> Markup:
    line = Markup('<line x1="{:.1f}" y1="{:.1f}" x2="{:.1f}" y2="{:.1f}" stroke="{}"/>').format(x1, y, x2, y, _GRID)
    return line + _text(x1 - 8, y + 4, f"{tick:,.0f}", anchor="end", color=_SOFT)


def _line(dots: Sequence[tuple[float, float] | None]) -> list[Markup]:
    """A dashed line through the dots, broken where there is none."""
    shape = Markup('<line x1="{:.1f}" y1="{:.1f}" x2="{:.1f}" y2="{:.1f}" stroke="{}" stroke-width="2" {}/>')
    dashed = Markup('stroke-dasharray="6 4"')
    drawn = [shape.format(*a, *b, _INK, dashed) for a, b in pairwise(dots) if a and b]
    marks = [
        Markup('<circle cx="{:.1f}" cy="{:.1f}" r="3.5" fill="#fff" stroke="{}" stroke-width="2"/>').format(*dot, _INK)
        for dot in dots
        if dot
    ]
    return drawn + marks
