"""The five faces of the weekly report, by the ending of their files."""

from __future__ import annotations

FORMATS = ("docx", "pdf", "xlsx", "html", "json")
