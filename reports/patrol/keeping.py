"""Plans in the store: what was suggested stays as it was, so that the next report can say what it yielded."""

from __future__ import annotations

from reports.calendar import Week
from reports.errors import StoreUnusable
from reports.patrol.model import PatrolPlan, plan_from_json
from reports.store import Store

_THERE = "SELECT count(*) FROM duckdb_tables() WHERE schema_name = 'kept' AND table_name = 'patrol_plans'"


def keep_plan(store: Store, plan: PatrolPlan, at_ms: int) -> bool:
    """Keeps a plan in a transaction of its own; a week's first plan stays, a later one is kept beside it.

    Args:
        store: open for writing.
        plan: any plan.
        at_ms: when it was made, epoch ms.

    Returns:
        Whether it was new; the same plan again changes nothing.

    Raises:
        StoreUnusable: a store open for reading.
    """
    if not store.writable:
        raise StoreUnusable(f"{store.path}: a plan is kept by the store's writer")
    text = plan.as_json()
    with store.transaction():
        return bool(
            store.execute(
                "INSERT INTO kept.patrol_plans SELECT $1, $2, $3, 1 + (SELECT count(*) FROM kept.patrol_plans "
                "WHERE week = $1) WHERE $3 NOT IN (SELECT plan FROM kept.patrol_plans WHERE week = $1)",
                [str(plan.week), at_ms, text],
            )
        )


def kept_plan(store: Store, week: Week) -> PatrolPlan | None:
    """The plan of a week that was kept last; None where none was, or no writer has opened the store since."""
    if not store.query(_THERE).item():
        return None
    found = store.query("SELECT plan FROM kept.patrol_plans WHERE week = ? ORDER BY number DESC LIMIT 1", [str(week)])
    return None if found.is_empty() else plan_from_json(str(found.item()))
