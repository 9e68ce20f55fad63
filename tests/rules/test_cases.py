"""The stories in `tests/cases/<rule>.toml`, each told as a table of what a truck did, in metres and seconds.

A case has `name`, `steps` and `expect`, and may set `start` (local clock on Monday 2026-11-16), `every_s` (between
fixes), `plate`, `jitter_m`, and `town` (changes to the usual registry: `permit = "none"`, `permit_hours`,
`permit_to` (local date), `route_y_m`, `whitelist_to`, `ban` (local clock span)).
`other` is what a second device under the same plate does (every `other_every_s`); `rule_too` names a rule that must
stay silent.
Steps: `stand S`, `go X,Y [KMH]`, `silent S`, `load empty|full|none`, `lift up|down|none`,
`cover open|closed|none`, `ignition on|off|none`, `at X,Y` (starts there), `jump DX,DY` (positions are
shifted from here on; `jump 0,0` ends it), `invalid S` (stands with positions that are not valid).
`expect` lists the rule's violations as `{from_s, to_s}` after the first fix, with `within_s` of slack (30), and further
keys that must stand in the evidence.
"""

from __future__ import annotations

import tomllib
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from fleet import NIGHT_MS, Drive, deg, noisy, town
from shapely.geometry import LineString

from ingest.arrange import arrange
from rules.catalog import RULE_IDS, RULES
from rules.engine import judge_all
from rules.ground import Ground
from rules.health import Knowledge
from rules.hours import ALWAYS, Hours
from rules.registry import Ban, Registry, Route, Validity

FOLDER = Path(__file__).parents[1] / "cases"
MIDNIGHT_MS = NIGHT_MS - 22 * 3_600_000
CASES = [(f.stem, c) for f in sorted(FOLDER.glob("*.toml")) for c in tomllib.loads(f.read_text("utf-8"))["case"]]


def clock_ms(text: str) -> int:
    hours, minutes = text.split(":")
    return MIDNIGHT_MS + (int(hours) * 60 + int(minutes)) * 60_000


def local_date_end_ms(text: str, registry: Registry) -> int:
    day = datetime.fromisoformat(text).replace(tzinfo=registry.zone)
    return int((day + timedelta(days=1)).timestamp() * 1000)


def registry_of(changes: dict[str, Any]) -> Registry:
    made = town()
    permit = made.permits[0]
    if "permit_hours" in changes:
        permit = replace(permit, hours=Hours.parse(changes["permit_hours"]))
    if "permit_to" in changes:
        permit = replace(permit, validity=Validity(0, local_date_end_ms(changes["permit_to"], made)))
    if "route_y_m" in changes:
        y = changes["route_y_m"]
        permit = replace(permit, routes=(Route(LineString([deg(0, y), deg(6000, y)]), 50.0),))
    made = replace(made, permits=() if changes.get("permit") == "none" else (permit,))
    if "whitelist_to" in changes:
        entry = replace(made.whitelist[0], validity=Validity(0, local_date_end_ms(changes["whitelist_to"], made)))
        made = replace(made, whitelist=(entry,))
    if "zone" in changes:
        made = replace(made, zones=(replace(made.zones[0], kind=changes["zone"], hours=ALWAYS),))
    if "ban" in changes:
        start, end = changes["ban"].split("-")
        made = replace(made, bans=(Ban(clock_ms(start), clock_ms(end), "重污染天气"),))
    return replace(made, policy=replace(made.policy, **changes.get("policy", {})))


def drive(case: dict[str, Any]) -> pl.DataFrame:
    plate = case.get("plate", "苏A00001")
    own = fixes_of(case, case["steps"], plate, "t1" if plate == "苏A00001" else "t2")
    return pl.concat([own, fixes_of(case, case["other"], plate, "x9")]) if "other" in case else own


