"""Lays the invented city's roads: a river with two bridges, a ring, arterials and bent streets, all by seed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely

from sample_tracks.plane import Floats
from sample_tracks.roads import Network
from sample_tracks.style import PLAIN, Style


@dataclass
class Layout:
    """The bare city: roads, the river's line (metres), and the ring's centre and half-axes (metres)."""

    network: Network
    river: Floats
    ring_centre: tuple[float, float]
    ring_axes: tuple[float, float]
    style: Style = PLAIN


def lay_out(rng: np.random.Generator, style: Style = PLAIN) -> Layout:
    """Draws a city. The ring and the old town lie on one bank, two bridges lead to the other."""
    centre = (-style.ring_west_m + rng.uniform(-300, 300), rng.uniform(-400, 400))
    axes = (style.ring_m[0] + rng.uniform(-300, 200), style.ring_m[1] + rng.uniform(-300, 300))
    river = _river(rng, centre[0] + axes[0] + 1250.0, style)
    ring = _ring_points(rng, centre, axes)
    points = _junctions(rng, river, ring, centre, axes, style)
    network = Network()
    mirror = np.array([rng.choice([-1.0, 1.0]), rng.choice([-1.0, 1.0])])
    for x, y in points:
        network.add_node(x, y)
    _connect(network, rng, points, len(ring), river, centre, style)
    _mirror(network, mirror)
    network.lights = {i for i in range(len(points)) if network.degree(i) >= 3 and rng.random() < 0.4}
    return Layout(network, river * mirror, (centre[0] * mirror[0], centre[1] * mirror[1]), axes, style)


def _river(rng: np.random.Generator, x0: float, style: Style) -> Floats:
    y = np.linspace(-style.half_m[1] - 600, style.half_m[1] + 600, 60)
    phase, wave = rng.uniform(0, 2 * np.pi), rng.uniform(6500, 9500)
    x = (
        x0
        + rng.uniform(280, 420) * np.sin(2 * np.pi * y / wave + phase)
        + 90 * np.sin(2 * np.pi * y / 3100 + 2 * phase)
    )
    return np.column_stack([x, y])


def _ring_points(rng: np.random.Generator, centre: tuple[float, float], axes: tuple[float, float]) -> Floats:
    turn = np.linspace(0, 2 * np.pi, 17)[:-1] + rng.uniform(-0.06, 0.06, 16)
    return np.column_stack([centre[0] + axes[0] * np.cos(turn), centre[1] + axes[1] * np.sin(turn)])


def _junctions(
    rng: np.random.Generator, river: Floats, ring: Floats, centre: tuple[float, float], axes: tuple[float, float],
    style: Style,
) -> Floats:  # fmt: skip
    """Ring junctions first, then a denser old town, then the rest; none close to another or to the river."""
    kept = [tuple(p) for p in ring]
    water = shapely.LineString(river)

    def offer(spacing_m: float, near_m: float, inside: float | None) -> None:
        for x0 in np.arange(-style.half_m[0] + 500, style.half_m[0] - 400, spacing_m):
            for y0 in np.arange(-style.half_m[1] + 500, style.half_m[1] - 400, spacing_m):
                x, y = (x0, y0) + rng.uniform(-style.uneven, style.uneven, 2) * spacing_m
                share = np.hypot((x - centre[0]) / axes[0], (y - centre[1]) / axes[1])
                if inside is not None and share > inside:
                    continue
                if abs(share - 1.0) * min(axes) < 330 or water.distance(shapely.Point(x, y)) < 330:
                    continue
                if min(np.hypot(x - a, y - b) for a, b in kept) > near_m:
                    kept.append((x, y))

    offer(700.0, 480.0, 0.42)
    offer(style.spacing_m, style.near_m, None)
    return np.array(kept)


def _gabriel(points: Floats, members: list[int]) -> list[tuple[int, int]]:
    """Pairs whose circle of diameter holds no third point: a connected, road-like graph."""
    p = points[members]
    d2 = ((p[:, None] - p[None]) ** 2).sum(-1)
    through = (d2[:, None, :] + d2[None, :, :]).copy()
    own = np.arange(len(p))
    through[own, :, own] = through[:, own, own] = np.inf
    near = through.min(-1) >= d2
    return [(members[i], members[j]) for i in range(len(p)) for j in range(i + 1, len(p)) if near[i, j]]


def _connect(
    network: Network, rng: np.random.Generator, points: Floats, ring: int, river: Floats,
    centre: tuple[float, float], style: Style,
) -> None:  # fmt: skip
    water = shapely.LineString(river)
    river_x = np.interp(points[:, 1], river[:, 1], river[:, 0])
    near = [i for i in range(len(points)) if points[i, 0] < river_x[i]]
    far = [i for i in range(len(points)) if points[i, 0] >= river_x[i]]
    around = [(i, (i + 1) % ring) for i in range(ring)]
    circle = shapely.LinearRing(points[:ring])
    for a, b in around:
        network.add_road(a, b, "ring", _arc(points[a], points[b], centre))
    for a, b in _gabriel(points, near) + _gabriel(points, far):
        chord = shapely.LineString([points[a], points[b]])
        if (a, b) in around or (b, a) in around or _crosses(chord, circle, points, a, b):
            continue
        network.add_road(a, b, "street", _bent(rng, points[a], points[b], water, style))
    pairs = [(float(np.hypot(*(points[a] - points[b]))), a, b) for a in near for b in far]
    low, high = style.bridges_m
    north = min(p for p in pairs if low < points[p[1], 1] < high)
    south = min(p for p in pairs if -high < points[p[1], 1] < -low)
    for _, a, b in (north, south):
        network.add_road(a, b, "bridge")
    _raise_arterials(network, points, near, far)


def _crosses(chord: shapely.LineString, circle: shapely.LinearRing, points: Floats, a: int, b: int) -> bool:
    """Whether a street would cross the ring between its junctions."""
    meet = chord.intersection(circle)
    ends = shapely.MultiPoint([points[a], points[b]]).buffer(1.0)
    return not meet.is_empty and not meet.difference(ends).is_empty


def _arc(p: Floats, q: Floats, centre: tuple[float, float]) -> Floats:
    """Bulges a ring segment outwards as the circle would."""
    out = (p + q) / 2 - np.array(centre)
    bulge = 0.085 * np.hypot(*(q - p)) * out / np.hypot(*out)
    u = np.linspace(0, 1, 25)[:, None]
    line: Floats = p + u * (q - p) + np.sin(np.pi * u) * bulge
    return line


def _bent(rng: np.random.Generator, p: Floats, q: Floats, water: shapely.LineString, style: Style) -> Floats:
    """A street with one or two gentle bends, and short waves where the style has them; straight near the river."""
    length = float(np.hypot(*(q - p)))
    normal = np.array([-(q - p)[1], (q - p)[0]]) / length
    u = np.linspace(0, 1, max(8, int(length / 35)))[:, None]
    one, two = rng.normal(0, style.bends[0]), rng.normal(0, style.bends[1])
    off = one * np.sin(np.pi * u) + two * np.sin(2 * np.pi * u)
    if style.wiggle_m[1]:
        waves = max(3, round(length / rng.uniform(240, 600)))
        off = off + rng.uniform(*style.wiggle_m) / length * np.sin(waves * np.pi * u)
    line: Floats = p + u * (q - p) + length * normal * off
    return line if shapely.LineString(line).distance(water) > 60 else np.array([p, q])


def _raise_arterials(network: Network, points: Floats, near: list[int], far: list[int]) -> None:
    """Makes the ways between the city's ends arterials."""

    def end(members: list[int], dx: float, dy: float) -> int:
        return max(members, key=lambda i: dx * points[i, 0] + dy * points[i, 1])

    ends = [(end(near, -1, 0.6), end(far, 1, 0.6)), (end(near, -1, -0.6), end(far, 1, -0.6))]
    ends += [(end(near, 0.3, 1), end(near, 0.3, -1)), (end(far, 0, 1), end(far, 0, -1))]
    for a, b in ends:
        path = network.path(a, b)
        for number, _ in path.roads if path else ():
            if network.road(number).kind == "street":
                network.road(number).kind = "arterial"


def _mirror(network: Network, mirror: Floats) -> None:
    network.nodes = [(x * mirror[0], y * mirror[1]) for x, y in network.nodes]
    for number in network.living():
        network.road(number).line = network.road(number).line * mirror
