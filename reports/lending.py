"""The store that this process has open, for tasks that any process of a crew may do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from reports.store import Store

_OPEN: dict[Path, Store] = {}


@contextmanager
def lent(store: Store) -> Iterator[None]:
    """Within it, tasks done by this process use the open store."""
    before = _OPEN.get(store.path)
    _OPEN[store.path] = store
    try:
        yield
    finally:
        del _OPEN[store.path]
        if before is not None:
            _OPEN[store.path] = before


def store_at(path: Path) -> Store:
    """The store that was lent, or in a helper one that is opened for reading and stays open until the helper ends."""
    if path not in _OPEN:
        _OPEN[path] = Store.read(path)
    return _OPEN[path]


def leave() -> None:
    """In a helper: closes what it opened, so that a writer may have it."""
    while _OPEN:
        _OPEN.popitem()[1].close()
