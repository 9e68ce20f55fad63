"""The list of a week's map pages, as a page of its own that needs no script."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined


@dataclass(frozen=True)
class IndexRow:
    """One page: when it begins (local), whose it is, its rules, how many violations, the gravest's points."""

    when: str
    plate: str
    company: str
    rules: str
    count: int
    points: int
    page: str


_PAGES = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "assets"), autoescape=True, undefined=StrictUndefined
)


def index_page(title: str, subtitle: str, week_page: str, rows: Iterable[IndexRow]) -> str:
    """The page as HTML; every text in it is escaped."""
    return _PAGES.get_template("index.html").render(
        title=title, subtitle=subtitle, week_page=week_page, rows=list(rows)
    )
