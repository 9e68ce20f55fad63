"""Processes beside this one, hired before anything heavy is imported, so that all of them import at the same time.

A member does one thing at a time, named as `module:function`, and ends when the pipe to it is closed: also when this
process is killed. It is forked where this process has one thread, as the command line has at its start, else started
anew; it never holds the store's lock, for it is hired before the store is opened or inherits nothing.
"""

from __future__ import annotations

import os
import signal
import threading
import traceback
from collections.abc import Sequence
from importlib import import_module
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from reports.errors import StoreError
from reports.memory import keep_memory, no_gc

#: Tracks of this size are more than one bucket, most likely.
MANY_BYTES = 12_000_000
#: What members are told to do, by name: who tells need not have imported it.
PREPARE, JUDGE, SUSPECT = (f"reports.judges:{name}" for name in ("prepare", "judge_in_crew", "suspect_in_crew"))
_THREADS = Path("/proc/self/task")
_LOST = "a process that judged beside this one was ended, most likely for want of memory; nothing was recorded"


class Member:
    """One process, and the pipe to it. Not to be used from two threads at once."""

    def __init__(self, process: BaseProcess, pipe: Connection) -> None:
        self._process, self._pipe = process, pipe
        self._owed = 0

    def begin(self, name: str, *arguments: Any) -> None:
        """Lets it call `module:function` without waiting; what that gave or raised is the next answer's matter."""
        try:
            self._pipe.send((name, arguments))
        except OSError as error:
            raise StoreError(_LOST) from error
        self._owed += 1

    def answer(self) -> Any:
        """Waits for everything begun; gives what the last of it gave.

        Raises:
            StoreError: if the process is gone, or with the words of what one of the calls raised.
        """
        given: Any = None
        while self._owed:
            try:
                good, given = self._pipe.recv()
            except (EOFError, OSError) as error:
                raise StoreError(_LOST) from error
            self._owed -= 1
            if not good:
                raise given
        return given

    def do(self, name: str, *arguments: Any) -> Any:
        """Lets it call `module:function` and waits for the answer."""
        self.begin(name, *arguments)
        return self.answer()

    def end(self) -> None:
        """Ends it, whatever it is at."""
        self._pipe.close()
        self._process.terminate()
        self._process.join()


class Crew:
    """The processes beside this one; a context manager that ends them."""

    def __init__(self) -> None:
        self.members: list[Member] = []

    def hire(self, count: int) -> None:
        """Starts processes until there are `count`."""
        context = get_context("fork") if _one_thread() else get_context("spawn")
        while len(self.members) < count:
            ours, its = context.Pipe()
            foreign = [m._pipe for m in self.members] + [ours] if context.get_start_method() == "fork" else []
            process = context.Process(target=_serve, args=(its, foreign), daemon=True)
            process.start()
            its.close()
            self.members.append(Member(process, ours))

    def begin(self, name: str, *arguments: Any) -> None:
        """Lets every member call `module:function` without waiting."""
        for member in self.members:
            member.begin(name, *arguments)

    def __enter__(self) -> Crew:
        return self

    def __exit__(self, *_: object) -> None:
        while self.members:
            self.members.pop().end()


def crew_for(registry: Path, tracks: Sequence[str | Path]) -> Crew:
    """A crew for a run that is about to begin: one process for every core but this one's, none if there is little.

    Args:
        registry: the registry folder, which each of them reads.
        tracks: files, folders, or `-`.
    """
    crew = Crew()
    if size_bytes(tracks) >= MANY_BYTES:
        keep_memory(cores())
        crew.hire(cores() - 1)
        crew.begin(PREPARE, registry)
    return crew


def cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0))


def size_bytes(tracks: Sequence[str | Path]) -> int:
    """How much there is to read; standard input counts as nothing, what cannot be read has its error later."""
    files = (f for t in tracks for f in ([Path(t)] if Path(t).is_file() else Path(t).rglob("*")) if str(t) != "-")
    return sum(f.stat().st_size for f in files if f.is_file())


def _one_thread() -> bool:
    """Whether nothing but the caller runs in this process, so that a fork finds no lock held by somebody else."""
    return _THREADS.is_dir() and len(list(_THREADS.iterdir())) == 1 and threading.active_count() == 1


def _sendable(error: Exception) -> StoreError:
    """An error of ours as it is, any other in words, since not all can be sent; where it happened is its note."""
    sent = error if isinstance(error, StoreError) else StoreError(f"{type(error).__name__}: {error}")
    sent.add_note(traceback.format_exc())
    return sent


def _serve(pipe: Connection, foreign: Sequence[Connection]) -> None:
    """A member's life: calls what it is told to, until the pipe is closed."""
    for other in foreign:
        other.close()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # from the keyboard it goes to all; the process that hired decides
    os.environ["POLARS_MAX_THREADS"] = "1"  # one core each
    while True:
        try:
            name, arguments = pipe.recv()
        except (EOFError, OSError):
            return
        module, function = name.split(":")
        try:
            with no_gc():
                called = getattr(import_module(module), function)
            answer = True, called(*arguments)
        except Exception as error:
            answer = False, _sendable(error)
        try:
            pipe.send(answer)
        except OSError:  # nobody is there any more
            return
