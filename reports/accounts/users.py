"""Users of the pages: added, given a role, closed; passwords by argon2id, a second factor by TOTP.

Every change ends the user's sessions and is told to the log; passwords and secrets are never in it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache

import pyotp
from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error

from reports.accounts.sealing import is_sealed, sealed
from reports.cases.words import ROLE_NAMES
from reports.ledger.entries import append
from reports.store import Store

PASSWORD_MIN = 10
#: After so many wrong passwords or codes in a row nobody gets in by that name for a while.
FAILURES_MAX, LOCKED_FOR_MS = 5, 15 * 60_000
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{1,31}")
_hasher = PasswordHasher()


class AccountError(Exception):
    """An account that cannot be made or changed so; the message says what is allowed."""


@dataclass(frozen=True)
class User:
    """Somebody who may sign in."""

    user_id: str
    name: str
    role: str
    company_id: str
    districts: str
    password: str
    totp_secret: str
    totp_step: int
    failures: int
    locked_until_ms: int
    closed: bool
    must_change: bool
    created_ms: int


def user(store: Store, user_id: str) -> User | None:
    """The user of that id, if there is one."""
    found = store.query("SELECT * FROM kept.users WHERE user_id = ?", [user_id])
    return User(**found.row(0, named=True)) if len(found) else None


def users(store: Store) -> list[User]:
    """Everyone, by id."""
    return [User(**row) for row in store.query("SELECT * FROM kept.users ORDER BY user_id").iter_rows(named=True)]


def add_user(
    store: Store, user_id: str, role: str, password: str, *, by: str, at_ms: int, name: str = "", company_id: str = "",
    districts: str = "", must_change: bool = False,
) -> None:  # fmt: skip
    """Adds a user.

    Args:
        store: the writer, outside a transaction.
        user_id: 2 to 32 small letters, digits, dots, dashes.
        role: one of `ROLE_NAMES`; a `company` user needs a `company_id`, nobody else has one.
        password: at least `PASSWORD_MIN` characters.
        by: who adds it.
        at_ms: when, epoch ms.
        name: as people read it.
        company_id: whose trucks a company user sees.
        districts: district ids an officer is bound to, comma-separated.
        must_change: the password is only good for setting another.

    Raises:
        AccountError: saying what is allowed.
    """
    if not _NAME.fullmatch(user_id):
        raise AccountError(f"{user_id!r}: a user's id is 2 to 32 small letters, digits, dots or dashes")
    _check_role(role, company_id)
    hashed = hashed_password(password, user_id)
    if user(store, user_id):
        raise AccountError(f"{user_id!r}: there is such a user already")
    with store.transaction():
        store.execute(
            "INSERT INTO kept.users VALUES (?, ?, ?, ?, ?, ?, '', 0, 0, 0, false, ?, ?)",
            [user_id, name or user_id, role, company_id, districts, hashed, must_change, at_ms],
        )
        _grant(store, user_id, role, company_id)
        said = {"did": "add", "role": role, "company_id": company_id, "districts": districts}
        append(store, "user", user_id, by, said, at_ms=at_ms)


def set_role(
    store: Store, user_id: str, role: str, *, by: str, at_ms: int, company_id: str = "", districts: str = ""
) -> None:
    """Gives a user another role, and ends his sessions."""
    _check_role(role, company_id)
    with _changing(store, user_id):
        _known(store, user_id)
        store.execute(
            "UPDATE kept.users SET role = ?, company_id = ?, districts = ? WHERE user_id = ?",
            [role, company_id, districts, user_id],
        )
        _grant(store, user_id, role, company_id)
        said = {"did": "role", "role": role, "company_id": company_id, "districts": districts}
        append(store, "user", user_id, by, said, at_ms=at_ms)


def set_closed(store: Store, user_id: str, closed: bool, *, by: str, at_ms: int) -> None:
    """Locks a user out for good, or lets him in again (also after too many wrong passwords)."""
    with _changing(store, user_id):
        _known(store, user_id)
        store.execute(
            "UPDATE kept.users SET closed = ?, failures = 0, locked_until_ms = 0 WHERE user_id = ?", [closed, user_id]
        )
        append(store, "user", user_id, by, {"did": "lock" if closed else "unlock"}, at_ms=at_ms)


def set_password(store: Store, user_id: str, password: str, *, by: str, at_ms: int, must_change: bool = False) -> None:
    """Sets a password, and ends the user's sessions."""
    hashed = hashed_password(password, user_id)
    with _changing(store, user_id):
        _known(store, user_id)
        store.execute(
            "UPDATE kept.users SET password = ?, must_change = ?, failures = 0, locked_until_ms = 0 WHERE user_id = ?",
            [hashed, must_change, user_id],
        )
        append(store, "user", user_id, by, {"did": "password"}, at_ms=at_ms)


