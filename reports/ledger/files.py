"""The archived fixes beside their manifest, and the manifest beside the log."""

from __future__ import annotations

import hashlib

from reports.archive import FIXES_FOLDER
from reports.store import Store

_LOGGED = """
SELECT f->>0 AS path, f->>2 AS sha256 FROM (
    SELECT unnest(json_extract(body, '$.payload.archive[*]')) AS f FROM ledger.entries WHERE kind = 'run'
)
"""


def changed_files(store: Store) -> list[str]:
    """Every archived file that is missing, is not what the manifest says, or that the log says otherwise, in words."""
    logged: dict[str, set[str]] = {}
    for path, sha256 in store.query(_LOGGED).iter_rows():
        logged.setdefault(path, set()).add(sha256)
    wrong = []
    for file in store.manifest():
        try:
            with (store.path / FIXES_FOLDER / file.path).open("rb") as stream:
                found = hashlib.file_digest(stream, "sha256").hexdigest()
        except OSError as error:
            wrong.append(f"archived fixes {file.path}: cannot be read: {error.strerror}")
            continue
        if found != file.sha256:
            wrong.append(f"archived fixes {file.path}: not what was archived")
        elif file.path in logged and found not in logged[file.path]:
            wrong.append(f"archived fixes {file.path}: not what the log says was archived")
    return wrong