def fixes_of(case: dict[str, Any], steps: list[str], plate: str, terminal: str) -> pl.DataFrame:
    every_s = case.get("other_every_s", case.get("every_s", 10)) if terminal == "x9" else case.get("every_s", 10)
    truck = Drive(plate, terminal, clock_ms(case.get("start", "22:00")), every_s)
    shift = (0.0, 0.0)
    for step in steps:
        verb, *words = step.split()
        before = len(truck.rows)
        if verb == "stand":
            truck.stand(float(words[0]))
        elif verb == "go":
            x, y = map(float, words[0].split(","))
            truck.go(x, y, float(words[1]) if len(words) > 1 else 36.0)
        elif verb == "silent":
            truck.silent(float(words[0]))
        elif verb == "load":
            truck.load = None if words[0] == "none" else words[0]
        elif verb == "cover":
            truck.cover = None if words[0] == "none" else words[0] == "closed"
        elif verb == "ignition":
            truck.acc = None if words[0] == "none" else words[0] == "on"
        elif verb == "at":
            x, y = map(float, words[0].split(","))
            truck.at(x, y)
        elif verb == "lift":
            truck.lift = None if words[0] == "none" else words[0] == "up"
        elif verb == "jump":
            x, y = map(float, words[0].split(","))
            shift = (x, y)
        elif verb == "invalid":
            truck.stand(float(words[0]))
            for row in truck.rows[before:]:
                row["valid"] = False
        else:
            raise ValueError(f"{case['name']}: unknown step {step!r}")
        dlon, dlat = deg(*shift)[0] - deg(0, 0)[0], deg(*shift)[1] - deg(0, 0)[1]
        for row in truck.rows[before:]:
            row["lon"] += dlon  # type: ignore[operator]
            row["lat"] += dlat  # type: ignore[operator]
    fixes = truck.fixes()
    return noisy(fixes, 7, case["jitter_m"]) if "jitter_m" in case else fixes


@pytest.mark.parametrize(("rule", "case"), CASES, ids=[f"{rule}: {case['name']}" for rule, case in CASES])
def test_case(rule: str, case: dict[str, Any]) -> None:
    fixes, _ = arrange(drive(case))
    found, _ = judge_all(fixes, Ground(registry_of(case.get("town", {}))), Knowledge())
    assert not any(v.rule == case.get("rule_too") for v in found.violations)
    got = sorted((v for v in found.violations if v.rule == rule), key=lambda v: v.start_ms)
    first_ms = int(fixes["time_ms"][0])
    told = [((v.start_ms - first_ms) / 1000, (v.end_ms - first_ms) / 1000, dict(v.evidence)) for v in got]
    assert len(got) == len(case["expect"]), f"found {told}"
    for (from_s, to_s, evidence), wanted in zip(told, case["expect"], strict=True):
        slack = wanted.get("within_s", 30)
        assert abs(from_s - wanted["from_s"]) <= slack, f"starts at {from_s}"
        assert abs(to_s - wanted["to_s"]) <= slack, f"ends at {to_s}"
        for key, value in wanted.items():
            if key not in ("from_s", "to_s", "within_s"):
                assert evidence[key] == value, f"{key}: {evidence[key]}"


def test_every_rule_has_cases_that_fire_and_cases_that_stay_silent() -> None:
    for rule in RULES:
        cases = [c for name, c in CASES if name == rule.rule_id]
        assert sum(bool(c["expect"]) for c in cases) >= 2, rule.rule_id
        assert sum(not c["expect"] for c in cases) >= 2, rule.rule_id


def test_rule_ids_are_those_ever_used() -> None:
    assert {r.rule_id for r in RULES} <= set(RULE_IDS)
    assert len({r.rule_id for r in RULES}) == len(RULES)


@pytest.mark.parametrize("rule", RULES, ids=[r.rule_id for r in RULES])
def test_evidence_is_what_the_rule_declares(rule: Any) -> None:
    """Every breach that the cases provoke carries exactly the declared figures."""
    declared = {f.name for f in rule.evidence} | {
        *("fixes", "grade", "rule_version", "policy_digest", "registry_digest")
    }
    seen = 0
    for name, case in CASES:
        if name != rule.rule_id or not case["expect"]:
            continue
        found, _ = judge_all(arrange(drive(case))[0], Ground(registry_of(case.get("town", {}))), Knowledge())
        for v in found.violations:
            if v.rule == rule.rule_id:
                seen += 1
                assert set(v.evidence) == declared
                assert 0 < v.confidence <= 1 and v.points > 0
    assert seen
