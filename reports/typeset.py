"""Papers by Typst: a fixed template, data as JSON, and pictures as files. Text from outside is never Typst's markup.

A template lies in `reports/templates/`, reads `json("data.json")` and `json("fonts.json")` (style -> families), and
shows pictures by their names. It may import the other templates there. The same data gives the same bytes. PDF/A
forbids a character without a glyph; such a one is printed as its code, `[U+13000]`, and so is what would be invisible.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import typst

from reports.fonts import Fonts
from reports.visible import coded, in_all_texts, shown

TEMPLATES = Path(__file__).parent / "templates"
#: PDF for archives (ISO 19005-2): fonts embedded, no outside reference, text that can be searched.
PDF_STANDARD = "a-2b"


class TypesetError(Exception):
    """Typst could not set the paper; the message is its own first line."""


def typeset_pdf(
    template: str, data: Mapping[str, Any], fonts: Fonts, made_at: datetime, pictures: Mapping[str, bytes] | None = None
) -> bytes:
    """Sets a paper as PDF/A-2b.

    Args:
        template: the name of a file in `reports/templates/`.
        data: what the paper says, fit for JSON.
        fonts: from `find_fonts`.
        made_at: the date that the file gives as its own; take it from the data, not from a clock.
        pictures: by file name (`map.png`, `chart.svg`), as the template calls them.

    Raises:
        TypesetError: if the template and the data do not go together.
    """
    return _set(template, data, fonts, made_at, pictures or {}, {"format": "pdf", "pdf_standards": PDF_STANDARD})[0]


def typeset_png(
    template: str,
    data: Mapping[str, Any],
    fonts: Fonts,
    made_at: datetime,
    pictures: Mapping[str, bytes] | None = None,
    ppi: float = 200,
) -> list[bytes]:
    """Sets a paper as pictures, one a page; arguments as for `typeset_pdf`, and pixels per inch."""
    return _set(template, data, fonts, made_at, pictures or {}, {"format": "png", "ppi": ppi})


def _set(
    template: str,
    data: Mapping[str, Any],
    fonts: Fonts,
    made_at: datetime,
    pictures: Mapping[str, bytes],
    form: Mapping[str, Any],
) -> list[bytes]:
    with tempfile.TemporaryDirectory(prefix="muckwatch-") as name:
        folder = Path(name)
        for source in TEMPLATES.glob("*.typ"):
            shutil.copyfile(source, folder / source.name)
        for picture, content in pictures.items():
            (folder / Path(picture).name).write_bytes(content)
        for told, values in (("data.json", _printable(data, fonts)), ("fonts.json", fonts.families)):
            (folder / told).write_text(json.dumps(values, ensure_ascii=False, allow_nan=False), encoding="utf-8")
        try:
            made = typst.compile(
                str(folder / template),
                root=name,
                font_paths=[str(path) for path in fonts.folders],
                ignore_system_fonts=True,
                timestamp=int(made_at.timestamp()),
                **form,
            )
        except typst.TypstError as error:
            raise TypesetError(f"{template}: {str(error).splitlines()[0]}") from error
    return [made] if isinstance(made, bytes) else list(made)


def _printable(data: Any, fonts: Fonts) -> Any:
    """The data with every text visible, and with a glyph for every character."""
    visible = in_all_texts(data, shown)
    codes = {ord(letter): coded(letter) for letter in fonts.missing([json.dumps(visible, ensure_ascii=False)])}
    return in_all_texts(visible, lambda text: text.translate(codes)) if codes else visible
