"""Cursors: opaque places in a list, signed, so that only one that we gave is taken back."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any

from reports.store import Store
from web.api.problem import Problem

CURSOR_MAX = 600


def made(store: Store, kind: str, place: dict[str, Any]) -> str:
    """A cursor of a kind that stands for a place."""
    body = json.dumps({"k": kind, **place}, ensure_ascii=False, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(_signature(store, body) + body).rstrip(b"=").decode()


def read(store: Store, kind: str, cursor: str) -> dict[str, Any]:
    """The place that a cursor stands for.

    Raises:
        Problem: 400, if we never gave such a cursor for that kind of list.
    """
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
    except ValueError:
        raise _unreadable() from None
    signature, body = raw[:16], raw[16:]
    if not hmac.compare_digest(signature, _signature(store, body)):
        raise _unreadable()
    place = json.loads(body)
    if not isinstance(place, dict) or place.pop("k", None) != kind:
        raise _unreadable()
    return place


def _unreadable() -> Problem:
    return Problem(400, "游标无法识别：请原样使用上一次返回的 next_cursor")


def _signature(store: Store, body: bytes) -> bytes:
    key = bytes.fromhex(store.rows("SELECT cursor_key FROM credit.state")[0][0])
    return hmac.new(key, body, hashlib.sha256).digest()[:16]
