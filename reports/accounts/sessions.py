"""Signing in and out. A session lives in the store and can be ended there; the browser has only its random token."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass

from reports.accounts.users import FAILURES_MAX, LOCKED_FOR_MS, User, code_step, password_fits, user
from reports.ledger.entries import append
from reports.shared import SharedStore
from reports.store import Store

#: Idle this long, or older than that, and a session is over.
IDLE_MS, LONGEST_MS = 30 * 60_000, 12 * 3_600_000
#: A session's last use is written down at most so often.
_SEEN_EVERY_MS = 60_000
_TOKEN_BYTES = 32


@dataclass(frozen=True)
class Session:
    """Who is signed in, and the secret that this session's forms carry."""

    token_hash: str
    csrf: str
    user: User


@dataclass(frozen=True)
class SignIn:
    """How signing in went: a token for the browser, or why not (`wrong`, `locked`, `closed`, `code`)."""

    token: str = ""
    problem: str = ""


def sign_in(shared: SharedStore, user_id: str, password: str, code: str, *, address: str, at_ms: int) -> SignIn:
    """Tries a password and, where the user has one, a second factor. Takes as long for a user that does not exist."""
    with shared.reading() as store:
        known = user(store, user_id)
    fits = password_fits(known.password if known else None, password)
    if known is None:
        return SignIn(problem="wrong")
    with shared.writing() as store, store.transaction():
        now = user(store, user_id)
        problem, step = _problem(now, known, fits, code, at_ms)
        if now is None:
            return SignIn(problem="wrong")
        if problem in ("wrong", "code") and not (problem == "code" and not code):
            failures = now.failures + 1
            until = at_ms + LOCKED_FOR_MS if failures >= FAILURES_MAX else now.locked_until_ms
            store.execute(
                "UPDATE kept.users SET failures = ?, locked_until_ms = ? WHERE user_id = ?", [failures, until, user_id]
            )
        said = {"ok": not problem, "problem": problem, "address": address}
        append(store, "login", user_id, user_id, said, at_ms=at_ms)
        if problem:
            return SignIn(problem=problem)
        store.execute(
            "UPDATE kept.users SET failures = 0, locked_until_ms = 0, totp_step = ? WHERE user_id = ?", [step, user_id]
        )
        token = secrets.token_urlsafe(_TOKEN_BYTES)
        store.execute(
            "INSERT INTO kept.sessions VALUES (?, ?, ?, ?, ?, ?)",
            [hash_of(token), user_id, secrets.token_urlsafe(_TOKEN_BYTES), at_ms, at_ms, address],
        )
        store.execute(
            "DELETE FROM kept.sessions WHERE created_ms < ? OR seen_ms < ?", [at_ms - LONGEST_MS, at_ms - IDLE_MS]
        )
    return SignIn(token=token)


def _problem(now: User | None, known: User, fits: bool, code: str, at_ms: int) -> tuple[str, int]:
    """What hinders, as things are inside the transaction, and the time step of the code that was accepted."""
    if now is None or now.password != known.password or not fits:
        locked = now is not None and now.locked_until_ms > at_ms
        return ("locked" if locked else "wrong"), 0
    if now.locked_until_ms > at_ms:
        return "locked", 0
    if now.closed:
        return "closed", 0
    if not now.totp_secret:
        return "", now.totp_step
    step = code_step(now.totp_secret, code, now.totp_step, at_ms)
    return ("", step) if step is not None else ("code", 0)


def session_of(shared: SharedStore, token: str, at_ms: int) -> Session | None:
    """The session that a browser's token opens, if it is still alive; notes now and then that it was used."""
    with shared.reading() as store:
        found = store.query(
            "SELECT s.token_hash, s.csrf, s.seen_ms, s.user_id FROM kept.sessions s "
            "WHERE token_hash = ? AND created_ms > ? AND seen_ms > ?",
            [hash_of(token), at_ms - LONGEST_MS, at_ms - IDLE_MS],
        )
        if found.is_empty():
            return None
        token_hash, csrf, seen_ms, user_id = found.row(0)
        known = user(store, user_id)
    if known is None or known.closed:
        return None
    if at_ms - seen_ms > _SEEN_EVERY_MS:
        with shared.writing() as store:
            store.execute("UPDATE kept.sessions SET seen_ms = ? WHERE token_hash = ?", [at_ms, token_hash])
    return Session(token_hash, csrf, known)


def sign_out(store: Store, session: Session, at_ms: int) -> None:
    """Ends a session."""
    with store.transaction():
        store.execute("DELETE FROM kept.sessions WHERE token_hash = ?", [session.token_hash])
        append(store, "login", session.user.user_id, session.user.user_id, {"did": "sign out"}, at_ms=at_ms)


def end_other_sessions(store: Store, session: Session) -> int:
    """Ends all sessions of a user but this one; says how many."""
    return store.execute(
        "DELETE FROM kept.sessions WHERE user_id = ? AND token_hash <> ?", [session.user.user_id, session.token_hash]
    )


def hash_of(token: str) -> str:
    """What is kept of a token."""
    return hashlib.sha256(token.encode()).hexdigest()
