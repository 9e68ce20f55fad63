"""Signing in: passwords, second factors, lock-out, sessions that end, forms that only our own pages can send."""

from __future__ import annotations

import re
from collections.abc import Callable

import pyotp
import pytest
from bureau import PASSWORD, SECRET, Bureau

from reports.accounts.sealing import opened
from reports.accounts.users import (
    FAILURES_MAX,
    LOCKED_FOR_MS,
    AccountError,
    add_user,
    seal_secrets,
    set_closed,
    set_role,
    set_totp,
)
from web.pages import english


@pytest.fixture
def guest(bureau: Bureau) -> Callable[..., str]:
    """Adds a user of a test's own."""
    made = 0

    def add(role: str = "inspector", **more: object) -> str:
        nonlocal made
        made += 1
        name = f"guest{made}.{bureau.now_ms % 100_000}"
        with bureau.context.store.writing() as store:
            add_user(store, name, role, PASSWORD, by="test", at_ms=bureau.now_ms, **more)  # type: ignore[arg-type]
            set_totp(store, name, SECRET, by="test", at_ms=bureau.now_ms)
        return name

    return add


def test_a_session_opens_pages_until_it_is_idle_or_old_or_ended(bureau: Bureau, guest: Callable[..., str]) -> None:
    desk = bureau.client(guest())
    assert desk.get("/reports").status_code == 200
    kept = [row[0] for row in bureau.store_rows("SELECT token_hash FROM kept.sessions")]
    token = next(c.value for c in desk.http.cookies.jar if c.name == "__Host-muckwatch")
    assert token and token not in kept
    for _ in range(26):  # used every 29 minutes, for more than 12 hours
        bureau.now_ms += 29 * 60_000
        answer = desk.get("/reports")
        if answer.status_code == 303:
            break
    assert answer.headers["location"].startswith("/login")
    idle = bureau.client(guest())
    bureau.now_ms += 31 * 60_000
    assert idle.get("/reports").headers["location"] == "/login?back=%2Freports"
    ended = bureau.client(guest())
    assert ended.post("/logout").status_code == 303
    assert ended.get("/reports").status_code == 303


def test_second_factors_lie_sealed_and_bound_to_their_user(bureau: Bureau, guest: Callable[..., str]) -> None:
    name, other = guest(), guest()
    keep = "UPDATE kept.users SET totp_secret = ? WHERE user_id = ?"
    (kept,) = bureau.store_rows("SELECT totp_secret FROM kept.users WHERE user_id = ?", name)[0]
    assert isinstance(kept, str) and SECRET not in kept and opened(kept, name) == SECRET
    assert opened(kept, other) is None and opened(kept[:-4] + "AAA=", name) is None
    with bureau.context.store.writing() as store:
        store.execute(keep, [kept, other])  # somebody else's is of no use
        store.execute(keep, [SECRET, name])  # as an earlier version kept it
    desk = bureau.client()
    assert desk.sign_in(other).status_code == 401 and desk.sign_in(name).status_code == 303
    with bureau.context.store.writing() as store:
        assert seal_secrets(store, at_ms=bureau.now_ms) == 1 and seal_secrets(store, at_ms=bureau.now_ms) == 0
        store.execute("DELETE FROM kept.users WHERE user_id = ?", [other])
    assert bureau.client().sign_in(name).status_code == 303


def test_a_change_of_role_or_a_lock_ends_every_session(bureau: Bureau, guest: Callable[..., str]) -> None:
    name = guest()
    desk, other = bureau.client(name), bureau.client(name)
    with bureau.context.store.writing() as store:
        set_role(store, name, "auditor", by="test", at_ms=bureau.now_ms)
    assert {d.get("/reports").status_code for d in (desk, other)} == {303}
    again = bureau.client(name)
    assert again.get("/reports").status_code == 403 and again.get("/log").status_code == 200
    with bureau.context.store.writing() as store:
        set_closed(store, name, True, by="test", at_ms=bureau.now_ms)
    assert again.get("/log").status_code == 303
    assert again.sign_in(name).status_code == 401


def test_five_wrong_passwords_lock_even_the_right_one_out_for_a_while(
    bureau: Bureau, guest: Callable[..., str]
) -> None:
    name, desk = guest(), bureau.client()
    for _ in range(FAILURES_MAX):
        assert desk.sign_in(name, "wrong password").status_code == 401
    assert "15 分钟" in desk.sign_in(name).text
    bureau.now_ms += LOCKED_FOR_MS
    assert desk.sign_in(name).status_code == 303


