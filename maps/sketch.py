"""A trip's map drawn for paper: the layers and looks of the screen as SVG, without any text from outside."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from maps.layers import Area, Bounds, Line, Path6, Place
from maps.styles import Style, style_of
from maps.track import runs
from maps.trip_page import TripMap

WIDTH, HEIGHT, MARGIN = 760.0, 330.0, 26.0
_M_PER_DEG = 111_195.0
#: What is drawn is at least so wide, degrees: a stop is not blown up to fill the paper.
_LEAST_DEG = 0.006


class _Sheet:
    """Degrees to points on the paper, north up."""

    def __init__(self, bounds: Bounds) -> None:
        west, south, east, north = bounds
        self.shrink = math.cos(math.radians((south + north) / 2))
        wide, high = max(east - west, _LEAST_DEG) * self.shrink, max(north - south, _LEAST_DEG)
        self.scale = min((WIDTH - 2 * MARGIN) / wide, (HEIGHT - 2 * MARGIN) / high)
        self.mid = ((west + east) / 2, (south + north) / 2)

    def at(self, lon: float, lat: float) -> tuple[float, float]:
        x = WIDTH / 2 + (lon - self.mid[0]) * self.shrink * self.scale
        return round(x, 1), round(HEIGHT / 2 - (lat - self.mid[1]) * self.scale, 1)

    def path(self, places: Iterable[tuple[float, float]]) -> str:
        return "M" + "L".join(f"{x} {y}" for x, y in (self.at(*place) for place in places))


def trip_sketch(data: TripMap, case_id: str = "") -> str:
    """The map of a trip as SVG.

    Args:
        data: as for the page.
        case_id: the violation that fills the picture; none: the whole trip.
    """
    track = data.track.positions().tolist()
    case = next((c for c in data.cases if c.violation_id == case_id), None)
    sheet = _Sheet(data.bounds)
    parts: list[tuple[int, str]] = []
    for layer in data.layers:
        for feature in layer.features if layer.shown else ():
            style = style_of(feature.style)
            parts += [(style.order, part) for part in _feature(sheet, feature, style)]
    spans = [(c.start_ms, c.end_ms) for c in data.cases]
    for run in runs(data.track, spans, data.gap_ms):
        places = [(x, y) for x, y in track[run.first : run.last + 1]]
        keys = [data.cases[n].style for n in run.cases] or ["track.gap" if run.gap else "track.normal"]
        parts += [(look.order, _stroke(sheet.path(places), look)) for look in map(style_of, keys)]
    for mark in data.stops:
        x, y = sheet.at(mark.lon, mark.lat)
        parts.append((70, f'<circle cx="{x}" cy="{y}" r="4" fill="#fff" stroke="#1d242c" stroke-width="1.4"/>'))
    if case:
        x, y = sheet.at(case.lon, case.lat)
        parts.append((90, f'<circle cx="{x}" cy="{y}" r="9" fill="none" stroke="#b3261e" stroke-width="2.2"/>'))
    drawn = "".join(part for _, part in sorted(parts, key=lambda p: p[0]))
    frame = f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#f8f7f4" stroke="#c9d1d8"/>'
    clip = f'<clipPath id="c"><rect width="{WIDTH}" height="{HEIGHT}"/></clipPath>'
    size = f'viewBox="0 0 {WIDTH:.0f} {HEIGHT:.0f}" width="{WIDTH:.0f}" height="{HEIGHT:.0f}"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {size}>{clip}{frame}'
        f'<g clip-path="url(#c)" stroke-linejoin="round">{drawn}</g>{_scale_bar(sheet)}</svg>'
    )


def _feature(sheet: _Sheet, feature: Line | Area | Place, style: Style) -> list[str]:
    if isinstance(feature, Place):
        x, y = sheet.at(feature.lon, feature.lat)
        return [f'<circle cx="{x}" cy="{y}" r="3" fill="{style.colour}"/>']
    if isinstance(feature, Line):
        return [_stroke(sheet.path(_places(path)), style) for path in feature.paths if len(path) > 2]
    fill = feature.fill or style.fill or "none"
    opacity = style.fill_opacity if fill != "none" else 0
    rings = [sheet.path(_places(ring)) + "Z" for polygon in feature.polygons for ring in polygon]
    edge = f'stroke="{style.colour}" stroke-width="{min(style.width, 1.5)}"'
    return [f'<path d="{"".join(rings)}" fill="{fill}" fill-opacity="{opacity}" fill-rule="evenodd" {edge}/>']


def _stroke(path: str, style: Style) -> str:
    dashes = f' stroke-dasharray="{" ".join(map(str, style.dash))}"' if style.dash else ""
    return f'<path d="{path}" fill="none" stroke="{style.colour}" stroke-width="{style.width * 0.7:.1f}"{dashes}/>'


def _places(path: Path6) -> list[tuple[float, float]]:
    found, x, y = [], 0, 0
    for dx, dy in zip(path[::2], path[1::2], strict=True):
        x, y = x + dx, y + dy
        found.append((x / 1e6, y / 1e6))
    return found


def _scale_bar(sheet: _Sheet) -> str:
    """A bar of a round length with its label, and north."""
    steps: Sequence[int] = (50, 100, 200, 500, 1000, 2000, 5000, 10_000)
    points_per_m = sheet.scale / _M_PER_DEG
    metres = max((m for m in steps if m * points_per_m <= 150), default=steps[0])
    right, y = WIDTH - 16, HEIGHT - 14
    left = right - metres * points_per_m
    label = f"{metres} m" if metres < 1000 else f"{metres // 1000} km"
    return (
        f'<path d="M{left:.1f} {y - 5}V{y}H{right}V{y - 5}" fill="none" stroke="#1d242c" stroke-width="1.2"/>'
        f'<text x="{(left + right) / 2:.1f}" y="{y - 5}" font-size="10" text-anchor="middle" fill="#1d242c" '
        f'font-family="Noto Sans CJK SC">{label}</text>'
    )
