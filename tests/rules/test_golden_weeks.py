"""What the engine finds in three generated weeks, line by line; a change of a rule shows here what it did.

Meant to change? `make golden` rewrites the weeks, and the difference goes into the commit.
"""

from __future__ import annotations

import json

import pytest

from bench.golden import WEEKS, difference, listing, path_of
from rules.catalog import RULE_IDS


@pytest.mark.parametrize("name", WEEKS)
def test_golden_week_is_as_it_was(name: str) -> None:
    kept = json.loads(path_of(name).read_text("utf-8"))
    changed = difference(name, kept, listing(name))
    if any(line.startswith(f"{name} tracks:") for line in changed):
        changed.insert(0, "the generator makes other tracks than it did: the findings below are of another week")
    assert not changed, "\n".join(["`make golden` accepts this:", *changed])


def test_golden_weeks_hold_every_rule() -> None:
    told = {line.split()[6] for name in WEEKS for line in json.loads(path_of(name).read_text("utf-8"))["findings"]}
    assert told == set(RULE_IDS)


def test_difference_names_what_went_and_what_came() -> None:
    kept = {"findings": ["苏A1 a", "苏A1 b"], "trips": ["3 trips"]}
    now = {"findings": ["苏A1 b", "苏A1 c"], "trips": ["3 trips"]}
    assert difference("clean", kept, now) == ["clean findings:", "- 苏A1 a", "+ 苏A1 c"]
    assert difference("clean", kept, kept) == []
