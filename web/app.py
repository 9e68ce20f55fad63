"""The web application, put together from routers.

To add pages or calls: write a module in this folder with an `APIRouter` named `router` and plain `def` endpoints (they
run in threads, so they may use the store), take the server by `context: Ctx` (web/context.py) and who asks by
`session: Who` (web/access.py), list the router in `ROUTERS` below, and add a line for each route to `web/roles.toml`:
a route that is not in that file is refused when the application is made, so that nothing is ever open by oversight.
"""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

from fastapi import APIRouter, Depends, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, RedirectResponse
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.routing import Route

from maps.linked import linked_files
from reports.errors import StoreError
from web import case, health, log, metrics, notices, queue, reports, signing_in, users
from web.access import FirstStepNeeded, SignInNeeded, authorise, check_routes
from web.api import credit, fixes
from web.context import Context
from web.headers import SecurityHeaders
from web.pages import render

ROUTERS: tuple[APIRouter, ...] = (
    health.router,
    metrics.router,
    signing_in.router,
    queue.router,
    case.router,
    notices.router,
    reports.router,
    log.router,
    users.router,
    credit.router,
    fixes.router,
)
_STATIC = Path(__file__).with_name("static")


def create_app(context: Context) -> FastAPI:
    """The application of one server; what runs beside it is started by who serves it (`commands/serve.py`)."""
    app = FastAPI(title="muckwatch", docs_url=None, redoc_url=None, openapi_url=None, dependencies=[Depends(authorise)])
    app.state.context = context
    for router in ROUTERS:
        app.include_router(router)
    check_routes(route for router in ROUTERS for route in router.routes)
    app.router.routes.append(Route("/static/maps/{name}", map_file))
    app.mount("/static", StaticFiles(directory=_STATIC), "static")
    app.add_exception_handler(SignInNeeded, _to_sign_in)
    app.add_exception_handler(FirstStepNeeded, lambda request, error: RedirectResponse("/account", 303))
    app.add_exception_handler(StarletteHTTPException, _told)
    app.add_exception_handler(RequestValidationError, _unreadable)
    app.add_exception_handler(StoreError, _store_ill)
    app.add_middleware(SecurityHeaders, secure=context.secure_cookies)
    return app


def map_file(request: Request) -> Response:
    """A script or style of the map pages, named by its content, so it may be kept for ever."""
    name = str(request.path_params["name"])
    content = linked_files().get(name)
    if content is None:
        return Response(status_code=404)
    kind = "text/javascript" if name.endswith(".js") else "text/css"
    return Response(content, media_type=kind, headers={"cache-control": "public, max-age=31536000, immutable"})


def _to_sign_in(request: Request, error: Exception) -> Response:
    if request.headers.get("hx-request"):
        return Response(status_code=401)
    back = getattr(error, "back", "/")
    return RedirectResponse("/login" if back == "/" else f"/login?back={quote(back, safe='')}", 303)


def _told(request: Request, error: Exception) -> Response:
    assert isinstance(error, StarletteHTTPException)
    if request.url.path.startswith("/api/"):
        return JSONResponse({"detail": error.detail}, error.status_code, headers=error.headers)
    titles = {403: "不可以", 404: "没有找到", 405: "不可以", 503: "暂时不可用"}
    text = (
        error.detail
        if error.detail not in ("Not Found", "Forbidden", "Method Not Allowed")
        else "没有这个页面，或您无权查看"
    )
    title = titles.get(error.status_code, "出错了")
    return render(request, "message.html", error.status_code, title=title, text=text, back="/")


def _unreadable(request: Request, error: Exception) -> Response:
    if request.url.path.startswith("/api/"):
        assert isinstance(error, RequestValidationError)
        told = [{"where": ".".join(map(str, e["loc"])), "what": e["msg"]} for e in error.errors()]
        return JSONResponse({"detail": told}, 422)
    return render(request, "message.html", 422, title="出错了", text="提交的内容不完整或过长", back="/")


def _store_ill(request: Request, error: Exception) -> Response:
    if request.url.path.startswith("/api/"):
        return JSONResponse({"detail": "the store cannot be read or written now"}, 503)
    return render(request, "message.html", 503, title="暂时不可用", text="数据库暂时无法读写，请稍后再试", back="/")
