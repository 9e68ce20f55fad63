"""Text from outside, fit to be seen: what would be invisible or turn a line around is written as its code."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from typing import Any

#: Control, format, surrogate and separator characters are written out, but for these, which become a space.
_HIDDEN = ("Cc", "Cf", "Cs", "Zl", "Zp")
_SPACES = {"\t": " ", "\n": " ", "\r": " "}


def shown(text: str) -> str:
    """A text with each character that would not be seen as itself written as `[U+202E]`."""
    if text.isprintable():
        return text
    return "".join(_SPACES.get(c) or (coded(c) if unicodedata.category(c) in _HIDDEN else c) for c in text)


def coded(letter: str) -> str:
    """A character as its code, `[U+202E]`."""
    return f"[U+{ord(letter):04X}]"


def in_all_texts(value: Any, change: Callable[[str], str]) -> Any:
    """A JSON value with every text in it changed; keys of objects stay."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {key: in_all_texts(inner, change) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [in_all_texts(inner, change) for inner in value]
    return value
