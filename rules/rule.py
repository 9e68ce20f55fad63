"""What a rule is: its record, and what its function is given and gives back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import Any

import msgspec

from rules.clones import Sighting
from rules.ground import Ground
from rules.hauls import Haul
from rules.intervals import Span
from rules.policy import Policy
from rules.stays import Stay, drives_of
from rules.stretches import Rows
from rules.tags import Tag


@dataclass(frozen=True)
class Parameter:
    """A threshold of a rule; its home is a key of `policy.toml`."""

    name: str
    unit: str
    default: Any
    low: float | None
    high: float | None
    why: str


@dataclass(frozen=True)
class EvidenceField:
    """One figure that the rule judged by."""

    name: str
    unit: str
    meaning: str


class Breach(msgspec.Struct, frozen=True):
    """What a rule's function yields; a `Violation` is made of it. `x_m`, `y_m`: where it was worst, on the plane."""

    start_ms: int
    end_ms: int
    x_m: float
    y_m: float
    confidence: float
    evidence: Mapping[str, Any]
    permit_no: str | None = None
    site_id: str | None = None


class Excused(msgspec.Struct, frozen=True):
    """What a rule's function found to be no breach: fixes that bear a tag that the rule does not accept."""

    tag: Tag
    start_ms: int
    end_ms: int
    fixes: int


class Outing(msgspec.Struct, frozen=True, dict=True):
    """All that a truck did between two rests: what the rules that do not ask for a load are given."""

    plate: str
    start_ms: int
    end_ms: int
    rows: Rows
    stays: tuple[Stay, ...]
    policy: Policy

    @cached_property
    def drives(self) -> list[Span]:
        """When it was driving; found once a rule asks."""
        halt_ms, silence_ms = self.policy.halt_max_s * 1000, self.policy.silence_min_s * 1000
        return drives_of(self.rows["motion"], halt_ms, silence_ms, self.stays)


@dataclass(frozen=True)
class Rule:
    """A rule of the catalogue. Exactly one of `on_haul` (needs a load), `on_outing` and `on_sighting` is set.

    `accepts`: the tags that a fix may bear and yet be evidence for the rule.
    """

    rule_id: str
    title_en: str
    title_zh: str
    legal_basis: str
    version: int
    policy_keys: tuple[str, ...]
    evidence: tuple[EvidenceField, ...]
    accepts: Tag
    on_haul: Callable[[Haul, Rows, Ground], Sequence[Breach | Excused]] | None = None
    on_outing: Callable[[Outing, Ground], Sequence[Breach | Excused]] | None = None
    on_sighting: Callable[[Sighting, Ground], list[Breach]] | None = None
    cannot_see: str = field(default="")

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """The rule's thresholds with unit, default, bounds and reason, from the policy."""
        known = {f.name: f for f in fields(Policy)}
        made = []
        for key in self.policy_keys:
            f = known[key]
            made.append(
                Parameter(key, f.metadata["unit"], f.default, f.metadata["low"], f.metadata["high"], f.metadata["why"])
            )
        return tuple(made)
