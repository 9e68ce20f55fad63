"""A bureau for the tests of the pages: a store with cases, a user of every role, a clock, and signed-in clients."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import httpx
from argon2 import PasswordHasher
from fastapi import FastAPI
from fastapi.testclient import TestClient

import reports.accounts.users as accounts
from reports.accounts.users import add_user, set_totp
from reports.shared import SharedStore
from reports.store import Store
from rules.registry import load
from web.app import create_app
from web.context import Context
from web.services import Services

PASSWORD = "Correct-horse-42"
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
#: Role -> user; a second of those roles that two people must hold, and a company user of another company.
PEOPLE = {
    "reviewer": "anna",
    "second_reviewer": "bert",
    "appeal_officer": "dora",
    "inspector": "ines",
    "company": "firm",
    "auditor": "audi",
    "admin": "root1",
}
CSRF = re.compile(r'name="csrf" value="([^"]+)"|X-CSRF-Token":"([^"]+)"')


def cheap_passwords() -> None:
    """Argon2 with its smallest cost: the tests sign in hundreds of times."""
    accounts._hasher = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    accounts._nobody.cache_clear()


@dataclass
class Bureau:
    """One server under test; `now_ms` is its clock."""

    app: FastAPI
    context: Context
    now_ms: int

    def client(self, user_id: str = "") -> Desk:
        """A browser's cookie jar, signed in as that user if one is named."""
        desk = Desk(self)
        if user_id:
            desk.sign_in(user_id)
        return desk

    def store_rows(self, sql: str, *values: object) -> list[tuple[object, ...]]:
        with self.context.store.reading() as store:
            return store.query(sql, list(values)).rows()


class Desk:
    """Somebody's browser, without scripts."""

    def __init__(self, bureau: Bureau) -> None:
        self.bureau = bureau
        self.http = TestClient(bureau.app, base_url="https://bureau.example", follow_redirects=False)
        self.csrf = ""

    def sign_in(self, user_id: str, password: str = PASSWORD, code: str | None = None) -> httpx.Response:
        import pyotp

        page = self.http.get("/login")
        before = re.search(r'name="before" value="([^"]+)"', page.text)
        assert before
        self.bureau.now_ms += 31_000  # no code works twice
        said = pyotp.TOTP(SECRET).at(self.bureau.now_ms // 1000) if code is None else code
        form = {"user_id": user_id, "password": password, "code": said, "before": before[1], "back": "/"}
        answer = self.http.post("/login", data=form)
        if answer.status_code == 303:
            found = CSRF.search(self.http.get("/account").text)
            assert found
            self.csrf = found[1] or found[2]
        return answer

    def get(self, path: str, **more: object) -> httpx.Response:
        return self.http.get(path, **more)  # type: ignore[arg-type]

    def post(self, path: str, **form: object) -> httpx.Response:
        return self.http.post(path, data={"csrf": self.csrf, **form})

    def decide(self, case_id: str, action: str, reason: str = "", note: str = "看过") -> httpx.Response:
        step = self.bureau.store_rows("SELECT step FROM cases WHERE case_id = ?", case_id)[0][0]
        form = {"action": action, "step": step, "reason": reason, "note": note, "password": PASSWORD}
        return self.post(f"/cases/{case_id}/decide", **form)


def make_bureau(folder: Path, registry_folder: Path) -> Bureau:
    """A server over the store in that folder, with `PEOPLE`; the company is that of the store's first truck."""
    cheap_passwords()
    shared = SharedStore(Store.open(folder))
    context = Context(shared, load(registry_folder), registry_folder, Services([], lambda reason: None))
    with shared.writing() as store:
        now_ms = int(store.query("SELECT max(recorded_ms) FROM kept.violations").item() or 0) + 3_600_000
        companies = store.query("SELECT subject_id FROM kept.subjects WHERE subject = 'company' ORDER BY 1")[
            "subject_id"
        ]
        for role, user_id in PEOPLE.items():
            company = companies[0] if role == "company" else ""
            add_user(store, user_id, role, PASSWORD, by="test", at_ms=now_ms, name=f"某{user_id}", company_id=company)
            set_totp(store, user_id, SECRET, by="test", at_ms=now_ms)
        add_user(store, "carl", "second_reviewer", PASSWORD, by="test", at_ms=now_ms)
        add_user(store, "rival", "company", PASSWORD, by="test", at_ms=now_ms, company_id=companies[-1])
        set_totp(store, "carl", SECRET, by="test", at_ms=now_ms)
        set_totp(store, "rival", SECRET, by="test", at_ms=now_ms)
    bureau = Bureau(create_app(context), context, now_ms)
    context.now_ms = lambda: bureau.now_ms
    return bureau
