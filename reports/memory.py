"""Keeping memory that was used once, for a run that needs as much again a moment later.

Columns of a batch are taken and given back some hundred times a run. An allocator that returns them to the system
pays for each of their pages anew, which was a tenth of a run's processor time.
"""

from __future__ import annotations

import ctypes
import gc
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager

#: glibc's numbers of its settings, and theirs: no piece under 32 MB is fetched apart, nothing is given back.
_GLIBC = {"M_MMAP_THRESHOLD": (-3, 32 << 20), "M_TRIM_THRESHOLD": (-1, (1 << 31) - 1), "M_TOP_PAD": (-2, 64 << 20)}
#: jemalloc, which polars carries, reads this when polars is imported: keep what was used, in as few heaps as cores.
_JEMALLOC = "_RJEM_MALLOC_CONF"


def keep_memory(heaps: int) -> bool:
    """Lets this process, and those forked from it, keep memory once used; for short-lived ones.

    Args:
        heaps: how many threads take memory at the same time, about; each heap keeps its own.

    Returns:
        Whether the C library is one that can be told so. Call it before polars is imported: else only half comes of it.
    """
    os.environ.setdefault(_JEMALLOC, f"dirty_decay_ms:-1,muzzy_decay_ms:-1,narenas:{heaps}")
    if platform.libc_ver()[0] != "glibc":
        return False
    mallopt = ctypes.CDLL(None).mallopt
    return all([mallopt(number, value) == 1 for number, value in _GLIBC.values()])


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
