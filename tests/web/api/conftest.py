"""A server of the API without a socket, on a store that is written to, with a clock that tests move."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from bench.credit_world import DAY_MS, MONDAY_MS, fill, make_registry, make_violations
from reports.credit.tokens import add_token
from reports.shared import SharedStore
from reports.store import Store
from rules.findings import Violation
from web.app import create_app
from web.context import Context
from web.services import Services


@dataclass
class Server:
    """What a test holds of a server."""

    store: SharedStore
    app: FastAPI
    violations: list[Violation]
    now: list[int] = field(default_factory=list)

    def token(self, *scopes: str, per_minute: int = 10_000) -> str:
        with self.store.writing() as store:
            return add_token(store, "credit", scopes, actor="test", at_ms=self.now[0], per_minute=per_minute)

    def client(self, *scopes: str, per_minute: int = 10_000, host: str = "127.0.0.1") -> TestClient:
        """A client with a token for these scopes; without any it has none."""
        headers = {"Authorization": f"Bearer {self.token(*scopes, per_minute=per_minute)}"} if scopes else {}
        return TestClient(self.app, headers=headers, client=(host, 50_000))


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
