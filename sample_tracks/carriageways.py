"""How a path is driven in a grown city: on the right-hand carriageway, round roundabouts, by loops and U-turns."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sample_tracks.plane import Floats

if TYPE_CHECKING:
    from sample_tracks.roads import Network, Path

_LOOP_M = 42.0  # radius of a flyover's loop
_CORNER_M = 12.0  # what a crossing takes of the roads that meet there
_TURN_MAX_M, _TURN_MIN_M = 160.0, 60.0  # how far past a gate on the other side one turns back
_WIDE_M = 6.0  # a road whose carriageways are farther from its middle has a barrier between them


def beside(line: Floats, off_m: Floats | float) -> Floats:
    """A line so many metres to the right of another, point by point."""
    step = np.gradient(line, axis=0)
    step /= np.maximum(np.hypot(*step.T), 1e-9)[:, None]
    right = np.column_stack([step[:, 1], -step[:, 0]])
    return np.asarray(line + right * np.reshape(off_m, (-1, 1)))


def part(line: Floats, start_m: float, end_m: float) -> Floats:
    """What is left of a line without its first and last metres; less is taken off where that would leave nothing."""
    along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(line, axis=0).T))])
    scale = min(1.0, 0.9 * along[-1] / max(start_m + end_m, 1e-9))
    a, b = scale * start_m, along[-1] - scale * end_m
    ends = [np.array([np.interp(at, along, line[:, 0]), np.interp(at, along, line[:, 1])]) for at in (a, b)]
    return np.vstack([ends[0], line[(along > a + 0.1) & (along < b - 0.1)], ends[1]])


def driven_line(network: Network, path: Path) -> Floats:
    """The path as one (n, 2) line, metres, from junction to junction."""
    pieces = [np.array([network.nodes[path.nodes[0]]])]
    for k, (number, forward) in enumerate(path.roads):
        first, last = k == 0, k == len(path.roads) - 1
        ends = [0.0 if first else _room(network, path.nodes[k]), 0.0 if last else _room(network, path.nodes[k + 1])]
        pieces.append(part(_side(network, number, forward), *ends))
        if not last:
            pieces += _between(network, path, k)
    pieces.append(np.array([network.nodes[path.nodes[-1]]]))
    line = np.vstack(pieces)
    apart = np.hypot(*np.diff(line, axis=0).T) > 0.05
    return np.asarray(line[np.concatenate([[True], apart])])


def _side(network: Network, number: int, forward: bool) -> Floats:
    road = network.road(number)
    line = road.line if forward else road.line[::-1]
    return beside(line, road.half_m) if road.half_m else line


def _room(network: Network, node: int) -> float:
    return network.radius_m.get(node, _CORNER_M)


def _between(network: Network, path: Path, k: int) -> list[Floats]:
    """What is driven at the junction after the k-th road, beyond going straight to the next."""
    node = path.nodes[k + 1]
    centre = np.array(network.nodes[node])
    come = part(_side(network, *path.roads[k]), 0.0, _room(network, node))
    go = part(_side(network, *path.roads[k + 1]), _room(network, node), 0.0)
    if node in network.radius_m:
        return [_round(centre, come[-1], go[0], network.radius_m[node])]
    into, out = come[-1] - come[-2], go[1] - go[0]
    into, out = into / np.hypot(*into), out / np.hypot(*out)
    left = into[0] * out[1] - into[1] * out[0]
    if node in network.flyovers and left > 0.75:
        return [_loop(centre, into)]
    kinds = [network.road(path.roads[i][0]) for i in (k, k + 1)]
    gate = [road.kind in ("yard", "track") for road in kinds]
    if left > 0.5 and gate[0] != gate[1] and kinds[gate[0]].half_m > _WIDE_M:
        return _u_turn(network, node, path.roads[k][0], path.roads[k + 1][0])
    return []


def _round(centre: Floats, come: Floats, go: Floats, radius_m: float) -> Floats:
    """Round a roundabout, as one drives on the right: against the clock."""
    a, b = (float(np.arctan2(*(p - centre)[::-1])) for p in (come, go))
    b += 2 * np.pi if b <= a + 0.05 else 0.0
    turn = np.linspace(a, b, max(4, int((b - a) / 0.2)))
    return np.asarray(centre + radius_m * np.column_stack([np.cos(turn), np.sin(turn)]))


def _loop(centre: Floats, into: Floats) -> Floats:
    """To the left by three quarters of a circle to the right, beyond the junction."""
    right = np.array([into[1], -into[0]])
    middle = centre + _LOOP_M * (into + right)
    turn = np.linspace(0.0, 1.5 * np.pi, 24)[:, None]
    return np.asarray(middle + _LOOP_M * (-right * np.cos(turn) + into * np.sin(turn)))


def _u_turn(network: Network, node: int, come: int, go: int) -> list[Floats]:
    """Past a gate on the other side of a barrier, or away from it: on to a gap, and back on the other carriageway.

    Whoever arrives drives on and comes back; whoever leaves for the left first goes right.
    """
    others = [n for n in network.at(node) if n not in (come, go) and network.road(n).half_m > _WIDE_M]
    if not others:
        return []
    road = network.road(others[0])
    line = road.line if road.a == node else road.line[::-1]
    gap_m = min(_TURN_MAX_M, 0.6 * road.length_m)
    if gap_m < _TURN_MIN_M:
        return []
    out = part(line, _CORNER_M, max(0.0, road.length_m - gap_m))
    return [beside(out, road.half_m), beside(out[::-1], road.half_m)]