def test_a_code_is_asked_for_and_works_once(bureau: Bureau, guest: Callable[..., str]) -> None:
    name, desk = guest(), bureau.client()
    assert desk.sign_in(name, code="").status_code == 401
    assert desk.sign_in(name, code="000000").status_code == 401
    bureau.now_ms += 60_000
    code = pyotp.TOTP(SECRET).at((bureau.now_ms + 31_000) // 1000)
    assert desk.sign_in(name, code=code).status_code == 303
    bureau.now_ms -= 31_000
    assert bureau.client().sign_in(name, code=code).status_code == 401


def test_who_does_not_exist_is_answered_like_who_does(bureau: Bureau) -> None:
    strip = lambda text: re.sub(r'value="[^"]*"', "", text)
    assert strip(bureau.client().sign_in("nobody.here", "wrong").text) == strip(
        bureau.client().sign_in("audi", "wrong").text
    )


def test_a_form_needs_its_sessions_secret_and_a_page_of_ours(bureau: Bureau, guest: Callable[..., str]) -> None:
    desk = bureau.client(guest())
    other = bureau.client(guest())
    assert desk.http.post("/account/sessions").status_code == 403
    assert desk.http.post("/account/sessions", data={"csrf": other.csrf}).status_code == 403
    form = {"csrf": desk.csrf}
    for headers in ({"origin": "https://evil.example"}, {"sec-fetch-site": "cross-site"}):
        assert desk.http.post("/account/sessions", data=form, headers=headers).status_code == 403
    assert (
        desk.http.post("/account/sessions", data=form, headers={"origin": "https://bureau.example"}).status_code == 200
    )
    assert desk.http.post("/login", data={"user_id": "audi", "password": PASSWORD}).status_code == 401


@pytest.mark.parametrize(
    "back", ["//evil.example", "https://evil.example", "/\\evil.example", "%2F%2Fevil.example", "\n/x"]
)
def test_signing_in_leads_nowhere_else(bureau: Bureau, back: str) -> None:
    page = bureau.client().get("/login", params={"back": back})
    assert 'name="back" value="/"' in page.text


def test_a_new_users_first_password_is_only_good_for_another(bureau: Bureau, guest: Callable[..., str]) -> None:
    name = guest(must_change=True)
    desk = bureau.client(name)
    assert desk.get("/reports").headers["location"] == "/account"
    assert desk.post("/account/password", password=PASSWORD, new="short").status_code == 422
    assert desk.post("/account/password", password=PASSWORD, new="Another-word-77").status_code == 303
    assert desk.sign_in(name, "Another-word-77").status_code == 303
    assert desk.get("/reports").status_code == 200


@pytest.mark.parametrize(
    ("user_id", "role", "password", "company"),
    [
        ("X", "admin", PASSWORD, ""),
        ("a|b", "admin", PASSWORD, ""),
        ("fine", "king", PASSWORD, ""),
        ("fine", "admin", "short", ""),
        ("fine", "admin", "aaaaaaaaaaaaa", ""),
        ("fine", "company", PASSWORD, ""),
        ("fine", "reviewer", PASSWORD, "c1"),
        ("anna", "reviewer", PASSWORD, ""),
    ],
)
def test_users_that_cannot_be_are_refused(bureau: Bureau, user_id: str, role: str, password: str, company: str) -> None:
    with bureau.context.store.writing() as store, pytest.raises(AccountError):
        add_user(store, user_id, role, password, by="test", at_ms=0, company_id=company)


def test_every_page_says_what_a_browser_may_do(bureau: Bureau) -> None:
    for answer in (bureau.client().get("/login"), bureau.client("anna").get("/queue"), bureau.client().get("/none")):
        assert "default-src 'self'" in answer.headers["content-security-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-store"
    cookie = bureau.client().sign_in("audi").headers["set-cookie"]
    assert all(word in cookie for word in ("__Host-muckwatch=", "HttpOnly", "SameSite=strict", "Secure", "Path=/"))


def test_everything_is_told_to_the_log_and_no_secret_with_it(bureau: Bureau, guest: Callable[..., str]) -> None:
    desk = bureau.client(guest())
    bureau.client().sign_in("audi", "Wrong-password-1")
    rows = bureau.store_rows("SELECT kind, body FROM ledger.entries WHERE kind IN ('login', 'user')")
    text = "".join(str(body) for _, body in rows)
    assert {kind for kind, _ in rows} == {"login", "user"}
    for secret in (PASSWORD, "Wrong-password-1", SECRET, desk.csrf):
        assert secret not in text


def test_every_word_of_ours_has_its_english(bureau: Bureau) -> None:
    from pathlib import Path

    templates = (Path(__file__).parents[2] / "web" / "templates").glob("*.html")
    said = {word for page in templates for word in re.findall(r"""\bt\(["']([^"']+)["']\)""", page.read_text("utf-8"))}
    assert len(said) > 100 and not said - set(english())
