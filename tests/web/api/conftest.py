"""A server of the API without a socket, on a store that is written to, with a clock that tests move."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from api_server import Server

from bench.credit_world import DAY_MS, MONDAY_MS, fill, make_registry, make_violations
from reports.shared import SharedStore
from reports.store import Store
from web.app import create_app
from web.context import Context
from web.services import Services


@pytest.fixture
def make_server(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """Makes a server on a new store with so many acts flagged."""
    opened: list[SharedStore] = []

    def make(acts: int = 12) -> Server:
        shared, registry = SharedStore(Store.open(tmp_path / f"store{len(opened)}", create=True)), make_registry()
        opened.append(shared)
        found = make_violations(registry, acts)
        with shared.writing() as store:
            fill(store, registry, found)
        now = [MONDAY_MS + 10 * DAY_MS]
        context = Context(shared, registry, tmp_path, Services([], print), now_ms=lambda: now[0])
        return Server(shared, create_app(context), found, now)

    yield make
    for shared in opened:
        shared.close()


@pytest.fixture
def server(make_server: Callable[..., Server]) -> Server:
    return make_server()
