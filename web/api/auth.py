"""Who calls the API: a token in the `Authorization` header, its scope, and how often it may call.

A router of the API protects its calls with one parameter:

    @router.post("/fixes")
    def take_in(caller: Annotated[Caller, needs("fixes:write")], ...) -> ...:

Tokens are read from the header alone, never from the address, where proxies and logs would keep them.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass
from math import ceil
from typing import Any

from fastapi import Depends, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from reports.credit.tokens import PREFIX, token_of
from reports.ledger.entries import append
from web.api.problem import Problem
from web.context import Context, Ctx

#: Wrong or missing tokens a minute from one address; each is logged, so this bounds the log as well.
FAILURES_PER_MINUTE = 30
BUCKETS_MAX = 10_000
_bearer = HTTPBearer(auto_error=False, scheme_name="token", description=f"令牌，形如 {PREFIX}_…；只放在请求头里。")


@dataclass(frozen=True)
class Caller:
    """A client that has shown a live token."""

    token_id: str
    name: str
    scopes: tuple[str, ...]


class RateLimiter:
    """Buckets that refill evenly: so many calls a minute, all of them at once if need be."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._buckets: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def wait_s(self, who: str, per_minute: int, at_ms: int) -> float:
        """Takes one call from a bucket and gives 0, or the seconds until there is one."""
        with self._guard:
            left, before_ms = self._buckets.pop(who, (float(per_minute), at_ms))
            left = min(per_minute, left + max(0, at_ms - before_ms) * per_minute / 60_000)
            wait_s = 0.0 if left >= 1 else (1 - left) * 60 / per_minute
            self._buckets[who] = (left if wait_s else left - 1, at_ms)
            if len(self._buckets) > BUCKETS_MAX:
                self._buckets.popitem(last=False)
        return wait_s


def limiter(context: Context) -> RateLimiter:
    """The server's limiter."""
    return context.part("web.api.auth", RateLimiter)


def needs(scope: str) -> Any:
    """A dependency that gives the `Caller` of a live token with that scope, or refuses: 401, 403, 429."""

    def caller_of(
        request: Request,
        context: Ctx,
        shown: HTTPAuthorizationCredentials | None = Security(_bearer),  # noqa: B008
    ) -> Caller:
        at_ms = context.now_ms()
        with context.store.reading() as store:
            token = token_of(store, shown.credentials, at_ms) if shown else None
        if token is None:
            _refuse(request, context, at_ms)
        assert token
        _limit(limiter(context).wait_s(token.token_id, token.per_minute, at_ms))
        if scope not in token.scopes:
            raise Problem(403, f"令牌没有权限 {scope}")
        return Caller(token.token_id, token.name, token.scopes)

    return Depends(caller_of)


def _refuse(request: Request, context: Context, at_ms: int) -> None:
    """Logs that somebody called without a live token, and says so to him."""
    address = request.client.host if request.client else ""
    _limit(limiter(context).wait_s(f"failures {address}", FAILURES_PER_MINUTE, at_ms))
    route = getattr(request.scope.get("route"), "path", "")
    with context.store.writing(()) as store, store.transaction():
        append(store, "answer", route, "", {"status": 401, "address": address}, at_ms=at_ms)
    raise Problem(401, "需要有效的令牌", {"WWW-Authenticate": 'Bearer realm="muckwatch"'})


def _limit(wait_s: float) -> None:
    if wait_s:
        raise Problem(429, "请求过于频繁，请稍后重试", {"Retry-After": str(max(1, ceil(wait_s)))})
