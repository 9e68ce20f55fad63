"""Asks the credit API whatever schemathesis makes of its description: nothing fails, every answer is as described.

python -m bench.api_questions [--examples 2000]

So many questions to every call and kind (as described, or against it). An answer must not be a server's error, and have
a status, a type, headers and a body that the description names. A tenth of the questions go out without a token.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from collections import Counter
from pathlib import Path

import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.checks import CHECKS, load_all_checks

DESCRIPTION = Path(__file__).resolve().parent.parent / "docs" / "openapi.json"
CHECKED = (
    "not_a_server_error", "status_code_conformance", "content_type_conformance", "response_headers_conformance",
    "response_schema_conformance",
)  # fmt: skip


def ask(app: FastAPI, token: str, examples: int, chosen: int = 1) -> Counter[tuple[str, int]]:
    """Asks, and raises what schemathesis finds; gives how often each call answered with which status."""
    load_all_checks()
    checks = CHECKS.get_by_names(list(CHECKED))
    schema = schemathesis.openapi.from_dict(json.loads(DESCRIPTION.read_text("utf-8")))
    schema.app = app
    seen: Counter[tuple[str, int]] = Counter()
    for found in schema.get_all_operations():
        operation = found.ok()
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):

            def asked(case: Case, shown: bool) -> None:
                headers = {"Authorization": f"Bearer {token}"} if shown else {}
                answer = case.call(headers=headers)
                seen[case.operation.label, answer.status_code] += 1
                case.validate_response(answer, checks=checks)

            limits = settings(
                max_examples=examples, deadline=None, database=None, phases=[Phase.generate],
                suppress_health_check=list(HealthCheck),
            )  # fmt: skip
            shown = st.sampled_from([True] * 9 + [False])
            seed(chosen)(limits(given(case=operation.as_strategy(generation_mode=mode), shown=shown)(asked)))()
    return seen


def main() -> None:
    """Asks and prints what was answered."""
    from bench.credit_world import DAY_MS, MONDAY_MS, decide, fill, make_registry, make_violations
    from reports.credit.tokens import add_token
    from reports.ledger.signing import KEY_VARIABLE
    from reports.shared import SharedStore
    from reports.store import Store
    from web.app import create_app
    from web.context import Context
    from web.services import Services

    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--examples", type=int, default=2000)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        os.environ[KEY_VARIABLE] = f"{name}/key.pem"
        shared, registry = SharedStore(Store.open(Path(name) / "store", create=True)), make_registry()
        with shared.writing() as store:
            violations = make_violations(registry, 60)
            fill(store, registry, violations)
            for violation in violations[:40]:
                decide(store, violation.violation_id, "confirmed", MONDAY_MS + 8 * DAY_MS)
            token = add_token(store, "b", ["scores:read"], actor="b", at_ms=MONDAY_MS, days=366, per_minute=100_000)
        clock = [MONDAY_MS + 10 * DAY_MS]

        def now_ms() -> int:
            clock[0] += 2_500  # slow enough for whoever comes without a token
            return clock[0]

        app = create_app(Context(shared, registry, Path(name), Services([], print), now_ms=now_ms))
        answers = ask(app, token, asked.examples)
        shared.close()
    for (call, status), times in sorted(answers.items()):
        print(f"{call:40}{status:5}{times:7}")
    print(f"{sum(answers.values())} questions, server errors 0, answers that are not as described 0")


if __name__ == "__main__":
    main()
