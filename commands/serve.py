"""The command that serves: the store's one writer, with the pages, the API and what runs beside them."""

from __future__ import annotations

import signal
import socket
from pathlib import Path
from typing import TYPE_CHECKING

import click

from commands.operator import now_ms
from commands.options import address, folder, prefix_option, store_option, tiles_option
from commands.stream_services import stream_services
from commands.terminal import reads, say

if TYPE_CHECKING:
    from maps.basemap import BaseMap
    from reports.shared import SharedStore
    from web.services import Service

#: How long requests under way may take after a signal to stop.
GRACE_S = 10
#: How long a connection stays while its reader thinks.
KEEP_ALIVE_S = 75


def _services(
    store: SharedStore, registry_folder: Path, kafka: str | None, prefix: str, skip_lost: bool
) -> list[Service]:
    """What runs beside the pages, in the order of starting; `web/services.py` tells how to write one."""
    from web.api.webhooks import Deliveries

    stream = stream_services(store, registry_folder, kafka, prefix, skip_lost=skip_lost) if kafka else []
    return [Deliveries(store), *stream]


@click.command()
@store_option
@click.option("--registry", "registry_folder", required=True, type=folder, help="The registry folder.")
@click.option("--kafka", envvar="MUCKWATCH_KAFKA", metavar="HOST:PORT", help="Takes in what workers find there.")
@prefix_option
@click.option(
    "--listen", default="127.0.0.1:8080", show_default=True, callback=reads(address), metavar="HOST:PORT",
    help="Where to serve.",
)  # fmt: skip
@tiles_option
@click.option("--skip-lost", is_flag=True, help="Goes on behind what Kafka no longer holds; the gap is logged.")
@click.option("--plain-http", is_flag=True, help="Cookies go over plain HTTP too: only where no TLS stands before it.")
def serve(
    store_folder: Path, registry_folder: Path, kafka: str | None, prefix: str, listen: tuple[str, int],
    tiles: BaseMap | None, skip_lost: bool, plain_http: bool,
) -> None:  # fmt: skip
    """Serves the review pages and the credit API of a store, as its one writer.

    While it runs, other commands that open the store are refused. A signal to stop (Ctrl-C, SIGTERM) lets requests
    under way finish. People's browsers should reach it through TLS, from a proxy on the same machine say.

    \b
    Examples:
      muckwatch serve --store city --registry registry
      muckwatch serve --store city --registry registry --kafka 127.0.0.1:9092 --listen 0.0.0.0:8080
      muckwatch serve --store city --registry registry --tiles city.mbtiles
    """
    import uvicorn

    from ingest.gateway.kafka_sink import kafka_sink
    from reports.accounts.users import seal_secrets
    from reports.errors import StoreError
    from reports.shared import SharedStore
    from reports.store import Store
    from rules.registry import load
    from web.api.fixes import OUTLET
    from web.app import create_app
    from web.context import Context
    from web.services import Services

    if tiles and tiles.origin:
        raise click.UsageError("pages ask nobody but this server: let --tiles be an .mbtiles or .pmtiles file")
    registry = load(registry_folder)
    shared = SharedStore(Store.open(store_folder, create=kafka is not None))
    reasons: list[str] = []
    try:
        with shared.writing() as store:
            seal_secrets(store, at_ms=now_ms())
        with _listening(*listen) as listener:

            def fatal(reason: str) -> None:
                reasons.append(reason)
                server.should_exit = True

            services = Services(_services(shared, registry_folder, kafka, prefix, skip_lost), fatal)
            context = Context(shared, registry, registry_folder, services, secure_cookies=not plain_http, tiles=tiles)
            outlet = context.parts[OUTLET] = kafka_sink(kafka, prefix) if kafka else None
            # Addresses and query strings are personal data here: uvicorn's own access log stays off.
            config = uvicorn.Config(
                create_app(context), log_level="warning", access_log=False, server_header=False,
                timeout_graceful_shutdown=GRACE_S, timeout_keep_alive=KEEP_ALIVE_S, lifespan="off",
            )  # fmt: skip
            server = uvicorn.Server(config)
            # uvicorn raises a signal again when it has finished; that must not end us before the services have stopped.
            for each in (signal.SIGINT, signal.SIGTERM):
                signal.signal(each, lambda *_: setattr(server, "should_exit", True))
            services.start()
            try:
                host, port = listener.getsockname()[:2]
                say(f"muckwatch: serving {store_folder} at http://{f'[{host}]' if ':' in host else host}:{port}/")
                server.run(sockets=[listener])
            finally:
                try:
                    services.stop()
                finally:
                    if outlet:
                        outlet.close()
    finally:
        shared.close()
    if reasons:
        raise StoreError(f"stopped: {reasons[0]}")


def _listening(host: str, port: int) -> socket.socket:
    """A socket that takes connections from now on, so that nobody is refused between the first line and the first page.

    Raises:
        click.ClickException: if the address is taken or not ours.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio switches Nagle's delay off only where the protocol is named; else every answer waits 40 ms for an ack.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(256)
    except OSError as error:
        listener.close()
        raise click.ClickException(f"cannot listen on {host}:{port}: {error.strerror}") from error
    return listener
