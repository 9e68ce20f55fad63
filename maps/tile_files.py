"""Local files of raster map tiles: MBTiles (SQLite) and PMTiles, read tile by tile."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

_MAX_ZOOM = 22
_MAX_TILE_BYTES = 2_000_000


class Tile(NamedTuple):
    """A picture as the file has it, and its media type."""

    kind: str
    content: bytes


@dataclass(frozen=True)
class TileArchive:
    """An open file. `read` gives the bytes of zoom, column and row, counted from the north-west; None: not there."""

    path: Path
    min_zoom: int
    max_zoom: int
    attribution: str
    read: Callable[[int, int, int], bytes | None]

    def tile(self, zoom: int, x: int, y: int) -> Tile | None:
        """One tile, if the file has it.

        Raises:
            ValueError: it is no PNG, JPEG or WebP; vector tiles cannot be drawn here.
        """
        content = self.read(zoom, x, y)
        if not content:
            return None
        kind = _kind(content)
        if kind is None or len(content) > _MAX_TILE_BYTES:
            what = "is larger than 2 MB" if kind else "is no PNG, JPEG or WebP picture (vector tiles are not drawn)"
            raise ValueError(f"{self.path}: tile {zoom}/{x}/{y} {what}")
        return Tile(kind, content)


@lru_cache(maxsize=8)
def opened(path: Path) -> TileArchive:
    """Opens a file by its ending and keeps it open, because a week's pages ask it for the same tiles.

    Raises:
        ValueError: it cannot be read, or holds no raster tiles.
    """
    if not path.is_file():
        raise ValueError(f"{path}: no such file of map tiles")
    try:
        found = _mbtiles(path) if path.suffix.lower() == ".mbtiles" else _pmtiles(path)
    except ValueError:
        raise
    except Exception as error:  # whatever the two readers raise on what is no such file
        raise ValueError(f"{path}: cannot be read as {path.suffix[1:]} ({type(error).__name__})") from None
    if not 0 <= found.min_zoom <= found.max_zoom <= _MAX_ZOOM:
        raise ValueError(f"{path}: zooms {found.min_zoom} to {found.max_zoom} are none of 0 to {_MAX_ZOOM}")
    return found


def _mbtiles(path: Path) -> TileArchive:
    database = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, check_same_thread=False)
    names = {str(name): str(value) for name, value in database.execute("SELECT name, value FROM metadata")}
    zooms = database.execute("SELECT min(zoom_level), max(zoom_level) FROM tiles").fetchone()
    if zooms[0] is None:
        raise ValueError(f"{path}: holds no tiles")
    if names.get("format", "png") == "pbf":
        raise ValueError(f"{path}: holds vector tiles; a page needs raster tiles (PNG, JPEG or WebP)")

    def read(zoom: int, x: int, y: int) -> bytes | None:
        row = 2**zoom - 1 - y  # MBTiles counts rows from the south
        query = "SELECT tile_data FROM tiles WHERE zoom_level = ? AND tile_column = ? AND tile_row = ?"
        found = database.execute(query, (zoom, x, row)).fetchone()
        return bytes(found[0]) if found and found[0] is not None else None

    return TileArchive(path, int(zooms[0]), int(zooms[1]), names.get("attribution", ""), read)


def _pmtiles(path: Path) -> TileArchive:
    from pmtiles.reader import MmapSource, Reader
    from pmtiles.tile import Compression, TileType, deserialize_directory, find_tile, zxy_to_tileid

    with path.open("rb") as file:
        source: Any = MmapSource(file)  # type: ignore[no-untyped-call]
    reader: Any = Reader(source)  # type: ignore[no-untyped-call]
    header = reader.header()
    if header["tile_type"] not in (TileType.PNG, TileType.JPEG, TileType.WEBP):
        raise ValueError(f"{path}: holds {header['tile_type'].name} tiles; a page needs raster (PNG, JPEG or WebP)")
    if header["tile_compression"] not in (Compression.NONE, Compression.UNKNOWN):
        raise ValueError(f"{path}: its pictures are packed once more; write it without tile compression")
    # The library's own look-up unpacks the directories for every tile.
    directory = lru_cache(maxsize=64)(lambda offset, length: deserialize_directory(source(offset, length)))

    def read(zoom: int, x: int, y: int) -> bytes | None:
        number, offset, length = zxy_to_tileid(zoom, x, y), header["root_offset"], header["root_length"]
        for _ in range(4):  # the format's own limit of depth
            found = find_tile(directory(offset, length), number)
            if not found:
                return None
            if found.run_length:
                return bytes(source(header["tile_data_offset"] + found.offset, found.length))
            offset, length = header["leaf_directory_offset"] + found.offset, found.length
        return None

    named = reader.metadata()
    told = named.get("attribution", "") if isinstance(named, dict) else json.dumps(named)
    return TileArchive(path, int(header["min_zoom"]), int(header["max_zoom"]), str(told), read)


def _kind(content: bytes) -> str | None:
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if content.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    return "image/webp" if content[:4] == b"RIFF" and content[8:12] == b"WEBP" else None
