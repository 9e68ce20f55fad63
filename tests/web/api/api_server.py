"""What a test of the API holds of a server without a socket."""

from __future__ import annotations

from dataclasses import dataclass, field

from fastapi import FastAPI
from fastapi.testclient import TestClient

from reports.credit.tokens import add_token
from reports.shared import SharedStore
from rules.findings import Violation


@dataclass
class Server:
    """The server's store, its application, the acts in it and its clock (milliseconds since 1970)."""

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
