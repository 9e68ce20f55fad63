"""The constant shell of a map page, built by folium once for each kind of page; data is only ever attached to it.

folium renders what its elements hold a second time, as a Jinja template, so text that reaches it runs as code in this
process. Therefore no function here takes data: the shell is fixed code, and `page` puts the data behind it as JSON in a
script element that browsers do not execute. The page's scripts show text by `textContent` alone, and its content
security policy allows these scripts by their hashes, inline styles, inlined images, and no request to anywhere.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from functools import lru_cache
from pathlib import Path
from typing import Any

import folium
from branca.element import Element, Figure, Link, MacroElement
from folium.template import Template

from maps.basemap import BaseMap
from maps.layers import WORLD

_HERE = Path(__file__).parent

#: Every address that folium may ask for → the vendored file that stands in for it; None is dropped on purpose, since
#: nothing here uses Bootstrap, jQuery, icons or folium's own markers. An address that no line matches is an error.
_ASSETS: tuple[tuple[str, str | None], ...] = (
    (r"/leaflet@[\d.]+/dist/leaflet\.js$", "vendor/leaflet/leaflet.js"),
    (r"/leaflet@[\d.]+/dist/leaflet\.css$", "vendor/leaflet/leaflet.css"),
    (r"/jquery-[\d.]+(\.min)?\.js$", None),
    (r"/bootstrap(@[\d.]+)?/.*\.(js|css)$", None),
    (r"/fontawesome-free@[\d.]+/css/all\.min\.css$", None),
    (r"/leaflet[.-]awesome-?[\w.-]*\.(js|css)$", None),
)
_DATA_SLOT = "@@muckwatch-data@@"
_POLICY_SLOT = "@@muckwatch-policy@@"


class _OfflineFigure(Figure):
    """A page whose links are replaced by the vendored files themselves."""

    _template = Template(
        '<!DOCTYPE html>\n<html lang="zh-CN">\n<head>\n<meta charset="utf-8">\n'
        + _POLICY_SLOT
        + "\n<title>muckwatch</title>\n"
        "{{ this.header.render(**kwargs) }}\n</head>\n<body>\n{{ this.html.render(**kwargs) }}\n"
        + _DATA_SLOT
        + "\n<script>\n{{ this.script.render(**kwargs) }}\n</script>\n</body>\n</html>\n"
    )

    def render(self, **kwargs: Any) -> str:
        """Renders the children, then exchanges links for files.

        Raises:
            ValueError: for an address that is not in the table of assets.
        """
        _number_ids(self)
        for child in self._children.values():
            child.render(**kwargs)
        inlined: dict[str, str] = {}
        for name, child in list(self.header._children.items()):
            if isinstance(child, Link):
                asset = _asset_for(child.url)
                if asset is None:
                    del self.header._children[name]
                else:
                    slot = f"@@muckwatch-{len(inlined)}@@"
                    inlined[slot] = _inline(asset)
                    self.header._children[name] = Element(slot)
        html = str(self._template.render(this=self, kwargs=kwargs))
        for slot, text in inlined.items():
            html = html.replace(slot, text)
        return html


class _Assets(MacroElement):
    """Our own styles and scripts, after folium's so that they win."""

    _template = Template("{% macro header(this, kwargs) %}@@muckwatch-own@@{% endmacro %}")
    _name = "Assets"


class _Page(MacroElement):
    """Starts the page's script with the map that folium made."""

    _template = Template(
        '{% macro html(this, kwargs) %}<aside class="panel"></aside><section class="bar"></section>{% endmacro %}'
        "{% macro script(this, kwargs) %}muck.read();\nmuck.start({{ this._parent.get_name() }});{% endmacro %}"
    )


def page(kind: str, data: dict[str, Any], tiles: BaseMap | None = None) -> str:
    """A whole page: the shell of that kind with the data attached.

    Args:
        kind: the script that draws it: `trip` or `week`.
        data: JSON-ready; strings in it may be anything at all.
        tiles: what lies under the map, if that is configured.
    """
    head, tail = _shell(kind, tiles.origin if tiles else "")
    if tiles:
        data = {**data, "tiles": tiles.as_json(data.get("bounds", WORLD))}
    return f'{head}<script type="application/json" id="muck-data">{inert_json(data)}</script>{tail}'


def page_parts(kind: str) -> tuple[str, str]:
    """A page of that kind without any data: what stands before it and what after it."""
    return _shell(kind, "")


def inert_json(data: Any) -> str:
    """JSON that is only text wherever it stands in a page: no character of it can end a script element or open a tag.

    Raises:
        ValueError: for NaN or an infinity, which are not JSON.
    """
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return (
        "".join(f"\\u{ord(c):04x}" if "\ud800" <= c <= "\udfff" else c for c in text) if _lone_surrogate(text) else text
    )


@lru_cache(maxsize=16)
def _shell(kind: str, tile_origin: str) -> tuple[str, str]:
    """The page before and after its data."""
    figure = _OfflineFigure()
    figure.add_child(
        drawn := folium.Map(
            location=[0, 0],
            tiles=None,
            prefer_canvas=True,
            control_scale=False,
            zoom_control=False,
            attribution_control=False,
            keyboard=False,
            zoom_snap=0.25,
            zoom_delta=1,
            wheel_px_per_zoom_level=90,
            min_zoom=3,
            max_zoom=19,
        )
    )
    drawn.add_child(_Assets())  # type: ignore[no-untyped-call]
    drawn.add_child(_Page())  # type: ignore[no-untyped-call]
    own = _inline("assets/page.css") + "".join(_inline(f"assets/{name}.js") for name in ("base", "marks", kind))
    html = figure.render().replace("@@muckwatch-own@@", own)
    scripts = re.findall(r"<script>(.*?)</script>", html, re.DOTALL)
    html = html.replace(_POLICY_SLOT, _content_policy(scripts, tile_origin))
    head, tail = html.split(_DATA_SLOT)
    return head, tail


def _content_policy(scripts: list[str], tile_origin: str) -> str:
    """What the page may do: run these scripts, style itself, show inlined images and, if configured, tiles."""
    hashes = " ".join(f"'sha256-{base64.b64encode(hashlib.sha256(s.encode()).digest()).decode()}'" for s in scripts)
    images = f"data: {tile_origin}".strip()
    allowed = f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; img-src {images}"
    rules = f"{allowed}; base-uri 'none'; form-action 'none'"
    return f'<meta http-equiv="Content-Security-Policy" content="{rules}">'


def _number_ids(root: Element) -> None:
    """Replaces folium's random ids by a count, so that two renders are the same bytes."""
    waiting = [root]
    for number in range(1_000_000):
        if not waiting:
            return
        element = waiting.pop(0)
        element._id = str(number)
        waiting += element._children.values()


def _asset_for(url: str) -> str | None:
    for pattern, asset in _ASSETS:
        if re.search(pattern, url):
            return asset
    raise ValueError(f"folium asks for {url}, for which no vendored file is listed in maps/shell.py")


@lru_cache(maxsize=16)
def _inline(asset: str) -> str:
    """A vendored file as an inline element.

    Raises:
        ValueError: if it could end its own element or asks for another file.
    """
    text = (_HERE / asset).read_text(encoding="utf-8")
    tag = "style" if asset.endswith(".css") else "script"
    if f"</{tag}" in text.lower():
        raise ValueError(f"{asset} holds </{tag}")
    if tag == "style" and re.search(r"@import|url\((?!['\"]?data:)", text):
        raise ValueError(f"{asset} asks for another file: inline it as a data URI")
    return f"<{tag}>{text}</{tag}>\n"


def _lone_surrogate(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return True
    return False
