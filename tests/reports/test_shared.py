"""One open store for many threads: readers see whole commits, writers take turns."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from reports.shared import SharedStore
from reports.store import Store


@pytest.fixture
def shared(tmp_path: Path) -> SharedStore:
    store = SharedStore(Store.open(tmp_path / "store", create=True))
    with store.writing() as writer:
        writer.execute("CREATE TABLE kept.pairs (a INTEGER, b INTEGER)")
        writer.execute("INSERT INTO kept.pairs VALUES (0, 0)")
    return store


def test_readers_see_whole_commits_while_writers_take_turns(shared: SharedStore) -> None:
    torn: list[tuple[int, int]] = []
    done = threading.Event()

    def write() -> None:
        for _ in range(25):
            with shared.writing() as store, store.transaction():
                store.execute("UPDATE kept.pairs SET a = a + 1")
                store.execute("UPDATE kept.pairs SET b = b + 1")

    def read() -> None:
        while not done.is_set():
            with shared.reading() as store:
                a, b = store.query("SELECT a, b FROM kept.pairs").row(0)
            if a != b:
                torn.append((a, b))

    writers = [threading.Thread(target=write) for _ in range(4)]
    readers = [threading.Thread(target=read) for _ in range(3)]
    for thread in (*writers, *readers):
        thread.start()
    for thread in writers:
        thread.join()
    done.set()
    for thread in readers:
        thread.join()
    with shared.reading() as store:
        assert store.query("SELECT a, b FROM kept.pairs").row(0) == (100, 100)
    assert not torn
    shared.close()


def test_a_thread_that_asks_twice_is_told_and_does_not_hang(shared: SharedStore) -> None:
    with shared.writing(), pytest.raises(RuntimeError, match="writing already"), shared.writing():
        pass
    with shared.writing() as store:
        assert store.query("SELECT 1").item() == 1
    shared.close()


def test_a_closed_shared_store_lets_the_next_writer_in(shared: SharedStore) -> None:
    with shared.reading() as store:
        assert store.query("SELECT count(*) FROM kept.pairs").item() == 1
    shared.close()
    Store.open(shared.path).close()


def test_what_a_block_touches_is_told_to_whoever_looks_later(shared: SharedStore) -> None:
    seen = shared.commits
    assert shared.touched_since(seen) == frozenset()
    with shared.writing({"a", "b"}):
        pass
    with shared.writing(()):
        pass
    changed: set[str] = set()
    with pytest.raises(ZeroDivisionError), shared.writing(changed):
        changed.add("c")  # what it touched is known only at its end
        raise ZeroDivisionError
    assert shared.touched_since(seen) == {"a", "b", "c"} and shared.touched_since(seen + 1) == {"c"}
    with shared.writing():
        pass
    assert shared.touched_since(seen) is None and shared.touched_since(shared.commits) == frozenset()
    for _ in range(1100):
        with shared.writing(()):
            pass
    assert shared.touched_since(seen) is None  # longer ago than anybody remembers
    shared.close()
