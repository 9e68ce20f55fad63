"""Security headers on every answer: nothing from elsewhere, nothing inline, nothing kept by proxies."""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Receive, Scope, Send

#: Pages may use only files of this server; pictures may also stand in their style sheets.
POLICY = (
    "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'self'"
)
_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"SAMEORIGIN"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=()"),
)


class SecurityHeaders:
    """ASGI middleware; an endpoint may set a policy or a caching rule of its own."""

    def __init__(self, app: ASGIApp, secure: bool) -> None:
        self._app = app
        # A browser that came once over TLS never comes without it again.
        self._always = (*_HEADERS, (b"strict-transport-security", b"max-age=31536000")) if secure else _HEADERS

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request on and completes its answer's headers."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        static = scope["path"].startswith("/static/")

        async def complete(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = message["headers"] = [*message.get("headers", ()), *self._always]
                there = {name for name, _ in headers}
                if b"content-security-policy" not in there:
                    headers.append((b"content-security-policy", POLICY.encode()))
                if b"cache-control" not in there:
                    headers.append((b"cache-control", b"private, max-age=3600" if static else b"no-store"))
            await send(message)

        await self._app(scope, receive, complete)
