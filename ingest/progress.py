"""A progress bar for readings, drawn only while a person watches."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from ingest.files import Progress


@contextmanager
def watch(console: Console | None = None, label: str = "reading") -> Iterator[Callable[[Progress], None]]:
    """Gives a callback for `read_fixes`: a bar with fixes, rate and time left on standard error if it is a terminal.

    Args:
        console: where to draw; standard error unless given.
        label: what the bar is for.
    """
    console = console or Console(stderr=True)
    if not console.is_terminal:
        yield lambda _: None
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[fixes]:,} fixes"),
        TextColumn("{task.fields[rate]:,.0f} fixes/s"),
        TimeRemainingColumn(),
    )
    with Bar(*columns, console=console, transient=True) as bar:
        task = bar.add_task(label, total=None, fixes=0, rate=0.0)

        def show(progress: Progress) -> None:
            elapsed_s = bar.tasks[0].elapsed or 0.0
            rate = progress.fixes / elapsed_s if elapsed_s else 0.0
            done, total = progress.bytes_done, progress.bytes_total
            bar.update(task, completed=done, total=total, fixes=progress.fixes, rate=rate)

        yield show
