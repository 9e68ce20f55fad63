"""Writes docs/rules.md from the rules themselves: `python tools/generate_rules.py`, or `--check` to only compare."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterable, Iterator, Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "rules.md"

if TYPE_CHECKING:
    from rules.rule import Rule

_HEAD = """\
# Rules

<!-- Generated from rules/catalog by `make docs`. Edit the rule, then run it again. -->

Each rule is one file in `rules/catalog/`, and its stories are told in `tests/cases/`. How to write one:
[adding-a-rule.md](adding-a-rule.md). Parameters are keys of the registry's `policy.toml`; `muckwatch check DIR` prints
the values in force. Points are the default table's, and only a confirmed violation scores.
"""


def page() -> str:
    """The whole page, ending in a newline."""
    from rules.catalog import RULES
    from rules.policy import DEFAULT_POINTS

    lines = [_HEAD, *_table(("rule", "", "points"), (_row_of(rule, DEFAULT_POINTS) for rule in RULES)), ""]
    for rule in RULES:
        lines += _section(rule, DEFAULT_POINTS[rule.rule_id])
    return "\n".join(lines).rstrip() + "\n"


def _row_of(rule: Rule, points: dict[str, int]) -> tuple[object, ...]:
    return f"[`{rule.rule_id}`](#{rule.rule_id})", f"{rule.title_en} · {rule.title_zh}", points[rule.rule_id]


def _section(rule: Rule, points: int) -> Iterator[str]:
    module = import_module(f"rules.catalog.{rule.rule_id}")
    yield from (f"## {rule.rule_id}", "", f"**{rule.title_en} · {rule.title_zh}**", "")
    yield from (inspect.cleandoc(module.__doc__ or ""), "")
    yield f"Legal basis: {rule.legal_basis}. Version {rule.version}, {points} points."
    yield ""
    if rule.parameters:
        rows = ((f"`{p.name}`", p.unit, p.default, _bounds(p.low, p.high), p.why) for p in rule.parameters)
        yield from (*_table(("parameter", "unit", "default", "allowed", "why"), rows), "")
    if rule.evidence:
        yield from (
            *_table(("evidence", "unit", "meaning"), ((f"`{e.name}`", e.unit, e.meaning) for e in rule.evidence)),
            "",
        )


def _bounds(low: float | None, high: float | None) -> str:
    if low is None and high is None:
        return ""
    return f"{'' if low is None else f'{low:g}'} to {'' if high is None else f'{high:g}'}".strip()


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    yield _line(head)
    yield "|" + "---|" * len(head)
    yield from map(_line, rows)


def _line(cells: Iterable[object]) -> str:
    return "| " + " | ".join(str(cell).replace("|", "\\|") for cell in cells) + " |"


def main(arguments: Sequence[str]) -> int:
    """Writes the page, or with `--check` says whether it is up to date; returns the exit code."""
    sys.path.insert(0, str(ROOT))
    text = page()
    if "--check" not in arguments:
        PAGE.write_text(text, encoding="utf-8")
        return 0
    if PAGE.is_file() and PAGE.read_text(encoding="utf-8") == text:
        return 0
    print(f"{PAGE.relative_to(ROOT)} is not what the rules say: run `make docs` and commit it", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
