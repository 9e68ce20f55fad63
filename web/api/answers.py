"""How every call of the API answers: plain JSON with an ETag, logged before it leaves, with the log's head in a header.

Providing people's data to another office is itself to be recorded: an answer that cannot be logged is not given.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from fastapi import Request, Response

from reports.ledger.entries import Entry, append_signed
from web.api.auth import Caller
from web.context import Context


def answer(context: Context, request: Request, caller: Caller, said: Mapping[str, Any], rows: int) -> Response:
    """The response that says it, or 304 where the caller has it already.

    Args:
        context: the server.
        request: what was asked; `If-None-Match` is honoured.
        caller: who asked.
        said: the answer, plain JSON, the same bytes for the same state of the store.
        rows: how many things it tells of, for the log.

    Raises:
        StoreError: if the answer cannot be logged.
    """
    body = json.dumps(said, ensure_ascii=False, separators=(",", ":")).encode()
    digest = hashlib.sha256(body).hexdigest()
    etag = f'"{digest[:32]}"'
    known = _knows(request.headers.get("if-none-match", ""), etag)
    told = {"query": dict(sorted(request.query_params.items())), "status": 304 if known else 200}
    content = {"rows": 0 if known else rows, "sha256": digest}
    route = getattr(request.scope.get("route"), "path", request.url.path)
    with context.store.writing(()) as store, store.transaction():
        entry = Entry("answer", route, caller.token_id, {**told, **content})
        _, head = append_signed(store, [entry], at_ms=context.now_ms())
    headers = {"ETag": etag, "Cache-Control": "private, no-cache"}
    if head:
        headers |= {"X-Log-Size": str(head.size), "X-Log-Root": head.root}
    if known:
        return Response(status_code=304, headers=headers)
    return Response(body, media_type="application/json", headers=headers)


def _knows(if_none_match: str, etag: str) -> bool:
    """Whether the caller named this version (RFC 9110 §13.1.2, compared weakly)."""
    return etag in {each.strip().removeprefix("W/") for each in if_none_match.split(",")}
