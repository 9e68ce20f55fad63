"""Keeping memory that was used once, for runs and workers that need as much again a moment later.

Columns of a batch are taken and given back some hundred times a run. An allocator that returns them to the system
pays for each of their pages anew, which was a tenth of a run's or a worker's processor time.
"""

from __future__ import annotations

import ctypes
import gc
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager

#: glibc's numbers of its settings, and theirs: no piece under 32 MB is fetched apart; so much at the end of the heap is
#: not given back, and so much more is fetched than asked for.
_MMAP_THRESHOLD, _TRIM_THRESHOLD, _TOP_PAD = -3, -1, -2
_APART_BYTES = 32 << 20
_ALL, _SOME = ((1 << 31) - 1, 64 << 20), (64 << 20, 16 << 20)
#: jemalloc, which polars carries, reads this when polars is imported: keep what was used, in as few heaps as cores.
_JEMALLOC = "_RJEM_MALLOC_CONF"


def keep_memory(heaps: int, *, long_lived: bool = False) -> bool:
    """Lets this process, and those forked from it, keep memory once used.

    Args:
        heaps: how many threads take memory at the same time, about; each heap keeps its own.
        long_lived: a process that lives long keeps some, and gives back what it used only once.

    Returns:
        Whether the C library is one that can be told so. Call it before polars is imported: else only half comes of it.
    """
    os.environ.setdefault(_JEMALLOC, f"dirty_decay_ms:{10_000 if long_lived else -1},muzzy_decay_ms:-1,narenas:{heaps}")
    if platform.libc_ver()[0] != "glibc":
        return False
    mallopt = ctypes.CDLL(None).mallopt
    kept, ahead = _SOME if long_lived else _ALL
    settings = {_MMAP_THRESHOLD: _APART_BYTES, _TRIM_THRESHOLD: kept, _TOP_PAD: ahead}
    return all([mallopt(number, value) == 1 for number, value in settings.items()])


@contextmanager
def no_gc() -> Iterator[None]:
    """Lets modules be imported, or rows come by the hundred thousand, without a search for cycles: they hold none."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()
