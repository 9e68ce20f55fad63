"""The weekly report as JSON, for other programs: docs/week-report.md tells its names."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

from reports.week.document import Amount, Cell, Document, Rate, Table, Words, heading

SCHEMA = "muckwatch.week/1"


def render_json(document: Document) -> str:
    """The document as JSON text, the same text for the same document."""
    told = {
        "schema": SCHEMA,
        "week": document.week,
        "title": document.title,
        "number": document.number,
        "office": document.office,
        "data_until": document.made_at.isoformat(),
        "facts": dict(document.facts),
        "warnings": list(document.warnings),
        "text": [
            {"section": heading(n, section.title), "said": [b.text for b in section.blocks if isinstance(b, Words)]}
            for n, section in enumerate(document.sections, 1)
        ],
        "tables": {table.key: _table(table) for table in document.tables},
    }
    return json.dumps(told, ensure_ascii=False, indent=1, allow_nan=False) + "\n"


def _table(table: Table) -> dict[str, Any]:
    return {
        "title": table.title,
        "columns": [{"key": c.key, "head": c.head, "kind": c.kind} for c in table.columns],
        "rows": [[_value(cell) for cell in row] for row in table.rows],
        "note": table.note,
    }


def _value(cell: Cell) -> Any:
    if isinstance(cell, Rate):
        return {"value": cell.value, "small_sample": cell.small}
    if isinstance(cell, Amount):
        return cell.value
    return cell.isoformat() if isinstance(cell, date) else cell
