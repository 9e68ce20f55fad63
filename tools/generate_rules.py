"""Writes docs/rules.md and docs/policy.md from the rules and the policy; `--check` only compares."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import MISSING, fields
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"

if TYPE_CHECKING:
    from rules.rule import Rule

_HEAD = """\
# Rules

<!-- Generated from rules/catalog by `make docs`. Edit the rule, then run it again. -->

Each rule is one file in `rules/catalog/`, and its stories are told in `tests/cases/`. How to write one:
[adding-a-rule.md](adding-a-rule.md). Parameters are keys of the registry's `policy.toml`, all told in
[policy.md](policy.md); `muckwatch check DIR` prints the values in force. Points are the default table's, and only a
confirmed violation scores.
"""

_TAGS_HEAD = """\
## Tags

Nothing is dropped silently. What is odd about a fix is a tag on it, and a fix that bears a tag that a rule does not
accept is no evidence for that rule. A fix without tags is accepted by all. How many fixes of a terminal bear which tag,
and from when to when, is in the view `fix_tags`; a case's page names the tags of each fix, and why the rule did not
count it. What cannot even be a fix (no position, (0, 0), a time before 2010, ...) is set aside with its reason in the
view `rejected_fixes`, and no rule sees it.
"""

_POLICY_HEAD = """\
# Policy

<!-- Generated from rules/policy.py and rules/catalog by `make docs`. Edit those, then run it again. -->

What differs between cities is a key of the registry's `policy.toml`, never code. Every key has a default, so the file
may be absent or name only what differs. `muckwatch check DIR` prints the values in force and where each comes from, and
refuses what is out of bounds. A number is given bare, in the unit stated here.

```toml
speed_limit_kmh = 50
day_hours = "06:30-19:00"

[points]
off_route = 4
```

What moving a threshold does to precision and recall on labelled tracks: `muckwatch tune --trial DIR --key KEY`.
"""


def policy_page() -> str:
    """Every key of the policy, ending in a newline."""
    from rules.catalog import RULES
    from rules.policy import DEFAULT_GRADES, DEFAULT_POINTS, Policy

    users = {f.name: [r.rule_id for r in RULES if f.name in r.policy_keys] for f in fields(Policy)}
    rows = [
        (
            f"`{f.name}`",
            f.metadata["unit"].replace("|", ", "),
            f"`{f.default}`",
            _bounds(f.metadata["low"], f.metadata["high"]),
            f.metadata["why"],
            ", ".join(map(_link, users[f.name])),
        )
        for f in fields(Policy)
        if f.default is not MISSING
    ]
    head = ("key", "unit", "default", "allowed", "why", "rules that name it")
    lines = [_POLICY_HEAD, *_table(head, rows), ""]
    tables = {f.name: f.metadata for f in fields(Policy) if f.default is MISSING}
    told = tables.pop("points")
    lines += [f"## [points]: {told['why']}", "", f"{_bounds(told['low'], told['high'])}. Each rule by its id.", ""]
    lines += [*_table(("rule", "points"), ((_link(rule), points) for rule, points in DEFAULT_POINTS.items())), ""]
    told = tables.pop("grades")
    lines += [f"## [grades.vehicle], [grades.company]: {told['why']}", ""]
    lines += [f"In points, {_bounds(told['low'], told['high'])}; the first is 0 and each is above the one before.", ""]
    names = list(DEFAULT_GRADES["vehicle"])
    lines += _table(("subject", *names), ((who, *(grade[n] for n in names)) for who, grade in DEFAULT_GRADES.items()))
    assert not tables, f"tables without a section: {', '.join(tables)}"
    return "\n".join(lines).rstrip() + "\n"


def _link(rule_id: str) -> str:
    return f"[`{rule_id}`](rules.md#{rule_id})"


def page() -> str:
    """The page of rules, ending in a newline."""
    from rules.catalog import RULES
    from rules.policy import DEFAULT_POINTS

    lines = [_HEAD, *_table(("rule", "", "points"), (_row_of(rule, DEFAULT_POINTS) for rule in RULES)), ""]
    lines += [_TAGS_HEAD, *_table(("tag", "what it means", "it is evidence for"), _tags(RULES)), ""]
    for rule in RULES:
        lines += _section(rule, DEFAULT_POINTS[rule.rule_id])
    return "\n".join(lines).rstrip() + "\n"


def _row_of(rule: Rule, points: dict[str, int]) -> tuple[object, ...]:
    return _own_link(rule.rule_id), f"{rule.title_en} · {rule.title_zh}", points[rule.rule_id]


def _tags(rules: Sequence[Rule]) -> Iterator[tuple[object, ...]]:
    """Every tag with the rules that accept it."""
    from rules.tags import MEANING, Tag

    for tag in Tag:
        accepting = [_own_link(rule.rule_id) for rule in rules if tag in rule.accepts]
        refusing = [_own_link(rule.rule_id) for rule in rules if tag not in rule.accepts]
        told = ", ".join(accepting) or "no rule"
        if len(accepting) > len(refusing):
            told = f"every rule but {', '.join(refusing)}" if refusing else "every rule"
        yield f"`{tag.word}`", MEANING[tag], told


def _own_link(rule_id: str) -> str:
    return f"[`{rule_id}`](#{rule_id})"


def _section(rule: Rule, points: int) -> Iterator[str]:
    from rules.tags import Tag

    module = import_module(f"rules.catalog.{rule.rule_id}")
    yield from (f"## {rule.rule_id}", "", f"**{rule.title_en} · {rule.title_zh}**", "")
    yield from (inspect.cleandoc(module.__doc__ or ""), "")
    yield f"Legal basis: {rule.legal_basis}. Version {rule.version}, {points} points."
    yield ""
    tags = [[f"`{tag.word}`" for tag in Tag if (tag in rule.accepts) is accepted] for accepted in (True, False)]
    yield from (
        *_table(("fixes with these tags are evidence", "fixes with these are none"), [map(", ".join, tags)]),
        "",
    )
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


def _table(head: Sequence[str], rows: Iterable[Iterable[object]]) -> Iterator[str]:
    yield _line(head)
    yield "|" + "---|" * len(head)
    yield from map(_line, rows)


def _line(cells: Iterable[object]) -> str:
    return "| " + " | ".join(str(cell).replace("|", "\\|") for cell in cells) + " |"


def main(arguments: Sequence[str]) -> int:
    """Writes the pages, or with `--check` says whether they are up to date; returns the exit code."""
    sys.path.insert(0, str(ROOT))
    stale = 0
    for file, text in ((DOCS / "rules.md", page()), (DOCS / "policy.md", policy_page())):
        if "--check" not in arguments:
            file.write_text(text, encoding="utf-8")
        elif not file.is_file() or file.read_text(encoding="utf-8") != text:
            print(f"{file.relative_to(ROOT)} is not what the rules say: run `make docs` and commit it", file=sys.stderr)
            stale = 1
    return stale


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
