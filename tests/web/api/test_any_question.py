"""Whatever is asked of the credit API, and however wrongly: it answers or tells why not, and never fails."""

from __future__ import annotations

import json
import random
from typing import Any

from cli_town import ROOT

ODD = [
    "",
    "0",
    "-1",
    "500",
    "9" * 30,
    "x",
    "é",
    "\x00",
    "'; DROP TABLE credit.events; --",
    "{{7*7}}",
    "2026-11-20",
    "0001-01-01",
]
ODD += [
    "9999-12-31",
    "null",
    "[]",
    "vehicle",
    "company",
    "苏A12345",
    "A" * 601,
    "Infinity",
    "1e9",
    " ",
    "../../etc/passwd",
    "true",
]
TIMES = 12


def test_no_question_makes_the_server_fail(server: Any) -> None:
    described = json.loads((ROOT / "docs" / "openapi.json").read_text("utf-8"))
    by, client, seen = random.Random(1), server.client("scores:read"), set()
    calls = [
        (path, told["get"]) for path, told in described["paths"].items() if path.startswith("/api/v1") and "get" in told
    ]
    assert len(calls) >= 5
    for path, call in calls:
        names = [p["name"] for p in call.get("parameters", [])]
        for _ in range(TIMES):
            asked = [(name, by.choice(ODD)) for name in names if by.random() < 0.7]
            answer = client.get(path, params=asked, headers={"If-None-Match": by.choice(['"x"', "*", ",,"])})
            assert str(answer.status_code) in call["responses"], (path, asked, answer.status_code)
            if answer.status_code >= 400:
                assert answer.headers["content-type"] == "application/problem+json" and answer.status_code < 500
            seen.add(answer.status_code)
    assert {200, 400, 422} <= seen
