"""How quickly the credit API answers, over a socket and logged, on a store of many violations; and what logging costs.

python -m bench.credit_api [--violations 20000] [--calls 200]

Each call is a page of 500 rows through `muckwatch serve`'s own server (uvicorn) on loopback, with its entry in the log,
its signed head and its commit on disk. Beside it the same page without logging, as the peer, and entries appended.
"""

from __future__ import annotations

import argparse
import os
import socket
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import uvicorn

from bench.credit_world import DAY_MS, MONDAY_MS, decide, fill, make_registry, make_violations
from reports.credit.events import events_after
from reports.credit.tokens import add_token
from reports.ledger.entries import Entry, append_all
from reports.ledger.signing import KEY_VARIABLE
from reports.shared import SharedStore
from reports.store import Store
from web.app import create_app
from web.context import Context
from web.services import Services


@contextmanager
def serving(context: Context) -> Iterator[str]:
    """The application on a free port, as `muckwatch serve` runs it."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)  # as commands/serve.py does
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    config = uvicorn.Config(create_app(context), log_level="warning", access_log=False, lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()


def told(what: str, times_s: list[float]) -> None:
    """Prints median and 95th percentile."""
    ms = sorted(1000 * t for t in times_s)
    print(
        f"{what:50}{statistics.median(ms):>9.1f} ms{ms[int(0.95 * len(ms))]:>9.1f} ms p95{len(ms):>6} calls", flush=True
    )


def timed(call: Callable[[], object], times: int) -> list[float]:
    """How long each call took."""
    taken = []
    for _ in range(times):
        begin = time.perf_counter()
        call()
        taken.append(time.perf_counter() - begin)
    return taken


def main() -> None:
    """Runs the measurements and prints them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--violations", type=int, default=20_000)
    parser.add_argument("--calls", type=int, default=200)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        os.environ[KEY_VARIABLE] = f"{name}/key.pem"
        shared, registry = SharedStore(Store.open(Path(name) / "store", create=True)), make_registry(2000, 40)
        with shared.writing() as store:
            violations = make_violations(registry, asked.violations * 4 // 7, days=40)
            fill(store, registry, violations, days=40)
            for violation in violations[:700]:
                decide(store, violation.violation_id, "confirmed", MONDAY_MS + 41 * DAY_MS)
            token = add_token(
                store, "bench", ["scores:read"], actor="bench", at_ms=MONDAY_MS, days=366, per_minute=100_000
            )
        print(f"{len(violations):,} violations, 700 confirmed, {len(registry.vehicles):,} trucks")
        context = Context(shared, registry, Path(name), Services([], print), now_ms=lambda: MONDAY_MS + 42 * DAY_MS)
        with (
            serving(context) as url,
            httpx.Client(base_url=url, headers={"Authorization": f"Bearer {token}"}) as client,
        ):
            measure(client, shared, asked.calls)
        shared.close()


def measure(client: httpx.Client, shared: SharedStore, calls: int) -> None:
    """Pages of both lists, a poll that finds nothing, and the log by itself."""

    def page(path: str, status: int = 200, **headers: str) -> httpx.Response:
        answer = client.get(f"/api/v1/{path}", headers=headers)
        assert answer.status_code == status, answer.text
        return answer

    first = page("score-events?limit=500")
    assert len(first.json()["items"]) == 500
    assert len(page("scores?limit=500").json()["items"]) == 500
    told("score events, 500 rows", timed(lambda: page("score-events?limit=500"), calls))
    told("scores, 500 rows", timed(lambda: page("scores?limit=500"), calls))
    etag = first.headers["etag"]
    told(
        "a poll that finds nothing (304)",
        timed(lambda: page("score-events?limit=500", 304, **{"If-None-Match": etag}), calls),
    )

    def unlogged() -> None:
        with shared.reading() as store:
            events_after(store, 0, 500)

    told("the peer: the same 500 events read, not logged", timed(unlogged, calls))
    found = {
        "op": "new",
        "revision": 1,
        "rule": "off_route",
        "rule_version": "1",
        "plate": "苏A00001",
        "facts": "f" * 64,
    }
    entries = [Entry("finding", f"{n:020x}", "run", found) for n in range(10_000)]

    def append() -> None:
        with shared.writing() as store, store.transaction():
            append_all(store, entries, at_ms=MONDAY_MS)

    taken = timed(append, 3)
    print(f"{'10,000 findings appended to the log at once':50}{1000 * min(taken):>9.0f} ms", flush=True)


if __name__ == "__main__":
    main()
