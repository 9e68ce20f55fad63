"""What is wrong with a registry: one record a fault, and the error that refuses a folder."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Literal

Severity = Literal["error", "warning"]

_SHOWN_MAX = 60


@dataclass(frozen=True)
class Fault:
    """One fault: `where` is `row 12` (the header is row 1), `feature 3 (CON001)`, `line 4`, a policy key, or empty.

    An `error` makes the folder unusable; a `warning` is something that a person should look at.
    """

    file: str
    where: str
    field: str
    problem: str
    allowed: str = ""
    severity: Severity = "error"

    def __str__(self) -> str:
        place = ", ".join(part for part in (self.file, self.where, self.field) if part)
        said = f"{self.problem}; allowed: {self.allowed}" if self.allowed else self.problem
        line = f"{place}: {said}" if place else said
        line = "".join(c if c.isprintable() else f"\\u{{{ord(c):x}}}" for c in line)
        return f"warning: {line}" if self.severity == "warning" else line


class RegistryError(Exception):
    """A registry folder that cannot be used; `faults` holds everything found in it, warnings too."""

    def __init__(self, folder: Path, faults: Sequence[Fault]) -> None:
        self.folder = folder
        self.faults = list(faults)
        errors = [fault for fault in self.faults if fault.severity == "error"]
        line = f"{folder}: {errors[0]}" if errors else f"{folder}: cannot be used"
        if len(errors) > 1:
            line += f" (and {len(errors) - 1} more; 'muckwatch check' lists them all)"
        super().__init__("".join(c if c.isprintable() else "?" for c in line))


class FileFaults:
    """Collects the faults of one file into a list that all files share."""

    def __init__(self, file: str, found: list[Fault]) -> None:
        self.file = file
        self._found = found

    def error(self, where: str, field: str, problem: str, allowed: str = "") -> None:
        """Notes what makes the folder unusable."""
        self._found.append(Fault(self.file, where, field, problem, allowed, "error"))

    def warn(self, where: str, field: str, problem: str, allowed: str = "") -> None:
        """Notes what a person should look at."""
        self._found.append(Fault(self.file, where, field, problem, allowed, "warning"))

    def beside(self, file: str) -> FileFaults:
        """The collector of another file of the same folder."""
        return FileFaults(file, self._found)


def shown(value: object) -> str:
    """A value from outside as it is quoted in a message: one line, at most 60 characters, no control characters."""
    text = repr(value)
    return text if len(text) <= _SHOWN_MAX else f"{text[:_SHOWN_MAX]}…"


def closest(word: str, known: Iterable[str], cutoff: float = 0.6) -> str:
    """The known word most like `word`, whatever its case, or an empty string."""
    folded = {name.casefold(): name for name in known}
    near = get_close_matches(word.casefold(), list(folded), n=1, cutoff=cutoff)
    return folded[near[0]] if near else ""


def guess(word: str, known: Iterable[str]) -> str:
    """A `(closest: ...)` to append to a message, with a leading blank, or an empty string."""
    near = closest(word, known)
    return f" (closest: {shown(near)})" if near else ""
