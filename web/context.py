"""What every page and every call needs: the shared store, the registry, the settings, the clock."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Request

from maps.basemap import BaseMap
from reports.cases.board import Board
from reports.shared import SharedStore
from rules.registry import Registry
from web.services import Services

Part = TypeVar("Part")


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


@dataclass
class Context:
    """One server. Tests make their own with a clock that they move.

    `secure_cookies` is off only where people reach the server over plain HTTP. `tiles`, of a file, lie under the maps.
    `parts` holds what a router keeps from one request to the next (a cache, a rate limiter), by a name of its own;
    `part` makes what is not there yet.
    """

    store: SharedStore
    registry: Registry
    registry_folder: Path
    services: Services
    secure_cookies: bool = True
    tiles: BaseMap | None = None
    now_ms: Callable[[], int] = _now_ms
    parts: dict[str, Any] = field(default_factory=dict)

    def part(self, name: str, make: Callable[[], Part]) -> Part:
        """What is kept under a name, made at the first call; of two first calls at once both get the same."""
        if name not in self.parts:
            self.parts.setdefault(name, make())
        found: Part = self.parts[name]
        return found


def board_of(context: Context) -> Board:
    """The server's queue of cases."""
    return context.part("board", lambda: Board(context.store))


async def context_of(request: Request) -> Context:
    """The context of the server that answers, as a FastAPI dependency (async: a plain one costs a thread)."""
    context = request.app.state.context
    assert isinstance(context, Context)
    return context


#: For the signature of an endpoint: `def page(context: Ctx) -> ...`
Ctx = Annotated[Context, Depends(context_of)]
