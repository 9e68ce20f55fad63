"""Runs coroutines in tests, also while the browser of the session is open."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

T = TypeVar("T")


def run_async(work: Coroutine[Any, Any, T]) -> T:
    """What the coroutine returns, or its error.

    It runs in a thread of its own: while the browser is open, Playwright's synchronous driver keeps a loop running in
    the thread of the tests, and `asyncio.run` refuses to start a second one there.
    """
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()
