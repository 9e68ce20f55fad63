"""The store's own lock: many readers or one writer, across processes, gone with the process that held it.

DuckDB locks its file too, but that lock is lost as soon as its own process opens and closes the file for anything else.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from reports.errors import StoreError, StoreUnusable

LOCK_FILE = ".lock"


class FolderLock:
    """A lock on a store's folder, held until `release` or the end of the process."""

    def __init__(self, folder: Path, *, shared: bool) -> None:
        """Takes the lock at once or not at all.

        Raises:
            StoreError: if another holds it, naming the process where the system tells.
            StoreUnusable: if the folder cannot be written (by a writer) or read.
        """
        path = folder / LOCK_FILE
        try:
            self._handle = os.open(path, os.O_RDONLY if shared else os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise StoreUnusable(f"{folder}: cannot be used as a store: {error.strerror}") from error
        try:
            fcntl.flock(self._handle, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except OSError as error:
            held_by = _holders(self._handle)
            os.close(self._handle)
            raise StoreError(f"{folder}: the store is in use by {held_by}; try again when it has finished") from error

    def release(self) -> None:
        """Gives the lock back; harmless when done twice."""
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1


def _holders(handle: int) -> str:
    """Who holds a lock on the open file, as far as the system tells."""
    status = os.fstat(handle)
    wanted = f"{os.major(status.st_dev):02x}:{os.minor(status.st_dev):02x}:{status.st_ino}"
    try:
        lines = Path("/proc/locks").read_text(encoding="ascii").splitlines()
    except OSError:
        return "another process"
    # "1: FLOCK  ADVISORY  WRITE 4711 fe:00:1234 0 EOF"; a waiting process has "->" as its second word
    words = [line.split() for line in lines]
    pids = sorted({int(w[4]) for w in words if len(w) > 5 and w[1] == "FLOCK" and w[5] == wanted and w[4].isdigit()})
    if not pids:
        return "another process"
    return " and ".join(f"process {pid}" + (" (this one)" if pid == os.getpid() else "") for pid in pids)
