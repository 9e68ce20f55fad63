"""How every call of the API answers: plain JSON with an ETag, logged before it leaves, with the log's head in a header.

Providing people's data to another office is itself to be recorded: an answer that cannot be logged is not given.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
from fastapi import Request, Response

from reports.ledger.entries import Entry, append_signed
from web.api.auth import Caller
from web.context import Context

#: Answers kept as they went out: whoever mirrors the scores asks for the same pages as the others.
_KEPT = 64


@dataclass(frozen=True)
class Said:
    """An answer in bytes, the SHA-256 of it, and how many things it tells of."""

    body: bytes
    digest: str
    rows: int


def said(told: Mapping[str, Any], rows: int) -> Said:
    """Plain JSON as it goes out; the same bytes for the same content."""
    body = msgspec.json.encode(told)
    return Said(body, hashlib.sha256(body).hexdigest(), rows)


class Pages:
    """Answers by what they were made of, so that neither is made twice; the last used stay."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._kept: OrderedDict[Hashable, Said] = OrderedDict()

    def get(self, key: Hashable, make: Callable[[], Said]) -> Said:
        """The answer of that key, made now if it is not there."""
        with self._guard:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        made = make()
        with self._guard:
            self._kept[key] = made
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        return made


def pages(context: Context) -> Pages:
    """The server's answers."""
    return context.part("web.api.answers", Pages)


def answer(context: Context, request: Request, caller: Caller, content: Said) -> Response:
    """The response that says it, or 304 where the caller has it already.

    Args:
        context: the server.
        request: what was asked; `If-None-Match` is honoured.
        caller: who asked.
        content: the answer, the same bytes for the same state of the store.

    Raises:
        StoreError: if the answer cannot be logged.
    """
    etag = f'"{content.digest[:32]}"'
    known = _knows(request.headers.get("if-none-match", ""), etag)
    told = {"query": dict(sorted(request.query_params.items())), "status": 304 if known else 200}
    given = {"rows": 0 if known else content.rows, "sha256": content.digest}
    route = getattr(request.scope.get("route"), "path", request.url.path)
    with context.store.writing(()) as store, store.transaction():
        entry = Entry("answer", route, caller.token_id, {**told, **given})
        _, head = append_signed(store, [entry], at_ms=context.now_ms())
    headers = {"ETag": etag, "Cache-Control": "private, no-cache"}
    if head:
        headers |= {"X-Log-Size": str(head.size), "X-Log-Root": head.root}
    if known:
        return Response(status_code=304, headers=headers)
    return Response(content.body, media_type="application/json", headers=headers)


def _knows(if_none_match: str, etag: str) -> bool:
    """Whether the caller named this version (RFC 9110 §13.1.2, compared weakly)."""
    return etag in {each.strip().removeprefix("W/") for each in if_none_match.split(",")}
