"""One A4 page an inspection: its map, its table of stops with the sentences, to be taken along in the car."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from maps.layers import Bounds, Layer
from maps.paper import Sheet, draw_legend, draw_map, figure_of, font_context, png_of
from maps.paper_text import written
from maps.patrol_layer import patrol_layer
from reports.fonts import Fonts
from reports.patrol.model import Checkpoint, Inspection, PatrolPlan
from reports.patrol.words import day_text

A4_MM = (210.0, 297.0)
#: Least height and width of what is shown, degrees: some 4 km, so that the way there can be found.
_AROUND_DEG = 0.02
#: Characters of a line and size of the letters, of each column of the table.
_SHAPES = ((4, 12.0), (12, 9.0), (15, 8.0), (34, 7.6))


@dataclass(frozen=True)
class PatrolSheets:
    """A plan on the layers that it stands on."""

    plan: PatrolPlan
    ground: tuple[Layer, ...]
    zone: ZoneInfo

    def page(self, inspection: Inspection) -> Figure:
        """The page of one inspection."""
        figure, fonts = figure_of(*A4_MM)
        with font_context(fonts):
            whole = figure.add_axes((0, 0, 1, 1))
            whole.set_axis_off()
            whole.set_xlim(0, A4_MM[0])
            whole.set_ylim(A4_MM[1], 0)
            self._head(whole, inspection, fonts)
            axes = figure.add_axes((15 / 210, 1 - 172 / 297, 180 / 210, 130 / 297))
            used = draw_map(axes, self._sheet(inspection), fonts)
            legend = figure.add_axes((15 / 210, 1 - 192 / 297, 180 / 210, 18 / 297))
            draw_legend(legend, used, fonts, columns=4)
            self._table(whole, inspection, fonts)
            foot = (
                "内部使用。点位和时段由系统按近期疑似线索建议，具体由带队单位确定；虚线只表示先后次序，不是行驶路线。"
            )
            written(whole, 15, 288, foot, fonts, fontsize=7, color="#555555", va="center")
        return figure

    def png(self, inspection: Inspection, dpi: int = 200) -> bytes:
        """The map of one inspection with its legend, for the report."""
        figure, fonts = figure_of(156, 100)
        with font_context(fonts):
            axes = figure.add_axes((0.004, 0.17, 0.992, 0.825))
            used = draw_map(axes, self._sheet(inspection), fonts)
            draw_legend(figure.add_axes((0.01, 0.0, 0.98, 0.155)), used, fonts, columns=4)
            return png_of(figure, dpi)

    def _sheet(self, inspection: Inspection) -> Sheet:
        lons, lats = ([getattr(c, axis) for c in inspection.checkpoints] for axis in ("lon", "lat"))
        return Sheet((*self.ground, patrol_layer([inspection], self.zone)), _around(lons, lats))

    def _head(self, axes: Axes, inspection: Inspection, fonts: Fonts | None) -> None:
        week = self.plan.week
        title = f"联合检查任务单　{week.year} 年第 {week.number} 周第 {inspection.number} 次"
        written(axes, 15, 20, title, fonts, fontsize=17, fontweight="bold", va="center")
        when = f"{day_text(inspection.day)}　{inspection.hours(self.zone)}　参加单位：{'、'.join(inspection.agencies)}"
        written(axes, 15, 29.5, when, fonts, fontsize=11, va="center")
        hope = f"预计可遇疑似违规 {inspection.expected:.1f} 起（{inspection.expected_points:.0f} 分）"
        written(axes, 15, 37, hope, fonts, fontsize=9.5, va="center", color="#333333")

    def _table(self, axes: Axes, inspection: Inspection, fonts: Fonts | None) -> None:
        top = 199.0
        columns = (15, 25, 52, 102)
        heads = ("站", "时段", "点位与参加单位", "为什么在这里")
        for x, text in zip(columns, heads, strict=True):
            written(axes, x, top, text, fonts, fontsize=9, fontweight="bold", va="center")
        y = top + 4
        each = min(28.0, 76.0 / max(1, len(inspection.checkpoints)))
        for stop in inspection.checkpoints:
            axes.plot([15, 195], [y, y], color="#888888", lw=0.6)
            for x, text, (wide, size) in zip(columns, self._cells(stop), _SHAPES, strict=True):
                lines = [line for part in text.split("\n") for line in in_lines(part, wide)]
                _block(axes, x, y + 2.2, lines, fonts, size)
            y += each
        axes.plot([15, 195], [y, y], color="#888888", lw=0.6)

    def _cells(self, stop: Checkpoint) -> tuple[str, str, str, str]:
        where = f"{stop.place}\n{stop.district}\n{stop.lon:.5f}, {stop.lat:.5f}"
        hours = stop.hours(self.zone).replace("–", "–\n")
        return str(stop.number), hours, f"{where}\n{'、'.join(stop.agencies)}", stop.reason


def _block(axes: Axes, x: float, y: float, lines: list[str], fonts: Fonts | None, size: float) -> None:
    """Lines one below the other, each text by itself, so that nothing in it can make a line of its own."""
    for n, line in enumerate(lines):
        written(axes, x, y + n * size * 0.47, line, fonts, fontsize=size, va="top")


def _around(lons: list[float], lats: list[float]) -> Bounds:
    x, y = (min(lons) + max(lons)) / 2, (min(lats) + max(lats)) / 2
    wide = max((max(lons) - min(lons)) * 1.25, _AROUND_DEG) / 2
    tall = max((max(lats) - min(lats)) * 1.25, _AROUND_DEG * 0.75) / 2
    return (x - wide, y - tall, x + wide, y + tall)


def in_lines(text: str, wide: int) -> list[str]:
    """A text in lines of at most `wide` Chinese characters, a Latin one counting half; figures stay whole."""
    lines, line, room = [], "", 2 * wide
    for part in re.findall(r"[0-9A-Za-z.:–]+|.", text):
        size = sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in part)
        if size > room and line:
            lines.append(line.rstrip(" "))
            line, room = "", 2 * wide
        if part == " " and not line:
            continue  # no line begins with the gap between a figure and its unit
        line, room = line + part, room - size
    return [*lines, line]
