"""Options that several commands share, and what reads their text."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from commands.terminal import reads

if TYPE_CHECKING:
    from maps.shell import Tiles
    from reports.calendar import Week


def _week(text: str) -> Week:
    from reports.calendar import parse_week

    return parse_week(text)


def _tiles(text: str) -> Tiles:
    from maps.shell import Tiles

    return Tiles(text)


def address(text: str) -> tuple[str, int]:
    """Reads HOST:PORT.

    Raises:
        ValueError: saying how to write one.
    """
    host, colon, port = text.rpartition(":")
    if not colon or not host or not port.isdigit() or int(port) > 65535:
        raise ValueError(f"{text!r}: write host:port, such as 127.0.0.1:8080; port 0 takes a free one")
    return host.strip("[]"), int(port)


folder = click.Path(file_okay=False, path_type=Path)
store_option = click.option("--store", "store_folder", required=True, type=folder, help="What run or demo made.")
week_option = click.option(
    "--week", callback=reads(_week), help="ISO week such as 2026-W47; default: the latest with data."
)
tiles_option = click.option(
    "--tiles", callback=reads(_tiles), envvar="MUCKWATCH_TILES", help="A tile server's address; default: none is asked."
)
roads_option = click.option(
    "--roads", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Roads to draw, as GeoJSON."
)
kafka_option = click.option(
    "--kafka", required=True, envvar="MUCKWATCH_KAFKA", metavar="HOST:PORT", help="The brokers; or MUCKWATCH_KAFKA."
)
prefix_option = click.option(
    "--prefix", default="", help="Before every topic's name: sets several cities apart on one Kafka."
)
