"""Layers on paper: matplotlib draws what the screen's script draws, to the same table of styles, without a browser.

Text is text: nothing of it is read as mathematics, and what fonts lack is written as its code.
"""

from __future__ import annotations

import io
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path as File
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_pdf import PdfPages
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.font_manager import fontManager
from matplotlib.lines import Line2D
from matplotlib.patches import PathPatch, Rectangle
from matplotlib.path import Path
from matplotlib.patheffects import Normal, withStroke
from PIL import Image

from maps.layers import Area, Bounds, Layer, Line, Path6, Place, decode, touches
from maps.paper_text import HALO, Label, draw_scale, fit, place_labels
from maps.styles import STYLES, Style, style_of
from reports.fonts import Fonts, FontsMissing, find_fonts

_MM = 1 / 25.4
#: Screens have 96 dots an inch, points are 72: what is so many pixels wide is so many points on paper.
_PT = 0.62
_MARKERS: dict[str, Any] = {
    "circle": "o", "square": "s", "triangle": "^", "diamond": "D", "hexagon": "h", "star": "*", "plus": "+",
    "cross": "P", "x": "x", "ring": "o", "dot": "o", "pin": "s",
}  # fmt: skip
#: Styles that are marks and nothing else, by the first part of their key.
_PLACES = ("site", "suspect", "stop", "stray", "loaded", "dumped", "dumping", "fix", "patrol")
_OPEN = ("x", "plus", "ring")


@dataclass(frozen=True)
class Sheet:
    """A drawing: layers low to high, the box shown (degrees) and what is written around it."""

    layers: tuple[Layer, ...]
    bounds: Bounds
    title: str = ""
    subtitle: str = ""
    notes: tuple[str, ...] = ()
    legend: tuple[str, ...] | None = None  # styles; default: all that are drawn


def draw_map(axes: Axes, sheet: Sheet, fonts: Fonts | None = None) -> list[str]:
    """Draws the layers with labels and a scale into axes of a figure; gives the styles that were used."""
    west, south, east, north = _filled(axes, sheet.bounds)
    axes.set_xlim(west, east)
    axes.set_ylim(south, north)
    axes.set_aspect("auto")
    axes.set_xticks([])
    axes.set_yticks([])
    axes.set_facecolor("#f8f7f4")
    used: list[str] = []
    labels: list[Label] = []
    view = (west, south, east, north)
    features = [f for layer in sheet.layers if layer.shown for f in layer.features if touches(f, view)]
    in_order = sorted(features, key=lambda f: style_of(f.style).order)
    for (kind, key), alike in groupby(in_order, key=lambda f: (type(f), f.style)):
        own, style = list(alike), style_of(key)
        if key not in used:
            used.append(key)
        if kind is Line:  # one artist for all that looks the same: artists are what drawing costs
            _lines(axes, [path for f in own if isinstance(f, Line) for path in f.paths], style)
        elif kind is Place:
            places = [(f.lon, f.lat) for f in own if isinstance(f, Place)]
            _mark(axes, [lon for lon, _ in places], [lat for _, lat in places], style, 1.0)
        else:
            for area in own:
                _area(axes, area, style) if isinstance(area, Area) else None
    for feature in in_order:
        style = style_of(feature.style)
        if isinstance(feature, Line) or not feature.label:
            continue
        at = feature.at if isinstance(feature, Area) else (feature.lon, feature.lat)
        if at and west <= at[0] <= east and south <= at[1] <= north:
            gap = style.size * _PT + 2 if isinstance(feature, Place) else 0.0
            labels.append((feature.priority, feature.label, at[0], at[1], gap))
    place_labels(axes, labels, fonts)
    draw_scale(axes, (south + north) / 2)
    return used


