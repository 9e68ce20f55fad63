"""The two pictures of docs/accuracy.md as small SVG, readable on light and dark pages."""

from __future__ import annotations

from collections.abc import Sequence

from bench.accuracy_figures import OUTFITS, Result, figures
from bench.proportions import Bin, Share

_SIDE, _LEFT, _TOP = 300, 56, 34  # a panel's side and the margins before it, px
_COLOURS = {"full": "#1f6fb2", "none": "#c2571a"}
_STYLE = (
    "text{font:12px system-ui,sans-serif;fill:#333}.axis{stroke:#888;stroke-width:1}.grid{stroke:#ddd;stroke-width:1}"
    "svg{background:#fff}.head{font-weight:600}"
)


def _svg(width: int, height: int, parts: Sequence[str]) -> str:
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}">\n'
        f'<style>{_STYLE}</style>\n<rect width="{width}" height="{height}" fill="#fff"/>\n{body}\n</svg>\n'
    )


def _text(x: float, y: float, words: str, anchor: str = "middle", kind: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" class="{kind}">{words}</text>'


def _line(x1: float, y1: float, x2: float, y2: float, kind: str = "", more: str = "") -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" class="{kind}" {more}/>'


class _Panel:
    """A square of axes whose y runs from `low` to 1."""

    def __init__(self, x0: float, low: float, title: str) -> None:
        self.x0, self.low = x0, low
        self.parts = [_text(x0 + _SIDE / 2, _TOP - 14, title, kind="head")]
        for k in range(6):
            value = low + (1 - low) * k / 5
            y = self.y(value)
            self.parts += [_line(x0, y, x0 + _SIDE, y, "grid"), _text(x0 - 6, y + 4, f"{value:.2f}", "end")]
        self.parts += [
            _line(x0, _TOP, x0, _TOP + _SIDE, "axis"),
            _line(x0, _TOP + _SIDE, x0 + _SIDE, _TOP + _SIDE, "axis"),
        ]

    def y(self, value: float) -> float:
        return _TOP + _SIDE * (1 - (max(value, self.low) - self.low) / (1 - self.low))

    def point(self, x: float, share: Share, colour: str) -> None:
        """A share with its interval."""
        if share.value is None:
            return
        low, high = share.interval
        stroke = f'stroke="{colour}" stroke-width="1.5"'
        self.parts += [
            _line(x, self.y(low), x, self.y(high), more=stroke),
            f'<circle cx="{x:.1f}" cy="{self.y(share.value):.1f}" r="4" fill="{colour}"/>',
        ]

    def under(self, x: float, words: str, line: int = 1) -> None:
        self.parts.append(_text(x, _TOP + _SIDE + 4 + 15 * line, words))


def reliability_picture(bins: Sequence[Bin]) -> str:
    """Told confidence to the right, share that came true upwards, the diagonal for what should be."""
    panel = _Panel(_LEFT, 0.0, "Confidence told, and what came true")
    panel.parts.append(_line(_LEFT, _TOP + _SIDE, _LEFT + _SIDE, _TOP, "axis", 'stroke-dasharray="4 4"'))
    for k in range(0, 11, 2):
        panel.under(_LEFT + _SIDE * k / 10, f"{k / 10:.1f}")
    panel.under(_LEFT + _SIDE / 2, "confidence", 2)
    for b in bins:
        panel.point(_LEFT + _SIDE * b.mean, b.right, _COLOURS["full"])
    return _svg(_LEFT + _SIDE + 30, _TOP + _SIDE + 48, panel.parts)


def interval_picture(results: Sequence[Result]) -> str:
    """Recall and precision of all rules by the time between fixes, with sensors and without, all noises."""
    steps = sorted({r.cell.interval_s for r in results if r.cell.interval_s})
    cells = {
        (outfit, s): figures([r for r in results if (r.cell.outfit, r.cell.interval_s) == (outfit, s)])
        for outfit in OUTFITS
        for s in steps
    }
    lows = [share.interval[0] for f in cells.values() for share in (f.recall, f.precision) if share.cases]
    low = max(0.0, int(20 * min(lows, default=0.0)) / 20)
    parts: list[str] = []
    for k, name in enumerate(("recall", "precision")):
        panel = _Panel(_LEFT + k * (_SIDE + _LEFT + 10), low, name)
        for n, s in enumerate(steps):
            middle = panel.x0 + _SIDE * (n + 0.5) / len(steps)
            panel.under(middle, f"{s} s")
            for side, outfit in enumerate(OUTFITS):
                share = cells[outfit, s].recall if name == "recall" else cells[outfit, s].precision
                panel.point(middle + 12 * (side - 0.5), share, _COLOURS[outfit])
        panel.under(panel.x0 + _SIDE / 2, "between fixes", 2)
        parts += panel.parts
    width = 2 * (_LEFT + _SIDE) + 40
    for k, (outfit, words) in enumerate(OUTFITS.items()):
        x = width / 2 - 110 + 130 * k
        parts.append(f'<circle cx="{x}" cy="{_TOP + _SIDE + 54}" r="4" fill="{_COLOURS[outfit]}"/>')
        parts.append(_text(x + 10, _TOP + _SIDE + 58, words, "start"))
    return _svg(width, _TOP + _SIDE + 70, parts)
