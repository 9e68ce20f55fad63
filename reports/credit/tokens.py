"""Tokens of other systems: random, shown once, kept as a hash, with scopes and an end.

A new one is valid beside the one it replaces for a while, so that a client changes over without losing a call.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from reports.errors import StoreUnusable
from reports.ledger.entries import append
from reports.store import Store

#: What a token may be good for.
SCOPES = {
    "scores:read": "积分、积分变动、规则与对账的读取",
    "fixes:write": "上传定位点",
}
#: How every token begins, so that scanners for leaked secrets know one.
PREFIX = "mwt"
DAY_MS = 86_400_000
DAYS, OVERLAP_DAYS, PER_MINUTE = 90, 7, 120
_NAME = re.compile(r"[\w.\-]{1,64}")


@dataclass(frozen=True)
class Token:
    """A token as it is kept; what was shown cannot be had again."""

    token_id: str
    name: str
    scopes: tuple[str, ...]
    per_minute: int
    created_ms: int
    expires_ms: int
    revoked_ms: int | None
    replaces: str | None

    def live(self, at_ms: int) -> bool:
        """Whether it opens anything at that time."""
        return self.revoked_ms is None and at_ms < self.expires_ms


def add_token(
    store: Store,
    name: str,
    scopes: Sequence[str],
    *,
    actor: str,
    at_ms: int,
    days: int = DAYS,
    per_minute: int = PER_MINUTE,
) -> str:
    """Makes a token for the client `name` and gives it, the only time that it can be read.

    Args:
        store: the writer, outside a transaction.
        name: whose it is.
        scopes: of `SCOPES`.
        actor: who makes it.
        at_ms: now, epoch ms.
        days: how long it is good.
        per_minute: how many calls a minute it may make.

    Raises:
        StoreUnusable: a name, scope or number that is not allowed.
    """
    _check(name, scopes, days, per_minute)
    with store.transaction():
        return _make(store, name, scopes, per_minute, at_ms, days, None, actor)


def rotate_token(
    store: Store, token_id: str, *, actor: str, at_ms: int, days: int = DAYS, overlap_days: int = OVERLAP_DAYS
) -> str:
    """Makes the successor of a token and gives it; the old one ends after the overlap, or earlier if it would anyway.

    Raises:
        StoreUnusable: if there is no such token or it has ended.
    """
    old = _known(store, token_id)
    if not old.live(at_ms):
        raise StoreUnusable(f"token {token_id}: it has ended; add a new one")
    _check(old.name, old.scopes, days, old.per_minute)
    with store.transaction():
        made = _make(store, old.name, old.scopes, old.per_minute, at_ms, days, token_id, actor)
        ends_ms = min(old.expires_ms, at_ms + overlap_days * DAY_MS)
        store.execute("UPDATE credit.tokens SET expires_ms = ? WHERE token_id = ?", [ends_ms, token_id])
    return made


def revoke_token(store: Store, token_id: str, *, actor: str, at_ms: int) -> None:
    """Ends a token at once.

    Raises:
        StoreUnusable: if there is no such token.
    """
    _known(store, token_id)
    with store.transaction():
        store.execute(
            "UPDATE credit.tokens SET revoked_ms = ? WHERE token_id = ? AND revoked_ms IS NULL", [at_ms, token_id]
        )
        append(store, "token", token_id, actor, {"op": "revoke"}, at_ms=at_ms)


def tokens(store: Store) -> list[Token]:
    """Every token there ever was, the oldest first."""
    found = store.query(
        "SELECT token_id, name, scopes, per_minute, created_ms, expires_ms, revoked_ms, replaces "
        "FROM credit.tokens ORDER BY created_ms, token_id"
    )
    return [Token(**{**row, "scopes": tuple(row["scopes"])}) for row in found.iter_rows(named=True)]


def token_of(store: Store, shown: str, at_ms: int) -> Token | None:
    """The token that somebody shows, if it is one and live."""
    parts = shown.split("_", 2)
    if len(parts) != 3 or parts[0] != PREFIX:
        return None
    found = store.rows(
        "SELECT hash, token_id, name, scopes, per_minute, created_ms, expires_ms, revoked_ms, replaces "
        "FROM credit.tokens WHERE token_id = ?",
        [parts[1]],
    )
    if not found or not hmac.compare_digest(found[0][0], _hash(shown)):
        return None
    token_id, name, scopes, *rest = found[0][1:]
    token = Token(token_id, name, tuple(scopes), *rest)
    return token if token.live(at_ms) else None


def _make(
    store: Store,
    name: str,
    scopes: Sequence[str],
    per_minute: int,
    at_ms: int,
    days: int,
    replaces: str | None,
    actor: str,
) -> str:
    token_id = secrets.token_hex(6)
    shown = f"{PREFIX}_{token_id}_{secrets.token_urlsafe(32)}"
    expires_ms = at_ms + days * DAY_MS
    store.execute(
        "INSERT INTO credit.tokens VALUES (?, ?, ?, ?, ?, ?, ?, NULL, ?)",
        [token_id, name, _hash(shown), list(scopes), per_minute, at_ms, expires_ms, replaces],
    )
    said = {"op": "rotate" if replaces else "add", "name": name, "scopes": list(scopes), "expires_ms": expires_ms}
    append(store, "token", token_id, actor, {**said, "per_minute": per_minute, "replaces": replaces}, at_ms=at_ms)
    return shown


def _known(store: Store, token_id: str) -> Token:
    for token in tokens(store):
        if token.token_id == token_id:
            return token
    raise StoreUnusable(f"there is no token {token_id!r}; `muckwatch token list` shows them")


def _check(name: str, scopes: Sequence[str], days: int, per_minute: int) -> None:
    unknown = sorted({*scopes} - {*SCOPES})
    if unknown or not scopes:
        raise StoreUnusable(f"scope {', '.join(unknown) or 'missing'}; allowed: {', '.join(SCOPES)}")
    if not _NAME.fullmatch(name):
        raise StoreUnusable(f"{name!r}: a client's name is 1 to 64 letters, digits, dots and dashes")
    if not 1 <= days <= 366 or not 1 <= per_minute <= 100_000:
        raise StoreUnusable("a token is good for 1 to 366 days and 1 to 100000 calls a minute")


def _hash(shown: str) -> str:
    return hashlib.sha256(shown.encode()).hexdigest()
