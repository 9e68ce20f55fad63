"""When a worker takes itself to be behind."""

from __future__ import annotations

from stream.worker import is_backlog


def test_a_backlog_is_much_and_more_than_was_polled() -> None:
    assert not is_backlog(0, 0, 0) and not is_backlog(0, 5, 1_000)
    assert not is_backlog(4_999, 4_999, 183 * 4_999), "an hour of one truck"
    assert is_backlog(60, 50, 100 * 20_000) and is_backlog(5_000, 50, 50 * 183)
    assert not is_backlog(20_000, 30_000, 30_000 * 183), "a large city that keeps up"
