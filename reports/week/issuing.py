"""Handing out an issue: what it said is kept for good, and what later turns out otherwise is a correction."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

from reports.errors import StoreError, StoreUnusable
from reports.store import Store
from reports.week.document import Document
from reports.week.face_json import render_json
from reports.week.masked import VEHICLES
from reports.week.model_work import Correction, Issued

#: Tables held to what was printed: key -> (name, the column that names a row, columns of figures).
CORRECTED: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "overview": ("主要指标", "figure", ("value",)),
    "rules": ("各类违规", "rule", ("clues", "open", "upheld", "dismissed")),
    "companies": ("企业", "company", ("trips", "clues", "upheld")),
    "vehicles": (VEHICLES, "plate", ("clues", "upheld")),
    "origins": ("出土工地", "site", ("clues", "upheld")),
    "receivers": ("接收场所", "site", ("clues", "upheld")),
    "districts": ("街道", "district", ("clues", "upheld")),
}
#: What these columns are called where a correction names them.
HEADS = {"value": "本周", "clues": "线索数", "open": "待复核", "upheld": "属实", "dismissed": "不属实", "trips": "趟次"}
_SLACK = 1e-9
Figures = dict[tuple[str, str, str], float | None]


def issue(store: Store, document: Document, issued_ms: int) -> Issued:
    """Keeps what an issue says, in a store open for writing.

    Raises:
        StoreUnusable: for a week that has been handed out.
    """
    known = next((x for x in issued_in(store) if x.week == document.week), None)
    if known:
        raise StoreUnusable(f"{known.week} was issued as {known.number}: later data are corrections of the next issue")
    text = render_json(document)
    digest = hashlib.sha256(text.encode()).hexdigest()
    cutoff_ms = int(document.made_at.timestamp() * 1000)
    with store.transaction():
        row = [document.week, document.number, cutoff_ms, issued_ms, digest, text]
        store.execute("INSERT INTO kept.issues VALUES (?, ?, ?, ?, ?, ?)", row)
    return Issued(document.week, document.number, cutoff_ms, digest, text)


def issued_in(store: Store) -> list[Issued]:
    """Every issue handed out, by week; none for a store that no writer has opened since they exist.

    Raises:
        StoreError: if one is not what was handed out.
    """
    if not store.query("SELECT count(*) FROM duckdb_views() WHERE view_name = 'issues'").item():
        return []
    rows = store.query("SELECT week, number, cutoff_ms, sha256, report FROM kept.issues ORDER BY week")
    found = [Issued(**row) for row in rows.iter_rows(named=True)]
    for one in found:
        if hashlib.sha256(one.report.encode()).hexdigest() != one.sha256:
            raise StoreError(f"{store.path}: issue {one.number} is not what was handed out: its SHA-256 differs")
    return found


def corrections(issues: list[Issued], now: Mapping[str, Document], week: str) -> tuple[Correction, ...]:
    """What issues before `week` said that is now known otherwise, and that no later issue before `week` corrected.

    Args:
        issues: every issue handed out.
        now: the document of each earlier issued week as it would be drawn today, corrections aside.
        week: the week of the report that tells of them.
    """
    found = []
    for one in issues:
        if one.week not in now or one.week >= week:
            continue
        said = figures_of(json.loads(one.report))
        for later in issues:
            if one.week < later.week < week:
                said |= dict(_corrected_in(json.loads(later.report), one.week))
        today = figures_of(json.loads(render_json(now[one.week])))
        for key in {**said, **today}:
            before, after = said.get(key), today.get(key)
            if not _same(before, after):
                table, item, column = key
                name = CORRECTED[table][0]
                found.append(Correction(one.week, one.number, name, item, HEADS[column], before, after))
    return tuple(found)


def changes(issued: Issued, now: Document) -> int:
    """How many of the figures that an issue printed are otherwise today."""
    said, today = figures_of(json.loads(issued.report)), figures_of(json.loads(render_json(now)))
    return sum(not _same(said.get(key), today.get(key)) for key in {**said, **today})


def figures_of(told: Mapping[str, Any]) -> Figures:
    """The figures of a JSON face that corrections watch, by (table, row, column)."""
    found: Figures = {}
    for key, (_, named, columns) in CORRECTED.items():
        table = told["tables"].get(key)
        if table is None:
            continue
        place = {column["key"]: n for n, column in enumerate(table["columns"])}
        for row in table["rows"]:
            for column in columns:
                value = row[place[column]]
                found[key, row[place[named]], column] = value
    return found


def _corrected_in(told: Mapping[str, Any], week: str) -> Iterator[tuple[tuple[str, str, str], float | None]]:
    """The corrections of that week that an issue printed."""
    table = told["tables"].get("corrections")
    if table is None:
        return
    keys = [column["key"] for column in table["columns"]]
    columns = {head: key for key, head in HEADS.items()}
    tables = {name: key for key, (name, _, _) in CORRECTED.items()}
    for values in table["rows"]:
        row = dict(zip(keys, values, strict=True))
        if row["week"] == week:
            yield (tables[row["table"]], row["item"], columns[row["figure"]]), row["now"]


def _same(a: float | None, b: float | None) -> bool:
    return a == b if a is None or b is None else abs(a - b) <= _SLACK * max(1.0, abs(a))
