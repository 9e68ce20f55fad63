"""The web application, put together from routers.

To add pages or calls: write a module in this folder with an `APIRouter` named `router` and plain `def` endpoints (they
run in threads, so they may use the store), take the server by `context: Ctx` (web/context.py), list the router in
`ROUTERS` below, and add a line for each route to `web/roles.toml`: a route that is not in that file is refused when the
application is made, so that nothing is ever open by oversight.
"""

from __future__ import annotations

from fastapi import APIRouter, FastAPI

from web import health
from web.api import credit, fixes
from web.context import Context

ROUTERS: tuple[APIRouter, ...] = (health.router, credit.router, fixes.router)


def create_app(context: Context) -> FastAPI:
    """The application of one server; what runs beside it is started by who serves it (`commands/serve.py`)."""
    app = FastAPI(title="muckwatch", docs_url=None, redoc_url=None, openapi_url=None)
    app.state.context = context
    for router in ROUTERS:
        app.include_router(router)
    return app
