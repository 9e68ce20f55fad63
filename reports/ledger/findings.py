"""What a recording changes in the findings, as entries of the log; asked for before the store's tables are changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reports.ledger.entries import Entry

if TYPE_CHECKING:
    from reports.store import Store

#: Of the frames that a recording lends (`new_violations`, `new_spans`) and the violations kept so far. `gone` is a
#: condition on `k`: in the span that was judged, and not found again; `untouched`: nobody has begun to review it.
_CHANGES = """
SELECT n.violation_id, 'new' AS op, 1 AS revision, n.rule, n.rule_version, n.plate, n.facts
FROM new_violations n WHERE n.violation_id NOT IN (SELECT violation_id FROM kept.violations)
UNION ALL
SELECT n.violation_id, CASE WHEN k.status = 'flagged' THEN 'revised' ELSE 'in_doubt' END,
    k.revision + (k.status = 'flagged')::INTEGER, n.rule, n.rule_version, n.plate, n.facts
FROM new_violations n JOIN kept.violations k USING (violation_id)
WHERE k.facts <> n.facts AND (k.status = 'flagged' OR NOT k.facts_changed)
UNION ALL
SELECT k.violation_id, CASE WHEN {untouched} THEN 'removed' ELSE 'in_doubt' END,
    k.revision, k.rule, k.rule_version, k.plate, ''
FROM kept.violations k WHERE {gone} AND ({untouched} OR NOT k.facts_changed)
ORDER BY violation_id, op
"""


def finding_changes(store: Store, actor: str, gone: str, untouched: str) -> list[Entry]:
    """The entries that the recording `actor` owes the log.

    `op` is `new`, `revised`, `removed` or, for a decided violation that the facts no longer bear out, `in_doubt`;
    `facts` is the SHA-256 over every column that the engine found, empty where it found nothing any more.
    """
    changes = store.query(_CHANGES.format(gone=gone, untouched=untouched))
    return [Entry("finding", row["violation_id"], actor, row) for row in changes.iter_rows(named=True)]
