"""Text on paper maps: labels that keep out of each other's way, a scale in metres, and fonts that have every letter.

Nothing of a text is read as mathematics, and a character that no font has is written as its code.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.patheffects import withStroke

from reports.fonts import Fonts
from reports.visible import shown

Label = tuple[int, str, float, float, float]  # priority, text, lon, lat in degrees, room for its mark in points
HALO = "#ffffff"
M_PER_DEG = 111_195.0
_LABEL_LONG = 24
_SCALES_M = (50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000)


def written(axes: Axes, x: float, y: float, text: str, fonts: Fonts | None, **more: Any) -> Any:
    """Text in axes, as text."""
    return axes.text(x, y, fit(text, fonts), parse_math=False, **more)


def fit(text: str, fonts: Fonts | None) -> str:
    """The text as these fonts can show it."""
    plain = shown(text)
    return fonts.fit(plain, "sans") if fonts else plain


def place_labels(axes: Axes, labels: Iterable[Label], fonts: Fonts | None) -> None:
    """The weightier label stays; a lesser one that finds no free side is left out."""
    figure = axes.figure
    assert isinstance(figure, Figure)
    canvas = figure.canvas
    assert isinstance(canvas, FigureCanvasAgg)
    view, renderer = axes.get_window_extent(), canvas.get_renderer()  # type: ignore[no-untyped-call]
    labels = list(labels)
    taken: list[tuple[float, float, float, float]] = []
    px = figure.dpi / 72
    for priority, _, lon, lat, gap in labels:
        if gap and priority >= 40:
            x, y = axes.transData.transform((lon, lat))
            taken.append((x - gap * px, y - gap * px, x + gap * px, y + gap * px))
    for priority, text, lon, lat, gap in sorted(labels, key=lambda item: -item[0]):
        big = priority >= 100
        halo = [withStroke(linewidth=2.2, foreground=HALO)]
        drawn = written(
            axes, lon, lat, text if len(text) <= _LABEL_LONG else text[: _LABEL_LONG - 1] + "…", fonts,
            fontsize=8.2 if big else 6.8, color="#111111", fontweight="bold" if big else "normal", zorder=95,
            path_effects=halo, ha="left", va="bottom", clip_on=True,
        )  # fmt: skip
        if big:
            drawn.set_bbox({"facecolor": "#ffffff", "edgecolor": "#0b3d2e", "lw": 0.7, "pad": 1.2})
        box = drawn.get_window_extent(renderer)
        w, h = box.width + (4 if big else 1), box.height + (4 if big else 0)
        x, y = axes.transData.transform((lon, lat))
        g = gap * px
        sides = [(g, -h / 2), (-g - w, -h / 2), (-w / 2, g), (-w / 2, -g - h)]
        sides += [(g, g), (g, -g - h), (-g - w, g), (-g - w, -g - h)]
        if not gap:
            sides = [(-w / 2, -h / 2), (-w / 2, h * 0.6), (-w / 2, -h * 1.6), (w * 0.1, -h / 2), (-w * 1.1, -h / 2)]
        boxes = [(x + dx, y + dy, x + dx + w, y + dy + h) for dx, dy in sides]
        inside = [b for b in boxes if b[0] >= view.x0 and b[1] >= view.y0 and b[2] <= view.x1 and b[3] <= view.y1]
        free = next((b for b in inside if not any(_hit(b, t) for t in taken)), None)
        if free is None:
            drawn.remove()
            continue
        taken.append(free)
        drawn.set_position(axes.transData.inverted().transform((free[0], free[1])))


def _hit(a: tuple[float, float, float, float], b: tuple[float, float, float, float]) -> bool:
    return a[0] < b[2] and a[2] > b[0] and a[1] < b[3] and a[3] > b[1]


def draw_scale(axes: Axes, lat: float) -> None:
    """A bar of round metres at the lower left, and north."""
    west, east = axes.get_xlim()
    south, north = axes.get_ylim()
    per_m = 1 / (M_PER_DEG * math.cos(math.radians(lat)))
    length = max((m for m in _SCALES_M if m * per_m <= (east - west) * 0.22), default=_SCALES_M[0])
    x, y = west + (east - west) * 0.02, south + (north - south) * 0.03
    high = (north - south) * 0.012
    for n, colour in enumerate(("#222222", "#ffffff")):
        half = length / 2 * per_m
        bar = Rectangle((x + n * half, y), half, high, facecolor=colour, edgecolor="#222222", lw=0.6, zorder=98)
        axes.add_patch(bar)
    halo = [withStroke(linewidth=2, foreground=HALO)]
    said = f"{length} m" if length < 1000 else f"{length // 1000} km（{length} m）"
    axes.text(x, y + high * 1.6, f"0 — {said}", fontsize=6.6, zorder=98, path_effects=halo, parse_math=False)
    axes.annotate(
        "北", (0.975, 0.97), (0.975, 0.90), xycoords="axes fraction", ha="center", va="center", fontsize=7.5, zorder=98,
        arrowprops={"arrowstyle": "-|>", "color": "#222222", "lw": 1.1},
    )  # fmt: skip