def draw_legend(axes: Axes, styles: Sequence[str], fonts: Fonts | None = None, columns: int = 1) -> None:
    """The looks with their names, highest drawn first, in as many columns."""
    axes.set_axis_off()
    axes.set_xlim(0, columns)
    order = [key for key in STYLES if key in styles]
    order.sort(key=lambda key: -style_of(key).order)
    rows = max(1, -(-len(order) // columns))
    axes.set_ylim(rows, 0)
    for n, key in enumerate(order):
        x, y, style = n // rows, n % rows + 0.5, style_of(key)
        if style.fill and 0 < style.fill_opacity < 0.9 and key.split(".")[0] not in _PLACES:
            box = Rectangle((x + 0.02, y - 0.28), 0.11, 0.56, facecolor=style.fill, edgecolor=style.colour, lw=0.8)
            axes.add_patch(box)
        elif key.split(".")[0] in _PLACES and key != "patrol.way":
            _mark(axes, [x + 0.075], [y], style, 0.8)
        else:
            line = Line2D([x + 0.01, x + 0.14], [y, y], color=style.colour, lw=style.width * _PT, ls=_dash(style))
            axes.add_line(line)
            if key.startswith("rule."):
                _mark(axes, [x + 0.075], [y], style, 0.8)
        axes.text(x + 0.165, y, fit(style.label, fonts), va="center", fontsize=7.2, parse_math=False)


def figure_of(width_mm: float, height_mm: float) -> tuple[Figure, Fonts | None]:
    """An empty figure with the Chinese fonts of this machine, if it has any."""
    try:
        fonts = find_fonts()
    except FontsMissing:
        fonts = None
    families = list(fonts.families["sans"]) if fonts else []
    _register(fonts)
    with matplotlib.rc_context({"font.family": families or ["sans-serif"]}):
        figure = Figure(figsize=(width_mm * _MM, height_mm * _MM), dpi=100)
    FigureCanvasAgg(figure)
    return figure, fonts


def map_png(sheet: Sheet, width_mm: float = 156, height_mm: float = 118, dpi: int = 200) -> bytes:
    """A map with its legend below, for a report, as PNG."""
    figure, fonts = figure_of(width_mm, height_mm)
    with _written(fonts):
        legend_mm = 28.0
        axes = figure.add_axes((0.004, legend_mm / height_mm, 0.992, 1 - legend_mm / height_mm - 0.005))
        used = draw_map(axes, sheet, fonts)
        below = figure.add_axes((0.01, 0.0, 0.98, (legend_mm - 1.5) / height_mm))
        draw_legend(below, sheet.legend or used, fonts, columns=4)
        return png_of(figure, dpi)


def png_of(figure: Figure, dpi: int = 200) -> bytes:
    """The figure as PNG of 256 colours; the same figure gives the same bytes."""
    canvas = figure.canvas
    assert isinstance(canvas, FigureCanvasAgg)
    figure.set_dpi(dpi)
    canvas.draw()  # type: ignore[no-untyped-call]
    pixels, size = canvas.buffer_rgba(), canvas.get_width_height()  # type: ignore[no-untyped-call]
    drawn = Image.frombuffer("RGBA", size, pixels, "raw", "RGBA", 0, 1).convert("RGB")
    few = drawn.quantize(256, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    out = io.BytesIO()
    few.save(out, format="PNG", optimize=True, dpi=(dpi, dpi))
    return out.getvalue()


def write_pdf(figures: Iterable[Figure], file: File) -> File:
    """Writes figures as the pages of one PDF, whole or not at all; the same figures give the same bytes."""
    aside = file.with_name(f".{file.name}.part")
    told = {"CreationDate": None, "Creator": "muckwatch", "Producer": None}
    with matplotlib.rc_context({"pdf.fonttype": 3}), PdfPages(aside, metadata=told) as pages:
        for figure in figures:
            pages.savefig(figure)
    aside.replace(file)
    return file


def _written(fonts: Fonts | None) -> Any:
    families = list(fonts.families["sans"]) if fonts else ["sans-serif"]
    return matplotlib.rc_context({"font.family": families})


def font_context(fonts: Fonts | None) -> Any:
    """Within it, new text is set in the fonts found."""
    return _written(fonts)


def _register(fonts: Fonts | None) -> None:
    """Tells matplotlib of files that it has not found by itself."""
    known = {entry.fname for entry in fontManager.ttflist}
    for family in fonts.families["sans"] if fonts else ():
        for file, _, _ in fonts.faces[family] if fonts else ():
            if str(file) not in known:
                fontManager.addfont(str(file))
                known.add(str(file))


def _dash(style: Style) -> Any:
    width = max(style.width * _PT, 0.5)
    return (0, tuple(max(d * _PT / width, 0.4) for d in style.dash)) if style.dash else "solid"


def _lines(axes: Axes, paths: Sequence[Path6], style: Style) -> None:
    segments = [decode(path) for path in paths]
    cap = "butt" if style.dash else "round"
    axes.add_collection(
        LineCollection(segments, colors=style.colour, linewidths=style.width * _PT, linestyles=[_dash(style)],
                       capstyle=cap, zorder=style.order), autolim=False,
    )  # fmt: skip


def _area(axes: Axes, area: Area, style: Style) -> None:
    for rings in area.polygons:
        vertices: list[tuple[float, float]] = []
        codes: list[Any] = []
        for ring in rings:
            points = decode(ring)
            vertices += points
            codes += [Path.MOVETO, *[Path.LINETO] * (len(points) - 2), Path.CLOSEPOLY]
        fill = area.fill or style.fill
        shape = Path(np.array(vertices), codes)
        if fill:
            axes.add_patch(PathPatch(shape, facecolor=fill, alpha=style.fill_opacity, lw=0, zorder=style.order))
        edge = {"edgecolor": style.colour, "lw": style.width * _PT, "ls": _dash(style)}
        axes.add_patch(PathPatch(shape, facecolor="none", zorder=style.order + 0.1, **edge))


def _mark(axes: Axes, x: Sequence[float], y: Sequence[float], style: Style, share: float) -> None:
    open_shape = style.shape in _OPEN
    size = style.size * 2 * _PT * share * (0.55 if style.shape == "dot" else 1.0)
    width = min(style.width, 3) * _PT
    own_edge = open_shape or style.shape == "pin" or style.fill.lower() in ("", "#ffffff")
    edge = style.colour if own_edge else "#222222"
    halo = [withStroke(linewidth=width + 1.6, foreground=HALO), Normal()]
    line = Line2D(
        x, y, marker=_MARKERS[style.shape], ms=size, ls="none", mec=edge,
        mew=width if open_shape else max(0.6, width / 2), path_effects=halo, zorder=style.order,
        mfc="none" if open_shape else style.fill or style.colour,
    )  # fmt: skip
    axes.add_line(line)


def _filled(axes: Axes, bounds: Bounds) -> Bounds:
    """The box widened to the shape of the axes, so that a metre is as long in both directions, with a margin."""
    west, south, east, north = bounds
    figure = axes.figure
    assert isinstance(figure, Figure)
    place = axes.get_position()
    shape = (place.width * figure.get_figwidth()) / (place.height * figure.get_figheight())
    middle = (south + north) / 2
    shrink = math.cos(math.radians(middle))
    wide, tall = max((east - west) * shrink, 0.004) * 1.08, max(north - south, 0.004) * 1.08
    wide, tall = max(wide, tall * shape), max(tall, wide / shape)
    x = (west + east) / 2
    return (x - wide / shrink / 2, middle - tall / 2, x + wide / shrink / 2, middle + tall / 2)
