"""Pages of maps and reports whose scripts and styles are files of their own, for a server that allows no inline code.

The same shell and data as the one-file pages (`shell.py`); only where these inline a script or a style, this page
names a file by the hash of its content. The data stay in the page: as JSON in an element that no browser runs, which
such a policy lets be.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

from maps import shell
from maps.trip_page import TripMap, trip_map
from maps.week_page import WeekMap, week_map

_META = re.compile(r"<meta http-equiv=\"Content-Security-Policy\"[^>]*>")
_DATA = re.compile(r'(<script type="application/json" id="muck-data">)(.*?)(</script>)', re.DOTALL)
_URI = re.compile(r"data:image/(png|jpeg|webp);base64,([A-Za-z0-9+/=]+)")
_PICTURE = re.compile(r'src="data:image/(png|svg\+xml);base64,([A-Za-z0-9+/=]+)"')
#: Beside the pages of a folder, what they ask for.
FILES_FOLDER = "assets"
_PART = re.compile(r"<(script|style)>(.*?)</\1>\n?", re.DOTALL)


def linked_trip_map(data: TripMap, prefix: str, extra_style: str = "") -> str:
    """The page of a trip or a violation.

    Args:
        data: what it shows.
        prefix: where its files are asked for, with a slash at the end.
        extra_style: the address of one more style sheet, of ours.
    """
    html = _linked(trip_map(data), prefix)
    link = f'<link rel="stylesheet" href="{extra_style}">\n'
    return html.replace("</head>", f"{link}</head>", 1) if extra_style else html


def linked_week_map(data: WeekMap, prefix: str) -> str:
    """The page of a week, in the same way."""
    return _linked(week_map(data), prefix)


@lru_cache(maxsize=1)
def linked_files() -> dict[str, bytes]:
    """Every file that these pages ask for, by name."""
    found: dict[str, bytes] = {}
    for kind in ("trip", "week"):
        for part in shell.page_parts(kind):
            for tag, text in _PART.findall(part):
                found[_name(tag, text)] = text.encode()
    return found


def link_pages(pages: Iterable[Path]) -> Path | None:
    """Takes scripts, styles, tiles and pictures out of the pages of a folder, into files that they share.

    Args:
        pages: one-file pages as the other functions wrote them; files that are no HTML are left alone.

    Returns:
        The folder of the files; a server's policy may then be `default-src 'self'`. None: there was no page.
    """
    folder: Path | None = None
    for page in pages:
        if page.suffix != ".html":
            continue
        folder = page.parent / FILES_FOLDER
        folder.mkdir(exist_ok=True)
        html = page.read_text(encoding="utf-8")
        files = {_name(tag, text): text.encode() for tag, text in _PART.findall(html)}
        linked, tiles = _tiles_linked(_linked(html, f"{FILES_FOLDER}/"))
        linked, pictures = _pictures_linked(linked)
        for name, content in {**files, **tiles, **pictures}.items():
            if not (folder / name).exists():
                _replace(folder / name, content)
        _replace(page, linked.encode())
    return folder


def _replace(file: Path, content: bytes) -> None:
    aside = file.with_name(f".{file.name}.part")
    aside.write_bytes(content)
    aside.replace(file)


def _tiles_linked(html: str) -> tuple[str, dict[str, bytes]]:
    """The page with the addresses of its tiles instead of the tiles, and these."""
    found = _DATA.search(html)
    if not found or '"images"' not in found[2]:
        return html, {}
    data, files = json.loads(found[2]), {}
    images = (data.get("tiles") or {}).get("images", [])
    for number, uri in enumerate(images):
        if tile := _URI.fullmatch(uri):
            content = base64.b64decode(tile[2])
            name = f"{hashlib.sha256(content).hexdigest()[:20]}.{tile[1]}"
            files[name], images[number] = content, f"{FILES_FOLDER}/{name}"
    return html[: found.start(2)] + shell.inert_json(data) + html[found.end(2) :], files


def _pictures_linked(html: str) -> tuple[str, dict[str, bytes]]:
    """A report's page with the addresses of its pictures instead of the pictures, and these."""
    files: dict[str, bytes] = {}

    def exchanged(match: re.Match[str]) -> str:
        content = base64.b64decode(match[2])
        name = f"{hashlib.sha256(content).hexdigest()[:20]}.{match[1].split('+')[0]}"
        files[name] = content
        return f'src="{FILES_FOLDER}/{name}"'

    return _PICTURE.sub(exchanged, html), files


def _linked(html: str, prefix: str) -> str:
    def exchanged(match: re.Match[str]) -> str:
        tag, text = match.groups()
        name = prefix + _name(tag, text)
        return f'<script src="{name}"></script>\n' if tag == "script" else f'<link rel="stylesheet" href="{name}">\n'

    return _PART.sub(exchanged, _META.sub("", html, count=1))


@lru_cache(maxsize=64)
def _name(tag: str, text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:20] + (".js" if tag == "script" else ".css")
