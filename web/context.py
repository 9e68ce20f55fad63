"""What every page and every call needs: the shared store, the registry, the settings, the clock."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

from fastapi import Depends, Request

from maps.basemap import BaseMap
from reports.cases.board import Board
from reports.shared import SharedStore
from rules.registry import Registry
from web.services import Services


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


@dataclass
class Context:
    """One server. Tests make their own with a clock that they move.

    `secure_cookies` is off only where people reach the server over plain HTTP. `tiles`, of a file, lie under the maps.
    `parts` holds what a router keeps from one request to the next (a cache, a rate limiter), by the name of its module.
    """

    store: SharedStore
    registry: Registry
    registry_folder: Path
    services: Services
    secure_cookies: bool = True
    tiles: BaseMap | None = None
    now_ms: Callable[[], int] = _now_ms
    parts: dict[str, Any] = field(default_factory=dict)


def board_of(context: Context) -> Board:
    """The server's queue of cases."""
    found = context.parts.get("board")
    if found is None:
        found = context.parts.setdefault("board", Board(context.store))
    assert isinstance(found, Board)
    return found


async def context_of(request: Request) -> Context:
    """The context of the server that answers, as a FastAPI dependency (async: a plain one costs a thread)."""
    context = request.app.state.context
    assert isinstance(context, Context)
    return context


#: For the signature of an endpoint: `def page(context: Ctx) -> ...`
Ctx = Annotated[Context, Depends(context_of)]
