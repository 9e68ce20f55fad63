"""What a person at a terminal sees: results on standard output, progress and errors on standard error.

Plates, names and reasons come from outside, and a terminal obeys control characters; so text is printed without them
and without rich's markup. Knows no other folder.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable, Iterable, Sequence
from datetime import date
from typing import Any

import click
from rich.console import Console
from rich.table import Table

Errors = tuple[type[Exception], ...]
#: Exit codes: not possible here and now; not possible with this input; stopped from the keyboard.
FAILED, UNUSABLE, INTERRUPTED = 1, 2, 130
#: Set to anything, it prints the traceback of whatever goes wrong.
DEBUG = "MUCKWATCH_DEBUG"
#: Where nobody watches, lines are as wide as they need to be up to this, so that no table is cut for a file or a pipe.
WIDTH_OFF_SCREEN = 160


def plain(text: object) -> str:
    """One line without control characters."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in str(text))


def console(*, stderr: bool = False) -> Console:
    """A console that prints text as it is."""
    watched = (sys.stderr if stderr else sys.stdout).isatty()
    width = None if watched else WIDTH_OFF_SCREEN
    return Console(stderr=stderr, width=width, soft_wrap=not watched, markup=False, emoji=False, highlight=False)


def say(*lines: object, err: bool = False) -> None:
    """Prints each on a line of its own."""
    for line in lines:
        click.echo(plain(line), err=err)


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Prints a table; columns of numbers are set right, None is empty."""
    listed = list(rows)
    made = Table(box=None, pad_edge=False, header_style="bold")
    for at, name in enumerate(head):
        number = all(isinstance(row[at], int | float | None) for row in listed)
        made.add_column(name, justify="right" if number else "left", overflow="fold")
    for row in listed:
        made.add_row(*(_cell(value) for value in row))
    console().print(made)


def reads(read: Callable[[str], Any]) -> Callable[[click.Context, click.Parameter, str | None], Any]:
    """Makes an option's callback of a function that reads its text and raises ValueError with what is allowed."""

    def callback(ctx: click.Context, param: click.Parameter, value: str | None) -> Any:
        try:
            return None if value is None else read(value)
        except ValueError as error:
            raise click.BadParameter(str(error)) from None

    return callback


def a_date(text: str) -> date:
    """Reads a local date.

    Raises:
        ValueError: saying how to write one.
    """
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text!r} is no date: write it as in 2026-11-20") from None


def run(cli: click.Command, known: Callable[[], tuple[Errors, Errors]]) -> int:
    """Runs a command line; whatever goes wrong becomes one line on standard error.

    Args:
        cli: the command.
        known: gives the errors that another input mends and those that may pass; asked for only when one was raised.

    Returns:
        The exit code.
    """
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a terminal that cannot show a character gets its escape
            stream.reconfigure(errors="backslashreplace")
    try:
        return int(cli.main(prog_name="muckwatch", standalone_mode=False) or 0)
    except (KeyboardInterrupt, click.Abort):
        say("muckwatch: interrupted; what was not finished is not recorded", err=True)
        return INTERRUPTED
    except Exception as error:
        if os.environ.get(DEBUG):
            traceback.print_exc()
        code, line = _outcome(error, known)
        click.echo(line, err=True)
        return code


def _outcome(error: Exception, known: Callable[[], tuple[Errors, Errors]]) -> tuple[int, str]:
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        return UNUSABLE, error.format_message()
    if isinstance(error, click.UsageError):
        return UNUSABLE, plain(f"{error.ctx.command_path if error.ctx else 'muckwatch'}: {error.format_message()}")
    of_input, passing = known()
    if isinstance(error, (*of_input, *passing, click.ClickException)):
        return UNUSABLE if isinstance(error, of_input) else FAILED, plain(f"muckwatch: {error}")
    if isinstance(error, OSError):
        return FAILED, plain(f"muckwatch: {error.filename or 'input or output'}: {error.strerror or error}")
    name = type(error).__name__
    return FAILED, plain(f"muckwatch: {name}: {error} (a fault of the program; {DEBUG}=1 shows where)")


def _cell(value: object) -> str:
    if value is None:
        return ""
    return f"{value:,}" if type(value) is int else plain(value)
