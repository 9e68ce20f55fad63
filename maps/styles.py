"""How things look, in one table that every renderer reads: colour, dash, width, fill and shape.

Colours are of a palette that colour-blind people can tell apart; since a page is also printed in black and white, no
two rules share both dash and width, and no two kinds of place share a shape.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any

from reports.names import RULE_FAMILIES, RULE_NAMES, SITE_KIND_NAMES
from reports.suspected_words import SUSPECT_NAMES


@dataclass(frozen=True)
class Style:
    """One look.

    `colour` and `fill` are `#rrggbb` (an empty `fill` is none), `dash` on and off lengths in pixels (empty is solid),
    `width` pixels, `shape` the mark of a place, `size` its radius in pixels. `order` is the drawing order, low first.
    """

    label: str
    colour: str
    width: float = 2.0
    dash: tuple[int, ...] = ()
    fill: str = ""
    fill_opacity: float = 0.0
    shape: str = "circle"
    size: float = 6.0
    order: int = 0


#: Drawing order, low first: what is permitted lies under what was driven, and that under what was violated.
GROUND, AREA, CORRIDOR, SITE, NORMAL, VIOLATION, MARK = 10, 20, 30, 40, 50, 60, 70

#: One family, one mark, so that points can be told apart without colour.
_FAMILY_SHAPES = {
    "permit": "circle",
    "hours": "square",
    "dumping": "x",
    "daytime": "diamond",
    "driving": "triangle",
    "identity": "ring",
}
_SHAPE_OF_RULE = {rule: _FAMILY_SHAPES[family] for family, (_, rules) in RULE_FAMILIES.items() for rule in rules}

_RULE_LOOKS: dict[str, tuple[str, float, tuple[int, ...]]] = {
    "no_permit": ("#8c1d40", 7.0, ()),
    "off_route": ("#d55e00", 5.0, ()),
    "wrong_destination": ("#d55e00", 7.0, (3, 4)),
    "outside_hours": ("#0072b2", 5.0, (14, 5)),
    "quiet_zone": ("#0072b2", 6.0, (4, 4)),
    "unauthorised_dumping": ("#c00000", 8.0, (2, 3)),
    "daytime_not_whitelisted": ("#b27900", 5.0, (18, 4, 4, 4)),
    "no_entry": ("#a0428a", 6.0, (10, 4)),
    "overspeed": ("#a0428a", 4.0, (3, 3)),
    "uncovered_load": ("#a0428a", 4.0, (12, 4, 3, 4)),
    "signal_loss": ("#00795c", 5.0, (2, 8)),
    "cloned_plate": ("#00795c", 5.0, (8, 4, 2, 4)),
}

_SITE_LOOKS = {
    "construction": ("#3f5a73", "square"),
    "disposal": ("#2e6b3a", "triangle"),
    "soil_bank": ("#2e6b3a", "diamond"),
    "depot": ("#6b6b6b", "cross"),
    "fuel": ("#6b6b6b", "plus"),
    "wash": ("#6b6b6b", "ring"),
    "other": ("#6b6b6b", "dot"),
}

#: Steps of the grid's legend (points in the cell, lower end), light to dark: fixed, so that weeks compare.
CELL_STEPS: tuple[tuple[int, str], ...] = (
    (1, "#fdebc8"),
    (6, "#fdcb8b"),
    (15, "#f99d59"),
    (30, "#e35f39"),
    (60, "#a82a2a"),
)
#: Lower ends of the classes of hot road pieces, violating passes of a hundred, and their styles: fixed, too.
HOT_STEPS: tuple[tuple[float, str], ...] = ((5.0, "hot.1"), (15.0, "hot.2"), (30.0, "hot.3"))
#: Steps of the districts' legend by number of violations, and by violations per hundred trips.
COUNT_STEPS: tuple[tuple[int, str], ...] = (
    (0, "#f4f6fa"),
    (1, "#e3eaf4"),
    (10, "#c9d8eb"),
    (30, "#a9c1e0"),
    (80, "#84a5d0"),
    (200, "#5f86bb"),
)
RATE_STEPS: tuple[tuple[int, str], ...] = (
    (0, "#f4f6fa"),
    (1, "#e3eaf4"),
    (5, "#c9d8eb"),
    (10, "#a9c1e0"),
    (20, "#84a5d0"),
    (40, "#5f86bb"),
)
#: Fewer trips than this make no rate worth a colour.
NO_RATE_COLOUR = "#ffffff"

STYLES: dict[str, Style] = {
    "road": Style("道路", "#d3d0c8", 1.6, order=GROUND),
    "route.faint": Style("核准线路", "#c3c9bb", 1.6, order=GROUND),
    "boundary": Style("街道界", "#8a8f98", 1.4, (8, 4, 2, 4), order=GROUND),
    "district": Style("街道", "#7d838d", 1.2, (8, 4, 2, 4), "#f4f6fa", 0.75, order=GROUND),
    "cell": Style("500 m 网格", "#9a5a2a", 0.8, (), "#fdcb8b", 0.72, order=AREA),
    "zone.quiet": Style("静音区", "#5b4b9a", 1.6, (2, 3), "#8678c4", 0.13, order=AREA),
    "zone.no_entry": Style("禁行区", "#a0428a", 2.2, (6, 3), "#d48ac0", 0.14, order=AREA),
    "hot.1": Style("高发路段 5%–15%", "#e8a33d", 3.2, (), order=AREA + 2),
    "hot.2": Style("高发路段 15%–30%", "#d1571b", 5.4, (), order=AREA + 3),
    "hot.3": Style("高发路段 30% 以上", "#7d1d1d", 8.0, (), order=AREA + 4),
    "change.worse": Style("比率上升", "#b2182b", 6.5, (), order=AREA + 5),
    "change.better": Style("比率下降", "#2166ac", 4.0, (7, 4), order=AREA + 5),
    "patrol": Style("建议点位（次-站）", "#0b3d2e", 2.6, (), "#ffe14d", 1.0, "pin", 10.0, order=MARK + 6),
    "patrol.way": Style("转移次序（非路线）", "#0b3d2e", 2.0, (2, 5), order=MARK + 5),
    "corridor": Style("许可走廊", "#5f9a6c", 1.0, (), "#9fcbaa", 0.35, order=CORRIDOR),
    "route": Style("许可线路", "#3c7a4a", 1.8, (10, 5), order=CORRIDOR + 1),
    **{
        f"site.{kind}": Style(SITE_KIND_NAMES[kind], colour, 1.8, (), colour, 0.18, shape, order=SITE)
        for kind, (colour, shape) in _SITE_LOOKS.items()
    },
    "suspect.dumping": Style(
        SUSPECT_NAMES["dumping"], "#7a1fa2", 2.2, (5, 3), "#b05bd0", 0.22, "star", 9.0, order=MARK + 3
    ),
    "suspect.loading": Style(
        SUSPECT_NAMES["loading"], "#005f73", 2.2, (5, 3), "#2aa0b5", 0.22, "hexagon", 8.0, order=MARK + 3
    ),
    "track.normal": Style("行驶轨迹", "#4d4d4d", 2.6, order=NORMAL),
    "track.faint": Style("涉嫌行程轨迹", "#8b8b8b", 1.3, order=NORMAL),
    "track.other": Style("同号牌其他终端", "#00795c", 2.0, (6, 3), order=NORMAL),
    "track.gap": Style("定位中断（不代表行驶路径）", "#5a5a5a", 2.2, (3, 6), order=NORMAL),
    "fix": Style("定位点", "#222222", 1.0, (), "#ffffff", 1.0, "circle", 2.2, order=NORMAL + 1),
    "stray": Style("异常定位点（未采用）", "#777777", 1.6, (), "", 0.0, "x", 4.0, order=NORMAL + 2),
    "stop": Style("停车", "#222222", 1.6, (), "#ffffff", 1.0, "circle", 5.0, order=MARK),
    "loaded": Style("装载", "#222222", 1.8, (), "#3f5a73", 1.0, "square", 7.0, order=MARK + 1),
    "dumped": Style("卸载", "#222222", 1.8, (), "#2e6b3a", 1.0, "triangle", 8.0, order=MARK + 1),
    "dumping": Style("涉嫌倾倒点", "#c00000", 4.0, (), "", 0.0, "x", 9.0, order=MARK + 2),
    **{
        f"rule.{rule}": Style(
            RULE_NAMES[rule], colour, width, dash, colour, 0.9, _SHAPE_OF_RULE[rule], 5.5, order=VIOLATION
        )
        for rule, (colour, width, dash) in _RULE_LOOKS.items()
    },
}


def style_of(key: str) -> Style:
    """A style by key.

    Raises:
        KeyError: naming the key that has no style.
    """
    if key not in STYLES:
        raise KeyError(f"no style {key!r}: maps/styles.py lists them all")
    return STYLES[key]


def rule_style(rule: str) -> str:
    """The style of a rule; a rule that is not in the table looks like an ordinary violation of the route."""
    key = f"rule.{rule}"
    return key if key in STYLES else "rule.off_route"


def site_style(kind: str) -> str:
    """The style of a site's kind."""
    key = f"site.{kind}"
    return key if key in STYLES else "site.other"


def suspect_style(kind: str) -> str:
    """The style of a suspected place's kind."""
    key = f"suspect.{kind}"
    return key if key in STYLES else "suspect.dumping"


def zone_style(kind: str) -> str:
    """The style of a zone's kind."""
    key = f"zone.{kind}"
    return key if key in STYLES else "zone.no_entry"


@lru_cache(maxsize=1)
def styles_json() -> dict[str, dict[str, Any]]:
    """The whole table as JSON-ready data, for renderers that are not Python."""
    return {key: {**asdict(style), "dash": list(style.dash)} for key, style in STYLES.items()}
