"""A small HTTP page for those who watch: `/metrics` for Prometheus, `/healthz` with 200 or 503."""

from __future__ import annotations

import asyncio
import contextlib
import json

from prometheus_client import CollectorRegistry, generate_latest

from ingest.gateway.balance import GatewayCollector
from ingest.gateway.server import Gateway

_ASK_S = 5.0
_ASK_BYTES = 8 * 1024


async def watch(gateway: Gateway, host: str, port: int) -> asyncio.Server:
    """Serves the gateway's figures; port 0 lets the system choose one.

    Raises:
        OSError: if it cannot listen there.
    """
    registry = CollectorRegistry()
    registry.register(GatewayCollector(gateway.balance, gateway.depot.health, lambda: gateway.journal.waiting_bytes))

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            asked = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), _ASK_S)
            path = [*asked.split(b" ", 2), b"", b""][1].split(b"?")[0]
            status, kind, body = _page(gateway, registry, path)
            head = (
                f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
            )
            writer.write(head.encode() + body)
            await writer.drain()
        writer.close()

    return await asyncio.start_server(answer, host, port, limit=_ASK_BYTES)


def _page(gateway: Gateway, registry: CollectorRegistry, path: bytes) -> tuple[str, str, bytes]:
    if path == b"/metrics":
        return "200 OK", "text/plain; version=0.0.4; charset=utf-8", generate_latest(registry)
    if path == b"/healthz":
        health = gateway.depot.health
        told = {
            "ok": health.good,
            "kafka": health.kafka,
            "journal": health.journal,
            "problem": health.problem,
            "journal_bytes": gateway.journal.waiting_bytes,
            "frames_off_balance": gateway.balance.off_by(),
        }
        return "200 OK" if health.good else "503 Service Unavailable", "application/json", json.dumps(told).encode()
    return "404 Not Found", "text/plain", b"see /metrics and /healthz\n"
