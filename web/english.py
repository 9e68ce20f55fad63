"""The pages' own words in English, by the Chinese that the templates say. A test finds what is missing."""

from __future__ import annotations

ENGLISH: dict[str, str] = {}
