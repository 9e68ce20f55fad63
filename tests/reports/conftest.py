"""A small store made of hand-made findings, and text that some program would run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from small_store import DAY_MS, MONDAY_MS, make_findings, make_fixes, make_tally, span_of

from reports.archive import archive_fixes
from reports.recording import RunHead, RunRecord
from reports.store import Store
from rules.policy import Policy
from rules.registry import Company, Registry, Vehicle, digest

REGISTRY_FILES = {"vehicles.csv": "plate\n苏A10001\n".encode(), "policy.toml": b""}


@pytest.fixture
def registry() -> Registry:
    companies = (Company("c1", "甲运输公司"), Company("c2", "乙运输公司"))
    owners = ("c1", "c1", "c2", "c2")
    vehicles = tuple(Vehicle(f"苏A1000{n}", c, f"01390000000{n}", "new_type") for n, c in enumerate(owners, 1))
    return Registry(Policy(), companies, vehicles, digest=digest(REGISTRY_FILES))


@pytest.fixture
def make_head(registry: Registry) -> Callable[..., RunHead]:
    started_ms = MONDAY_MS + 10 * DAY_MS

    def make(input_digest: str = "i" * 64, **changes: Any) -> RunHead:
        return replace(RunHead(registry, REGISTRY_FILES, input_digest, "1.0", started_ms, "muckwatch run"), **changes)

    return make


@pytest.fixture
def store(tmp_path: Path, make_head: Callable[..., RunHead]) -> Iterator[Store]:
    """An open store, written once with `make_findings`."""
    with Store.open(tmp_path / "store", create=True) as opened:
        fixes = make_fixes(["苏A10001", "苏A10003"])
        files = archive_fixes(opened.path, fixes, Policy().zone)
        opened.record(RunRecord(make_head(), make_findings(), span_of(fixes), make_tally(), files))
        yield opened


@pytest.fixture
def hostile() -> list[str]:
    """Text from outside that some program somewhere would run."""
    return [
        "=cmd|' /C calc'!A0",
        "+1+1",
        "-2+3",
        "@SUM(1)",
        "\t=1",
        "\r=1",
        "\n=1",
        "＝1+1",
        "＋1",
        "－1",
        "＠a",
        "{=1+1}",
        "'; DROP TABLE kept.violations; --",
        "{{7*7}}",
        "{% raise %}",
        "<img src=x onerror=alert(1)>",
        "</script><script>alert(1)</script>",
        "`${alert(1)}`",
        "http://example.com/=",
        "_x0041_",
        "a\u2028b",
        'a"b,c;d\\e',
        "苏A\x01\x1f",
        "00123",
        "true",
    ]
