"""What a rule says that it reads of the policy is what its code reads."""

from __future__ import annotations

import ast
from dataclasses import fields
from pathlib import Path

import pytest

import rules.catalog
from rules.catalog import RULES
from rules.policy import Policy
from rules.rule import Rule

FOLDER = Path(rules.catalog.__file__).parent
KEYS = {field.name for field in fields(Policy)}
#: Properties of the policy, by the key that they are made of.
MADE_OF = {"day": "day_hours", "zone": "timezone"}
#: What rules share beside the building of trips; a rule that imports it reads what it reads.
SHARED = {"rules.zones": FOLDER.parent / "zones.py"}


def keys_read(source: str) -> set[str]:
    """Keys asked of something called `policy`."""
    named = (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Attribute))
    asked = {n.attr for n in named if getattr(n.value, "attr", getattr(n.value, "id", "")) == "policy"}
    return {MADE_OF.get(name, name) for name in asked} & KEYS


def modules_imported(source: str) -> set[str]:
    return {node.module or "" for node in ast.walk(ast.parse(source)) if isinstance(node, ast.ImportFrom)}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.rule_id)
def test_a_rule_names_every_key_that_its_code_reads(rule: Rule) -> None:
    source = (FOLDER / f"{rule.rule_id}.py").read_text(encoding="utf-8")
    read = keys_read(source)
    for module in modules_imported(source) & SHARED.keys():
        read |= keys_read(SHARED[module].read_text(encoding="utf-8"))
    assert read <= {*rule.policy_keys}
    assert {*rule.policy_keys} <= KEYS


def test_the_keys_of_a_policy_are_found_in_code() -> None:
    source = "def f(ground, policy):\n    return ground.policy.merge_s + policy.day + other.halt_max_s + policy.nothing"
    assert keys_read(source) == {"merge_s", "day_hours"}
