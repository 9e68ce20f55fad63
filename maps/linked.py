"""Map pages whose scripts and styles are files of their own, for a server whose content policy allows no inline code.

The same shell and data as the one-file pages (`shell.py`); only where these inline a script or a style, this page
names a file by the hash of its content.
"""

from __future__ import annotations

import hashlib
import re
from functools import lru_cache

from maps import shell
from maps.trip_page import TripMap, trip_map
from maps.week_page import WeekMap, week_map

_META = re.compile(r"<meta http-equiv=\"Content-Security-Policy\"[^>]*>")
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


def _linked(html: str, prefix: str) -> str:
    def exchanged(match: re.Match[str]) -> str:
        tag, text = match.groups()
        name = prefix + _name(tag, text)
        return f'<script src="{name}"></script>\n' if tag == "script" else f'<link rel="stylesheet" href="{name}">\n'

    return _PART.sub(exchanged, _META.sub("", html, count=1))


@lru_cache(maxsize=64)
def _name(tag: str, text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:20] + (".js" if tag == "script" else ".css")
