"""How an invented city is laid: on plain streets, or grown as real ones are; `--streets` chooses.

A *grown* city is twice as wide, its blocks are uneven and its streets wind. Main roads are two carriageways with
service roads (辅路) beside them; ring and arterials meet in flyovers with loops, others in roundabouts. Villages lie at
dead ends, expressways lead out. Sites stand at junctions and against one another, behind long drives, with queues
outside. Zones run along permitted roads. Routes are drawn coarsely, along one carriageway. Tall streets, elevated roads
and tunnels spoil positions where they are. Terminals leave fields out or report by events. Each city lies at a latitude
of its own and has its own corridor and margin.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Style:
    """Sizes of a city, metres. Bends are shares of a street's length; `wiggle_m` is a range of short waves."""

    name: str
    half_m: tuple[float, float]
    ring_m: tuple[float, float]
    ring_west_m: float  # how far west of the middle the ring lies
    spacing_m: float  # between junctions outside the old town
    near_m: float  # no two of them nearer
    uneven: float  # how far from its place on the raster a junction may lie, as a share of the spacing
    bends: tuple[float, float]
    wiggle_m: tuple[float, float]
    bridges_m: tuple[float, float]  # how far north and south of the middle the bridges may be
    gates: tuple[float, float]  # where along a road a gate may be
    road_min_m: float  # a road with a gate is at least so long
    clear_m: float  # how far a site keeps from roads it has no gate to
    apart_m: float  # and from other sites, unless it is built against one
    meals: float  # the chance of a break after a haul
    queues: float  # the chance of a queue at a disposal site

    @property
    def grown(self) -> bool:
        """Whether roads have carriageways, junctions shapes, and so on."""
        return self.name == "grown"


PLAIN = Style(
    "plain", (7400.0, 5900.0), (2900.0, 2500.0), 1900.0, 1300.0, 780.0, 0.3, (0.05, 0.025), (0.0, 0.0),
    (1300.0, 4300.0), (0.3, 0.7), 500.0, 45.0, 250.0, 0.12, 0.25,
)  # fmt: skip
GROWN = Style(
    "grown", (13500.0, 10500.0), (3500.0, 3000.0), 3000.0, 2300.0, 1150.0, 0.44, (0.09, 0.05), (4.0, 16.0),
    (1300.0, 8000.0), (0.08, 0.92), 320.0, 12.0, 150.0, 0.35, 0.5,
)  # fmt: skip
STYLES = {style.name: style for style in (PLAIN, GROWN)}
