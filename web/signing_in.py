"""Signing in and out, the language, and each user's own account."""

from __future__ import annotations

import hmac
import secrets
from typing import Annotated
from urllib.parse import unquote

import pyotp
from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse

from reports.accounts.sessions import end_other_sessions, sign_in, sign_out
from reports.accounts.users import AccountError, code_step, password_fits, set_password, set_totp, users
from reports.shared import ACCOUNTS
from web.access import Who, cookie_name, needs_second_factor, same_site, sessions_of
from web.context import Context, Ctx
from web.pages import LANGUAGE_COOKIE, LANGUAGES, render

router = APIRouter(include_in_schema=False)

HOMES = {"company": "/notices", "inspector": "/reports", "auditor": "/log", "admin": "/users"}
FIRST_START = "muckwatch user add NAME --role admin --store STORE"
_PROBLEMS = {
    "wrong": "用户名、密码或动态口令不正确",
    "code": "用户名、密码或动态口令不正确",
    "locked": "错误次数过多，请 15 分钟后再试，或联系系统管理员",
    "closed": "该用户已被锁定，请联系系统管理员",
    "stale": "登录页已过期，请重试",
}
Text = Annotated[str, Form(max_length=200)]


@router.get("/login")
def login_page(request: Request, context: Ctx, back: str = "/") -> Response:
    """The sign-in page; before the first user is made, it says how to make one."""
    return _login(request, context, back, "")


@router.post("/login")
def login(
    request: Request, context: Ctx, user_id: Text, password: Text, code: Text = "", before: Text = "", back: Text = "/"
) -> Response:
    """Signs in: a new session, whose token only this browser has."""
    sent = request.cookies.get(f"{cookie_name(context)}-before", "")
    if not (same_site(request) and sent and hmac.compare_digest(sent, before)):
        return _login(request, context, back, "stale", user_id)
    address = request.client.host if request.client else ""
    done = sign_in(context.store, user_id.strip().lower(), password, code, address=address, at_ms=context.now_ms())
    if done.problem:
        return _login(request, context, back, done.problem, user_id)
    response = RedirectResponse(_own_path(back), 303)
    _set_cookie(response, context, cookie_name(context), done.token)
    response.delete_cookie(f"{cookie_name(context)}-before", path="/", secure=context.secure_cookies)
    return response


@router.post("/logout")
def logout(context: Ctx, session: Who) -> Response:
    """Ends the session here and in the store."""
    with context.store.writing({ACCOUNTS}) as store:
        sign_out(store, session, context.now_ms())
    response = RedirectResponse("/login", 303)
    response.delete_cookie(cookie_name(context), path="/", secure=context.secure_cookies)
    return response


@router.get("/language/{code}")
def language(context: Ctx, code: str, back: str = "/") -> Response:
    """Chooses the language of the pages, and leads back."""
    response = RedirectResponse(_own_path(back), 303)
    if code in LANGUAGES:
        response.set_cookie(
            LANGUAGE_COOKIE, code, max_age=31_536_000, httponly=True, samesite="strict", secure=context.secure_cookies
        )
    return response


@router.get("/")
def home(session: Who) -> Response:
    """Leads to where a role's work is."""
    return RedirectResponse(HOMES.get(session.user.role, "/queue"), 303)


@router.get("/account")
def account(request: Request, session: Who) -> Response:
    """A user's own page."""
    return _account(request, session)


@router.post("/account/password")
def change_password(request: Request, context: Ctx, session: Who, password: Text, new: Text) -> Response:
    """Changes the user's own password; every session ends, this one too."""
    if not password_fits(session.user.password, password):
        return _account(request, session, problem="现在的密码不正确")
    try:
        with context.store.writing({ACCOUNTS}) as store:
            set_password(store, session.user.user_id, new, by=session.user.user_id, at_ms=context.now_ms())
    except AccountError:
        return _account(request, session, problem="新密码至少 10 个字符，不少于 5 种，且不含用户名")
    return RedirectResponse("/login", 303)


@router.post("/account/totp")
def enrol_totp(
    request: Request, context: Ctx, session: Who, secret: Text, code: Text, password: Text
) -> Response:  # fmt: skip
    """Enrols a second factor once its first code is right."""
    if session.user.totp_secret:
        return _account(request, session, problem="动态口令已启用")
    if not password_fits(session.user.password, password):
        return _account(request, session, problem="现在的密码不正确")
    step = code_step(secret, code, 0, context.now_ms()) if len(secret) == 32 and secret.isalnum() else None
    if step is None:
        return _account(request, session, problem="动态口令不正确，请重新添加密钥")
    with context.store.writing({ACCOUNTS}) as store:
        set_totp(store, session.user.user_id, secret, by=session.user.user_id, at_ms=context.now_ms(), step=step)
    return RedirectResponse("/", 303)


@router.post("/account/sessions")
def end_sessions(request: Request, context: Ctx, session: Who) -> Response:
    """Ends the user's other sessions."""
    with context.store.writing({ACCOUNTS}) as store:
        end_other_sessions(store, session)
    return _account(request, session, done="其他登录已结束")


def _login(request: Request, context: Context, back: str, problem: str, user_id: str = "") -> Response:
    with context.store.reading() as store:
        first_start = "" if users(store) else FIRST_START
    before = secrets.token_urlsafe(24)
    token = request.cookies.get(cookie_name(context), "")
    request.state.session = sessions_of(context).session(token, context.now_ms()) if token else None
    values = {"back": _own_path(back), "before": before, "user_id": user_id, "first_start": first_start}
    response = render(request, "login.html", 401 if problem else 200, problem=_PROBLEMS.get(problem, ""), **values)
    _set_cookie(response, context, f"{cookie_name(context)}-before", before)
    return response


def _account(request: Request, session: Who, problem: str = "", done: str = "") -> Response:
    secret = pyotp.random_base32()
    return render(
        request, "account.html", 422 if problem else 200, problem=problem, done=done, secret=secret,
        secret_groups=" ".join(secret[n : n + 4] for n in range(0, len(secret), 4)),
        totp_required=needs_second_factor(session.user.role),
    )  # fmt: skip


def _set_cookie(response: Response, context: Context, name: str, value: str) -> None:
    response.set_cookie(name, value, httponly=True, samesite="strict", secure=context.secure_cookies, path="/")


def _own_path(back: str) -> str:
    """A path of this server, never another address."""
    path = unquote(back)
    plain = path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable() and "\\" not in path
    return path if plain else "/"
