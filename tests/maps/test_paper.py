"""Maps on paper: drawn from the same layers, labels apart, text as text, the same bytes each time."""

from __future__ import annotations

import io
from dataclasses import replace
from itertools import pairwise

import map_town
import matplotlib
import numpy as np
import pytest
from map_browser import HOSTILE
from PIL import Image

from maps.layers import Layer, Line, Place, encode
from maps.paper import Sheet, draw_map, figure_of, font_context, map_png
from maps.patrol_paper import in_lines
from maps.pictures import week_picture
from maps.styles import HOT_STEPS, STYLES

BOX = (map_town.LON - 0.005, map_town.LAT - 0.02, map_town.LON + 0.1, map_town.LAT + 0.03)


def drawn(layers: tuple[Layer, ...]) -> tuple[list[str], list[str]]:
    """The styles used and the texts on the map."""
    figure, fonts = figure_of(156, 112)
    with font_context(fonts):
        axes = figure.add_axes((0, 0, 1, 1))
        used = draw_map(axes, Sheet(layers, BOX), fonts)
        return used, [text.get_text() for text in axes.texts]


def test_a_week_is_drawn_with_everything_that_is_shown() -> None:
    png = week_picture(map_town.week())
    pixels = np.asarray(Image.open(io.BytesIO(png)).convert("L"))
    assert pixels.shape[1] == pytest.approx(156 / 25.4 * 200, abs=2) and len(png) < 300_000
    assert (pixels < 128).mean() > 0.005 and len(np.unique(pixels)) > 20


def test_the_same_sheet_gives_the_same_bytes() -> None:
    sheet = Sheet(map_town.ground(), BOX)
    assert map_png(sheet) == map_png(sheet)


def test_text_from_outside_stays_text_on_paper() -> None:
    texts = [*HOSTILE, "$x^2$ \\frac{1}{0}", "{{7*7}}", "垚赟珺", "\u202eabc", "a\nb"]
    places = tuple(
        Place("stop", BOX[0] + 0.004 * (n + 1), BOX[1] + 0.002 * (n + 1), text, label=text, priority=50)
        for n, text in enumerate(texts)
    )
    _, told = drawn((Layer("x", "x", places),))
    joined = " ".join(told)
    assert "$x^2$" in joined and "{{7*7}}" in joined and "[U+202E]abc" in joined and "\n" not in joined
    week_picture(replace(map_town.week(" ".join(HOSTILE)), title=HOSTILE[0]))


def test_labels_never_lie_on_each_other() -> None:
    places = tuple(
        Place("stop", BOX[0] + 0.05, BOX[1] + 0.02, "x", label=f"{n} 号停车点", priority=50 + n) for n in range(20)
    )
    figure, fonts = figure_of(156, 112)
    with font_context(fonts):
        axes = figure.add_axes((0, 0, 1, 1))
        draw_map(axes, Sheet((Layer("x", "x", places),), BOX), fonts)
        renderer = figure.canvas.get_renderer()  # type: ignore[attr-defined]
        boxes = [t.get_window_extent(renderer) for t in axes.texts if "停车点" in t.get_text()]
        names = [t.get_text() for t in axes.texts]
    assert 2 <= len(boxes) < 20 and "19 号停车点" in names  # the weightiest stays
    for i, a in enumerate(boxes):
        for b in boxes[i + 1 :]:
            assert a.x1 <= b.x0 + 1 or b.x1 <= a.x0 + 1 or a.y1 <= b.y0 + 1 or b.y1 <= a.y0 + 1


def test_what_lies_outside_the_view_is_not_in_the_legend() -> None:
    away = Layer("away", "away", (Line("road", (encode([(10.0, 10.0), (11.0, 11.0)]),)),))
    used, _ = drawn((away, Layer("x", "x", (Place("stop", BOX[0] + 0.05, BOX[1] + 0.02),))))
    assert used == ["stop"]


def test_the_scale_is_as_long_as_it_says() -> None:
    figure, fonts = figure_of(156, 112)
    with font_context(fonts):
        axes = figure.add_axes((0, 0, 1, 1))
        draw_map(axes, Sheet((), BOX), fonts)
    halves = [p for p in axes.patches if p.get_height() < 0.01]  # type: ignore[attr-defined]
    metres = sum(p.get_width() for p in halves) * 111_195 * np.cos(np.radians(map_town.LAT))  # type: ignore[attr-defined]
    (said,) = [t.get_text() for t in axes.texts if "0 — " in t.get_text()]
    told = float(said.removeprefix("0 — ").split()[0]) * (1000 if "km" in said else 1)
    assert metres == pytest.approx(told, rel=0.01)


def test_classes_can_be_told_apart_without_colour() -> None:
    hot = [STYLES[key] for _, key in HOT_STEPS]
    assert all(b.width - a.width >= 2 for a, b in pairwise(hot))
    worse, better = STYLES["change.worse"], STYLES["change.better"]
    assert worse.dash != better.dash and worse.width != better.width


#: What a deuteranope and a protanope see of linear RGB (Viénot, Brettel and Mollon 1999).
_SEEN = {
    "deuteranopia": [[0.29275, 0.70725, 0], [0.29275, 0.70725, 0], [-0.02234, 0.02234, 1]],
    "protanopia": [[0.11238, 0.88762, 0], [0.11238, 0.88762, 0], [0.00401, -0.00401, 1]],
}


@pytest.mark.parametrize("kind", _SEEN)
def test_neighbouring_classes_differ_for_the_colour_blind(kind: str) -> None:
    """Hot classes by lightness, worse from better by hue: at least 20 of 255 apart somewhere."""

    def seen(colour: str) -> np.ndarray:
        linear = np.array(matplotlib.colors.to_rgb(colour)) ** 2.2
        return np.clip(np.array(_SEEN[kind]) @ linear, 0, 1) ** (1 / 2.2) * 255

    pairs = [("hot.1", "hot.2"), ("hot.2", "hot.3"), ("change.worse", "change.better"), ("patrol", "hot.3")]
    for a, b in pairs:
        first, second = (seen(STYLES[key].fill or STYLES[key].colour) for key in (a, b))
        assert np.abs(first - second).max() >= 20, (a, b)


def test_lines_break_between_words_and_keep_figures_whole() -> None:
    lines = in_lines("各日 20:00–21:20 共有 15 起疑似违规经过此处", 8)
    assert "".join(lines).replace(" ", "") == "各日20:00–21:20共有15起疑似违规经过此处"
    assert any("20:00–21:20" in line for line in lines) and all(len(line) <= 16 for line in lines)
