"""The faces of a report, each drawn from the same document; what a face needs is loaded when it is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from reports.formats import FORMATS
from reports.week.document import Document

__all__ = ["FORMATS", "draw_face"]


def draw_face(
    name: str, document: Document, path: Path, trip_pages: Mapping[str, str], own_fonts: Path | None
) -> tuple[bool, list[str]]:
    """Writes one face; whether this machine could, and in lines what it could not.

    Args:
        name: of `FORMATS`.
        document: what it says.
        path: the file.
        trip_pages: of the page for screens, map pages by trip.
        own_fonts: the office's own folder of fonts, for papers.
    """
    if name == "html":
        from reports.week.face_html import render_html

        path.write_text(render_html(document, trip_pages), encoding="utf-8", newline="\n")
    elif name == "json":
        from reports.week.face_json import render_json

        path.write_text(render_json(document), encoding="utf-8", newline="\n")
    elif name == "xlsx":
        from reports.week.face_xlsx import write_xlsx

        write_xlsx(document, path)
    else:
        return _paper(name, document, path, own_fonts)
    return True, []


def _paper(name: str, document: Document, path: Path, own_fonts: Path | None) -> tuple[bool, list[str]]:
    from reports.fonts import FontsMissing, find_fonts
    from reports.visible import coded
    from reports.week.face_pdf import chart_pictures, letters_of, render_pdf

    told: list[str] = []
    try:
        fonts = find_fonts(own_fonts)
        if lacking := fonts.missing(letters_of(document)):
            codes = " ".join(map(coded, lacking[:20]))
            told = [f"no font here has {codes}: printed as codes; add a font that has them (MUCKWATCH_FONTS)"]
    except FontsMissing as error:
        fonts = None
        told = [f"no PDF, and no charts in the DOCX: {error}"]
    if name == "docx":
        from reports.week.face_docx import render_docx

        path.write_bytes(render_docx(document, chart_pictures(document, fonts) if fonts else {}))
    elif fonts:
        path.write_bytes(render_pdf(document, fonts))
    return name == "docx" or fonts is not None, told
