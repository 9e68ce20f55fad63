"""What a weekly report says beside the counts: whitelist, permits, repeat offenders, inspections, corrections."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True)
class RepeaterLine:
    """A truck with live clues in several of the weeks looked at, this one among them; `weekly` is oldest first."""

    plate: str
    company: str
    weeks: int
    weekly: tuple[int, ...]
    upheld: int
    rules: tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class WhitelistLine:
    """A truck that drove by day, or may: what its leave and its active-safety terminal were worth that week.

    `driven_min` is driving by day, `days` on how many dates; `failed` are the conditions that did not hold, `clues` its
    live clues of driving by day without leave.
    """

    plate: str
    company: str
    documents: tuple[str, ...]
    new_type: bool
    days: int
    driven_min: int
    completeness: float | None
    faults: tuple[str, ...]
    clues: int
    failed: tuple[str, ...]


@dataclass(frozen=True)
class LapseLine:
    """A permit or whitelist entry that ends soon or ended in the week; `trips` are the week's under it."""

    kind: str
    number: str
    holder: str
    place: str
    last_day: date
    days_left: int
    trips: int | None
    plate: str = ""


@dataclass(frozen=True)
class Correction:
    """A figure of an earlier issue that later data or reviews changed; `said` is what was last printed."""

    week: str
    number: str
    table: str
    item: str
    figure: str
    said: float | None
    now: float | None


@dataclass(frozen=True)
class Issue:
    """Whose bulletin this is and which: `text` is `〔2026〕第47期`; empty names are not printed."""

    district: str
    title: str
    office: str
    number: int
    year: int

    @property
    def text(self) -> str:
        """`〔2026〕第47期`."""
        return f"〔{self.year}〕第{self.number}期"

    @property
    def heading(self) -> str:
        """The bulletin's title with the district's name before it."""
        return f"{self.district}{self.title}"


@dataclass(frozen=True)
class Issued:
    """An issue that was handed out: what it said (its JSON face's tables), its cut-off and the SHA-256 of that JSON."""

    week: str
    number: str
    cutoff_ms: int | None
    sha256: str
    report: str
