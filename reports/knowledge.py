"""What the store has learnt of terminals, as the engine takes it: for workers, whose stream learns nothing itself."""

from __future__ import annotations

import json

from reports.store import Store
from rules.fleet import Fleet
from rules.health import ILL, Knowledge


def knowledge_of(store: Store) -> Knowledge:
    """The datums and ill sensors of every terminal by its last health: what the judgement that wrote it knew."""
    datums: dict[tuple[str, str], str] = {}
    ill: dict[tuple[str, str], frozenset[str]] = {}
    since: dict[tuple[str, str, str], int] = {}
    rows = store.query(
        "SELECT plate, terminal, arg_max(datum_found, last_ms) AS datum, arg_max(faults, last_ms)::VARCHAR AS faults "
        "FROM kept.health GROUP BY plate, terminal ORDER BY plate, terminal"
    )
    for plate, terminal, datum, text in rows.iter_rows():
        faults = json.loads(text)
        if "datum" in faults:
            datums[plate, terminal] = datum
        if sensors := faults.keys() & ILL.keys():
            ill[plate, terminal] = frozenset(sensors)
            since |= {(plate, terminal, name): faults[name]["since_ms"] for name in sensors}
    fleet = store.query("SELECT body FROM kept.fleet")
    return Knowledge(datums, ill, since, Fleet.from_json(fleet.item()) if fleet.height else Fleet())
