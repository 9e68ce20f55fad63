"""Delivers what is in the outbox, beside the pages: signed, tried again until taken, and only to addresses that may be.

A name is resolved once for each try, every address it has is checked, and the connection goes to the address that was
checked; redirects are not followed. So no name can lead a delivery to this machine or into the office's own network.
"""

from __future__ import annotations

import http.client
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Callable
from urllib.parse import urlsplit

from reports.credit.outbox import Delivery, Hook, allowed_networks, due, hooks, settle_delivery
from reports.errors import StoreError
from reports.shared import SharedStore
from web.services import Health

TIMEOUT_S = 10.0
LOOK_EVERY_S = 1.0


class NotAllowed(Exception):
    """An address that deliveries must not go to."""


def addresses_of(host: str, port: int, hook: Hook) -> list[str]:
    """The addresses of a host, all of them allowed.

    Raises:
        NotAllowed: if any of them is neither public nor in a network that the hook allows.
        OSError: if the host has none.
    """
    networks = allowed_networks(hook.allow)
    found = list(dict.fromkeys(str(info[4][0]) for info in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)))
    for text in found:
        address = ipaddress.ip_address(text.partition("%")[0])
        mapped = getattr(address, "ipv4_mapped", None) or address
        public = mapped.is_global and not mapped.is_multicast
        if not public and not any(mapped in network for network in networks if network.version == mapped.version):
            raise NotAllowed(f"{host} is at {text}, which is not public; --allow names networks that may be told")
    return found


def post(hook: Hook, delivery: Delivery, at_s: int) -> str:
    """Delivers once; gives what went wrong, or nothing where it was taken (2xx)."""
    parts = urlsplit(hook.url)
    host, tls = parts.hostname or "", parts.scheme == "https"
    port = parts.port or (443 if tls else 80)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        address = addresses_of(host, port, hook)[0]
        connection = http.client.HTTPConnection(host, port, timeout=TIMEOUT_S)
        connection.sock = socket.create_connection((address, port), TIMEOUT_S)  # to what was checked, not to the name
        try:
            if tls:
                connection.sock = ssl.create_default_context().wrap_socket(connection.sock, server_hostname=host)
            connection.request("POST", path, delivery.body.encode(), delivery.headers(hook, at_s))
            status = connection.getresponse().status
        finally:
            connection.close()
    except (OSError, http.client.HTTPException, NotAllowed, StoreError, ValueError) as error:
        return f"{type(error).__name__}: {error}"[:300]
    return "" if 200 <= status < 300 else f"answered {status}"


class Deliveries:
    """The service beside the pages that empties the outbox."""

    name = "webhooks"

    def __init__(self, store: SharedStore, now_ms: Callable[[], int] | None = None) -> None:
        self._store = store
        self._now_ms = now_ms or (lambda: time.time_ns() // 1_000_000)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=self.name, daemon=True)
        self.failing = ""

    def start(self) -> None:
        """Begins to deliver."""
        self._thread.start()

    def stop(self) -> None:
        """Lets the try under way end, and delivers no more."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(2 * TIMEOUT_S)

    def health(self) -> Health:
        """Whether the outbox can be read and written; a receiver that is away is no fault of ours."""
        return Health(ok=not self.failing, detail=self.failing)

    def deliver_due(self) -> int:
        """Tries everything that is due once; gives how many were tried."""
        with self._store.reading() as store:
            waiting, known = due(store, self._now_ms()), {hook.hook_id: hook for hook in hooks(store)}
        failed: set[str] = set()
        for delivery in waiting:
            if self._stopping.is_set():
                break
            if delivery.hook_id in failed:  # one try a round: whoever is away keeps nobody else waiting
                continue
            hook = known.get(delivery.hook_id)
            error = post(hook, delivery, self._now_ms() // 1000) if hook else "removed"
            if error:
                failed.add(delivery.hook_id)
            with self._store.writing(()) as store:
                settle_delivery(store, delivery, error, at_ms=self._now_ms())
        return len(waiting)

    def _run(self) -> None:
        while not self._stopping.wait(LOOK_EVERY_S):
            try:
                self.deliver_due()
                self.failing = ""
            except StoreError as error:  # busy or broken: what is in the outbox stays there
                self.failing = str(error)
