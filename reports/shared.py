"""One open store shared by the threads of a server: any number read at once, exactly one writes at a time.

A server opens the store once, as its writer, and puts it into a `SharedStore`; nothing else in the process opens the
database (DuckDB's own lock is lost when its process opens and closes the file a second time).

    with shared.reading() as store:                     # any thread, any number at once
        frame = queries.violation(store, violation_id)  # sees what was committed when the query began
    with shared.writing() as store, store.transaction():  # waits for its turn
        store.execute("INSERT INTO ...", [...])

`reading()` lends a `Store` with a DuckDB cursor of its own, so everything that takes a store works on it; do not keep
it after the block, and do not write through it. `writing()` lends the writer itself. Keep the block short, because
everybody else waits: prepare first, then write; one thread never takes it twice.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Collection, Iterator
from contextlib import contextmanager

from reports.errors import StoreError
from reports.store import Store

#: How long a writer waits for its turn before it is refused; longer means that somebody keeps the lock.
TURN_MAX_S = 60.0
#: Users, their roles and their sessions, among what a writer's block may touch.
ACCOUNTS = "accounts"
#: Commits whose touches are remembered; whoever looks less often reads everything anew.
_REMEMBERED = 1024


class SharedStore:
    """The one open store of a process, for many threads. Takes over `store`, which must be writable, and closes it."""

    def __init__(self, store: Store) -> None:
        if not store.writable:
            raise ValueError("a shared store is the store's one writer: open it with Store.open")
        self._store = store
        self.path = store.path
        self._turn = threading.Lock()
        self._writer: int | None = None
        self._idle: list[Store] = []
        self._guard = threading.Lock()
        self._commits = 0
        self._touched: deque[frozenset[str] | None] = deque(maxlen=_REMEMBERED)
        self._broken = ""

    @property
    def commits(self) -> int:
        """How often the writer's block has ended: what was read before and this count unchanged is still so."""
        return self._commits

    def touched_since(self, commits: int) -> frozenset[str] | None:
        """What the writer's blocks since that count said they touch; None where that may be anything, as since -1."""
        with self._guard:
            missed = self._commits - commits
            if missed > len(self._touched):
                return None
            found: set[str] = set()
            for touched in list(self._touched)[len(self._touched) - missed :]:
                if touched is None:
                    return None
                found |= touched
            return frozenset(found)

    @property
    def broken(self) -> str:
        """Why nothing can be written any more (a full disk, say); empty while all is well. Only a restart mends it."""
        return self._broken

    @contextmanager
    def reading(self) -> Iterator[Store]:
        """Lends a reader for the block.

        Raises:
            StoreError: if the database cannot be read.
        """
        with self._guard:
            reader = self._idle.pop() if self._idle else None
        if reader is None:
            with self._guard:  # making a cursor is not safe beside another
                reader = self._store.beside()
        try:
            yield reader
        finally:
            with self._guard:
                self._idle.append(reader)

    @contextmanager
    def writing(self, touches: Collection[str] | None = None) -> Iterator[Store]:
        """Lends the writer for the block, to one thread at a time.

        Args:
            touches: of what others keep in memory, what this block may change: ids of cases, `ACCOUNTS`; none of it
                where empty. Not said means anything, and costs everybody a look at everything.

        Raises:
            StoreError: if the turn did not come within `TURN_MAX_S`, or an earlier failure broke the database.
            RuntimeError: if this thread is inside the block already.
        """
        me = threading.get_ident()
        if self._writer == me:
            raise RuntimeError("this thread is writing already; pass the store on instead of asking again")
        if not self._turn.acquire(timeout=TURN_MAX_S):
            raise StoreError(f"{self.path}: the store is busy; try again")
        try:
            if self._broken:
                raise StoreError(self._broken)
            self._writer = me
            yield self._store
        except StoreError as error:
            # DuckDB's word after a fatal error, such as a full disk: the database must be opened anew.
            if "invalidated" in str(error) or "FATAL" in str(error):
                self._broken = str(error)
            raise
        finally:
            self._writer = None
            with self._guard:
                self._touched.append(None if touches is None else frozenset(touches))
                self._commits += 1
            self._turn.release()

    def close(self) -> None:
        """Waits for the writer, then closes every reader and the store."""
        with self._turn, self._guard:
            for reader in self._idle:
                reader.close()
            self._idle.clear()
            self._store.close()
