"""What schemathesis makes of the API's description is answered as described, and never with a server's error."""

from __future__ import annotations

from typing import Any

from bench.api_questions import ask


def test_every_call_answers_as_described_whatever_is_asked(server: Any) -> None:
    def now_ms() -> int:
        server.now[0] += 2_500  # slow enough for whoever comes without a token
        return int(server.now[0])

    token = server.token("scores:read")
    server.app.state.context.now_ms = now_ms
    seen = ask(server.app, token, examples=10)
    assert len({call for call, _ in seen}) >= 5
    assert {200, 401, 422} <= {status for _, status in seen} and all(status < 500 for _, status in seen)
