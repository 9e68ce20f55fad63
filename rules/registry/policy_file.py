"""`policy.toml`: read against the bounds that `Policy` states for each key."""

from __future__ import annotations

import re
import tomllib
from dataclasses import Field, fields
from itertools import pairwise
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo, available_timezones

from ingest.fix import DATUMS
from rules.hours import Hours
from rules.policy import DEFAULT_GRADES, DEFAULT_POINTS, Policy
from rules.registry.faults import FileFaults, guess, shown

_LINE = re.compile(r"(.*) \(at line ([0-9]+), column ([0-9]+)\)", re.DOTALL)
_WEEK = re.compile(r"\d{4}-W(0[1-9]|[1-4]\d|5[0-3])", re.ASCII)
_FIELDS: dict[str, Field[Any]] = {f.name: f for f in fields(Policy)}
_TYPES = {"str": "text in quotes", "int": "a whole number", "float": "a number"}


class PolicyRow(NamedTuple):
    """One key as `muckwatch check` prints it; `reason` says why this value is in force."""

    key: str
    value: str
    unit: str
    default: str
    reason: str


def read_policy(text: str, faults: FileFaults) -> tuple[Policy, frozenset[str]]:
    """Reads a policy; what is faulty keeps its default, so that the other files can be checked all the same.

    Returns:
        The policy, and the keys that the file sets.
    """
    try:
        told = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = _LINE.match(str(error))
        where = f"line {found[2]}" if found else f"line {text.count(chr(10)) + 1}"
        faults.error(where, "", f"is not TOML: {found[1] if found else error}", "lines such as corridor_m = 50")
        return Policy(), frozenset()
    values: dict[str, Any] = {}
    for key, value in told.items():
        if key not in _FIELDS:
            faults.error(key, "", f"key is unknown{guess(key, _FIELDS)}", ", ".join(_FIELDS))
        elif key == "points":
            values[key] = DEFAULT_POINTS | _points(value, faults)
        elif key == "grades":
            values[key] = {k: dict(v) for k, v in DEFAULT_GRADES.items()} | _grades(value, faults)
        elif (read := _scalar(key, value, faults)) is not None:
            values[key] = read
    return Policy(**values), frozenset(values)


def policy_rows(policy: Policy, told: frozenset[str]) -> list[PolicyRow]:
    """Every key with its value in force, unit, default, and why this value is in force."""
    rows, standard = [], Policy()
    for key, field in _FIELDS.items():
        reason = "policy.toml" if key in told else f"default: {field.metadata['why']}"
        unit = field.metadata["unit"]
        values, defaults = _flat(key, getattr(policy, key)), _flat(key, getattr(standard, key))
        rows += [PolicyRow(name, value, unit, defaults.get(name, "-"), reason) for name, value in values.items()]
    return rows


def _flat(key: str, value: Any) -> dict[str, str]:
    """A value as printed, by its dotted key."""
    if isinstance(value, dict):
        return {name: text for k, v in value.items() for name, text in _flat(f"{key}.{k}", v).items()}
    return {key: f"{value:g}" if isinstance(value, float) else str(value)}


def _scalar(key: str, value: Any, faults: FileFaults) -> str | int | float | None:
    """A value of the right type and within bounds, or None after a fault."""
    field = _FIELDS[key]
    kind, low, high = str(field.type), field.metadata["low"], field.metadata["high"]
    if kind == "str":
        return _word(key, value, faults)
    allowed = f"{_TYPES[kind]} of {field.metadata['unit']}, {low:g} to {high:g}"
    right = isinstance(value, int | float) if kind == "float" else isinstance(value, int)
    if not right or isinstance(value, bool):
        faults.error(key, "", f"{shown(value)} is of the wrong type", allowed)
        return None
    if not low <= value <= high:  # not a number is out of bounds, too
        faults.error(key, "", f"{shown(value)} is out of bounds", allowed)
        return None
    return float(value) if kind == "float" else int(value)


def _word(key: str, value: Any, faults: FileFaults) -> str | None:
    if not isinstance(value, str):
        allowed = f"{_TYPES['str']}: {_FIELDS[key].metadata['unit']}"
        faults.error(key, "", f"{shown(value)} is of the wrong type", allowed)
        return None
    if key == "timezone":
        try:
            ZoneInfo(value)
        except (KeyError, ValueError, OSError):
            problem = f"{shown(value)} is not a known time zone{guess(value, available_timezones())}"
            faults.error(key, "", problem, "an IANA name such as Asia/Shanghai")
            return None
    elif key == "day_hours":
        try:
            Hours.parse(value)
        except ValueError as error:
            faults.error(key, "", str(error), "local HH:MM-HH:MM such as 06:00-20:00")
            return None
        if not value.strip(" ;"):
            faults.error(key, "", "is empty", "local HH:MM-HH:MM; 00:00-24:00 where there is no night")
            return None
    elif key == "first_issue_week" and value and not _WEEK.fullmatch(value):
        faults.error(key, "", f"{shown(value)} is no ISO week", "a week such as 2026-W47, or empty")
        return None
    elif key == "registry_datum" and value not in DATUMS:
        faults.error(key, "", f"{shown(value)} is unknown{guess(value, DATUMS)}", ", ".join(DATUMS))
        return None
    return value


def _points(value: Any, faults: FileFaults) -> dict[str, int]:
    """The rules that the table sets; the others keep their default."""
    if not isinstance(value, dict):
        faults.error("points", "", f"{shown(value)} is not a table", "[points] with one rule = points a line")
        return {}
    good = {}
    for rule, points in value.items():
        if rule not in DEFAULT_POINTS:
            problem = f"rule is unknown{guess(rule, DEFAULT_POINTS)}"
            faults.error(f"points.{rule}", "", problem, ", ".join(DEFAULT_POINTS))
        elif _whole(f"points.{rule}", points, "points", faults):
            good[rule] = points
    return good


def _grades(value: Any, faults: FileFaults) -> dict[str, dict[str, int]]:
    """The subjects that the table sets, each as a whole scale; the others keep their default."""
    if not isinstance(value, dict):
        faults.error("grades", "", f"{shown(value)} is not a table", "[grades.vehicle] and [grades.company]")
        return {}
    good = {}
    for subject, scale in value.items():
        key = f"grades.{subject}"
        if subject not in DEFAULT_GRADES:
            faults.error(key, "", f"is unknown{guess(subject, DEFAULT_GRADES)}", ", ".join(DEFAULT_GRADES))
        elif not isinstance(scale, dict) or not scale:
            faults.error(key, "", f"{shown(scale)} is not a scale", "grade = lowest points, one a line")
        elif all([_whole(f"{key}.{grade}", low, "grades", faults) for grade, low in scale.items()]):
            ends = list(scale.values())
            if ends[0] != 0:
                faults.error(key, "", f"the first grade begins at {ends[0]}, so that fewer points have none", "0")
            elif any(a >= b for a, b in pairwise(ends)):
                faults.error(key, "", f"{', '.join(map(str, ends))} do not rise", "each grade above the one before")
            else:
                good[subject] = dict(scale)
    return good


def _whole(key: str, value: Any, bounds: str, faults: FileFaults) -> bool:
    """Whether a value of a table is a whole number within the table's bounds."""
    low, high = _FIELDS[bounds].metadata["low"], _FIELDS[bounds].metadata["high"]
    good = isinstance(value, int) and not isinstance(value, bool) and low <= value <= high
    if not good:
        faults.error(key, "", f"{shown(value)} is not allowed", f"a whole number, {low:g} to {high:g}")
    return good
