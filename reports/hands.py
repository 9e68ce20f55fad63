"""Work that this process shares with its crew: pages, pictures, papers.

A task is a function of a module with arguments that can be pickled. Whoever is free takes the next one, so without a
crew this process does all of it, with the same results in the same order.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from importlib import import_module
from queue import SimpleQueue
from typing import Any

from reports.crew import Crew, Member

Task = tuple[Callable[..., Any], tuple[Any, ...]]
#: What members are told to do, by name.
LOAD, DO, LEAVE = (f"reports.{name}" for name in ("hands:load", "hands:do", "lending:leave"))


class Hands:
    """This process and the members of a crew, if there is one; a context manager."""

    def __init__(self, crew: Crew | None = None) -> None:
        self._free: SimpleQueue[Member] = SimpleQueue()
        for member in crew.members if crew else ():
            self._free.put(member)
        self._count = len(crew.members) if crew else 0
        self._threads = ThreadPoolExecutor(max(1, self._count), thread_name_prefix="hands")

    def __enter__(self) -> Hands:
        return self

    def __exit__(self, *_: object) -> None:
        self._threads.shutdown(wait=True, cancel_futures=True)
        for _n in range(self._count):  # nobody goes on holding a store
            self._free.get().do(LEAVE)

    def begin(self, tasks: Iterable[Task], *, alone: bool = False) -> Work:
        """Lets the others begin; this process goes on, and takes part when it asks for the results.

        Args:
            tasks: what to do.
            alone: leave it all to this process.
        """
        work = Work(tasks)
        work.others = [self._threads.submit(self._take, work) for _ in range(0 if alone else self._count)]
        return work

    def run(self, tasks: Iterable[Task]) -> list[Any]:
        """Does tasks with all hands; results are in the order of the tasks."""
        return self.begin(tasks).done()

    def _take(self, work: Work) -> None:
        member = self._free.get()
        try:
            work.take(lambda task: member.do(DO, *task))
        finally:
            self._free.put(member)


class Work:
    """Tasks that are being done."""

    def __init__(self, tasks: Iterable[Task]) -> None:
        self._waiting = deque(enumerate(tasks))
        self._count = len(self._waiting)
        self._results: dict[int, Any] = {}
        self.others: list[Future[None]] = []

    def take(self, task_done: Callable[[Task], Any]) -> None:
        """Does one waiting task after the other."""
        while self._waiting:
            try:
                number, task = self._waiting.popleft()
            except IndexError:  # another was quicker
                return
            try:
                self._results[number] = task_done(task)
            except BaseException:
                self._waiting.clear()
                raise

    def done(self) -> list[Any]:
        """Takes part until nothing waits, and waits for the others; results are in the order of the tasks."""
        self.take(lambda task: do(*task))
        for other in self.others:
            if not other.cancel():  # who is still at something else would find nothing left to do here
                other.result()
        return [self._results[number] for number in range(self._count)]


def load(*modules: str) -> None:
    """Imports what will be needed."""
    for name in modules:
        import_module(name)


def do(function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    """A task."""
    return function(*arguments)
