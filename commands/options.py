"""Options that several commands share, and what reads their text."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from commands.terminal import reads

if TYPE_CHECKING:
    from maps.basemap import BaseMap
    from reports.calendar import Week


def _week(text: str) -> Week:
    from reports.calendar import parse_week

    return parse_week(text)


def _tiles(text: str) -> BaseMap:
    from maps.basemap import base_map

    found = base_map(text, os.environ.get("MUCKWATCH_TIANDITU_KEY", ""), os.environ.get("MUCKWATCH_TILES_CREDIT", ""))
    if found.origin and os.environ.get("MUCKWATCH_OFFLINE"):
        raise ValueError("pages would ask a server for it, and MUCKWATCH_OFFLINE is set: name an .mbtiles or .pmtiles")
    return found


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
    "--tiles",
    callback=reads(_tiles),
    envvar="MUCKWATCH_TILES",
    metavar="BASEMAP",
    help="What lies under the maps, or MUCKWATCH_TILES: an .mbtiles or .pmtiles file of raster tiles (those needed are "
    "put into each page, which stays offline); tianditu, with its key in MUCKWATCH_TIANDITU_KEY; or a server's "
    "https://host/{z}/{x}/{y}.png. Readers' browsers ask the latter two, so a key stands in the pages; "
    "MUCKWATCH_OFFLINE=1 refuses them. MUCKWATCH_TILES_CREDIT is the line of attribution. Default: our own roads.",
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
