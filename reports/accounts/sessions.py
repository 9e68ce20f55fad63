"""Signing in and out. A session lives in the store and can be ended there; the browser has only its random token."""

from __future__ import annotations

import hashlib
import secrets
import threading
from dataclasses import dataclass

from reports.accounts.sealing import opened
from reports.accounts.users import FAILURES_MAX, LOCKED_FOR_MS, User, code_step, password_fits, user
from reports.ledger.entries import append
from reports.shared import ACCOUNTS, SharedStore
from reports.store import Store

#: Idle this long, or older than that, and a session is over.
IDLE_MS, LONGEST_MS = 30 * 60_000, 12 * 3_600_000
#: A session's last use is written down at most so often.
_SEEN_EVERY_MS = 60_000
_TOKEN_BYTES = 32
#: Sessions kept in memory; more are read each time.
_KNOWN_MAX = 10_000


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
    with shared.writing({ACCOUNTS}) as store, store.transaction():
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
    secret = opened(now.totp_secret, now.user_id)  # None after the key was lost: an administrator enrols anew
    step = code_step(secret, code, now.totp_step, at_ms) if secret else None
    return ("", step) if step is not None else ("code", 0)


@dataclass
class _Open:
    """A session with when it began and was last used, epoch ms."""

    session: Session
    created_ms: int
    seen_ms: int

    def alive(self, at_ms: int) -> bool:
        return self.created_ms > at_ms - LONGEST_MS and self.seen_ms > at_ms - IDLE_MS


class OpenSessions:
    """The sessions of one open store, kept in memory until any account changes: every request asks for one."""

    def __init__(self, shared: SharedStore) -> None:
        self._shared = shared
        self._guard = threading.Lock()
        self._commits = -1
        self._known: dict[str, _Open] = {}

    def known(self, token: str, at_ms: int) -> Session | None:
        """The session that a browser's token opens, if no look into the store is needed; never waits."""
        with self._guard:
            self._forget_changed()
            found = self._known.get(hash_of(token))
        quick = found and found.alive(at_ms) and at_ms - found.seen_ms <= _SEEN_EVERY_MS
        return found.session if found and quick else None

    def session(self, token: str, at_ms: int) -> Session | None:
        """The session that a browser's token opens, if it is still alive; notes now and then that it was used."""
        key = hash_of(token)
        with self._guard:
            commits = self._forget_changed()
            found = self._known.get(key)
        if found is None:
            with self._shared.reading() as store:
                found = _read(store, key)
            if found is None:
                return None
            with self._guard:
                if commits == self._commits and len(self._known) < _KNOWN_MAX:
                    self._known[key] = found
        if not found.alive(at_ms):
            return None
        if at_ms - found.seen_ms > _SEEN_EVERY_MS:
            found.seen_ms = at_ms
            with self._shared.writing(()) as store:
                store.execute("UPDATE kept.sessions SET seen_ms = ? WHERE token_hash = ?", [at_ms, key])
        return found.session

    def _forget_changed(self) -> int:
        """Forgets everything if an account was touched since; gives the commit that what is known is of."""
        if (commits := self._shared.commits) != self._commits:
            touched = self._shared.touched_since(self._commits)
            if touched is None or ACCOUNTS in touched:
                self._known.clear()
            self._commits = commits
        return self._commits


def _read(store: Store, token_hash: str) -> _Open | None:
    found = store.rows(
        "SELECT csrf, user_id, created_ms, seen_ms FROM kept.sessions WHERE token_hash = ?", [token_hash]
    )
    if not found:
        return None
    csrf, user_id, created_ms, seen_ms = found[0]
    known = user(store, user_id)
    return None if known is None or known.closed else _Open(Session(token_hash, csrf, known), created_ms, seen_ms)


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
