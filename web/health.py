"""`GET /healthz`: whether the server and what runs beside it are well, for whoever restarts it. Tells no secrets."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Response

from web.context import Ctx

router = APIRouter()


@router.get("/healthz", tags=["health"])
def healthz(context: Ctx, response: Response) -> dict[str, Any]:
    """Says ok, or 503 with what is wrong."""
    told = context.services.health()
    ok = not context.store.broken and all(health.ok for health in told.values())
    response.status_code = 200 if ok else 503
    services = {name: {"ok": h.ok, "detail": h.detail, **h.figures} for name, h in told.items()}
    return {"ok": ok, "store": context.store.broken or "ok", "services": services}