def set_totp(store: Store, user_id: str, secret: str, *, by: str, at_ms: int, step: int = 0) -> None:
    """Sets the second factor (base32), which is kept sealed, or takes it away (empty). Sessions stay."""
    kept = sealed(secret, user_id) if secret else ""
    with store.transaction():
        _known(store, user_id)
        store.execute("UPDATE kept.users SET totp_secret = ?, totp_step = ? WHERE user_id = ?", [kept, step, user_id])
        append(store, "user", user_id, by, {"did": "totp on" if secret else "totp off"}, at_ms=at_ms)


def seal_secrets(store: Store, *, at_ms: int) -> int:
    """Seals second factors that an earlier version kept readable; gives how many.

    Args:
        store: the writer, outside a transaction.
        at_ms: when, epoch ms.
    """
    readable = [each for each in users(store) if each.totp_secret and not is_sealed(each.totp_secret)]
    for each in readable:
        with store.transaction():
            kept = sealed(each.totp_secret, each.user_id)
            store.execute("UPDATE kept.users SET totp_secret = ? WHERE user_id = ?", [kept, each.user_id])
            append(store, "user", each.user_id, "serve", {"did": "totp sealed"}, at_ms=at_ms)
    return len(readable)


def hashed_password(password: str, user_id: str) -> str:
    """The argon2id hash to keep.

    Raises:
        AccountError: if the password is too short or too plain.
    """
    if len(password) < PASSWORD_MIN or len(set(password)) < 5 or user_id in password.lower():
        raise AccountError(
            f"a password has at least {PASSWORD_MIN} characters, 5 different ones, and not the user's id"
        )
    return _hasher.hash(password)


def password_fits(hashed: str | None, password: str) -> bool:
    """Whether the password is the one hashed; takes as long where there is no such user."""
    try:
        _hasher.verify(hashed or _nobody(), password)
    except Argon2Error:
        return False
    return hashed is not None


def code_step(secret: str, code: str, after_step: int, at_ms: int) -> int | None:
    """The time step (30 s) of a TOTP code if it is right now, one step early or late, and newer than `after_step`."""
    totp, now = pyotp.TOTP(secret), at_ms // 30_000
    for step in (now, now - 1, now + 1):
        if step > after_step and pyotp.utils.strings_equal(code.strip(), totp.generate_otp(step)):
            return step
    return None


@cache
def _nobody() -> str:
    return _hasher.hash("nobody has this password")


def _check_role(role: str, company_id: str) -> None:
    if role not in ROLE_NAMES:
        raise AccountError(f"{role!r} is no role; allowed: {', '.join(ROLE_NAMES)}")
    if (role == "company") != bool(company_id):
        raise AccountError("a company user needs a company (--company), and nobody else has one")


def _grant(store: Store, user_id: str, role: str, company_id: str) -> None:
    store.execute("INSERT INTO kept.grants VALUES (?, ?, ?) ON CONFLICT DO NOTHING", [user_id, role, company_id])


def _known(store: Store, user_id: str) -> None:
    if not user(store, user_id):
        raise AccountError(f"{user_id!r}: there is no such user")


@contextmanager
def _changing(store: Store, user_id: str) -> Iterator[None]:
    """A transaction that also ends the user's sessions."""
    with store.transaction():
        store.execute("DELETE FROM kept.sessions WHERE user_id = ?", [user_id])
        yield
