"""What may lie under a map besides our own roads: a server's tiles, Tianditu's by key, or a local file of raster tiles.

Only a server makes a page ask for anything. Of a file, the tiles that cover the page are put into the page itself, so
that it stays one file that opens without a network. All of it is Web Mercator over WGS 84; tiles that are shifted
(GCJ-02, BD-09) or in degrees (Tianditu's `_c` layers) would lie beside the tracks, and are not offered.
"""

from __future__ import annotations

import base64
import html
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

from maps.layers import Bounds
from maps.tile_files import opened

_TILE_URL = re.compile(
    r"(?P<scheme>https?)://(?P<sub>\{s\}\.)?(?P<host>[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*(?::\d{1,5})?)/\S*"
)
_KEY = re.compile(r"[0-9A-Za-z]{8,64}")
#: What a page may spend on tiles of a file, as the text that stands in it.
TILE_BUDGET_BYTES = 1_500_000
#: So many zooms closer than the one of opening are kept, if they fit.
CLOSER_ZOOMS = 3
#: Of a map on a usual screen, less the margin at opening; and of one on a large screen.
_FIT_PX = (900, 640)
_WINDOW_PX = (1536, 1024)
#: Of one zoom: a page that opens on the whole country does not look through a city's file.
_MAX_TILES = 1000
_TILE_PX = 256
_MAX_LAT_DEG = 85.05


class BaseMap(Protocol):
    """What a page needs to know of one."""

    @property
    def origin(self) -> str:
        """The sources that the page's content security policy has to allow, with spaces between; empty: none."""
        ...

    def as_json(self, bounds: Bounds) -> dict[str, Any]:
        """What the page's script draws, for a page that opens on `bounds` (degrees)."""
        ...


@dataclass(frozen=True)
class Tiles:
    """A tile server, for those who configure one: only then may a page ask for anything.

    `url` is a template with `{z}`, `{x}`, `{y}` (and `{s}.` before the host where there are several), in Web Mercator
    and WGS 84. `attribution` is plain text.
    """

    url: str = field(repr=False)
    attribution: str = ""
    max_zoom: int = 18

    def __post_init__(self) -> None:
        if not _TILE_URL.fullmatch(self.url) or any(part not in self.url for part in ("{z}", "{x}", "{y}")):
            told = self.url.partition("?")[0]  # a key may stand behind it, and this line may be kept
            raise ValueError(f"tile address {told!r}: write http(s)://host/... with {{z}}, {{x}} and {{y}} in it")

    @property
    def origin(self) -> str:
        """The server."""
        found = _TILE_URL.fullmatch(self.url)
        assert found  # checked on making
        return f"{found['scheme']}://{'*.' if found['sub'] else ''}{found['host']}"

    def as_json(self, bounds: Bounds) -> dict[str, Any]:
        """One layer, asked for as the reader moves."""
        return {"layers": [{"url": self.url}], "attribution": self.attribution, "max_zoom": self.max_zoom}


@dataclass(frozen=True)
class Tianditu:
    """The national map service: streets (`vec_w`) and their labels (`cva_w`), in Web Mercator over CGCS2000.

    The reader's browser asks for the tiles, so the key stands in the pages: take one that is bound to the office.
    """

    key: str = field(repr=False)
    attribution: str = "底图：国家地理信息公共服务平台 天地图"

    def __post_init__(self) -> None:
        if not _KEY.fullmatch(self.key):
            raise ValueError("tianditu needs its key (tk), 8 to 64 letters and digits, in MUCKWATCH_TIANDITU_KEY")

    @property
    def origin(self) -> str:
        """Its eight hosts by name."""
        return " ".join(f"https://t{n}.tianditu.gov.cn" for n in range(8))

    def as_json(self, bounds: Bounds) -> dict[str, Any]:
        """The two layers, the labels on top."""
        query = (
            "SERVICE=WMTS&REQUEST=GetTile&VERSION=1.0.0&LAYER={name}&STYLE=default&TILEMATRIXSET=w&FORMAT=tiles"
            "&TILEMATRIX={{z}}&TILEROW={{y}}&TILECOL={{x}}&tk={key}"
        )
        layers = [
            {
                "url": f"https://t{{s}}.tianditu.gov.cn/{name}_w/wmts?" + query.format(name=name, key=self.key),
                "hosts": "01234567",
            }
            for name in ("vec", "cva")
        ]
        return {"layers": layers, "attribution": self.attribution, "max_zoom": 18}


