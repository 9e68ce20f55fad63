"""The command `muckwatch tune`: what moving a threshold does. Knows only the samples."""

from __future__ import annotations

from pathlib import Path

import click

from commands import terminal
from commands.terminal import say, table


@click.command()
@click.option(
    "--trial",
    required=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="A folder with registry/, tracks/ and truth.csv.",
)
@click.option("--key", "keys", multiple=True, metavar="KEY", help="A threshold of policy.toml; default: each one.")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default="tune_out",
    show_default=True,
    help="Where the CSV and the page go.",
)
def tune(trial: Path, keys: tuple[str, ...], out: Path) -> None:
    """Shows what moving one threshold does to precision and recall.

    Judges a labelled trial again for some values around the one in force, each key by itself, and compares with
    truth.csv (columns kind, rule, plate, start, end, note). Prints a table for each key and writes tune.csv and
    tune.html. All keys take as long as some seventy runs; name a key or two to be quick.

    \b
    Examples:
      muckwatch tune --trial sample_tracks --key zone_min_s
      muckwatch tune --trial trials/harsh --key halt_max_s --key merge_s --out halts
    """
    from sample_tracks.tune import TrialError
    from sample_tracks.tune import tune as judge_each
    from sample_tracks.tune_page import tables, write

    try:
        results = judge_each(trial, keys, terminal.console(stderr=True))
    except TrialError as error:
        raise click.UsageError(str(error)) from None
    for title, head, rows in tables(results):
        say(title)
        table(head, rows)
        say("")
    say(*(path.resolve() for path in write(results, trial, out)))
