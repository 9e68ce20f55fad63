"""Who may ask for what: the matrix of `roles.toml`, the session behind a request, and the refusals.

`authorise` runs before every endpoint of the application. A route without a line in the matrix cannot be served at all
(`check_routes`); a role that is not on a route's line gets 403, a form without its session's secret 403, and a thing
that is not yours 404 (the endpoints ask `reports.cases.reading` with the user's scope).
"""

from __future__ import annotations

import hmac
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated
from urllib.parse import quote, urlsplit

from fastapi import Depends, HTTPException, Request
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool

from reports.accounts.sessions import OpenSessions, Session
from reports.cases.deciding import Actor
from web.context import Context

MATRIX_FILE = Path(__file__).with_name("roles.toml")
SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
#: A user who must first change his password or enrol a second factor gets nowhere else.
_FIRST_STEPS = ("/account", "/account/password", "/account/totp", "/logout")


@dataclass(frozen=True)
class Rule:
    """One line of the matrix."""

    roles: tuple[str, ...]
    object: str = ""


@cache
def matrix() -> dict[str, Rule]:
    """The lines of `roles.toml`: `METHOD /path/{name}` to who may."""
    read = tomllib.loads(MATRIX_FILE.read_text(encoding="utf-8"))
    return {route: Rule(tuple(line["roles"]), line.get("object", "")) for route, line in read["routes"].items()}


@cache
def needs_second_factor(role: str) -> bool:
    """Whether users of a role must have a second factor."""
    read = tomllib.loads(MATRIX_FILE.read_text(encoding="utf-8"))
    return bool(read["roles"][role]["second_factor"] == "required")


def check_routes(routes: Iterable[object]) -> None:
    """Refuses an application with a route that the matrix does not know.

    Raises:
        ValueError: naming the routes.
    """
    served = {f"{method} {r.path}" for r in routes if isinstance(r, APIRoute) for method in r.methods or ()}
    if unknown := sorted(served - set(matrix())):
        raise ValueError(f"no line in {MATRIX_FILE.name} for {', '.join(unknown)}")


class SignInNeeded(Exception):
    """Nobody is signed in; the browser is sent to the sign-in page and back."""

    def __init__(self, back: str) -> None:
        super().__init__(back)
        self.back = back


class FirstStepNeeded(Exception):
    """A password must be changed or a second factor enrolled before anything else."""


def cookie_name(context: Context) -> str:
    """The session's cookie; the prefix makes browsers keep it to this host and to TLS."""
    return "__Host-muckwatch" if context.secure_cookies else "muckwatch"


async def signed_in(request: Request) -> Session | None:
    """The session that the request's cookie opens."""
    context: Context = request.app.state.context
    token = request.cookies.get(cookie_name(context), "")
    if not token:
        return None
    sessions, now_ms = sessions_of(context), context.now_ms()
    return sessions.known(token, now_ms) or await run_in_threadpool(sessions.session, token, now_ms)


def sessions_of(context: Context) -> OpenSessions:
    """The server's sessions."""
    return context.part("sessions", lambda: OpenSessions(context.store))


async def csrf_of(request: Request) -> str:
    """The secret that came with a form or a header."""
    if sent := request.headers.get("x-csrf-token"):
        return sent
    form = await request.form()
    value = form.get("csrf")
    return value if isinstance(value, str) else ""


def same_site(request: Request) -> bool:
    """Whether a browser says that the request comes from a page of ours; programs say nothing."""
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    if site not in (None, "same-origin", "none"):
        return False
    return origin is None or urlsplit(origin).netloc == request.headers.get("host")


async def authorise(request: Request, session: Annotated[Session | None, Depends(signed_in)]) -> None:
    """Lets a request through to its endpoint, or refuses it."""
    rule = matrix().get(f"{request.method} {request.scope['route'].path}")
    if rule is None:
        raise HTTPException(403)
    request.state.session = session
    if "api" in rule.roles:
        return
    if "public" in rule.roles:
        return
    if session is None:
        path = request.url.path
        raise SignInNeeded(quote(path) if request.method == "GET" else "/")
    if "signed_in" not in rule.roles and session.user.role not in rule.roles:
        raise HTTPException(403, "您的角色无权使用该页面")
    if request.method not in SAFE_METHODS and not (
        same_site(request) and hmac.compare_digest(await csrf_of(request), session.csrf)
    ):
        raise HTTPException(403, "表单已失效，请刷新页面后重试")
    user = session.user
    unfinished = user.must_change or (needs_second_factor(user.role) and not user.totp_secret)
    if unfinished and request.scope["route"].path not in _FIRST_STEPS:
        raise FirstStepNeeded


async def user_session(request: Request) -> Session:
    """The session of a request that `authorise` let through; async, because a plain function costs a thread."""
    session = request.state.session
    assert isinstance(session, Session)
    return session


#: For the signature of an endpoint: who asks.
Who = Annotated[Session, Depends(user_session)]


def actor_of(session: Session) -> Actor:
    """The person behind a session, as the cases know him."""
    user = session.user
    districts = tuple(d for d in user.districts.replace("，", ",").split(",") if d)
    return Actor(user.user_id, user.role, user.company_id, districts)