@dataclass(frozen=True)
class TileFile:
    """A local MBTiles or PMTiles file of raster tiles (PNG, JPEG or WebP)."""

    path: Path
    attribution: str = ""
    budget_bytes: int = TILE_BUDGET_BYTES

    def __post_init__(self) -> None:
        opened(self.path)

    @property
    def origin(self) -> str:
        """None: the page holds what it shows."""
        return ""

    def as_json(self, bounds: Bounds) -> dict[str, Any]:
        """Whole zooms of tiles, as data URIs that each stand once, as many as the budget lets in.

        The first zoom is the one on which the page opens, or a wider one if that alone is too much.
        """
        archive = opened(self.path)
        first = min(max(_opening_zoom(bounds), archive.min_zoom), archive.max_zoom)
        kept: dict[str, str] = {}
        zooms: list[int] = []

        def fits(zoom: int) -> bool:
            box = _shown(bounds, zoom)
            if (box[2] - box[0] + 1) * (box[3] - box[1] + 1) > _MAX_TILES:
                return False
            more = kept | dict(_uris(self.path, zoom, box))
            if sum(map(len, set(more.values()))) + 20 * len(more) > self.budget_bytes:
                return False
            kept.update(more)
            zooms.append(zoom)
            return True

        if any(fits(zoom) for zoom in range(first, archive.min_zoom - 1, -1)):
            all(fits(zoom) for zoom in range(zooms[0] + 1, min(first + CLOSER_ZOOMS, archive.max_zoom) + 1))
        images = {uri: number for number, uri in enumerate(dict.fromkeys(kept.values()))}
        return {
            "images": list(images),
            "at": {place: images[uri] for place, uri in kept.items()},
            "zooms": [zooms[0], zooms[-1]] if zooms else [0, 0],
            "attribution": self.attribution or _text(archive.attribution),
        }


def base_map(text: str, tianditu_key: str = "", credit: str = "") -> BaseMap:
    """Reads what `--tiles` names.

    Args:
        text: `tianditu`, the path of an .mbtiles or .pmtiles file, or a server's address with {z}, {x} and {y}.
        tianditu_key: the key of the national map service.
        credit: shown at the map's edge instead of the source's own attribution, as plain text.

    Raises:
        ValueError: saying how to write one; never with a key in it.
    """
    found: Tiles | Tianditu | TileFile
    if text.strip().lower() == "tianditu":
        found = Tianditu(tianditu_key)
    elif text.lower().endswith((".mbtiles", ".pmtiles")) and "://" not in text:
        found = TileFile(Path(text))
    else:
        found = Tiles(text)
    return replace(found, attribution=credit) if credit else found


@lru_cache(maxsize=8192)
def _uri(path: Path, zoom: int, x: int, y: int) -> str | None:
    tile = opened(path).tile(zoom, x, y)
    return f"data:{tile.kind};base64,{base64.b64encode(tile.content).decode()}" if tile else None


def _uris(path: Path, zoom: int, box: tuple[int, int, int, int]) -> Iterator[tuple[str, str]]:
    """The tiles of a box of columns and rows that the file has."""
    west, north, east, south = box
    for x in range(west, east + 1):
        for y in range(north, south + 1):
            if uri := _uri(path, zoom, x, y):
                yield f"{zoom}/{x}/{y}", uri


def _world(bounds: Bounds) -> tuple[float, float, float, float]:
    """West, north, east, south as parts of the square world."""

    def down(lat_deg: float) -> float:
        lat = math.radians(min(max(lat_deg, -_MAX_LAT_DEG), _MAX_LAT_DEG))
        return (1 - math.asinh(math.tan(lat)) / math.pi) / 2

    west, south, east, north = bounds
    return west / 360 + 0.5, down(north), east / 360 + 0.5, down(south)


def _opening_zoom(bounds: Bounds) -> int:
    """The zoom at which a page opens on the bounds, rounded down."""
    west, north, east, south = _world(bounds)
    widest = max((east - west) / _FIT_PX[0], (south - north) / _FIT_PX[1], 1e-9) * _TILE_PX
    return max(0, min(17, math.floor(-math.log2(widest))))


def _shown(bounds: Bounds, zoom: int) -> tuple[int, int, int, int]:
    """Columns and rows worth having on a zoom: west, north, east, south, inclusive.

    Where a page opens they fill the window of a large screen, closer they are the bounds and a margin.
    """
    west, north, east, south = (part * 2**zoom for part in _world(bounds))
    window = [px / _TILE_PX if zoom <= _opening_zoom(bounds) + 1 else 0.0 for px in _WINDOW_PX]
    wide, high = max(1.25 * (east - west), window[0]), max(1.25 * (south - north), window[1])
    x, y = (west + east) / 2, (north + south) / 2

    def inside(part: float) -> int:
        return min(max(math.floor(part), 0), (1 << zoom) - 1)

    return inside(x - wide / 2), inside(y - high / 2), inside(x + wide / 2), inside(y + high / 2)


def _text(attribution: str) -> str:
    """Attributions of tile files are often HTML; a page shows text."""
    return html.unescape(re.sub(r"<[^>]*>", "", attribution)).strip()
